"""Runs a verb, and turns an error into one sentence and an exit code."""

import errno
import importlib
import os
import sys
import traceback
from collections.abc import Sequence

from gansmith.errors import DiskError, GansmithError, Interrupted, UsageError, unknown
from gansmith.system.streams import open_streams
from gansmith.version import __version__

VERBS = {
    "train": "train a recipe in a new run folder",
    "resume": "continue a run exactly where it stopped",
    "sample": "make images with a run's generator",
    "evaluate": "measure generated images against real ones",
    "import-keras": "make a run from weights that Keras saved",
    "recipes": "list recipes; show one with its networks and expected time",
    "features": "list and download feature networks, such as FID's Inception",
    "data": "list and download known datasets; check and prepare your own images",
    "runs": "list, show, compare, verify, prune and remove runs; figures, animations",
    "env": "describe this machine and installation",
}
"""Every verb is a module beside this one that holds a function of the same name (with _ for -), or a table VERBS."""

HELP = """usage: gansmith COMMAND [OPTIONS]

Train, measure and compare image GANs. Start with: gansmith train demo

{verbs}
gansmith COMMAND --help shows the options of a command. --debug shows the traceback of an error.
"""
"""What `gansmith --help` shows."""

PATHS = {errno.ENAMETOOLONG, errno.ELOOP, errno.EACCES, errno.EPERM, errno.ENOTDIR}
"""Errors of a path that was given, wherever the system noticed them."""
LONGEST_SHOWN = 200
"""Characters of such a path in a message, at most."""
SPINS = "10000"
"""How often a waiting thread of GNU OpenMP looks for work before it sleeps; the default is 300,000.

This is twice as fast beside other processes, and no slower on a quiet machine: benchmarks/speed/busy.py.
"""


def run() -> None:
    """Entry point of the `gansmith` command."""
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)  # read when torch is loaded, also in worker processes
    open_streams()
    code = main(sys.argv[1:])
    try:
        sys.stdout.flush()
    except DiskError as error:  # a reader who is gone is no error
        code = code or _report_error(error)
    sys.exit(code)


def main(arguments: Sequence[str]) -> int:
    """Run one command; returns its exit code, see `gansmith.errors`."""
    debug = "--debug" in arguments
    verb, *rest = [argument for argument in arguments if argument != "--debug"] or ["--help"]
    if verb in ("--help", "-h", "help"):
        verbs = "".join(f"  {verb:<13} {about}\n" for verb, about in VERBS.items())
        sys.stdout.write(HELP.format(verbs=verbs))
        return 0
    if verb == "--version":
        sys.stdout.write(f"gansmith {__version__}\n")
        return 0
    try:
        if verb not in VERBS:
            raise UsageError(unknown("command", verb, VERBS))
        _call(verb, rest)
    except SystemExit as leaving:  # after --help
        return leaving.code if isinstance(leaving.code, int) else 2
    except KeyboardInterrupt:
        sys.stderr.write("stopped.\n")
        return 130
    except Exception as error:
        if debug:
            traceback.print_exc()
        return _report_error(error)
    return 0


def _call(verb: str, arguments: Sequence[str]) -> None:
    from gansmith.cli import options  # imports tyro

    name = verb.replace("-", "_")
    module = importlib.import_module(f"gansmith.cli.{name}")
    if hasattr(module, "VERBS"):
        options.call_one_of(module.VERBS, f"gansmith {verb}", arguments)
    else:
        options.call(getattr(module, name), f"gansmith {verb}", arguments)


def _report_error(error: Exception) -> int:
    if isinstance(error, OSError) and error.filename and error.errno in PATHS:
        name = str(error.filename)
        shown = name if len(name) <= LONGEST_SHOWN else f"{name[:LONGEST_SHOWN]}..."
        error = UsageError(f"{shown} cannot be used: {error.strerror}.")
    if not isinstance(error, GansmithError):
        sys.stderr.write(f"internal error: {type(error).__name__}: {error}. This is a bug; --debug shows where.\n")
        return 1
    sys.stderr.write(f"{error}\n" if isinstance(error, Interrupted) else f"error: {error}\n")
    return error.exit_code
