"""Reading a verb's options, and the options that several verbs share."""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from tyro.conf import FlagCreatePairsOff, UseAppendAction, arg

from gansmith.runs import Run

Verb = Callable[..., None]

Runs = Annotated[Path | None, arg(metavar="DIR", help="folder of the runs; default $GANSMITH_RUNS or ./runs")]
Device = Annotated[
    Literal["auto", "cpu", "cuda", "mps"], arg(help="where to compute; auto takes a GPU if there is one")
]
Json = Annotated[bool, arg(help="print the result as JSON")]
Changes = Annotated[
    UseAppendAction[tuple[str, ...]],
    arg(name="set", metavar="FIELD=VALUE", help="replace a field of the recipe, e.g. batch=64; may be repeated"),
]


def call(verb: Verb, prog: str, arguments: Sequence[str]) -> None:
    """Call `verb` with what the arguments say; its signature is the list of options."""
    tyro.cli(verb, prog=prog, args=list(arguments), config=(FlagCreatePairsOff,))


def call_one_of(verbs: dict[str, Verb], prog: str, arguments: Sequence[str]) -> None:
    """Call the verb that the first argument names."""
    chosen: dict[str, Callable[..., Any]] = dict(verbs)
    tyro.extras.subcommand_cli_from_dict(chosen, prog=prog, args=list(arguments), config=(FlagCreatePairsOff,))


def print_result(run: Run, as_json: bool) -> None:
    """The run's path on stdout, or its description as JSON."""
    result = {"path": str(run.path), **run.info()}
    sys.stdout.write((json.dumps(result, indent=1) if as_json else str(run.path)) + "\n")
