"""Prometheus, as Debian packages it, with our rules and the targets of a test."""

import json
import re
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from fluxo_local import promtool
from fluxo_local.profile import CHECKOUT

RULES = CHECKOUT / "observability" / "prometheus" / "services.rules.yml"
DASHBOARD = CHECKOUT / "observability" / "grafana" / "services.json"
# A test does not wait for minutes: alerts that wait in the rules wait for this here.
SCRAPE_S, PATIENCE_S, POLL_S = 1, 60, 0.2


@dataclass(frozen=True)
class Prometheus:
    """A running server."""

    address: str

    def get(self, path: str, **parameters: str) -> Any:
        """What its API answers."""
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{self.address}{path}?{query}", timeout=10) as answer:
            return json.load(answer)["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series of an expression, now, without those that have no value."""
        found = self.get("/api/v1/query", query=expression)["result"]
        return [series for series in found if series["value"][1] != "NaN"]

    def firing(self) -> set[str]:
        """The alerts that fire."""
        return {alert["labels"]["alertname"] for alert in self.get("/api/v1/alerts")["alerts"] if alert["state"] == "firing"}

    def rules(self) -> list[dict[str, Any]]:
        """The rules, with what is wrong with them."""
        return [rule for group in self.get("/api/v1/rules")["groups"] for rule in group["rules"]]


@contextmanager
def watching(targets: Mapping[str, str], folder: Path, shortest: str = "2s") -> Iterator[Prometheus]:
    """Scrapes processes by their names, at `host:port`, until it has scraped each; no alert waits longer than `shortest`."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rules.yml").write_text(hurried(RULES.read_text(), shortest))
    jobs = [{"targets": [address], "labels": {"process": name}} for name, address in targets.items()]
    settings = {
        "global": {"scrape_interval": f"{SCRAPE_S}s", "evaluation_interval": f"{SCRAPE_S}s", "external_labels": {"fluxo_repository": "."}},
        "rule_files": ["rules.yml"],
        "scrape_configs": [{"job_name": "fluxo-services", "static_configs": jobs}],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(settings))
    promtool.install()
    command = [promtool.SERVER, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=subprocess.STDOUT)
        try:
            prometheus = Prometheus(f"http://127.0.0.1:{port}")
            wait_until(lambda: len(scraped(prometheus, server, folder)) == len(targets), "each process is scraped")
            yield prometheus
        finally:
            server.terminate()
            server.wait(PATIENCE_S)


def free_port() -> int:
    """One that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def scraped(prometheus: Prometheus, server: subprocess.Popen[bytes], folder: Path) -> list[dict[str, Any]]:
    """The processes that were scraped; none while the server starts."""
    if server.poll() is not None:
        raise AssertionError(f"Prometheus has ended:\n{(folder / 'log').read_text()}")
    try:
        return prometheus.query('up{job="fluxo-services"} == 1')
    except OSError:
        return []


def hurried(rules: str, shortest: str) -> str:
    """The rules with windows and waits of seconds."""
    return re.sub(r"\b(\d+)m\b(?=\]|\)|\n| or)", "5s", re.sub(r"for: \d+m", f"for: {shortest}", rules))


def panels() -> dict[str, list[str]]:
    """The queries of the dashboard, by the titles of its panels."""
    listed = json.loads(DASHBOARD.read_text())["panels"]
    return {
        panel["title"]: [target["expr"].replace("$__rate_interval", "5s") for target in panel["targets"]]
        for panel in listed
        if panel["type"] == "timeseries"
    }


def wait_until(holds: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
    """Returns once it holds, and fails if it never does."""
    end = time.monotonic() + patience_s
    while not holds():
        if time.monotonic() > end:
            raise AssertionError(f"After {patience_s:.0f} s it is not so that {what}.")
        time.sleep(POLL_S)
