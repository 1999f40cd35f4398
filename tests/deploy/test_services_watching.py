"""Rules and dashboard of the second door name what its processes say, and a real Prometheus makes something of it.

The door is made of text here: what each metric of the code looks like, going up. tests/e2e has the real one.
"""

import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from cost.idle import METRICS, emitted_metrics, metrics_listed
from fluxo_local.profile import CHECKOUT
from watching.prometheus import DASHBOARD, RULES, Prometheus, panels, wait_until, watching

# What Kubernetes and Prometheus say themselves.
OF_OTHERS = {"kube_job_failed", "kube_job_status_failed", "kube_cronjob_created", "kube_cronjob_status_last_successful_time", "up"}
# Of the consumers, which have gauges of their own.
GAUGES = {"fluxo_log_lag_records": 'topic="entries"', "fluxo_log_late_seconds": 'topic="entries"'}
PROCESSES = ("entries-serve", "entries-record", "consolidation-serve", "consolidation-consume", "worker")
ROUTES = CHECKOUT / "crates" / "http-server" / "src" / "routes.rs"
LABELS = {
    "fluxo_answers_total": "status",
    "fluxo_records_dead_total": "reason",
    "fluxo_records_retried_total": "step",
    "fluxo_request_latency_seconds": "route",
    "fluxo_requests_refused_total": "code",
}
# Of the scheduled functions, of the workflow and of jobs, which nobody scrapes: no process of the second door says them.
NOT_OF_SERVICES = re.compile("Replayed|SetAside|Parked|StateMachine|Months|Repaired|Different|OldestDifference|Swept")
NAME = re.compile(r"\b((?:fluxo|kube|process)_[a-z0-9_]+|up)\b(?=[{ )\[]|$)")


def native() -> dict[str, str]:
    """The metrics of the code as Prometheus sees them, each with its kind."""
    of_services = set().union(*(metrics_listed("SERVICE_METRIC_NAMES", file.read_text()) for file in METRICS.glob("**/*.rs")))
    names = {name for name in emitted_metrics() | of_services if not NOT_OF_SERVICES.search(name)}
    found = dict.fromkeys(GAUGES, "gauge")
    for name in names:
        snake = "fluxo_" + re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
        if snake in GAUGES:
            continue
        is_time = name.endswith(("Latency", "Lag"))
        found[f"{snake}_seconds" if is_time else f"{snake}_total"] = "histogram" if is_time else "counter"
    return found


def named(text: str) -> set[str]:
    """The metrics that an expression names."""
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in NAME.findall(text)}


def expressions() -> dict[str, str]:
    """Those of the rules and of the panels."""
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    asked = {f"panel {title} {number}": query for title, queries in panels().items() for number, query in enumerate(queries)}
    return asked | {rule["alert"]: rule["expr"] for rule in rules}


@pytest.mark.parametrize("where", expressions())
def test_an_expression_names_metrics_that_there_are(where: str) -> None:
    names = named(expressions()[where])
    assert names and names <= native().keys() | OF_OTHERS


def test_a_status_that_is_asked_for_is_one_that_answers_are_counted_by() -> None:
    (classes,) = re.findall(r"fn class_of.*?\n}", ROUTES.read_text(), re.DOTALL)
    counted = set(re.findall(r'=> "(\w+)"', classes))
    tested = (RULES.parent / "services_test.yml").read_text()
    asked = set(re.findall(r'fluxo_answers_total\{status=~?"([^"]+)"', "\n".join([*expressions().values(), tested])))
    assert "5xx" in counted and asked and asked <= counted


def test_every_process_is_missed() -> None:
    missing = expressions()["FluxoServicesProcessMissing"]
    assert set(re.findall(r'absent\(up\{job="fluxo-services", process="([a-z-]+)"\}\)', missing)) == set(PROCESSES)
    base = CHECKOUT / "services" / "deploy" / "kubernetes" / "base"
    deployed = [one for file in base.glob("*.yaml") for one in yaml.safe_load_all(file.read_text()) if one and one["kind"] == "Deployment"]
    assert {one["metadata"]["name"] for one in deployed} == set(PROCESSES)


def test_each_alert_says_what_to_do_and_is_in_the_documentation() -> None:
    page = (CHECKOUT / "docs" / "deploying-services.md").read_text()
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    for rule in rules:
        assert {"summary", "description", "runbook_url"} <= rule["annotations"].keys()
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert f"`{rule['alert']}`" in page, rule["alert"]
    assert "## Alerts" in page and "grafana/services.json" in page and DASHBOARD.exists()


