"""The disk of the log is full."""

import time

from fluxo_local.doors import SERVICES

from chaos.fault import Scene, fault
from chaos.faults.log import RATE
from chaos.second_door import KAFKA, filled, free_bytes, read
from chaos.system import wait

SPARE_BYTES = 64 * 1024 * 1024
FULL_S = 30
NO_SPACE = b"No space left on device"


@fault("kafka-disk-full", f"Kafka's disk is full for {FULL_S} s, and then has room again", rate=RATE, doors=(SERVICES,))
def kafka_disk_full(scene: Scene) -> None:
    """A broker whose only disk refuses a write ends, and cannot start before there is room. What it has acknowledged is there."""
    door = scene.system.second_door
    with door.on_a_small_disk(SPARE_BYTES) as disk:
        wait(5)
        with filled(disk):
            left, full_at, said = free_bytes(disk), time.monotonic(), False
            while time.monotonic() < full_at + FULL_S:
                wait(0.5)
                said = said or NO_SPACE in read(scene.system.service(KAFKA).log)
        refused = sum(attempt.failed and attempt.sent_at > full_at for attempt in scene.load.attempts)
        scene.note(f"{left} bytes left, {refused} POSTs refused meanwhile")
        scene.check(left == 0, f"nothing to be left of the disk, not {left} bytes")
        scene.check(said, "Kafka to say that no space is left")
        scene.check(refused > 0, "POSTs to be refused meanwhile")
        door.until_kafka_answers()
        wait(10)
