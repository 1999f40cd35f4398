"""Very many entries with one fault after the other."""

import random
import resource

from fluxo_local.doors import SERVICES
from fluxo_local.users import id_token

from chaos.bulk import BATCH_SIZE, Bulk
from chaos.fault import Scene, fault
from chaos.faults.log import KAFKA, kill_at_random
from chaos.proxy import Refuse
from chaos.system import wait

ENTRIES = 1_000_000
MERCHANTS = 20
PAUSE_S = 4
CONVERGENCE_S = 900


def postgres_killed(scene: Scene) -> None:
    """And back."""
    with scene.system.killed("PostgreSQL"):
        wait(5)


def dynamodb_refuses(scene: Scene) -> None:
    """And works again."""
    with scene.system.ruled("DYNAMODB", Refuse()):
        wait(5)


def redis_flushed(scene: Scene) -> None:
    """It has forgotten every request."""
    scene.system.redis_command("FLUSHALL")


def both_killed(scene: Scene) -> None:
    """Kafka and who consumes it."""
    door = scene.system.second_door
    door.until_all_started_again(door.kill_together(KAFKA, "entries record"))


FAULTS = {
    "entries record killed": lambda scene: kill_at_random(scene, "entries record", 1),
    "Kafka killed": lambda scene: kill_at_random(scene, KAFKA, 1),
    "consolidation consume killed": lambda scene: kill_at_random(scene, "consolidation consume", 1),
    "PostgreSQL killed": postgres_killed,
    "entries serve killed": lambda scene: kill_at_random(scene, "entries serve", 1),
    "DynamoDB refused": dynamodb_refuses,
    "Redis flushed": redis_flushed,
    "Kafka and entries record killed": both_killed,
}


@fault(
    "million",
    f"{ENTRIES:,} entries in batches of {BATCH_SIZE}, with all processes and stores killed in turn meanwhile",
    rate=2,
    doors=(SERVICES,),
    convergence_s=CONVERGENCE_S,
    is_long=True,
)
def million(scene: Scene) -> None:
    """Past the emulator of API Gateway, which takes some dozens of requests a second."""
    system, notes = scene.system, scene.notes
    listen = system.second_door.variables("entries serve")["LISTEN"]
    tokens = {name: id_token(system.profile, name, "clerk") for name in (f"bulk-{number}" for number in range(MERCHANTS))}
    bulk = Bulk(scene.load, f"http://{listen}", tokens, ENTRIES // BATCH_SIZE)
    chance, happened = random.Random("million"), dict.fromkeys(FAULTS, 0)
    with bulk.start():
        try:
            while bulk.is_sending:
                # All of them once, then in another order.
                for name in chance.sample(list(FAULTS), len(FAULTS)):
                    if not bulk.is_sending:
                        break
                    FAULTS[name](scene)
                    happened[name] += 1
                    wait(PAUSE_S)
        finally:
            bulk.stop()
    notes[:] = [note for note in notes if "killed 1 times" not in note]
    scene.note(", ".join(f"{name} {times} times" for name, times in happened.items()))
    scene.note(
        f"{bulk.accepted:,} entries accepted; the suite has held {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB at most"
    )
    scene.check(bulk.given_up == 0, f"every batch to be accepted, not {bulk.given_up} to be given up")
    scene.check(bulk.accepted == ENTRIES, f"{ENTRIES:,} entries to be accepted, not {bulk.accepted:,}")
    scene.check(min(happened.values()) > 0, f"every fault to happen, not {happened}")
