"""The second door: which programs it has, with what settings, and what is started again."""

import signal
import sys
from pathlib import Path

import pytest
import yaml
from cost.template import Loader
from fluxo_local import kafka, kafka_jars, ports, services
from fluxo_local.problem import Problem
from fluxo_local.processes import Service, start_service
from fluxo_local.profile import CHECKOUT, Profile
from fluxo_local.running import RunningServices

MAIN, SECOND = (yaml.load((CHECKOUT / path).read_text(), Loader) for path in ("template.yaml", "services/template.yaml"))


def routes(template: dict) -> dict[str, dict]:
    """The routes of a template's API, by their keys."""
    of_routes = (each["Properties"] for each in template["Resources"].values() if each["Type"] == "AWS::ApiGatewayV2::Route")
    return {each["RouteKey"]: each for each in of_routes}


def test_both_apis_have_the_same_routes_and_every_one_asks_for_a_token() -> None:
    assert routes(MAIN).keys() == routes(SECOND).keys()
    assert {route["AuthorizationType"] for route in routes(SECOND).values()} == {"JWT"}


def test_balances_are_answered_by_the_one_service_and_all_else_by_the_other() -> None:
    of_consolidation = {key for key, route in routes(SECOND).items() if "ConsolidationIntegration" in str(route["Target"])}
    assert of_consolidation == {key for key, route in routes(MAIN).items() if "GetDailyBalanceIntegration" in str(route["Target"])}


def test_both_apis_limit_and_log_the_same() -> None:
    stage, other = (each["Resources"]["DefaultStage"]["Properties"] for each in (MAIN, SECOND))
    assert stage["RouteSettings"] == other["RouteSettings"]
    assert stage["DefaultRouteSettings"] == other["DefaultRouteSettings"]
    assert stage["AccessLogSettings"]["Format"].replace("functionMs", "serviceMs") == other["AccessLogSettings"]["Format"]


def test_both_apis_raise_an_alarm_at_the_same_failures_of_what_clients_get() -> None:
    alarm, other = (each["Resources"]["ApiServerErrorsAlarm"]["Properties"] for each in (MAIN, SECOND))
    assert alarm.pop("AlarmDescription") != other.pop("AlarmDescription")
    assert alarm == other


def test_every_program_has_ports_of_its_own() -> None:
    door = services.Services(None, "127.0.0.1:1", tuple(range(10, 10 + services.PORT_COUNT)), {})
    given = [door.internal_port(program) for program in services.PROGRAMS]
    given += [door.public_port(program) for program in services.PROGRAMS if program.is_public]
    assert sorted(given) == list(door.ports)


def test_programs_are_like_functions_that_there_are() -> None:
    for program in services.PROGRAMS:
        for function in program.like:
            assert MAIN["Resources"][function]["Type"] == "AWS::Serverless::Function"


def test_the_ports_of_the_second_door_lie_in_a_row_and_are_free() -> None:
    first = ports.free_range(ports.DOOR_PORTS)
    assert all(ports.is_free(port) for port in range(first, first + ports.DOOR_PORTS))


def test_jars_that_are_not_those_of_the_checksums_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pretend() -> None:
        (tmp_path / "kafka-clients-4.3.1.jar").write_bytes(b"not the one")

    monkeypatch.setattr(kafka_jars, "DIRECTORY", tmp_path)
    monkeypatch.setattr(kafka_jars, "STAMP", tmp_path / ".complete")
    monkeypatch.setattr(kafka_jars, "require_java", lambda: None)
    monkeypatch.setattr(kafka_jars, "download", pretend)
    with pytest.raises(Problem, match=r"other jars.*kafka-clients-4[.]3[.]1[.]jar"):
        kafka_jars.install()
    assert not (tmp_path / ".complete").exists()


def test_kafka_forgets_no_port_and_flushes_each_append(tmp_path: Path) -> None:
    settings = kafka.Kafka(tmp_path, 1, 2, tmp_path)._configuration()
    assert settings["log.flush.interval.messages"] == 1
    # Nothing of another start's ports is in the data.
    assert settings["controller.quorum.voters"] == "1@127.0.0.1:2"
    assert "log.flush.interval.messages" not in kafka.Kafka(tmp_path, 1, 2, tmp_path, durable=False)._configuration()


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunningServices:
    """Servers of a profile of the test's own."""
    monkeypatch.setattr(Profile, "directory", tmp_path)
    return RunningServices(Profile("services-test"))


def sleeper(directory: Path) -> Service:
    """A process that does nothing."""
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    return start_service("sleeper", command, environment={}, log=directory / "log", directory=directory)


def test_what_may_be_started_again_is_and_the_stack_goes_on(running: RunningServices, tmp_path: Path) -> None:
    running.add(first := sleeper(tmp_path), restart=lambda: sleeper(tmp_path))
    try:
        running.check()
        assert running.named("sleeper") is first
        first.process.send_signal(signal.SIGKILL)
        first.process.wait()
        running.check()
        assert running.named("sleeper") is not first
        running.check()
    finally:
        running.named("sleeper").kill()


def test_what_may_not_be_started_again_ends_the_stack(running: RunningServices, tmp_path: Path) -> None:
    running.add(service := sleeper(tmp_path))
    service.kill()
    with pytest.raises(Problem, match="has ended unexpectedly"):
        running.check()
