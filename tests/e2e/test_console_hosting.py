"""The console as a browser gets it: one origin for page and API, its headers, and signing in on the hosted pages."""

import base64
import hashlib
import json
import re
import secrets
import socket
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

import pytest
from deployed.api import TIMEOUT_S, Answer, call
from deployed.merchant import DATE, Merchant, entry
from deployed.stack import Stack
from deployed.waiting import eventually
from fluxo_local import samples, users
from fluxo_local.doors import SERVICES

# What every answer says, of page and API alike.
SECURITY = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=63072000",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Reply(NamedTuple):
    """An answer with its body as it came."""

    status: int
    headers: dict[str, str]
    body: bytes


class StayHere(HTTPRedirectHandler):
    """Where a browser is sent is what the tests look at."""

    def redirect_request(self, *_: Any) -> None:
        """Follows nothing."""


OPENER = build_opener(ProxyHandler({}), StayHere)


def fetch(url: str, form: dict[str, str] | None = None, headers: dict[str, str] | None = None) -> Reply:
    """One request, as a browser makes it."""
    data = urlencode(form).encode() if form is not None else None
    try:
        reply = OPENER.open(Request(url, data, headers or {}), timeout=TIMEOUT_S)
    except HTTPError as error:
        reply = error
    with reply:
        return Reply(reply.status, {name.lower(): value for name, value in reply.headers.items()}, reply.read())


@pytest.fixture(autouse=True)
def names_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Browsers take every name below `localhost` for this machine (RFC 6761, section 6.3). The system's resolver may not know them."""
    resolve = socket.getaddrinfo

    def known(host: Any, *arguments: Any, **more: Any) -> Any:
        return resolve("127.0.0.1" if str(host).endswith(".localhost") else host, *arguments, **more)

    monkeypatch.setattr(socket, "getaddrinfo", known)


@pytest.fixture
def address(stack: Stack) -> str:
    """Where the console is, without the slash at the end."""
    return stack.ids["console_url"].removesuffix("/")


@pytest.fixture
def sign_in(address: str) -> dict[str, Any]:
    """What the page is told about signing in."""
    return json.loads(fetch(f"{address}/config.json").body)["auth"]


def assets(page: bytes) -> list[str]:
    """The files that the page names."""
    return re.findall(r'(?:src|href)="(/assets/[^"]+)"', page.decode())


def test_the_page_is_served_and_stored_by_nobody(address: str) -> None:
    page = fetch(f"{address}/")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert page.headers["cache-control"] == "no-store"
    assert fetch(f"{address}/config.json").headers["cache-control"] == "no-store"


def test_operators_are_led_to_executions_only_where_there_are_any(address: str, stack: Stack) -> None:
    assert ("inspector" in json.loads(fetch(f"{address}/config.json").body)) == (stack.door != SERVICES)


def test_every_address_of_the_page_is_the_page(address: str) -> None:
    page = fetch(f"{address}/").body
    for path in ("/balances", "/days/2026-01-15", "/entries/0a6168dd-2eaf-598f-8ce3-2ac8b3f8963d?as_of=2026-01-15T12:00:00Z"):
        found = fetch(address + path)
        assert (found.status, found.body) == (200, page), path


def test_files_named_by_content_are_immutable_and_a_missing_one_is_no_page(address: str) -> None:
    named = assets(fetch(f"{address}/").body)
    assert any(name.endswith(".js") for name in named) and any(name.endswith(".css") for name in named)
    for name in named:
        asset = fetch(address + name)
        assert (asset.status, asset.headers["cache-control"]) == (200, "public, max-age=31536000, immutable"), name
        assert asset.headers["content-type"] == f"text/{'javascript' if name.endswith('.js') else 'css'}; charset=utf-8"
    # A page of an earlier release would run HTML for a script.
    assert fetch(f"{address}/assets/index-00000000.js").status in (403, 404)


