"""What the README and the API guide tell a newcomer to send, and what they say the answers are."""

import json
import re
import subprocess
from typing import Any
from urllib.request import urlopen

import pytest
from deployed.merchant import Merchant
from deployed.stack import PROFILE, Stack
from deployed.waiting import eventually
from fluxo_local.doors import SERVICES
from fluxo_local.profile import CHECKOUT

README = (CHECKOUT / "README.md").read_text()
GUIDE = (CHECKOUT / "docs" / "api-guide.md").read_text()
COMMAND_TIMEOUT_S = 60


def blocks(language: str, document: str = README) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", document, re.MULTILINE | re.DOTALL)


def run(command: str) -> dict[str, Any]:
    """What a command of the README prints, run by a shell as it stands there, on the stack of the tests."""
    command = command.replace("make -s ", f"make -s PROFILE={PROFILE.name} ").replace("curl ", "curl --silent --show-error --noproxy '*' ")
    done = subprocess.run(["sh", "-c", command], cwd=CHECKOUT, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S, check=True)
    return json.loads(done.stdout)


def without_time(balance: dict[str, Any]) -> dict[str, Any]:
    """A balance without when it was taken from the ledger; that it says so is checked."""
    assert balance["updated_at"] is None or re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([.]\d{1,9})?Z", balance["updated_at"]), balance
    return {name: value for name, value in balance.items() if name != "updated_at"}


@pytest.mark.usefixtures("stack")
def test_the_write_and_the_read_of_the_readme_are_answered_as_it_says() -> None:
    write, read = (block for block in blocks("sh") if block.startswith("curl "))
    accepted, balance = map(json.loads, blocks("json"))
    assert run(write) == accepted
    assert run(write) == accepted
    # No other test has this merchant.
    found = eventually(lambda: run(read), lambda answer: answer["entry_count"] > 0, "the entry to be in the balance of its day")
    assert list(found) == list(balance)
    assert without_time(found) == without_time(balance)


def test_the_entry_and_the_refusal_of_the_api_guide_are_as_it_says(merchant: Merchant) -> None:
    entry, refusal = map(json.loads, blocks("json", GUIDE))
    assert merchant.post(entry, "sale-1").status == 202
    batch = [entry | {"idempotency_key": f"sale-{number}"} for number in range(19)]
    batch[17]["amount"] = "150.755"
    batch[18]["colour"] = "red"
    refused = merchant.post_batch(batch)
    assert (refused.status, refused.body) == (400, refusal)


@pytest.mark.usefixtures("stack")
def test_the_launcher_prints_what_the_readme_says(stack: Stack) -> None:
    (quoted,) = blocks("text")
    printed = (PROFILE.logs / "launcher.log").read_text()
    said = [line for line in quoted.splitlines() if line]
    # The second door has no executions to look at.
    of_executions = [line for line in said if "executions" in line]
    assert len(of_executions) == 1
    if stack.door == SERVICES:
        assert of_executions[0].split("…")[0] not in printed
        said.remove(of_executions[0])
    for line in said:
        # The port is free for each profile.
        pattern = re.escape(line).replace("…", ".*")
        assert re.search(f"^{pattern}$", printed, re.MULTILINE), line


def test_the_book_is_served_where_the_launcher_says(stack: Stack) -> None:
    address = stack.ids["docs_url"]
    assert address.startswith("http://127.0.0.1:")
    for page, text in {"": "What it promises", "docs/operating.html": "DeadLetterAlarm", "docs/api/index.html": "swagger"}.items():
        with urlopen(address + page, timeout=COMMAND_TIMEOUT_S) as reply:
            assert text in reply.read().decode(), page
