"""`python -m gansmith`."""

from gansmith.cli.main import run

run()
