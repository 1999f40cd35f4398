"""The stack and the merchants that the tests work with."""

import os
from collections.abc import Iterator
from subprocess import CalledProcessError

import pytest
from deployed.merchant import Merchant
from deployed.stack import Stack

# Nothing of the developer's AWS set-up may have a say in where the tests' calls go, and no proxy may see them.
for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
os.environ |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


@pytest.fixture(scope="session")
def stack(pytestconfig: pytest.Config) -> Iterator[Stack]:
    """The system, deployed for this run of the tests with no data, beside whatever else runs on this machine."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    stack = Stack()
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
