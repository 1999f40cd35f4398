"""The stack and the merchants that the tests work with."""

import os
from collections.abc import Iterator
from subprocess import CalledProcessError

import pytest
from deployed.merchant import Merchant
from deployed.stack import Stack
from fluxo_local.doors import DOORS, LAMBDA

# Nothing of the developer's AWS set-up may have a say in where the tests' calls go, and no proxy may see them.
for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
os.environ |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Which door the tests use."""
    parser.addoption("--door", choices=DOORS, default=os.environ.get("DOOR") or LAMBDA, help="what accepts entries (default: %(default)s)")


def pytest_configure(config: pytest.Config) -> None:
    """The marker of tests that are about one door."""
    config.addinivalue_line("markers", "door(name, reason): only of this door, for this reason")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what is about the other door, and says why."""
    for item in items:
        for marker in item.iter_markers("door"):
            name, reason = marker.args
            if name != config.getoption("--door"):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def stack(pytestconfig: pytest.Config) -> Iterator[Stack]:
    """The system, deployed for this run of the tests with no data, beside whatever else runs on this machine."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    stack = Stack(door=pytestconfig.getoption("--door"))
    try:
        # The first start compiles everything: whoever waits wants to see how far it is.
        with capture.global_and_fixture_disabled():
            stack.start()
        yield stack
    except CalledProcessError:
        pytest.exit("The stack for the tests has not started; the lines above say why.", returncode=1)
    finally:
        stack.stop()


@pytest.fixture
def merchant(stack: Stack) -> Merchant:
    """A merchant without entries."""
    return Merchant(stack)
