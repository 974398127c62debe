"""Real processes that are stopped, killed and fed with what is not a number."""

import pytest

from tests.helpers.plain import PLAIN
from tests.helpers.running import Server, write_recipe


@pytest.fixture(scope="session")
def gansmith(tmp_path_factory):
    """Runs `gansmith ARGUMENTS...` in a process of its own; what shall go wrong in it is given by name."""
    server = Server(tmp_path_factory.mktemp("processes"))
    yield server
    server.close()


@pytest.fixture
def tiny():
    """A file of the demo's recipe, narrow, of 30 steps: it has batch norm and an average."""
    return write_recipe(PLAIN, ema_half_life=100.0)
