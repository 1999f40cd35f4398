"""Measures what the costs are computed from, and writes measured.json: `make cost-measure`.

The release programs of the functions run against a PostgreSQL, a Redis and an AWS engine of their own. They are given requests
through a Lambda Runtime API, one at a time: a new entry, a batch of 100 new entries of five days, a balance. What a request makes
goes on as it would in the state machine. CPU time is taken from the kernel, sizes from what was really sent, written and stored.
"""

import argparse
import json
import os
import platform
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from fluxo_local import bench
from fluxo_local.postgres import DATABASE, FUNCTIONS
from fluxo_local.profile import CHECKOUT

from cost.metering import item_bytes
from cost.problem import Problem
from cost.quantities import MEASURED
from cost.runtime_api import Function, cpu_ms
from cost.stores import KEY_PREFIX, TABLE, Stores, running_stores

COMMAND = "make cost-measure"
WARM_UP = 20
EXPRESS_REQUESTS = 100
STARTS = 5
BATCH_ENTRIES = 100
BATCH_DAYS = 5
FIRST_DAY = date(2026, 11, 22)
DEFINITION = CHECKOUT / "statemachines" / "record-entries.asl.json"
# What each function waits for, one after the other; calls made at once count once.
WAITS = {
    "register-entry": {"redis": 3, "postgresql": 1, "step_functions": 1},
    "apply-to-ledger": {"postgresql": 1},
    "consolidate-day": {"dynamodb": 1},
    "get-daily-balance": {"dynamodb": 1},
}


class Meter:
    """Counts what one function takes and writes over many invocations."""

    def __init__(self, name: str, function: Function) -> None:
        self.name = name
        self._function = function
        self._invocations = 0

    def start(self) -> None:
        """Leaves out what has happened so far."""
        self._function.wait_until_idle()
        self._invocations = 0
        self._cpu_ms = self._function.cpu_ms()
        self._log = len(self._function.log())
        self._lines = self._function.log().count(b"\n")

    def invoke(self, event: Any) -> str:
        """One invocation."""
        self._invocations += 1
        return self._function.invoke(event)

    def last_line(self) -> dict[str, Any]:
        """The line of the last invocation."""
        return json.loads(self._function.log().splitlines()[-1])

    def result(self) -> dict[str, Any]:
        """The means."""
        log = self._function.log()
        if warning := next((line for line in log[self._log :].splitlines() if json.loads(line).get("level") in ("WARN", "ERROR")), None):
            raise Problem(f"{self.name} did less than it should; measure again on a machine with less to do: {warning.decode()}")
        return {
            "cpu_ms": round((self._function.cpu_ms() - self._cpu_ms) / self._invocations, 3),
            "log_bytes": round((len(log) - self._log) / self._invocations),
            "log_events": round((log.count(b"\n") - self._lines) / self._invocations),
            "waits": WAITS[self.name],
        }


