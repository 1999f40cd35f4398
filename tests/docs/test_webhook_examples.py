"""The examples of docs/events.md are files that run, and do with signed requests what the page says.

That Fluxo signs as they expect, crates/webhooks/tests/documented.rs sees to, which runs the example in Rust.
"""

import base64
import hashlib
import hmac
import importlib.util
import json
import os
import re
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fluxo_local.profile import CHECKOUT

PAGE = (CHECKOUT / "docs" / "events.md").read_text()
EXAMPLES = CHECKOUT / "docs" / "examples"
LANGUAGES = {"python": "py", "javascript": "mjs", "rust": "rs"}
NODE_MODULES = CHECKOUT / ".local" / "tools" / "npm" / "node_modules"
NODE_TIMEOUT_S = 60

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OTHER_SECRET = "whsec_" + base64.b64encode(bytes(range(1, 33))).decode()
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC_KEY = "whpk_" + base64.b64encode(KEY.public_key().public_bytes_raw()).decode()
EVENT_ID = "4bc66e48-64b6-84d1-880b-1245d6e67440"
EVENT = {"specversion": "1.0", "id": EVENT_ID, "type": "entry.posted", "data": {"description": "devolução"}}
BODY = json.dumps(EVENT, ensure_ascii=False)

# In seconds from the moment of the test, what was changed, and whether the request is one of ours then.
CASES = {
    "as it was sent": (0, {}, True),
    "a few minutes late": (-240, {}, True),
    "sent long ago": (-360, {}, False),
    "sent in the future": (360, {}, False),
    "another body": (0, {"body": BODY.replace("1.0", "1.1")}, False),
    "parsed and written again": (0, {"body": json.dumps(EVENT)}, False),
    "another id": (0, {"webhook-id": "ccb71b5b-c18f-8632-8aa8-2f3c9eaff6a9"}, False),
    "no signature": (0, {"webhook-signature": None}, False),
    "signed with another secret": (0, {"secrets": [OTHER_SECRET]}, False),
    "signed with the secret before as well": (0, {"secrets": [OTHER_SECRET, SECRET]}, True),
    "no number as time": (0, {"webhook-timestamp": "yesterday"}, False),
}


def hmac_signature(secret: str, message_id: str, timestamp: int, body: str) -> str:
    """As Standard Webhooks 1.0.0 has it."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    tag = hmac.new(key, f"{message_id}.{timestamp}.{body}".encode(), hashlib.sha256).digest()
    return f"v1,{base64.b64encode(tag).decode()}"


def request(offset_s: int, changed: Mapping[str, Any]) -> tuple[dict[str, str], str]:
    """Headers and body of a delivery, with changes."""
    now = int(time.time()) + offset_s
    signatures = [hmac_signature(secret, EVENT_ID, now, BODY) for secret in changed.get("secrets", [SECRET])]
    # One of the other kind beside them, as Fluxo sends it. The key pair changes with the secret.
    signer = KEY if SECRET in changed.get("secrets", [SECRET]) else Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
    signatures.append(f"v1a,{base64.b64encode(signer.sign(f'{EVENT_ID}.{now}.{BODY}'.encode())).decode()}")
    headers = {"webhook-id": EVENT_ID, "webhook-timestamp": str(now), "webhook-signature": " ".join(signatures)}
    headers |= {name: value for name, value in changed.items() if name in headers}
    return {name: value for name, value in headers.items() if value is not None}, changed.get("body", BODY)


def example(name: str) -> ModuleType:
    """An example in Python, as a module."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_shows_the_examples_as_they_are() -> None:
    shown = re.findall(r"^```(python|javascript|rust)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    files = sorted(path.name for path in EXAMPLES.iterdir() if path.is_file())
    assert sorted(f"{LANGUAGES[language]} {text}" for language, text in shown) == sorted(
        f"{name.rsplit('.', 1)[1]} {(EXAMPLES / name).read_text()}" for name in files
    )
    assert {language for language, _ in shown} == set(LANGUAGES)


def test_these_requests_are_signed_as_the_specification_publishes_it() -> None:
    # The vector that the libraries' own tests have in common.
    signature = hmac_signature("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("case", CASES)
def test_the_receiver_in_python_takes_what_is_ours(case: str) -> None:
    offset_s, changed, is_ours = CASES[case]
    headers, body = request(offset_s, changed)
    expected = (204, EVENT) if is_ours else (401, None)
    assert example("verify").receive(SECRET, headers, body.encode()) == expected


@pytest.mark.parametrize("case", CASES)
def test_the_receiver_with_the_public_key_takes_what_is_ours(case: str) -> None:
    offset_s, changed, is_ours = CASES[case]
    headers, body = request(offset_s, changed)
    assert example("verify_public_key").is_ours(PUBLIC_KEY, headers, body.encode()) is is_ours


def test_the_receiver_in_javascript_takes_what_is_ours(tmp_path: Path) -> None:
    # Where it finds the library beside it.
    (tmp_path / "verify.mjs").write_text((EXAMPLES / "verify.mjs").read_text())
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    requests = {case: request(offset_s, changed) for case, (offset_s, changed, _) in CASES.items()}
    script = f"""
        import {{ receive }} from {json.dumps(str(tmp_path / "verify.mjs"))};
        const requests = JSON.parse(process.env.REQUESTS);
        const answer = ([headers, body]) => receive(process.env.SECRET, headers, body);
        console.log(JSON.stringify(Object.fromEntries(Object.entries(requests).map(([name, sent]) => [name, answer(sent)]))));
    """
    done = subprocess.run(
        ["node", "--input-type=module", "--eval", script],
        env=os.environ | {"REQUESTS": json.dumps(requests), "SECRET": SECRET},
        capture_output=True, text=True, timeout=NODE_TIMEOUT_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    expected = {True: {"status": 204, "event": EVENT}, False: {"status": 401, "event": None}}
    assert answers == {case: expected[is_ours] for case, (_, _, is_ours) in CASES.items()}


def test_who_follows_the_feed_misses_nothing_when_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    feed = [f"event-{number}" for number in range(5)]
    follow, place, done = example("follow"), tmp_path / "place", []

    class Page:
        def __init__(self, url: str) -> None:
            after = re.search(r"after=(\d+)", url)
            self.first = int(after.group(1)) if after else 0

        def __enter__(self) -> "Page":
            return self

        def __exit__(self, *_error: object) -> None: ...

        def read(self) -> str:
            last = min(self.first + 2, len(feed))
            return json.dumps(
                {"events": [{"id": event} for event in feed[self.first : last]], "next": str(last), "has_more": last < len(feed)}
            )

    monkeypatch.setattr(follow, "urlopen", lambda asked, **_: Page(asked.full_url))
    failing = {"event-1", "event-4"}

    def handle(event: dict[str, Any]) -> None:
        if event["id"] in failing:
            failing.remove(event["id"])
            raise OSError("the receiver's database is down")
        done.append(event["id"])

    while True:
        try:
            if not follow.follow("https://api", lambda: "token", place, handle):
                break
        except OSError:
            continue
    assert list(dict.fromkeys(done)) == feed
    # What was done before a failure on the same page came again.
    assert done.count("event-0") == 2