class Door:
    """Answers as a process of the second door: every metric, rising with the time, or as it is told."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.faults: set[str] = set()

    def exposition(self) -> str:
        """The metrics as text."""
        risen, lines = (time.monotonic() - self.began) * 100, []
        for name, kind in native().items():
            label = f'{LABELS[name]}="ordinary"' if name in LABELS else GAUGES.get(name, "")
            if kind == "gauge":
                lines.append(f"{name}{{{label}}} {90000 if name in self.faults else 3}")
            elif kind == "counter":
                lines.append(f"{name}{{{label}}} {risen if name in self.faults or not stands_still(name) else 0}")
            else:
                fast, comma = 0 if name in self.faults else risen, "," if label else ""
                lines += [f'{name}_bucket{{{label}{comma}le="{limit}"}} {fast}' for limit in ("0.01", "0.1", "1", "10", "60")]
                lines += [f'{name}_bucket{{{label}{comma}le="+Inf"}} {risen}', f"{name}_count{{{label}}} {risen}"]
        if "5xx" in self.faults:
            lines.append(f'fluxo_answers_total{{status="5xx"}} {risen}')
        lines.append(f'kube_cronjob_created{{namespace="fluxo", cronjob="entries-sweep"}} {time.time()}')
        lines.append(f'kube_cronjob_status_last_successful_time{{namespace="fluxo", cronjob="entries-sweep"}} {time.time()}')
        return "\n".join(lines) + "\n"


def stands_still(name: str) -> bool:
    """Whether nothing is wrong only while a counter does not rise."""
    return any(part in name for part in ("breaker", "dead", "retried", "conflicts"))


@pytest.fixture(scope="module")
def door() -> Iterator[tuple[Door, str]]:
    """A process of text, and where it answers."""
    door = Door()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = door.exposition().encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield door, f"127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="module")
def prometheus(door: tuple[Door, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A real Prometheus that scrapes it."""
    with watching(dict.fromkeys(PROCESSES, door[1]), tmp_path_factory.mktemp("prometheus")) as prometheus:
        yield prometheus


def test_every_panel_has_data_and_every_rule_is_evaluated(prometheus: Prometheus) -> None:
    for title, queries in panels().items():
        for query in queries:
            wait_until(lambda query=query: bool(prometheus.query(query)), f"the panel {title} has data for {query}")
    wait_until(lambda: all(rule["health"] == "ok" for rule in prometheus.rules()), "every rule is evaluated")
    assert {rule["name"] for rule in prometheus.rules()} == {name for name in expressions() if name.startswith("Fluxo")}
    assert prometheus.firing() == set()


@pytest.mark.parametrize(
    ("fault", "alert"),
    [
        ("fluxo_log_lag_records", "FluxoServicesBehind"),
        ("fluxo_records_dead_total", "FluxoServicesDead"),
        ("fluxo_consolidation_lag_seconds", "FluxoServicesBalancesLate"),
        ("fluxo_log_late_seconds", "FluxoServicesLate"),
        ("5xx", "FluxoServicesDefects"),
    ],
)
def test_an_alert_fires_for_its_fault_and_falls_silent_after_it(
    fault: str, alert: str, door: tuple[Door, str], prometheus: Prometheus
) -> None:
    door[0].faults.add(fault)
    wait_until(lambda: alert in prometheus.firing(), f"{alert} fires")
    door[0].faults.discard(fault)
    wait_until(lambda: alert not in prometheus.firing(), f"{alert} falls silent")


def test_scraping_finds_the_ports_and_labels_that_the_manifests_have() -> None:
    job, of_kubernetes = yaml.safe_load((RULES.parent / "services.scrape.yml").read_text())["scrape_configs"]
    # The alerts about jobs have nobody else who tells them.
    assert of_kubernetes["job_name"] == "kube-state-metrics"
    assert job["job_name"] == "fluxo-services" and job["kubernetes_sd_configs"][0]["namespaces"]["names"] == ["fluxo"]
    kept = {one["source_labels"][0]: one.get("regex") for one in job["relabel_configs"]}
    assert kept["__meta_kubernetes_pod_container_port_name"] == "internal"
    assert {"process", "pod"} == {one["target_label"] for one in job["relabel_configs"] if "target_label" in one}
    assert Path(RULES).name in yaml.safe_load((RULES.parent / "services.scrape.yml").read_text())["rule_files"]
