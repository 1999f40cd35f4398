"""Where things are: the checkout, the tools, and each profile's own data, logs and secrets."""

import fcntl
import json
import os
import re
import secrets
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fluxo_local.problem import Problem

CHECKOUT = Path(__file__).resolve().parent.parent.parent
LOCAL = CHECKOUT / ".local"
TOOLS = LOCAL / "tools"

DEFAULT = "default"
OWNER_ONLY = 0o700
OWNER_ONLY_FILE = 0o600
OTHERS_MAY_PASS = 0o711
LOCK_POLL_S = 0.05


@dataclass(frozen=True)
class Profile:
    """One independent instance of the stack. `default` belongs to the developer; tests use others."""

    name: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", self.name) or self.name == TOOLS.name:
            raise Problem(f'"{self.name}" cannot name a profile: use lower-case letters, digits and hyphens.')

    @property
    def directory(self) -> Path:
        """Everything that this profile keeps, except where `postgres.data_directory` says otherwise."""
        return LOCAL / self.name

    @property
    def logs(self) -> Path:
        """One file for each process and each tool that was run."""
        return self.directory / "log"

    @property
    def stack_file(self) -> Path:
        """What the deployment gave: ids and the base URL."""
        return self.directory / "stack.json"

    @property
    def running_file(self) -> Path:
        """The processes of the current (or, after a crash, the last) run."""
        return self.directory / "running.json"

    def prepare(self) -> None:
        """Creates the directories. Root's PostgreSQL runs as another user, who must be able to pass through."""
        LOCAL.mkdir(exist_ok=True)
        self.directory.mkdir(exist_ok=True)
        self.directory.chmod(OTHERS_MAY_PASS if os.geteuid() == 0 else OWNER_ONLY)
        self.logs.mkdir(exist_ok=True)
        self.logs.chmod(OWNER_ONLY)

    def secret(self, name: str) -> str:
        """A random secret that stays the same for the life of the profile. Hexadecimal: safe in URLs, SQL and files."""
        path = self.directory / "secrets.json"
        known = read_json(path) or {}
        if name not in known:
            known[name] = secrets.token_hex(24)
            write_json(path, known)
        return known[name]

    def stack(self) -> dict[str, Any]:
        """The ids of the running deployment."""
        if ProfileLock(self).holder() is None:
            raise Problem("Fluxo is not running: start it with `make run` or `make up`.")
        stack = read_json(self.stack_file)
        if not stack:
            raise Problem("Fluxo is not ready: it is starting or stopping.")
        return stack

    def erase(self) -> None:
        """Deletes all data of the profile that lies in its directory, but for what the launcher that does so has said."""
        for path in [*self.directory.glob("*"), *self.logs.glob("*")]:
            if path.is_dir() and path != self.logs:
                shutil.rmtree(path, ignore_errors=True)
            elif path.is_file() and path != self.launcher_log:
                path.unlink()

    @property
    def launcher_log(self) -> Path:
        """What a launcher in the background says."""
        return self.logs / "launcher.log"


class ProfileLock:
    """Held by the launcher as long as it runs; the kernel frees it however the launcher ends. Names its process."""

    def __init__(self, profile: Profile) -> None:
        # Beside the directory, not in it, so that erasing a profile cannot free it.
        self._path = LOCAL / f".{profile.name}.lock"
        self._file = None

    def acquire(self, timeout_s: float = 0) -> bool:
        """Whether the lock is now ours. False when another launcher runs this profile."""
        deadline = time.monotonic() + timeout_s
        while not self._try():
            if time.monotonic() > deadline:
                return False
            time.sleep(LOCK_POLL_S)
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()
        return True

    def holder(self) -> int | None:
        """The process that holds it, if any does."""
        if self._try():
            self.release()
            return None
        text = self._path.read_text()
        return int(text) if text else None

    def release(self) -> None:
        """Frees the lock."""
        if self._file:
            self._file.close()
            self._file = None

    def _try(self) -> bool:
        LOCAL.mkdir(exist_ok=True)
        file = self._path.open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._file = file
        return True


def read_json(path: Path) -> Any:
    """The parsed file, or None when there is none or it is torn."""
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None


def write_json(path: Path, value: Any) -> None:
    """Replaces the file in one step, readable by its owner only."""
    write_private(path, json.dumps(value, indent=2) + "\n")


def write_private(path: Path, text: str) -> None:
    """Replaces the file in one step, readable by its owner only."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY_FILE)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    temporary.replace(path)
