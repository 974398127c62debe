"""Reads the options of a verb, and holds the options that several verbs share."""

import re
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from functools import partial, wraps
from io import StringIO
from itertools import takewhile
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from tyro.conf import FlagCreatePairsOff, Positional, UseAppendAction, arg

from gansmith.cli.expected import expected
from gansmith.errors import UsageError, unknown

Verb = Callable[..., None]

IMAGES = "a known dataset, or a folder, .zip, .tar, .parquet or .npy of images; classes in brackets: cifar10[ship]"
"""Help of the argument that names images to check or pack."""
_FIELDS = {
    "data": (("data.name",), "the images"),
    "size": (("data.height", "data.width"), "the size of the images"),
    "batch-size": (("batch_size",), "the batch size"),
    "lr": (("discriminator_optimizer.lr", "generator_optimizer.lr"), "the learning rate"),
    "steps": (("length.images",), "the length of the run"),
    "images": (("length.images",), "the length of the run"),
    "budget": (("length.images",), "the length of the run"),
    "seed": (("seed",), "the seed"),
    "precision": (("precision",), "the precision"),
}
"""Options that set fields of the recipe, and the meaning of these fields."""


def option(about: str, **settings: Any) -> Any:
    """The help of an option; defaults without a meaning to users are not shown."""
    return arg(
        help=about,
        help_behavior_hint=lambda value: "" if value in ("None", "False", "") else f"(default: {value})",
        **settings,
    )


Runs = Annotated[Path | None, option("folder of the runs; default $GANSMITH_RUNS or ./runs", metavar="DIR")]
Device = Annotated[Literal["auto", "cpu", "cuda", "mps"], option("auto takes a GPU if there is one")]
Offline = Annotated[bool, option("never use the network, like GANSMITH_OFFLINE=1")]
Features = Annotated[str, option("feature network; auto takes the one that suits the dataset", metavar="NAME")]
Weights = Annotated[Path | None, option("local file with weights, for inception and dinov2", metavar="FILE")]
AllowDropped = Annotated[bool, option("continue although more than 1 % of the images cannot be used")]
Json = Annotated[bool, option("print the result as JSON", name="json")]
Changes = Annotated[
    UseAppendAction[tuple[str, ...]],
    option("replace a field of the recipe, e.g. batch_size=64; may be repeated", name="set", metavar="FIELD=VALUE"),
]
SplitOption = Annotated[
    Literal["train", "test", "extra", "both"],
    option("split of a dataset, or part of your own images; both is train, then test", metavar="train|test|extra|both"),
]
Size = Annotated[str | None, option("side, or height x width; default as the images suggest", metavar="S|HxW")]
Workers = Annotated[int | None, option("decoding processes; default one per core", metavar="N")]
NumImages = Annotated[
    int | None,
    option("generated images; default 10,000, or as many as there are real", aliases=["-n"], metavar="N"),
]
WhichRun = Annotated[Positional[str], arg(metavar="RUN", help="a run's path, number or name, or last")]


def call(verb: Verb, prog: str, arguments: Sequence[str]) -> None:
    """Call `verb` with the arguments, parsed by its signature. Raises UsageError for arguments that do not fit."""
    errors = StringIO()
    try:
        with redirect_stderr(errors):  # the verb itself is called outside: its messages are no parser errors
            bound = tyro.cli(_bound(verb), prog=prog, args=list(arguments), config=(FlagCreatePairsOff,))
    except SystemExit as leaving:
        if not leaving.code:
            raise
        raise UsageError(f"{one_sentence(errors.getvalue(), verb, arguments)} See: {prog} --help.") from None
    bound()


def call_one_of(verbs: dict[str, Verb], prog: str, arguments: Sequence[str]) -> None:
    """Call the verb that the first argument names. Raises UsageError for an unknown one, and as `call`."""
    if not arguments:
        raise UsageError(f"{prog} needs a command: {', '.join(verbs)}. See: {prog} --help.")
    name, *rest = arguments
    if name in ("-h", "--help"):
        chosen: dict[str, Callable[..., Any]] = dict(verbs)
        tyro.extras.subcommand_cli_from_dict(chosen, prog=prog, args=[name], config=(FlagCreatePairsOff,))
    if name not in verbs:
        raise UsageError(unknown(f"command of {prog}", name, verbs))
    call(verbs[name], f"{prog} {name}", rest)


