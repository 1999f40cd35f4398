"""`up` and `down`: the same launcher, in the background."""

import os
import signal
import subprocess
import sys
import time
from typing import BinaryIO

from fluxo_local import terminal
from fluxo_local.engine import STOP_TIMEOUT_S
from fluxo_local.problem import Problem
from fluxo_local.profile import CHECKOUT, Profile, ProfileLock, read_json

POLL_S = 0.1
DOWN_TIMEOUT_S = STOP_TIMEOUT_S + 60


def up(profile: Profile, door: str, *, fresh: bool) -> None:
    """Starts the stack in the background, shows its progress, and returns when it is ready."""
    launcher = ProfileLock(profile).holder()
    if launcher is None:
        start_and_follow(profile, ["--door", door, *(["--fresh"] if fresh else [])])
    elif is_ready(profile, launcher):
        stack = profile.stack()
        if stack["door"] != door:
            raise Problem(f"Fluxo is running already, with the door of {stack['door']}: `make down` stops it.")
        terminal.say(f"Fluxo is running already, at {profile.stack()['url']}")
    else:
        raise Problem("Fluxo is being started or stopped by another terminal: wait for that one.")


def start_and_follow(profile: Profile, options: list[str]) -> None:
    """Relays what the launcher prints until it is ready or has ended."""
    profile.prepare()
    log = profile.launcher_log
    with log.open("wb") as output, log.open("rb") as progress:
        launcher = subprocess.Popen(
            [sys.executable, CHECKOUT / "local", "run", "--profile", profile.name, *options],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            while launcher.poll() is None and not is_ready(profile, launcher.pid):
                relay(progress)
                time.sleep(POLL_S)
        except BaseException:
            launcher.send_signal(signal.SIGTERM)
            launcher.wait()
            relay(progress)
            raise
        relay(progress)
    if launcher.poll() is not None:
        raise SystemExit(launcher.returncode or 1)


def down(profile: Profile) -> None:
    """Stops the stack, wherever it was started, and returns when it has stopped."""
    lock = ProfileLock(profile)
    launcher = lock.holder()
    if launcher is None:
        terminal.say("Fluxo is not running.")
        return
    with terminal.step("Stopping Fluxo") as step:
        os.kill(launcher, signal.SIGTERM)
        deadline = time.monotonic() + DOWN_TIMEOUT_S
        while lock.holder() is not None:
            if time.monotonic() > deadline:
                raise Problem(f"Fluxo has not stopped after {DOWN_TIMEOUT_S} s; its launcher is process {launcher}.")
            step.tick()
            time.sleep(POLL_S)


def is_ready(profile: Profile, launcher: int) -> bool:
    """Whether that launcher's stack may be used."""
    record = read_json(profile.running_file) or {}
    return record.get("launcher") == launcher and record["ready"]


def relay(progress: BinaryIO) -> None:
    """Passes on what is new."""
    sys.stdout.write(progress.read().decode(errors="replace"))
    sys.stdout.flush()
