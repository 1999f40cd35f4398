"""The inspector's server: what it answers, to whom, and with which limits for a browser."""

import http.client
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fluxo_local import loopback, node_tools, ports, redrive
from fluxo_local.inspector import PAGE, SHARED, STYLES, TOKEN_HEADER, Inspector, server
from fluxo_local.profile import write_json
from record_entries.definition import CHECKOUT

STACK = {"port": 1, "state_machine_arn": "arn:aws:states:us-east-1:000000000000:stateMachine:x", "docs_url": "http://127.0.0.1:2/"}


@pytest.fixture
def stack_file(tmp_path: Path) -> Path:
    """What the deployment gave."""
    file = tmp_path / "stack.json"
    write_json(file, STACK)
    return file


@pytest.fixture
def port(stack_file: Path) -> Iterator[int]:
    """The port of an inspector that runs."""
    (free,) = ports.free_ports(1)
    serving = server(Inspector(stack_file, free), free)
    thread = threading.Thread(target=serving.serve_forever, args=(0.01,))
    thread.start()
    yield free
    serving.shutdown()
    thread.join()
    serving.server_close()


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Notes each time that messages are brought back; that they are is tests/e2e/test_inspector.py's to show."""
    calls: list[Any] = []

    def bring_back(of: Any) -> int:
        calls.append(of)
        return 3

    monkeypatch.setattr(redrive, "bring_back", bring_back)
    return calls


def allowed(port: int) -> dict[str, str]:
    """The headers of the page's own request."""
    token = loopback.request_json(port, "GET", "/api/about")[1]["token"]
    return {"Origin": f"http://127.0.0.1:{port}", TOKEN_HEADER: token}


def test_the_page_and_all_that_it_names_are_answered(port: int) -> None:
    status, page = loopback.request(port, "GET", "/?entry=cfa8bece-e667-5d04-9fd2-16305e61fcd8")
    assert status == 200
    named = re.findall(r'(?:href|src)="(/[^"]+)"', page.decode())
    imported = [f"/{name}" for file in PAGE.glob("*.js") for name in re.findall(r'from "\./([^"]+)"', file.read_text())]
    assert len(named) >= 6 and len(imported) > 10
    for path in {*named, *imported, "/graph.json"}:
        status, body = loopback.request(port, "GET", path)
        assert (status, bool(body)) == (200, True), path
    assert all((STYLES / name).is_file() for name in SHARED)


def test_nothing_else_of_the_machine_is_answered(port: int) -> None:
    for path in (
        "/../layout.mjs",
        "/styles/../../package.json",
        "/%2e%2e/layout.mjs",
        "/etc/passwd",
        "//etc/passwd",
        "/api",
        "/api/nothing",
    ):
        assert loopback.request(port, "GET", path)[0] == 404, path


def test_the_page_may_run_load_and_ask_nothing_but_its_own(port: int) -> None:
    page = (PAGE / "index.html").read_text()
    assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son[a-z]+=", page)
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("HEAD", "/")
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"")
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["form-action"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in answer.headers
    connection.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_a_loopback_name_is_answered(port: int, host: str) -> None:
    assert loopback.request(port, "GET", "/api/about", headers={"Host": f"{host}:{port}"})[0] == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "0.0.0.0", ""])
@pytest.mark.parametrize("path", ["/", "/api/about", "/api/queues"])
def test_a_name_that_somebody_made_lead_here_is_not(port: int, host: str, path: str) -> None:
    assert loopback.request(port, "GET", path, headers={"Host": f"{host}:{port}" if host else ""})[0] == 421


def test_another_port_of_this_machine_is_another_origin(port: int, moved: list[Any]) -> None:
    assert loopback.request(port, "GET", "/api/about", headers={"Host": f"127.0.0.1:{port + 1}"})[0] == 421
    assert loopback.request(port, "POST", "/api/redrive", headers=allowed(port) | {"Origin": f"http://127.0.0.1:{port + 1}"})[0] == 403
    assert moved == []


@pytest.mark.parametrize("without", ["Origin", TOKEN_HEADER])
def test_only_the_page_itself_may_change_anything(port: int, moved: list[Any], without: str) -> None:
    headers = {name: value for name, value in allowed(port).items() if name != without}
    for given in (headers, headers | {without: "null"}, headers | {without: ""}, headers | {without: "ü"}):
        sent = {name: value.encode().decode("latin-1") for name, value in given.items()}
        assert loopback.request(port, "POST", "/api/redrive", headers=sent)[0] == 403, given
    assert loopback.request(port, "GET", "/api/redrive", headers=allowed(port))[0] == 404
    assert moved == []
    assert loopback.request_json(port, "POST", "/api/redrive", headers=allowed(port)) == (200, {"moved": 3})
    assert len(moved) == 1


def test_the_token_is_another_in_each_run(stack_file: Path) -> None:
    tokens = {Inspector(stack_file, 1).get("/api/about", {})["token"] for _ in range(3)}
    assert len(tokens) == 3 and all(len(token) > 40 for token in tokens)


def test_a_question_that_cannot_be_answered_says_why(port: int, stack_file: Path) -> None:
    assert loopback.request_json(port, "GET", "/api/executions?kind=lost")[0] == 400
    status, answer = loopback.request_json(port, "GET", "/api/executions?since=yesterday")
    assert (status, answer["message"]) == (400, 'since must be a time such as 2026-11-28T12:00:00Z; it is "yesterday".')
    # A time of the calendar, of which there is none in UTC.
    assert loopback.request_json(port, "GET", "/api/executions?since=0001-01-01T00:00:00%2B14:00")[0] == 400
    # Nobody listens at the engine's port.
    assert loopback.request_json(port, "GET", "/api/executions")[0] == 502
    stack_file.unlink()
    assert loopback.request_json(port, "GET", "/api/queues") == (503, {"message": "Fluxo is starting or stopping."})


def test_the_drawing_is_what_the_state_machine_is_laid_out_to() -> None:
    node_tools.install(node_tools.LINTERS)
    machines = sorted((CHECKOUT / "statemachines").glob("*.asl.json"))
    command = ["node", CHECKOUT / "local" / "inspector" / "layout.mjs", node_tools.LINTERS.packages, *machines]
    drawn = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert drawn == (PAGE / "graph.json").read_text(), "the state machine has changed: run `make docs`"
