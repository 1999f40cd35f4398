"""Apache Kafka: the log between the services of the second door. One node, which is broker and controller (KRaft), on loopback."""

import os
import secrets
import shutil
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fluxo_local import kafka_jars, terminal
from fluxo_local.locks import one_at_a_time
from fluxo_local.processes import Service, run_tool, start_service
from fluxo_local.profile import OWNER_ONLY

START_TIMEOUT_S = 60
# It waits for its own consumers of its metadata, and writes what it keeps in memory.
STOP_TIMEOUT_S = 60
PARTITIONS = 6
RECORD_BYTES_MAX = 1024 * 1024
RETENTION_DAYS = 14
STARTED = b"Kafka Server started"
# Starts in less than half the time, and is slower under load.
QUICK = "-XX:TieredStopAtLevel=1"


@dataclass(frozen=True)
class Kafka:
    """A Kafka server of ours."""

    data: Path
    port: int
    controller_port: int
    logs: Path
    durable: bool = True
    # Where clients are told to find it, if that is not where it listens.
    door_port: int | None = None

    @property
    def brokers(self) -> str:
        """Where clients find it."""
        return f"127.0.0.1:{self.door_port or self.port}"

    def start(self) -> Service:
        """Starts the server, and returns when it answers."""
        with terminal.step("Starting Kafka") as step:
            service = self.begin()
            self.await_ready(service, step)
        return service

    def begin(self) -> Service:
        """Starts the server, which takes some seconds to answer: others can start meanwhile."""
        jars = kafka_jars.install()
        self.data.mkdir(mode=OWNER_ONLY, parents=True, exist_ok=True)
        write_settings(self._settings, self._configuration())
        if not (self._log / "meta.properties").exists():
            shutil.copytree(formatted(jars), self._log, dirs_exist_ok=True)
        log = self.logs / "kafka.log"
        if log.exists():
            # `is_ready` reads what this start says.
            log.replace(log.with_name("kafka.log.before"))
        return start_service(
            "Kafka",
            [*java(jars, "512m", *([] if self.durable else [QUICK])), "kafka.Kafka", self._settings],
            environment=environment(),
            log=log,
            directory=self.data,
            stop_timeout_s=STOP_TIMEOUT_S,
        )

    def await_ready(self, service: Service, step: terminal.Step) -> None:
        """Waits until the server answers. Its port is open before that, while it still refuses to make topics."""
        try:
            service.wait_until(lambda: STARTED in service.log.read_bytes(), START_TIMEOUT_S, step)
        except BaseException:
            service.stop()
            raise

    def _configuration(self) -> dict[str, object]:
        controller = f"127.0.0.1:{self.controller_port}"
        return {
            "process.roles": "broker,controller",
            "node.id": 1,
            # Named here, not in the data: another start may have other ports.
            "controller.quorum.voters": f"1@{controller}",
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{self.brokers}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": self._log,
            # Locally nobody else has a copy, so an append is acknowledged when it is on the disk.
            **({"log.flush.interval.messages": 1} if self.durable else {}),
            "auto.create.topics.enable": "false",
            "num.partitions": PARTITIONS,
            "message.max.bytes": RECORD_BYTES_MAX,
            "log.retention.hours": RETENTION_DAYS * 24,
            "offsets.topic.num.partitions": PARTITIONS,
            "group.initial.rebalance.delay.ms": 0,
            # Consumers that end without a word are noticed as soon as they ask for.
            "group.min.session.timeout.ms": 1000,
            # One node has no replicas, nor anybody to make them.
            "default.replication.factor": 1,
            "min.insync.replicas": 1,
            "offsets.topic.replication.factor": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
        }

    @property
    def _log(self) -> Path:
        return self.data / "log"

    @property
    def _settings(self) -> Path:
        return self.data / "server.properties"


def formatted(jars: Path) -> Path:
    """A data directory as Kafka's own tool makes it, once for these jars; it takes some seconds. Copied by each new server."""
    directory = jars / "formatted"
    with one_at_a_time("kafka-format"):
        if not (directory / "meta.properties").exists():
            settings = jars / "format.properties"
            write_settings(settings, Kafka(jars, 1, 2, jars)._configuration() | {"log.dirs": directory})
            cluster = urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
            run_tool(
                [*java(jars, "128m", QUICK), "kafka.tools.StorageTool", "format", "-t", cluster, "-c", settings],
                what="Creating Kafka's data directory",
                log=jars / "format.log",
                environment=environment(),
            )
    return directory


def java(jars: Path, heap: str, *options: str) -> list[str | Path]:
    """How one of Kafka's programs is called."""
    logging = f"-Dlog4j2.configurationFile={kafka_jars.SOURCE / 'log4j2.properties'}"
    return ["java", f"-Xmx{heap}", "-XX:+UseSerialGC", *options, logging, "-cp", f"{jars}/*"]


def write_settings(path: Path, settings: Mapping[str, object]) -> None:
    """As Java's properties."""
    path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))


def environment() -> dict[str, str]:
    """Nothing of the developer's, such as JAVA_TOOL_OPTIONS."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}
