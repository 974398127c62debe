"""`gansmith runs`: everything about run folders that does not train."""

from gansmith.cli.runs.animate import animate
from gansmith.cli.runs.compare import compare, diff
from gansmith.cli.runs.figures import figures
from gansmith.cli.runs.keep import prune, remove, verify
from gansmith.cli.runs.show import list_runs, show_run

VERBS = {
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
"""The verbs of `gansmith runs`."""
