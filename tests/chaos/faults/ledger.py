"""PostgreSQL fails."""

from fluxo_local.doors import DOORS
from fluxo_local.postgres import FUNCTIONS

from chaos.fault import BUSY_RATE, SHORT_WAITS, Scene, fault
from chaos.proxy import Delay
from chaos.store_rules import HangFor
from chaos.system import wait

LOOKUP_OUTAGE_S = 60


@fault("postgres-killed", "PostgreSQL killed with -9 under load, back after 5 s", no_failed_post=True, doors=DOORS)
def postgres_killed(scene: Scene) -> None:
    """Every process of it at once."""
    with scene.system.killed("PostgreSQL"):
        wait(5)


@fault("postgres-stopped", "PostgreSQL stopped for longer than all retries", no_failed_post=True, doors=DOORS)
def postgres_stopped(scene: Scene) -> None:
    """What has used up its retries is parked, and run again by itself."""
    with scene.system.waits_between_retries(SHORT_WAITS), scene.system.killed("PostgreSQL"):
        wait(15)
        scene.check_parked()


@fault("postgres-slow", "every packet between functions and PostgreSQL half a second late", no_failed_post=True, rate=4, doors=DOORS)
def postgres_slow(scene: Scene) -> None:
    """A connection that is there takes a second for a batch; a new one takes longer than it may."""
    with scene.system.ruled("POSTGRES", rule := Delay(0.5)):
        wait(12)
    scene.check(rule.hits > 0, "packets to be late")


@fault("postgres-full", "PostgreSQL has no connections left, and ends those that there are", no_failed_post=True, doors=DOORS)
def postgres_full(scene: Scene) -> None:
    """SQLSTATE 53300 for whoever wants to connect."""
    ask = scene.system.ledger_answer
    ask(f"ALTER ROLE {FUNCTIONS} CONNECTION LIMIT 0")
    try:
        ask(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{FUNCTIONS}'")
        wait(8)
    finally:
        ask(f"ALTER ROLE {FUNCTIONS} CONNECTION LIMIT -1")


@fault("postgres-read-only", "PostgreSQL takes no writes, as after a failover to a replica", no_failed_post=True, doors=DOORS)
def postgres_read_only(scene: Scene) -> None:
    """SQLSTATE 25006 for whoever posts."""
    ask = scene.system.ledger_answer
    ask("ALTER SYSTEM SET default_transaction_read_only = on")
    ask("SELECT pg_reload_conf()")
    try:
        wait(8)
    finally:
        ask("SET default_transaction_read_only = off; ALTER SYSTEM RESET default_transaction_read_only")
        ask("SELECT pg_reload_conf()")


@fault(
    "lookup-hangs",
    "PostgreSQL never answers register-entry",
    rate=BUSY_RATE,
    no_failed_post=True,
    keeps_pace=True,
)
def lookup_hangs(scene: Scene) -> None:
    """The first request of each process waits for it, for 100 ms, and no other: in a minute these are less than one in a hundred."""
    with scene.system.ruled("POSTGRES", rule := HangFor(scene.system.function("RegisterEntry"))):
        wait(LOOKUP_OUTAGE_S)
    scene.note(f"{rule.hits} lookups hung")
    scene.check(rule.hits > 0, "lookups to hang")


@fault("lookup-refused", "PostgreSQL refuses register-entry", rate=BUSY_RATE, no_failed_post=True, keeps_pace=True)
def lookup_refused(scene: Scene) -> None:
    """SQLSTATE 53300: as if other environments had all connections that there are for looking up."""
    with scene.system.lookups_refused():
        wait(LOOKUP_OUTAGE_S)
