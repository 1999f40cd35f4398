"""The README is short, and what it shows is what the code and the launcher have."""

import re

from fluxo_local.profile import CHECKOUT

README = (CHECKOUT / "README.md").read_text()
LINES_MAX = 100


def test_the_readme_is_read_in_one_go() -> None:
    assert len(README.splitlines()) <= LINES_MAX


def test_its_picture_names_functions_and_stores_that_there_are() -> None:
    picture = (CHECKOUT / "docs" / "overview.svg").read_text()
    functions = {path.name for path in (CHECKOUT / "functions").iterdir()}
    named = set(re.findall(r">([a-z]+(?:-[a-z]+)+)<", picture))
    assert {"register-entry", "get-daily-balance", "replay-parked"} <= named
    assert named <= functions


def test_what_the_readme_promises_is_what_the_page_on_guarantees_promises() -> None:
    promised = re.findall(r"^\d\. \*\*.+?\*\* (.+)$", README, re.MULTILINE)
    headings = re.findall(r"^## \d\. (.+)$", (CHECKOUT / "docs" / "guarantees.md").read_text(), re.MULTILINE)
    assert len(promised) == len(headings) == 6
    for promise, heading in zip(promised, headings, strict=True):
        assert promise.startswith(heading)


def test_each_decision_has_one_title() -> None:
    index = (CHECKOUT / "docs" / "adr" / "README.md").read_text()
    contents = (CHECKOUT / "docs" / "SUMMARY.md").read_text()
    for record in (CHECKOUT / "docs" / "adr").glob("0*.md"):
        number, title = record.read_text().splitlines()[0].removeprefix("# ").split(". ", 1)
        assert int(number) == int(record.name[:4])
        assert f"| {number} | [{title}]({record.name}) |" in index
        assert f"- [{number}. {title}](adr/{record.name})" in contents


def test_the_readme_quotes_a_write_a_read_and_an_answer_to_each() -> None:
    # tests/e2e/test_readme.py runs them.
    assert len(re.findall(r"^```sh\ncurl ", README, re.MULTILINE)) == len(re.findall(r"^```json$", README, re.MULTILINE)) == 2