def measure(programs: Path, invocations: int) -> dict[str, Any]:
    """Everything."""
    with running_stores(programs / "migrate-ledger") as stores:
        starts = {name: start_cpu_ms(programs, name, stores) for name in WAITS}
        cases = {
            "entry": measure_writing(programs, stores, invocations, entry_event, entries=1),
            "batch": measure_writing(programs, stores, max(invocations // 5, 1), batch_event, entries=BATCH_ENTRIES),
            "read": measure_reading(programs, stores, invocations),
        }
        for case, event_of in (("entry", entry_event), ("batch", batch_event)):
            cases[case]["functions"]["register-entry"]["log_bytes_express"] = express_log_bytes(programs, stores, event_of)
    return {
        "measurement": {
            "date": date.today().isoformat(),
            "machine": f"{processor()}, {os.cpu_count()} cores, {platform.machine()}",
            "command": COMMAND,
            "invocations": invocations,
        },
        "start_cpu_ms": starts,
        "cases": cases,
    }


def start_cpu_ms(programs: Path, name: str, stores: Stores) -> float:
    """CPU time from the start of the process until it asks for its first event, on the average."""
    total = 0.0
    for _ in range(STARTS):
        with Function(programs / name, stores.environment()) as function:
            function.wait_until_idle()
            total += function.cpu_ms()
    return round(total / STARTS, 1)


def measure_writing(programs: Path, stores: Stores, invocations: int, event_of: Any, entries: int) -> dict[str, Any]:
    """Requests from the door to the read model."""

    def function(name: str) -> Function:
        return Function(programs / name, stores.environment())

    with function("register-entry") as register, function("apply-to-ledger") as apply, function("consolidate-day") as consolidate:
        meters = [Meter("register-entry", register), Meter("apply-to-ledger", apply), Meter("consolidate-day", consolidate)]
        events = [event_of(number) for number in range(WARM_UP + invocations)]
        for event in events[:WARM_UP]:
            run_through(stores, meters, event)
        before = store_totals(stores)
        for meter in meters:
            meter.start()
        passed = [run_through(stores, meters, event) for event in events[WARM_UP:]]
        after = store_totals(stores)
        functions = {meter.name: meter.result() for meter in meters}
    used = {name: (after[name] - before[name]) / invocations for name in after}
    return {
        "entries": entries,
        "request_bytes": len(json.dumps(events[-1])),
        "response_bytes": mean([len(each["response"]) for each in passed]),
        "payload_bytes": sizes(passed, lambda text: len(text.encode())),
        "payload_escaped_bytes": sizes(passed, lambda text: len(json.dumps(text, ensure_ascii=False).encode()) - 2),
        "functions": functions,
        "memory": memory_of(stores, passed[-1]) | {"kept_bytes": round(used["redis_bytes"] / entries)},
        "ledger": {
            "cpu_ms": round(used["postgres_cpu_ms"], 3),
            "log_bytes": round(used["postgres_log_bytes"]),
            "stored_bytes": round(used["postgres_bytes"]),
        },
        "items_written_bytes": items_of(stores, passed[-1]),
    }


def run_through(stores: Stores, meters: list[Meter], event: dict[str, Any]) -> dict[str, str]:
    """One request and its way through the states: what was answered, and what the state machine carried."""
    register, apply, consolidate = meters
    response = accepted(register, event)
    arn = f"{stores.state_machine.replace(':stateMachine:', ':execution:')}:{register.last_line()['execution']}"
    execution = stores.client("stepfunctions").describe_execution(executionArn=arn)
    posted = apply.invoke(task("ApplyToLedger", execution, json.loads(execution["input"])))
    return {
        "response": response,
        "input": execution["input"],
        "ApplyToLedger": posted,
        "ConsolidateDay": consolidate.invoke(task("ConsolidateDay", execution, json.loads(posted))),
    }


def accepted(register: Meter, event: dict[str, Any]) -> str:
    """What a request is answered that is accepted."""
    response = register.invoke(event)
    if json.loads(response)["statusCode"] != 202:
        raise SystemExit(f"not accepted: {response}")
    return response


def task(name: str, execution: dict[str, Any], state: Any) -> dict[str, Any]:
    """What the state machine hands to the function of a task."""
    values = {"$": state, "$$.Execution.Name": execution["name"], "$$.Execution.StartTime": execution["startDate"].isoformat()}
    payload = json.loads(DEFINITION.read_text())["States"][name]["Parameters"]["Payload"]
    return {key.removesuffix(".$"): values[path] for key, path in payload.items()}


def express_log_bytes(programs: Path, stores: Stores, event_of: Any) -> int:
    """What `register-entry` logs of a request whose execution is one of EXPRESS."""
    environment = stores.environment() | {"WORKFLOW_TYPE": "EXPRESS"}
    with Function(programs / "register-entry", environment) as function:
        meter = Meter("register-entry", function)
        meter.start()
        # Below those that were measured.
        for number in range(-EXPRESS_REQUESTS, 0):
            accepted(meter, event_of(number))
        return meter.result()["log_bytes"]


def measure_reading(programs: Path, stores: Stores, invocations: int) -> dict[str, Any]:
    """The balance of a day of a merchant who has entries."""
    event = json.loads((CHECKOUT / "events" / "get-daily-balance" / "day.json").read_text())
    with Function(programs / "get-daily-balance", stores.environment()) as function:
        meter = Meter("get-daily-balance", function)
        for _ in range(WARM_UP):
            function.invoke(event)
        meter.start()
        answers = [meter.invoke(event) for _ in range(invocations)]
        result = meter.result()
    items = stores.client("dynamodb").scan(TableName=TABLE)["Items"]
    return {
        "entries": 1,
        "request_bytes": len(json.dumps(event)),
        "response_bytes": mean([len(answer) for answer in answers]),
        "functions": {meter.name: result},
        "year_read_bytes": max(full_item_bytes(item) for item in items if is_year(item)),
        "day_read_bytes": max(full_item_bytes(item) for item in items if not is_year(item)),
    }


def entry_event(number: int) -> dict[str, Any]:
    """A request with a new entry, in the form in which API Gateway hands it on."""
    event = json.loads((CHECKOUT / "events" / "register-entry" / "entry.json").read_text())
    event["headers"]["idempotency-key"] = f"measured-{number}"
    return event


def batch_event(number: int) -> dict[str, Any]:
    """A request with a batch of new entries like that one, of some days in a row."""
    event = json.loads((CHECKOUT / "events" / "register-entry" / "batch.json").read_text())
    entry = json.loads(json.loads((CHECKOUT / "events" / "register-entry" / "entry.json").read_text())["body"])
    entries = [
        entry | {"date": str(FIRST_DAY - timedelta(index % BATCH_DAYS)), "idempotency_key": f"measured-{number}-{index}"}
        for index in range(BATCH_ENTRIES)
    ]
    event["body"] = json.dumps({"entries": entries}, ensure_ascii=False)
    return event


def store_totals(stores: Stores) -> dict[str, float]:
    """What the stores have taken so far."""
    return {
        "postgres_cpu_ms": postgres_cpu_ms(stores),
        "postgres_log_bytes": stores.query("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"),
        "postgres_bytes": stores.query(
            "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind IN ('r', 'm') AND relnamespace = 'public'::regnamespace"
        ),
        "redis_bytes": int(memory_used(stores)),
    }


def postgres_cpu_ms(stores: Stores) -> float:
    """CPU time of the sessions of the functions; what else the server does is shared by all."""
    sessions = stores.postgres.psql(f"SELECT pid FROM pg_stat_activity WHERE usename = '{FUNCTIONS}'", DATABASE)
    return sum(cpu_ms(int(process)) for process in sessions.split())


def memory_used(stores: Stores) -> str:
    """The bytes of Redis's data set."""
    lines = stores.redis_command("INFO", "memory").splitlines()
    return next(line.partition(":")[2] for line in lines if line.startswith("used_memory_dataset:"))


def memory_of(stores: Stores, passed: dict[str, str]) -> dict[str, int]:
    """What the three commands transfer for one entry: the key, the key with its reservation, and the key with its answer."""
    entry = json.loads(passed["input"])["entries"][0]
    key = f"{KEY_PREFIX}:request:{entry['id']}"
    value_bytes = int(stores.redis_command("STRLEN", key))
    if value_bytes == 0:
        raise Problem(f"Redis does not hold {key}: it did not answer register-entry in time. Measure again on a machine with less to do.")
    return {
        "get_bytes": len(key),
        "reserve_bytes": len(f"{key}reserved {entry['fingerprint']}"),
        "set_bytes": len(key) + value_bytes,
    }


def items_of(stores: Stores, passed: dict[str, str]) -> list[int]:
    """The sizes of the items into which the totals of a request are written, once for each day and month."""
    items = {item["sk"]["S"]: item for item in stores.client("dynamodb").scan(TableName=TABLE)["Items"]}
    entries = json.loads(passed["input"])["entries"]
    days, months = {entry["date"] for entry in entries}, {entry["date"][:7] for entry in entries}
    keys = [*(f"day#{day}" for day in days), *(f"year#{month[:4]}" for month in months)]
    return sorted(full_item_bytes(items[key]) for key in keys)


def is_year(item: dict[str, Any]) -> bool:
    """Whether an item holds the months of a year, and not a day."""
    return item["sk"]["S"].startswith("year#")


def full_item_bytes(item: dict[str, Any]) -> int:
    """The size of an item; that of a year at its end, each of its months as large as the largest that it has."""
    if not is_year(item):
        return item_bytes(item)
    keys = item_bytes({name: item[name] for name in ("pk", "sk")})
    months = [item_bytes({name: value}) for name, value in item.items() if name not in ("pk", "sk")]
    return keys + 12 * max(months)


def sizes(passed: list[dict[str, str]], size: Any) -> dict[str, int]:
    """The mean size of what the state machine carried."""
    return {name: mean([size(each[name]) for each in passed]) for name in ("input", "ApplyToLedger", "ConsolidateDay")}


def mean(numbers: list[int]) -> int:
    """Rounded to a whole number."""
    return round(sum(numbers) / len(numbers))


def processor() -> str:
    """What the processor calls itself."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "processor unknown"


def main() -> None:
    """Measures and writes the file."""
    parser = argparse.ArgumentParser(prog="cost.measure", description=__doc__)
    parser.add_argument("--functions", type=Path, help="where the release programs are, if they are built already")
    parser.add_argument("--invocations", type=int, default=500, help="of each function; a fifth of it for batches")
    arguments = parser.parse_args()
    try:
        measured = measure(arguments.functions or bench.functions(), arguments.invocations)
    except Problem as problem:
        raise SystemExit(f"fluxo: {problem}") from None
    MEASURED.write_text(json.dumps(measured, indent=2) + "\n")


if __name__ == "__main__":
    main()
