"""Reading a verb's options, and the options that several verbs share."""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from tyro.conf import FlagCreatePairsOff, Positional, UseAppendAction, arg

from gansmith.runs import Run

Verb = Callable[..., None]


def option(about: str, **how: Any) -> Any:
    """An option's help, without the defaults that say nothing."""
    return arg(
        help=about, help_behavior_hint=lambda value: "" if value in ("None", "False") else f"(default: {value})", **how
    )


Runs = Annotated[Path | None, option("folder of the runs; default $GANSMITH_RUNS or ./runs", metavar="DIR")]
Device = Annotated[Literal["auto", "cpu", "cuda", "mps"], option("where to compute; auto takes a GPU if there is one")]
Offline = Annotated[bool, option("never touch the network, like GANSMITH_OFFLINE=1")]
Json = Annotated[bool, option("print the result as JSON", name="json")]
Changes = Annotated[
    UseAppendAction[tuple[str, ...]],
    option("replace a field of the recipe, e.g. batch=64; may be repeated", name="set", metavar="FIELD=VALUE"),
]
WhichRun = Annotated[Positional[str], arg(metavar="RUN", help="a run's path, number or name, or last")]


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