def _bound(verb: Verb) -> Callable[..., Verb]:
    """A function with the verb's options that returns the verb with these options bound, not called yet."""

    @wraps(verb)
    def bind(*arguments: Any, **options: Any) -> Verb:
        return partial(verb, *arguments, **options)

    return bind


def check_checkpoint_name(checkpoint: str) -> None:
    """Raise UsageError for a value that can name no checkpoint."""
    if checkpoint not in ("last", "best") and not checkpoint.isdecimal():
        raise UsageError(f"--checkpoint {checkpoint[:80]!r} is no checkpoint; give last, best or the number of a step.")


def check_changes(changes: Sequence[str], **options: object) -> None:
    """Raise UsageError when an option and a --set both set the same field."""
    from gansmith.recipe_file import assigned, flat

    for change in changes:
        changed = flat(assigned(change))
        for option, value in options.items():
            name = option.replace("_", "-")
            fields, what = _FIELDS[name]
            if value is not None and any(f"{one}.".startswith(f"{field}.") for field in fields for one in changed):
                raise UsageError(f"--{name} {value} and --set {change} both set {what}; give one of them.")


def parse_size(size: str | None) -> tuple[int, int] | None:
    """Height and width of "64" or "96x64". Raises UsageError for anything else."""
    if size is None:
        return None
    sides = size.lower().split("x")
    if not (len(sides) <= 2 and all(side.isdecimal() and 1 <= int(side) <= 4096 for side in sides)):
        raise UsageError(f"--size {size!r} is neither a side nor HEIGHTxWIDTH in 1 to 4096; try 64 or 96x64.")
    return int(sides[0]), int(sides[-1])


_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
"""Colours of a terminal."""

_PATTERNS: tuple[tuple[str, str], ...] = (
    (r"Error parsing (\S+): .*(?: from \[|to float: |base 10: )(.*?)(?:\]\.)?$", "{} cannot be {}."),
    (r"Missing value for argument '(.*)'", "{} needs a value."),
    (r"Unrecognized options: ([^-,][^,]*)", "{!r} is one argument too many."),
)
"""Beginnings of tyro's errors, and the sentences that replace them."""


def one_sentence(box: str, verb: Callable[..., object], arguments: Sequence[str] = ()) -> str:
    """The first paragraph of the box, in words that name the option, the value, and the closest match."""
    rows = [row.strip("│ ") for row in _ESCAPES.sub("", box).splitlines()[1:-1]]
    text = " ".join(takewhile(lambda row: row and not row.startswith("─"), rows))
    if found := re.match(r"Unrecognized options: (-[^,=]*)", text):
        option, known = found[1].split()[0], _option_names(verb)
        if told := expected(verb.__name__, option, arguments, known):
            return told
        fields = " Fields of the recipe: --set FIELD=VALUE, see gansmith recipes show auto." if "--set" in known else ""
        return unknown("option", option, known) + fields
    if found := re.match(r"invalid choice '(.*)' for argument '(.*?)'\. Expected one of \((.*)\)", text):
        choices = {choice.strip(" '") for choice in found[3].split(",")} - {"", "None"}
        return unknown(f"value of {found[2]}", found[1], choices)
    if text.startswith("Missing from "):
        return f"{rows[1]} is missing."
    for pattern, sentence in _PATTERNS:
        if found := re.match(pattern, text):
            return sentence.format(*found.groups())
    return text


def _option_names(verb: Callable[..., object]) -> set[str]:
    """The options in the verb's help."""
    text = StringIO()
    with redirect_stdout(text), suppress(SystemExit):
        tyro.cli(verb, args=["--help"], config=(FlagCreatePairsOff,))
    return set(re.findall(r"(?<!\S)--[a-z][a-z-]+", _ESCAPES.sub("", text.getvalue())))
