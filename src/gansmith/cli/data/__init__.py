"""`gansmith data`: known datasets, and a user's own images."""

from gansmith.cli.data.known import fetch, list_datasets
from gansmith.cli.data.own import check_data, prepare_data

VERBS = {"list": list_datasets, "get": fetch, "check": check_data, "prepare": prepare_data}
"""The verbs of `gansmith data`."""
