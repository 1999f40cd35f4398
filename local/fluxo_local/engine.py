"""The AWS engine: MiniStack, which answers the AWS APIs on loopback and runs the functions as native processes."""

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fluxo_local import loopback, node_tools, terminal
from fluxo_local.aws import REGION
from fluxo_local.processes import Service, kill_programs_in, start_service
from fluxo_local.profile import CHECKOUT, OWNER_ONLY
from fluxo_local.python_tools import ENGINE

START_TIMEOUT_S = 60
# It writes every execution's history when it stops.
STOP_TIMEOUT_S = 180
# Calls of one function at once; more would be slower, since each is a process. Fourteen functions work with the ledger:
# together they stay below postgres.CONNECTIONS_MAX.
CALLS_AT_ONCE_PER_CORE = 4
CALLS_AT_ONCE_MAX = 50
CALLS_AT_ONCE = min((os.cpu_count() or 1) * CALLS_AT_ONCE_PER_CORE, CALLS_AT_ONCE_MAX)
DISTRIBUTION = "fluxo"


@dataclass(frozen=True)
class Engine:
    """An AWS engine of ours."""

    data: Path
    port: int
    logs: Path
    durable: bool = True
    # What functions find in their environment besides, such as where a single AWS service is.
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def endpoint(self) -> str:
        """What AWS_ENDPOINT_URL has to be."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def programs(self) -> Path:
        """Where the functions of this engine, and of no other, run from: it unpacks them into its TMPDIR."""
        return self.data / "tmp"

    def start(self) -> Service:
        """Starts the engine with the state that it saved when it last stopped."""
        with terminal.step("Starting the AWS engine") as step:
            for directory in (self.data, self.programs, self._home):
                directory.mkdir(mode=OWNER_ONLY, parents=True, exist_ok=True)
            kill_programs_in(self.programs)
            self._started.touch()
            service = start_service(
                "the AWS engine",
                [ENGINE.program("python"), CHECKOUT / "local" / "engine"],
                environment=self._environment(),
                log=self.logs / "engine.log",
                directory=self.data,
                stop_signal=signal.SIGTERM,  # The signal upon which it saves its state.
                stop_timeout_s=STOP_TIMEOUT_S,
            )
            try:
                service.wait_until(lambda: loopback.answers(self.port, "/_ministack/ready"), START_TIMEOUT_S, step)
            except BaseException:
                self.stop(service)
                raise
        return service

    def stop(self, service: Service) -> None:
        """Ends the engine and its functions."""
        if service.stop():
            self._started.unlink()
        kill_programs_in(self.programs)

    def lost_state(self) -> bool:
        """Whether the last run ended without saving: the engine was killed, or the machine stopped."""
        if not self._started.exists():
            return False
        # The launcher may have been killed, and the engine have saved all the same.
        saved = max((file.stat().st_mtime for file in self._state.glob("*.json")), default=0)
        return saved < self._started.stat().st_mtime

    def _environment(self) -> dict[str, str]:
        """All of it, since functions inherit it: nothing of the developer's may leak into them."""
        environment = {
            # CloudFront's functions run on Node.js.
            "PATH": f"{os.defpath}{os.pathsep}{node_tools.directory()}",
            "LANG": "C.UTF-8",
            "HOME": str(self._home),
            "TMPDIR": str(self.programs),
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "MINISTACK_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            # Where the functions find AWS.
            "AWS_ENDPOINT_URL": self.endpoint,
            "LAMBDA_EXECUTOR": "local",
            "FLUXO_CALLS_AT_ONCE": str(CALLS_AT_ONCE),
            # Services that would listen on ports of their own, and containers that are not ours to touch.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            # The console's address is http://fluxo.cloudfront.localhost:PORT/.
            "FLUXO_DISTRIBUTION": DISTRIBUTION,
            "DOCKER_HOST": f"unix://{self.data}/no-docker",
        }
        if self.durable:
            environment |= {
                "PERSIST_STATE": "1",
                "STATE_DIR": str(self._state),
                "S3_PERSIST": "1",
                "S3_DATA_DIR": str(self.data / "s3"),
            }
        else:
            # Tests must not wait for the seconds between the state machine's retries.
            environment |= {"SFN_WAIT_SCALE": "0.01", "STATE_DIR": str(self._state)}
        return environment | self.environment

    @property
    def _state(self) -> Path:
        return self.data / "state"

    @property
    def _home(self) -> Path:
        return self.data / "home"

    @property
    def _started(self) -> Path:
        return self.data / "started"
