"""PostgreSQL fails."""

from chaos.fault import Scene, fault
from chaos.system import wait

# All retries of a task in 3 s instead of 31.
SHORT = 0.1


@fault("postgres-killed", "PostgreSQL killed with -9 under load, back after 5 s", no_failed_post=True)
def postgres_killed(scene: Scene) -> None:
    """Every process of it at once."""
    with scene.system.killed("PostgreSQL"):
        wait(5)


@fault("postgres-stopped", "PostgreSQL stopped for longer than all retries", no_failed_post=True)
def postgres_stopped(scene: Scene) -> None:
    """What has used up its retries is parked, and run again by itself."""
    with scene.system.waits_between_retries(SHORT):
        with scene.system.killed("PostgreSQL"):
            wait(15)
        parked = sum(name.endswith("-r1") for name in scene.system.workflow.names())
    scene.note(f"{parked} executions parked")
    scene.check(parked > 0, "executions to use up their retries")
