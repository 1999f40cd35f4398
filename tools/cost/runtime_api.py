"""A small server of the Lambda Runtime API: runs a function's program and hands it one event after another, as Lambda does."""

import json
import os
import queue
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cost.problem import Problem

TIMEOUT_S = 30
# About as many as are traced at the rate that is assumed: their lines name the trace.
ONE_TRACED_IN = 14
NEXT = "/2018-06-01/runtime/invocation/next"


@dataclass(frozen=True)
class Answer:
    """What a function has answered to one event."""

    text: str
    failed: bool


class Function:
    """One environment of a function: a process that serves events, started like Lambda's."""

    def __init__(self, program: Path, environment: Mapping[str, str], memory_mb: int = 256) -> None:
        self._events: queue.Queue[str] = queue.Queue()
        self._answers: queue.Queue[Answer] = queue.Queue()
        self._idle = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self._asked_at: float | None = None
        self._directory = tempfile.TemporaryDirectory()
        self._log = Path(self._directory.name) / "log"
        with self._log.open("ab") as log:
            self._spawned_at = time.monotonic()
            self._process = subprocess.Popen([program], env=self._environment(program, environment, memory_mb), stdout=log, stderr=log)

    def __enter__(self) -> "Function":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._server.shutdown()
        self._server.server_close()
        self._directory.cleanup()

    def wait_until_idle(self) -> None:
        """Waits until it asks for an event: it has started, or is done with the last one."""
        if not self._idle.wait(TIMEOUT_S):
            raise Problem(f"The function did not ask for an invocation in time: {self.log().decode(errors='replace')}")

    def start_ms(self) -> float:
        """How long it took from the start of its process until it asked for its first event."""
        self.wait_until_idle()
        if self._asked_at is None:
            raise Problem("The function is idle, but did not ask for an invocation.")
        return (self._asked_at - self._spawned_at) * 1000

    def invoke(self, event: Any) -> str:
        """What it answers to one event, as it wrote it."""
        self.wait_until_idle()
        self._idle.clear()
        self._events.put(json.dumps(event))
        try:
            answer = self._answers.get(timeout=TIMEOUT_S)
        except queue.Empty:
            raise Problem(f"The function did not answer in time: {self.log().decode(errors='replace')}") from None
        if answer.failed:
            raise Problem(f"The function has failed: {answer.text}")
        self.wait_until_idle()
        return answer.text

    def cpu_ms(self) -> float:
        """The CPU time that the process has taken so far."""
        return cpu_ms(self._process.pid)

    def log(self) -> bytes:
        """Everything it has written so far."""
        return self._log.read_bytes()

    def _environment(self, program: Path, environment: Mapping[str, str], memory_mb: int) -> dict[str, str]:
        return {
            "PATH": os.defpath,
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": program.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory_mb),
            "AWS_LAMBDA_LOG_GROUP_NAME": program.name,
            "AWS_LAMBDA_LOG_STREAM_NAME": "measured",
            "AWS_LAMBDA_LOG_FORMAT": "JSON",
            "AWS_LAMBDA_LOG_LEVEL": "INFO",
        } | dict(environment)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        function = self

        class Handler(BaseHTTPRequestHandler):
            """Hands out events and takes answers."""

            protocol_version = "HTTP/1.1"
            requests = 0

            def do_GET(self) -> None:
                """The next event, once there is one."""
                if self.path != NEXT:
                    self.send_error(404)
                    return
                if function._asked_at is None:
                    function._asked_at = time.monotonic()
                function._idle.set()
                body = function._events.get().encode()
                Handler.requests += 1
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", f"00000000-0000-4000-8000-{Handler.requests:012}")
                self.send_header("Lambda-Runtime-Deadline-Ms", "4102444800000")
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:measured")
                sampled = int(Handler.requests % ONE_TRACED_IN == 0)
                trace = f"Root=1-6744e2f8-3c1f0c9d5b7a4e2f8d6b1a90;Parent=53995c3f42cd8ad8;Sampled={sampled}"
                self.send_header("Lambda-Runtime-Trace-Id", trace)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                """An answer, or an error."""
                text = self.read_body().decode()
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()
                function._answers.put(Answer(text, failed=not self.path.endswith("/response")))

            def read_body(self) -> bytes:
                """The body, whole or in chunks."""
                if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                    return self.rfile.read(int(self.headers.get("Content-Length", 0)))
                chunks = []
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    chunks.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(chunks)

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        return Handler


def cpu_ms(process: int) -> float:
    """The CPU time of a process's threads, in user and kernel mode. `/proc/PID/stat` would tell no less than 10 ms."""
    return sum(int(thread.read_text().split()[0]) for thread in Path(f"/proc/{process}/task").glob("*/schedstat")) / 1e6
