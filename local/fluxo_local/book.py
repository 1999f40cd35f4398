"""The book: the README and everything in docs, rendered for a browser by mdBook, and served beside the local stack."""

import os
import re
import shutil
import sys
from pathlib import Path

from fluxo_local import pages, python_tools, terminal
from fluxo_local.locks import one_at_a_time
from fluxo_local.processes import Service, run_tool
from fluxo_local.profile import CHECKOUT, LOCAL, Profile

CONTENTS = "docs/SUMMARY.md"
RENDERED = LOCAL / "book" / "html"
LINK = re.compile(r"\]\(([^)\s#]+)")


def render() -> Path:
    """Renders the book and answers its directory.

    mdBook reads one directory, and renders only what its table of contents names. So the chapters, wherever they are in the
    repository, and the files that they link to are copied to one, under the same paths: links are the same here and there.
    """
    python_tools.install(python_tools.BOOK)
    with one_at_a_time("book"):
        book = LOCAL / "book"
        shutil.rmtree(book, ignore_errors=True)
        collect(book / "src")
        shutil.copy(CHECKOUT / "local" / "book.toml", book)
        run_tool([python_tools.BOOK.program("mdbook"), "build", book], what="Rendering the book", log=LOCAL / "book.log")
    return RENDERED


def collect(sources: Path) -> None:
    """Copies the chapters, what they link to, and what is drawn or rendered in docs."""
    contents = (CHECKOUT / CONTENTS).read_text()
    chapters = links(CONTENTS)
    for path in chapters:
        copy(path, sources)
        for target in links(path):
            # Only mdBook makes a page of Markdown. A link to a page that it does not make is found by the check of links.
            if (CHECKOUT / target).is_file() and Path(target).suffix != ".md":
                copy(target, sources)
    shutil.copytree(CHECKOUT / "docs", sources / "docs", dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.md"))
    # mdBook's table of contents is at the top, so its links start there.
    (sources / "SUMMARY.md").write_text(LINK.sub(lambda link: f"]({from_top(CONTENTS, link[1])}", contents))


def links(path: str) -> list[str]:
    """The files of the repository that a document links to."""
    targets = LINK.findall((CHECKOUT / path).read_text())
    return [from_top(path, target) for target in targets if "://" not in target]


def from_top(path: str, link: str) -> str:
    """Where a link of the document at `path` leads, from the top of the repository."""
    return os.path.normpath(Path(path).parent / link)


def copy(path: str, directory: Path) -> None:
    """Copies a file of the repository under the same path."""
    target = directory / path
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(CHECKOUT / path, target)


def serve(profile: Profile, port: int) -> Service:
    """Renders the book and serves it on loopback."""
    with terminal.step("Rendering the book") as step:
        directory = render()
        command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", directory]
        return pages.serve("the book's server", command, port, profile, "book.log", step)
