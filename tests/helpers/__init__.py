"""What several tests and benchmarks need: files of every kind, small networks, runs in processes of their own."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
"""The checkout."""


def helper_command(name: str) -> list[str]:
    """Runs one of these modules as a program; it needs `helper_environment`."""
    return [sys.executable, "-m", f"tests.helpers.{name}"]


def helper_environment(**variables: str) -> dict[str, str]:
    """This process's environment, in which a child finds what this process imports, and these variables."""
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])} | variables
