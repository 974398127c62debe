"""`gansmith runs`: everything about run folders that does not train."""

from collections.abc import Sequence

from gansmith.cli.options import call_one_of
from gansmith.cli.runs.animate import animate
from gansmith.cli.runs.compare import compare
from gansmith.cli.runs.diff import diff
from gansmith.cli.runs.figures import figures
from gansmith.cli.runs.keep import prune, remove, verify
from gansmith.cli.runs.list import list_runs
from gansmith.cli.runs.show import show_run


def main(arguments: Sequence[str]) -> None:
    """Run one of the verbs of `gansmith runs`."""
    verbs = {
        "list": list_runs,
        "show": show_run,
        "figures": figures,
        "animate": animate,
        "diff": diff,
        "compare": compare,
        "verify": verify,
        "prune": prune,
        "rm": remove,
    }
    call_one_of(verbs, "gansmith runs", arguments)
