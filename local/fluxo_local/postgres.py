"""PostgreSQL: the ledger's database server, listening on loopback with passwords only."""

import hashlib
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fluxo_local import postgres_programs, terminal
from fluxo_local.postgres_programs import PostgresPrograms
from fluxo_local.problem import Problem
from fluxo_local.processes import Account, Service, run_tool, start_service
from fluxo_local.profile import CHECKOUT, OWNER_ONLY, Profile, write_private

SUPERUSER = "postgres"
OWNER = "fluxo_owner"
FUNCTIONS = "fluxo"
LOOKUP = "fluxo_lookup"
MAINTENANCE = "fluxo_maintenance"
DATABASE = "fluxo"
# Every call of a function that works with the ledger holds one, see engine.CALLS_AT_ONCE_MAX.
CONNECTIONS_MAX = 750
START_TIMEOUT_S = 60
# Where root's databases go when the checkout lies in a directory, such as /root, that no other user may enter.
ROOTS_DATA = Path("/var/lib/fluxo-local")


@dataclass(frozen=True)
class Postgres:
    """A database server of ours."""

    programs: PostgresPrograms
    data: Path
    port: int
    password: str
    logs: Path
    durable: bool = True
    settings: Mapping[str, str] = field(default_factory=dict)
    """What is not as PostgreSQL comes."""

    def start(self) -> Service:
        """Starts the server, after creating its data directory if there is none."""
        with terminal.step(f"Starting PostgreSQL {self.programs.major}") as step:
            if not (self.data / "PG_VERSION").exists():
                self._create(step)
            service = start_service(
                "PostgreSQL",
                [self.programs.directory / "postgres", "-D", self.data, *self._settings()],
                environment=server_environment(),
                log=self.logs / "postgres.log",
                directory=self.data,
                account=account(),
                stop_signal=signal.SIGINT,  # Fast shutdown: ends the sessions, keeps every commit.
            )
            try:
                service.wait_until(lambda: self.psql("SELECT 1") is not None, START_TIMEOUT_S, step)
            except BaseException:
                service.stop()
                raise
        return service

    def psql(self, statements: str, database: str = SUPERUSER) -> str | None:
        """Runs statements as the superuser; None when they failed. Passwords go through stdin, never the command line."""
        answer = subprocess.run(
            [
                self.programs.directory / "psql",
                "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1",
                "--host=127.0.0.1", f"--port={self.port}", f"--username={SUPERUSER}", f"--dbname={database}",
            ],
            env=server_environment() | {"PGPASSWORD": self.password, "PGCONNECT_TIMEOUT": "5"},
            input=statements,
            capture_output=True,
            text=True,
            start_new_session=True,
            cwd="/",
        )  # fmt: skip
        if answer.returncode == 0:
            return answer.stdout
        with (self.logs / "psql.log").open("a") as log:
            log.write(answer.stderr)
        return None

    def _create(self, step: terminal.Step) -> None:
        """Runs initdb as the user who will own the files."""
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(mode=OWNER_ONLY, parents=True)
        user = account()
        if user:
            os.chown(self.data, user.user_id, user.group_id)
        password = self.data.with_name(f".{self.data.name}-password")
        write_private(password, self.password + "\n")
        try:
            if user:
                os.chown(password, user.user_id, user.group_id)
            run_tool(
                [
                    self.programs.directory / "initdb", "-D", self.data, "--username", SUPERUSER, f"--pwfile={password}",
                    "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", *([] if self.durable else ["--no-sync"]),
                ],
                what="Creating PostgreSQL's data directory",
                log=self.logs / "initdb.log",
                environment=server_environment(),
                directory=self.data,
                account=user,
                step=step,
            )  # fmt: skip
        finally:
            password.unlink()

    def _settings(self) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            # A socket in a shared directory would be one more door.
            "unix_socket_directories": "",
            "max_connections": str(CONNECTIONS_MAX),
            "fsync": "on" if self.durable else "off",
            **self.settings,
        }
        return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]


def choose_programs(data: Path) -> PostgresPrograms:
    """The newest PostgreSQL here, or the one whose major version wrote the data directory."""
    major = int((data / "PG_VERSION").read_text()) if (data / "PG_VERSION").exists() else None
    programs = postgres_programs.find(major=major, with_wheel=True)
    if not programs:
        raise Problem(
            f"The local ledger was written by PostgreSQL {major}: install postgresql-{major}, or delete {data} with all its entries."
        )
    return programs


def data_directory(profile: Profile) -> Path:
    """In the profile's directory, if the user who runs PostgreSQL can get there."""
    inside = profile.directory / "postgres"
    return inside if is_within_reach(inside) else roots_directory() / profile.name


def within_reach(directory: Path, name: str) -> Path:
    """The directory, or, if the user who runs PostgreSQL cannot get there, a copy of it."""
    if is_within_reach(directory):
        return directory
    copy = roots_directory() / name
    shutil.copytree(directory, copy, symlinks=True, dirs_exist_ok=True)
    return copy


def is_within_reach(path: Path) -> bool:
    """Whether the user who runs PostgreSQL can get there."""
    return account() is None or all(parent.stat().st_mode & 0o001 for parent in path.parents if parent.exists())


def roots_directory() -> Path:
    """Where things of this checkout are that the user who runs PostgreSQL needs."""
    return ROOTS_DATA / hashlib.sha256(str(CHECKOUT).encode()).hexdigest()[:12]


def account() -> Account | None:
    """Whom the server runs as. It refuses root; Debian's package has a user for it."""
    if os.geteuid() != 0:
        return None
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        user = pwd.getpwnam("nobody")
    return Account(user.pw_uid, user.pw_gid)


def server_environment() -> dict[str, str]:
    """Nothing of the developer's: a PGHOST or PGSERVICE of theirs must not lead elsewhere."""
    return {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "HOME": "/"}


def prepare_ledger(postgres: Postgres, owner_password: str) -> None:
    """The database, and the role that owns its tables, as whom the deployment migrates it."""
    done = postgres.psql(
        f"""
        SELECT 'CREATE ROLE {OWNER}' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{OWNER}') \\gexec
        ALTER ROLE {OWNER} LOGIN CREATEROLE PASSWORD '{owner_password}';
        SELECT 'CREATE DATABASE {DATABASE} OWNER {OWNER}'
            WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{DATABASE}') \\gexec
        """
    )
    if done is None:
        raise Problem(f"Creating the ledger's database has failed: see {postgres.logs / 'psql.log'}.")