def test_every_answer_carries_the_security_headers(address: str) -> None:
    page = fetch(f"{address}/")
    for reply in (page, fetch(address + assets(page.body)[0]), fetch(f"{address}/api/entries?date={DATE}")):
        assert reply.headers | SECURITY == reply.headers
        policy = dict(directive.strip().split(" ", 1) for directive in reply.headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'" and policy["frame-ancestors"] == "'none'"
        assert policy["script-src"] == "'self' 'wasm-unsafe-eval'" and policy["style-src"] == "'self'"
        assert not any("'unsafe-inline'" in sources or "'unsafe-eval'" in sources for sources in policy.values())


def test_the_page_needs_nothing_that_its_policy_forbids(address: str, sign_in: dict[str, Any]) -> None:
    page = fetch(f"{address}/")
    html = page.body.decode()
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", html)
    assert not re.search(r'(?:src|href)="(?!/(?!/))', html)
    (connections,) = re.findall("connect-src ([^;]+)", page.headers["content-security-policy"])
    endpoint = urlsplit(sign_in["tokenUrl"])
    assert f"{endpoint.scheme}://{endpoint.netloc}" in connections.split()


def test_the_api_is_below_api_with_token_and_idempotency_key(address: str, merchant: Merchant) -> None:
    key = {"Idempotency-Key": "through-the-console"}
    assert call(f"{address}/api/entries", "POST", merchant.token, entry(), key).status == 202
    assert call(f"{address}/api/entries", "POST", merchant.token, entry(), key).is_repeat
    # The same API: the key is known at its own address, too.
    assert merchant.post(entry(), "through-the-console").is_repeat
    # The query goes along: without it this would be refused.
    assert call(f"{address}/api/entries?date={DATE}", "GET", merchant.token).status == 200
    assert call(f"{address}/api/entries", "GET", merchant.token).status == 400
    assert call(f"{address}/api/entries?date={DATE}", "GET", None).status == 401


def edges(stack: Stack, answer: Answer) -> set[bool | None]:
    """What the log lines of a request say about where it came from, when they are there."""
    # The execution's name begins with the entry's id.
    wanted = answer.body["id"]

    def messages() -> list[str]:
        if stack.door == SERVICES:
            return stack.log.said("entries serve").splitlines()
        logs = stack.client("logs").get_paginator("filter_log_events").paginate(logGroupName="/aws/lambda/fluxo/register-entry")
        return [event["message"] for page in logs for event in page["events"]]

    def lines() -> list[dict[str, Any]]:
        parsed = [json.loads(message) for message in messages() if message.startswith("{") and message.endswith("}")]
        return [line for line in parsed if line.get("execution", "").startswith(wanted)]

    found = eventually(lines, lambda found: len(found) > 0, "the lines of the request to be in the log")
    return {line.get("edge") for line in found}


def test_log_lines_tell_the_consoles_address_from_the_apis_own(stack: Stack, address: str, merchant: Merchant) -> None:
    through = call(f"{address}/api/entries", "POST", merchant.token, entry(), {"Idempotency-Key": "through"})
    direct = merchant.post(entry(), "direct")
    # Whoever sends the header gets nowhere with it, at either address.
    forged = {"x-fluxo-edge": "0" * 64}
    through_forged = call(f"{address}/api/entries", "POST", merchant.token, entry(), {"Idempotency-Key": "third", **forged})
    direct_forged = merchant.post(entry(), "fourth", headers=forged)
    answers = (through, direct, through_forged, direct_forged)
    assert [answer.status for answer in answers] == [202] * 4
    assert [edges(stack, answer) for answer in answers] == [{True}, {False}, {True}, {False}]


class Visit:
    """Somebody who signs in with the authorization code and PKCE (RFC 7636)."""

    def __init__(self, sign_in: dict[str, Any], **changed: str) -> None:
        self.at = sign_in
        self.verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        self.asks = {
            "response_type": "code",
            "client_id": sign_in["clientId"],
            "redirect_uri": sign_in["redirectUri"],
            "scope": " ".join(sign_in["scopes"]),
            "state": secrets.token_urlsafe(16),
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **changed,
        }

    def opens(self) -> Reply:
        """The hosted page."""
        return fetch(f"{self.at['authorizeUrl']}?{urlencode(self.asks)}")

    def signs_in(self, name: str, password: str) -> Reply:
        """Fills in the form of the hosted page, and sends it."""
        page = self.opens()
        assert page.status == 200, page
        fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.body.decode())
        assert ("state", self.asks["state"]) in fields
        login = "{0.scheme}://{0.netloc}/login".format(urlsplit(self.at["authorizeUrl"]))
        return fetch(login, dict(fields) | {"username": name, "password": password})

    def code(self, name: str, password: str) -> str:
        """The code with which the browser comes back to the console."""
        sent = self.signs_in(name, password)
        assert sent.status in (302, 303), sent
        location = sent.headers["location"]
        assert location.startswith(self.at["redirectUri"])
        answers = parse_qs(urlsplit(location).query)
        assert answers["state"] == [self.asks["state"]]
        return answers["code"][0]

    def exchanges(self, code: str, verifier: str | None = None, redirect_uri: str | None = None) -> Reply:
        """Asks for the tokens, as a page of another origin."""
        form = {
            "grant_type": "authorization_code",
            "client_id": self.at["clientId"],
            "redirect_uri": redirect_uri or self.at["redirectUri"],
            "code": code,
            "code_verifier": verifier or self.verifier,
        }
        return fetch(self.at["tokenUrl"], form, {"Origin": self.at["redirectUri"].removesuffix("/")})

    def refreshes(self, token: str) -> Reply:
        """Asks for new tokens."""
        return fetch(self.at["tokenUrl"], {"grant_type": "refresh_token", "client_id": self.at["clientId"], "refresh_token": token})


