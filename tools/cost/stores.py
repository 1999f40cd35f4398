"""The stores of a measurement: a PostgreSQL, a Redis and an AWS engine of its own, and how the functions reach them."""

import json
import os
import secrets
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from fluxo_local import toolchain
from fluxo_local.aws import REGION, aws_environment
from fluxo_local.engine import Engine
from fluxo_local.ports import free_ports
from fluxo_local.postgres import DATABASE, FUNCTIONS, LOOKUP, MAINTENANCE, OWNER, Postgres, choose_programs, prepare_ledger
from fluxo_local.profile import LOCAL, OTHERS_MAY_PASS
from fluxo_local.redis import Redis

TABLE = "balances"
# As long as those of a usual stack.
GENERATION = "1-1f0c9a7e"
KEY_PREFIX = f"fluxo:fluxo-prod:{GENERATION}"


@dataclass
class Stores:
    """The servers, and how the functions reach them."""

    postgres: Postgres
    redis: Redis
    engine: Engine
    passwords: dict[str, str]
    state_machine: str = ""
    clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """A client of one service of the engine."""
        if service not in self.clients:
            self.clients[service] = boto3.client(
                service, endpoint_url=self.engine.endpoint, region_name=REGION, aws_access_key_id="local", aws_secret_access_key="local"
            )
        return self.clients[service]

    def environment(self, user: str = FUNCTIONS) -> dict[str, str]:
        """The variables of all functions."""
        return aws_environment(self.engine.endpoint) | {
            "METRICS_NAMESPACE": "Fluxo/fluxo",
            "STATE_MACHINE_ARN": self.state_machine,
            "WORKFLOW_TYPE": "STANDARD",
            "BALANCES_TABLE": TABLE,
            "BALANCE_TOKEN_KEY": "a secret of at least 32 characters",
            "BUSINESS_TIME_ZONE": "America/Sao_Paulo",
            "REDIS_URL": self.redis.url(self.redis.port),
            "REDIS_KEY_PREFIX": KEY_PREFIX,
            "LEDGER_GENERATION": GENERATION,
            "LEDGER_HOST": "127.0.0.1",
            "LEDGER_PORT": str(self.postgres.port),
            "LEDGER_DATABASE": DATABASE,
            "LEDGER_USER": user,
            "LEDGER_AUTH": "password",
            "LEDGER_PASSWORD": self.passwords[user],
            "LEDGER_TLS": "off",
        }

    def query(self, statement: str) -> int:
        """A number from the ledger's database."""
        return int(self.postgres.psql(statement, DATABASE))

    def redis_command(self, *words: str) -> str:
        """What Redis answers."""
        command = ["redis-cli", "-p", str(self.redis.port), "--no-auth-warning", *words]
        return subprocess.run(
            command, env={"PATH": os.defpath, "REDISCLI_AUTH": self.redis.password}, capture_output=True, text=True, check=True
        ).stdout.strip()


@contextmanager
def running_stores(migrate: Path) -> Iterator[Stores]:
    """Starts the servers with an empty ledger and table; stops and deletes them."""
    engine_port, postgres_port, redis_port = free_ports(3)
    logs = LOCAL / "cost"
    logs.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fluxo-cost-", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        directory.chmod(OTHERS_MAY_PASS)
        data = directory / "postgres"
        stores = Stores(
            Postgres(choose_programs(data), data, postgres_port, secrets.token_hex(8), logs, durable=False),
            Redis(toolchain.find_redis(), directory / "redis", redis_port, secrets.token_hex(8), logs),
            Engine(directory / "engine", engine_port, logs, durable=False),
            {user: secrets.token_hex(8) for user in (OWNER, FUNCTIONS, LOOKUP)},
        )
        stops = []
        try:
            stops.append(stores.postgres.start().stop)
            stops.append(stores.redis.start().stop)
            service = stores.engine.start()
            stops.append(lambda: stores.engine.stop(service))
            prepare(stores, migrate)
            yield stores
        finally:
            for stop in reversed(stops):
                stop()


def prepare(stores: Stores, migrate: Path) -> None:
    """The ledger's tables, the table of balances, and a state machine that only remembers its input."""
    # Aurora writes no images of whole pages to its log.
    stores.postgres.psql("ALTER SYSTEM SET full_page_writes = off; SELECT pg_reload_conf()")
    prepare_ledger(stores.postgres, stores.passwords[OWNER])
    owner = {
        "LEDGER_OWNER_USER": OWNER,
        "LEDGER_OWNER_PASSWORD": stores.passwords[OWNER],
        "LEDGER_LOOKUP_USER": LOOKUP,
        "LEDGER_LOOKUP_PASSWORD": stores.passwords[LOOKUP],
        "LEDGER_LOOKUP_CONNECTIONS": "5",
        "LEDGER_MAINTENANCE_USER": MAINTENANCE,
        "LEDGER_MAINTENANCE_PASSWORD": secrets.token_hex(8),
    }
    subprocess.run([migrate], env={"PATH": os.defpath} | stores.environment(FUNCTIONS) | owner, check=True)
    stores.client("dynamodb").create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    )
    definition = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
    machine = stores.client("stepfunctions").create_state_machine(
        name="measured", definition=json.dumps(definition), roleArn="arn:aws:iam::000000000000:role/measured"
    )
    stores.state_machine = machine["stateMachineArn"]
