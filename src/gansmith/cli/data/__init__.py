"""`gansmith data`: known datasets, and a user's own images."""

from collections.abc import Sequence

from gansmith.cli.data.check import check_data
from gansmith.cli.data.known import fetch, list_datasets
from gansmith.cli.data.prepare import prepare_data
from gansmith.cli.options import call_one_of


def main(arguments: Sequence[str]) -> None:
    """Run one of the verbs of `gansmith data`."""
    verbs = {"list": list_datasets, "get": fetch, "check": check_data, "prepare": prepare_data}
    call_one_of(verbs, "gansmith data", arguments)
