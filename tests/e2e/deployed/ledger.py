"""The ledger's PostgreSQL: what it holds, and how to make it fail."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fluxo_local.postgres import DATABASE, SUPERUSER, Postgres, server_environment

from deployed.waiting import eventually

LOCK_TIMEOUT = "10s"


class Ledger:
    """The database server of the stack, as its superuser sees it."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    def entries(self, merchant: str) -> list[dict[str, Any]]:
        """All entries of a merchant, the oldest first."""
        return self._rows("entry", merchant)

    def conflicts(self, merchant: str) -> list[dict[str, Any]]:
        """The payloads of a merchant that came under a used key and were not posted, the oldest first."""
        return self._rows("entry_conflict", merchant)

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """No function can use the ledger: every connection is ended and every new one refused, by a real server.

        The launcher watches the server and stops the stack when it ends, so it is the database that is closed.
        """
        self._run(f"ALTER DATABASE {DATABASE} ALLOW_CONNECTIONS false", SUPERUSER)
        try:
            self._run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{DATABASE}'", SUPERUSER)
            yield
        finally:
            self._run(f"ALTER DATABASE {DATABASE} ALLOW_CONNECTIONS true", SUPERUSER)

    @contextmanager
    def writes_waiting(self) -> Iterator[None]:
        """A lock makes every posting wait. When it is freed, those go on whose client has long given up, too."""
        session = subprocess.Popen(
            [
                self._postgres.programs.directory / "psql",
                "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1",
                "--host=127.0.0.1", f"--port={self._postgres.port}", f"--username={SUPERUSER}", f"--dbname={DATABASE}",
            ],
            env=server_environment() | {"PGPASSWORD": self._postgres.password},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        try:
            # However long the lock is held, the database may not end the session that holds it.
            begin = f"BEGIN; SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'; SET LOCAL idle_in_transaction_session_timeout = 0;"
            session.stdin.write(f"{begin} LOCK TABLE entry IN SHARE MODE; SELECT 'locked';\n")
            session.stdin.flush()
            assert session.stdout.readline() == "locked\n"
            yield
        finally:
            # The end of its input ends the session, and with it the transaction and the lock.
            session.communicate()

    def until_waiting(self, count: int) -> None:
        """Returns when so many postings wait for the lock, in the order in which they came."""
        waiting = "SELECT count(*) FROM pg_locks WHERE relation = 'entry'::regclass AND NOT granted"
        eventually(lambda: int(self._postgres.psql(waiting, DATABASE) or 0), lambda number: number >= count, "postings to wait")

    def answer(self, statement: str) -> str:
        """What the ledger's database answers to a question of one value."""
        return self._run(statement, DATABASE).strip()

    def _rows(self, table: str, merchant: str) -> list[dict[str, Any]]:
        merchant = merchant.replace("'", "''")
        rows = f"SELECT * FROM {table} WHERE merchant_id = '{merchant}' ORDER BY recorded_at, id"
        # In hexadecimal, since psql leaves out some characters when it prints them, such as U+10FFFF.
        document = f"SELECT encode(convert_to(coalesce(json_agg(found)::text, '[]'), 'UTF8'), 'hex') FROM ({rows}) AS found"
        return json.loads(bytes.fromhex(self._run(document, DATABASE)))

    def _run(self, statement: str, database: str) -> str:
        answer = self._postgres.psql(statement + ";\n", database)
        assert answer is not None, f"PostgreSQL refused: {statement}"
        return answer
