"""The console's page: built from console/, and what of it goes where, on this machine and on AWS alike."""

import hashlib
import json
import mimetypes
import os
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fluxo_local import node_tools, terminal, toolchain, wasm
from fluxo_local.locks import one_at_a_time
from fluxo_local.problem import Problem
from fluxo_local.processes import run_tool
from fluxo_local.profile import CHECKOUT, LOCAL

SOURCES = CHECKOUT / "console"
PAGE = SOURCES / "dist"
# Made by the build, or by npm.
MADE = ("dist", "node_modules", "wasm/built")
# What the page is made of besides: types of requests and answers, and the importer's module.
BESIDES = ("openapi.yaml", "Cargo.lock", "crates/statement-file", "crates/cashflow")
CONFIGURATION = "config.json"
# What Vite names after its contents. It is never changed, so browsers keep it.
NAMED_BY_CONTENT = "assets/"
IMMUTABLE = "public, max-age=31536000, immutable"
# Kept by nobody: the next release must be there when the page is opened again.
NEVER_KEPT = "no-store"
TYPES = {".js": "text/javascript", ".wasm": "application/wasm", ".webmanifest": "application/manifest+json", ".svg": "image/svg+xml"}
SCOPES = ("openid", "email", "profile")


@dataclass(frozen=True)
class PageFile:
    """One file of the page, as a browser gets it."""

    key: str
    contents: bytes
    content_type: str
    cache_control: str


@dataclass(frozen=True)
class SignIn:
    """Where people sign in: Cognito's hosted pages."""

    base: str
    """Base URL of the hosted pages."""
    client_id: str
    redirect_uri: str
    """Address of the page, to which the browser comes back."""

    def as_dict(self) -> dict[str, Any]:
        """As the page reads it. Endpoints by name: those of discovery are AWS's, also on this machine."""
        return {
            "authorizeUrl": f"{self.base}/oauth2/authorize",
            "tokenUrl": f"{self.base}/oauth2/token",
            "logoutUrl": f"{self.base}/logout",
            "clientId": self.client_id,
            "redirectUri": self.redirect_uri,
            "scopes": list(SCOPES),
        }


def configuration(sign_in: SignIn, **others: Any) -> dict[str, Any]:
    """What the page asks for before it does anything: all that differs from stack to stack. What is None is left out."""
    return {"apiBase": "/api", "auth": sign_in.as_dict()} | {name: value for name, value in others.items() if value is not None}


def build() -> None:
    """Builds the page, unless this very page is built already."""
    environment = os.environ | {"PATH": f"{node_tools.directory()}{os.pathsep}{toolchain.search_path()}"}
    with one_at_a_time("page"):
        wanted = digest(SOURCES, (CHECKOUT / name for name in BESIDES))
        stamp = LOCAL / "page.sha256"
        if PAGE.exists() and stamp.exists() and stamp.read_text() == wanted:
            return
        wasm.build()
        log = LOCAL / "page.log"
        with terminal.step("Building the console") as step:
            node_tools.install_in(SOURCES, log=log, environment=environment, step=step)
            command = ["npm", "run", "build"]
            run_tool(command, what="Building the console", log=log, environment=environment, directory=SOURCES, step=step)
        stamp.write_text(wanted)


def digest(sources: Path, besides: Iterable[Path] = ()) -> str:
    """Of all that the page is built from."""
    left_out = {sources / name for name in MADE}
    total = hashlib.sha256()
    for root in (sources, *besides):
        for file in [root] if root.is_file() else sorted(sources_in(root, left_out)):
            total.update(f"{file.relative_to(root.parent)}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def sources_in(root: Path, left_out: Container[Path]) -> Iterator[Path]:
    """All files below a folder, but for some folders."""
    for folder, folders, names in os.walk(root):
        directory = Path(folder)
        folders[:] = [folder for folder in folders if directory / folder not in left_out]
        yield from (directory / name for name in names)


def files(configuration: Mapping[str, Any], page: Path = PAGE) -> Iterator[PageFile]:
    """All files of the page, in the order in which they are uploaded: the page itself, which names the others, comes last."""
    paths = [path for path in sorted(page.rglob("*")) if path.is_file()]
    if page / "index.html" not in paths:
        raise Problem(f"The console is not built: {page.relative_to(CHECKOUT)} has no index.html.")
    keys = {path.relative_to(page).as_posix(): path for path in paths}
    keys.pop(CONFIGURATION, None)
    last = keys.pop("index.html")
    for key, path in keys.items():
        yield PageFile(key, path.read_bytes(), content_type(path), IMMUTABLE if key.startswith(NAMED_BY_CONTENT) else "no-cache")
    yield PageFile(CONFIGURATION, json.dumps(configuration, indent=2).encode(), "application/json", NEVER_KEPT)
    yield PageFile("index.html", last.read_bytes(), content_type(last), NEVER_KEPT)


def content_type(path: Path) -> str:
    """The media type by the ending of the name. The machine's own table is not asked: machines differ."""
    found = TYPES.get(path.suffix) or mimetypes.MimeTypes(filenames=()).guess_type(path.name)[0] or "application/octet-stream"
    return f"{found}; charset=utf-8" if found.startswith("text/") or found.endswith(("json", "svg+xml")) else found
