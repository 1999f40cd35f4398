"""What the README, the book and the records say that can be compared with something else."""

import re
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).parent.parent.parent
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
# `make -s token MERCHANT=acme`, also within $(…), quotes, or with a comment behind it.
MAKE = re.compile(r"\bmake(?: -s)? +([a-z][a-z0-9-]*)((?: +[A-Z_]+=[^\s`'\")]+)*)")


def documents() -> list[Path]:
    """Every document that people read, wherever it is."""
    folders = [CHECKOUT.glob("*.md"), (CHECKOUT / "docs").rglob("*.md"), (CHECKOUT / "observability").rglob("*.md")]
    return sorted(document for folder in folders for document in folder)


def blocks(document: Path, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return [text for known, text in BLOCK.findall(document.read_text()) if known == language]


def make_commands(document: Path) -> Iterator[tuple[str, list[str]]]:
    """The targets of make that a document tells to run, each with the variables that it sets."""
    text = document.read_text()
    outside = BLOCK.sub("", text)
    for piece in [*(block for _, block in BLOCK.findall(text)), *CODE.findall(outside)]:
        for target, variables in MAKE.findall(piece):
            yield target, [word.split("=")[0] for word in variables.split()]
