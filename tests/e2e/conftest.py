"""The command line, called in this process, on a recipe small enough for tests."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from gansmith.cli.main import main
from tests.helpers.run_folder import trained_in

TINY = """
from = "demo"
batch_size = 4
precision = "fp32"
ema_half_life = 20.0

[length]
images = 48
log_every = 4
sample_every = 16
checkpoint_every = 16

[model]
width = 4

[grid]
rows = 2
columns = 3
"""


@dataclass
class Result:
    code: int
    out: str
    err: str

    @property
    def run(self) -> Path:
        """The run folder whose path is the last line of standard output."""
        return Path(self.out.splitlines()[-1])


@pytest.fixture
def gansmith(capfd):
    """Runs `gansmith ARGUMENTS...` and returns exit code and output."""

    def call(*arguments):
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        return Result(code, *capfd.readouterr())

    return call


@pytest.fixture
def tiny():
    """A recipe file of twelve steps."""
    Path("tiny.toml").write_text(TINY)
    return "tiny.toml"


@pytest.fixture(scope="session")
def trained_once(tmp_path_factory):
    """A folder with the tiny recipe and its finished run, to be copied."""
    return trained_in(tmp_path_factory.mktemp("trained"), "tiny.toml", TINY)


@pytest.fixture
def trained(trained_once):
    """The folder of a finished tiny run, under runs/ in the current folder."""
    shutil.copytree(trained_once, ".", dirs_exist_ok=True)
    return Path("runs/00001-tiny")