def claims(token: str) -> dict[str, Any]:
    """What a token says."""
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


@pytest.fixture
def password(stack: Stack) -> str:
    """The password that `make run` prints."""
    return users.password_of(stack.profile)


@pytest.mark.parametrize(("role", "groups"), [("clerk", {"clerk", "operator"}), ("viewer", {"viewer"})])
def test_the_users_of_make_run_sign_in_and_a_refreshed_token_keeps_their_groups(
    address: str, sign_in: dict[str, Any], password: str, role: str, groups: set[str]
) -> None:
    visit = Visit(sign_in)
    reply = visit.exchanges(visit.code(users.name_of(samples.MERCHANT, role), password))
    assert reply.status == 200, reply
    # Otherwise the browser would not show it to the page.
    assert reply.headers["access-control-allow-origin"] in ("*", address)
    tokens = json.loads(reply.body)
    refreshed = json.loads(visit.refreshes(tokens["refresh_token"]).body)
    for token in (tokens["id_token"], refreshed["id_token"]):
        said = claims(token)
        assert set(said["cognito:groups"]) == groups
        assert (said["custom:merchant_id"], said["token_use"], said["aud"]) == (samples.MERCHANT, "id", sign_in["clientId"])
        read = call(f"{address}/api/daily-balances/{samples.DATE}", "GET", token)
        assert (read.status, read.body["entry_count"]) == (200, len(samples.ENTRIES))
        written = call(f"{address}/api/entries", "POST", token, {}, {"Idempotency-Key": "nothing"})
        assert written.status == (400 if role == "clerk" else 403), written


def test_a_wrong_password_opens_nothing(sign_in: dict[str, Any], password: str) -> None:
    sent = Visit(sign_in).signs_in(users.name_of(samples.MERCHANT, "clerk"), f"{password}x")
    assert "code=" not in sent.headers.get("location", "")


def test_a_code_is_worth_nothing_with_another_verifier_and_only_once(sign_in: dict[str, Any], password: str) -> None:
    name = users.name_of(samples.MERCHANT, "viewer")
    visit = Visit(sign_in)
    assert visit.exchanges(visit.code(name, password), verifier=secrets.token_urlsafe(48)).status == 400
    code = visit.code(name, password)
    assert visit.exchanges(code).status == 200
    assert visit.exchanges(code).status == 400


@pytest.mark.parametrize("redirect", ["https://evil.example/", "http://evil.cloudfront.localhost/"])
def test_a_foreign_address_gets_no_code(sign_in: dict[str, Any], redirect: str) -> None:
    reply = Visit(sign_in, redirect_uri=redirect).opens()
    assert reply.status == 400 and "location" not in reply.headers
    assert b"<form" not in reply.body


def test_the_api_at_its_own_address_gives_other_origins_nothing(stack: Stack, address: str) -> None:
    # The console needs no CORS, so nobody is allowed it.
    reply = fetch(f"{stack.url}/entries?date={DATE}", headers={"Origin": address})
    assert "access-control-allow-origin" not in reply.headers
