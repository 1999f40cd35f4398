"""The README is short, and what it shows is what the code and the launcher have."""

import re

from documents import CHECKOUT, blocks

README = CHECKOUT / "README.md"
LINES_MAX = 100


def test_the_readme_is_read_in_one_go() -> None:
    assert len(README.read_text().splitlines()) <= LINES_MAX


def test_its_picture_names_functions_and_stores_that_there_are() -> None:
    picture = (CHECKOUT / "docs" / "overview.svg").read_text()
    functions = {path.name for path in (CHECKOUT / "functions").iterdir()}
    named = set(re.findall(r">([a-z]+(?:-[a-z]+)+)<", picture))
    assert {"register-entry", "get-daily-balance", "replay-parked"} <= named
    assert named <= functions


def test_what_the_readme_promises_is_what_the_page_on_guarantees_promises() -> None:
    promised = re.findall(r"^\d\. \*\*.+?\*\* (.+)$", README.read_text(), re.MULTILINE)
    page = (CHECKOUT / "docs" / "guarantees.md").read_text()
    assert len(promised) == len(re.findall(r"^## \d\. ", page, re.MULTILINE)) == 5


def test_the_readme_quotes_a_write_a_read_and_an_answer_to_each() -> None:
    # tests/e2e/test_readme.py runs them.
    assert len([block for block in blocks(README, "sh") if block.startswith("curl ")]) == len(blocks(README, "json")) == 2
