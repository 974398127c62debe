"""Reading a verb's options, and the options that several verbs share."""

import json
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from functools import partial, wraps
from io import StringIO
from itertools import takewhile
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from tyro.conf import FlagCreatePairsOff, Positional, UseAppendAction, arg

from gansmith.errors import DataError, UsageError, unknown
from gansmith.runs.run import Run, default_root, find_run

Verb = Callable[..., None]

_FIELDS = {
    "data": ("data.name", "which images are meant"),
    "steps": ("length.images", "how long the run is"),
    "budget": ("length.images", "how long the run is"),
    "seed": ("seed", "what the seed is"),
    "precision": ("precision", "what the precision is"),
}
"""Options that set a field of the recipe, and what it says."""

_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def option(about: str, **how: Any) -> Any:
    """An option's help, without the defaults that say nothing."""
    return arg(
        help=about,
        help_behavior_hint=lambda value: "" if value in ("None", "False", "") else f"(default: {value})",
        **how,
    )


Runs = Annotated[Path | None, option("folder of the runs; default $GANSMITH_RUNS or ./runs", metavar="DIR")]
Device = Annotated[Literal["auto", "cpu", "cuda", "mps"], option("where to compute; auto takes a GPU if there is one")]
Offline = Annotated[bool, option("never touch the network, like GANSMITH_OFFLINE=1")]
Features = Annotated[str, option("the network that looks at images; auto suits the set", metavar="NAME")]
Weights = Annotated[Path | None, option("local file, which inception and dinov2 need", metavar="FILE")]
AllowDropped = Annotated[bool, option("go on when more than 1 % of the images cannot be used")]
Json = Annotated[bool, option("print the result as JSON", name="json")]
Changes = Annotated[
    UseAppendAction[tuple[str, ...]],
    option("replace a field of the recipe, e.g. batch_size=64; may be repeated", name="set", metavar="FIELD=VALUE"),
]
WhichRun = Annotated[Positional[str], arg(metavar="RUN", help="a run's path, number or name, or last")]


def call(verb: Verb, prog: str, arguments: Sequence[str]) -> None:
    """Call `verb` with what the arguments say; its signature is the list of options.

    Raises UsageError for what it does not say.
    """
    said = StringIO()
    try:
        with redirect_stderr(said):  # the verb is called outside: what it says is not the parser's
            bound = tyro.cli(_later(verb), prog=prog, args=list(arguments), config=(FlagCreatePairsOff,))
    except SystemExit as leaving:
        if not leaving.code:
            raise
        raise UsageError(f"{_in_a_sentence(said.getvalue(), verb)} See: {prog} --help.") from None
    bound()


def call_one_of(verbs: dict[str, Verb], prog: str, arguments: Sequence[str]) -> None:
    """Call the verb that the first argument names. Raises UsageError when there is none, and as `call`."""
    if not arguments:
        raise UsageError(f"{prog} needs a command: {', '.join(verbs)}. See: {prog} --help.")
    name, *rest = arguments
    if name in ("-h", "--help"):
        chosen: dict[str, Callable[..., Any]] = dict(verbs)
        tyro.extras.subcommand_cli_from_dict(chosen, prog=prog, args=[name], config=(FlagCreatePairsOff,))
    if name not in verbs:
        raise UsageError(unknown(f"command of {prog}", name, verbs))
    call(verbs[name], f"{prog} {name}", rest)


def _later(verb: Verb) -> Callable[..., Verb]:
    """Takes the verb's options, and returns the verb with them, not called yet."""

    @wraps(verb)
    def bind(*arguments: Any, **options: Any) -> Verb:
        return partial(verb, *arguments, **options)

    return bind


def _in_a_sentence(box: str, verb: Verb) -> str:
    """What the parser says in a box of several paragraphs, of which the first matters."""
    rows = [row.strip("│ ") for row in _ESCAPES.sub("", box).splitlines()[1:-1]]
    first = list(takewhile(lambda row: row and not row.startswith("─"), rows))
    text = " ".join(first)
    if found := re.match(r"Unrecognized options: ([^,]+)", text):
        if not found[1].startswith("-"):
            return f"{found[1]!r} is one argument too many."
        return unknown("option", found[1].partition("=")[0], _options_of(verb))
    if found := re.match(r"invalid choice '(.*)' for argument '(.*?)'\. Expected one of \((.*)\)", text):
        choices = {choice.strip(" '") for choice in found[3].split(",")} - {"", "None"}
        return unknown(f"value of {found[2]}", found[1], choices)
    if found := re.match(r"Error parsing (\S+): .*(?: from \[|to float: |base 10: )(.*?)(?:\]\.)?$", text):
        return f"{found[1]} cannot be {found[2]}."
    if found := re.match(r"Missing value for argument '(.*)'", text):
        return f"{found[1]} needs a value."
    if text.startswith("Missing from "):
        return f"{first[1]} is missing."
    return text


def _options_of(verb: Verb) -> set[str]:
    """The names of a verb's options, as its help tells them."""
    told = StringIO()
    with redirect_stdout(told), suppress(SystemExit):
        tyro.cli(verb, args=["--help"], config=(FlagCreatePairsOff,))
    return set(re.findall(r"(?<!\S)--[a-z][a-z-]+", _ESCAPES.sub("", told.getvalue())))


def print_result(run: Run, as_json: bool) -> None:
    """The run's path on stdout, or its description as JSON."""
    result = {"path": str(run.path), **run.info()}
    sys.stdout.write((json.dumps(result, indent=1) if as_json else str(run.path)) + "\n")


def run_or_images(what: str, runs: Path | None) -> Run | Path:
    """What is to be measured: a path that is there and is no run is images. Raises UsageError and DataError."""
    path = Path(what).expanduser()
    if what != "last" and path.exists() and not (path / "run.json").is_file():
        return path
    if path.suffix == ".npy":
        raise DataError(f"{path} does not exist; give a .npy file of images, uint8 (N, H, W, C).")
    return find_run(what, runs or default_root())


def check_has_checkpoint(checkpoint: str) -> None:
    """Raise UsageError for what names no state of any run."""
    if checkpoint not in ("last", "best") and not checkpoint.isdecimal():
        raise UsageError(f"--checkpoint {checkpoint[:80]!r} is no state of a run; give last, best or a step's number.")


def check_steps(steps: int | None) -> None:
    """Raise UsageError for a length below one step."""
    if steps is not None and steps < 1:
        raise UsageError(f"--steps {steps} is no length; give 1 or more.")


def check_given_once(changes: Sequence[str], **options: object) -> None:
    """Raise UsageError when one of these options and a --set both say what a field is; None was not given."""
    from gansmith.recipe_file import assigned, flat

    for change in changes:
        for name, value in options.items():
            field, what = _FIELDS[name]
            if value is not None and field in flat(assigned(change)):
                raise UsageError(f"--{name} {value} and --set {change} both say {what}; give one of them.")


def as_set_or_path(data: str) -> str:
    """A known set's name as it is, and a path from the root, so that the run can be continued from anywhere."""
    from gansmith.data.datasets.catalog import SETS
    from gansmith.data.selection import parse_name
    from gansmith.data.sources import path_of

    name = parse_name(data).name
    return data if name in SETS else f"{path_of(name).resolve()}{data.removeprefix(name)}"
