"""`gansmith runs compare` and `gansmith runs diff`."""

import re
import textwrap
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

import gansmith
from gansmith.cli.console import progress_bar
from gansmith.cli.options import Device, Features, Json, NumImages, Offline, Runs, Weights, option
from gansmith.cli.output import print_json, print_lines
from gansmith.cli.runs.show import text_width
from gansmith.errors import UsageError
from gansmith.runs.reporter import Lines
from gansmith.runs.run import Run, default_root, find_run


def compare(
    what: Annotated[
        Positional[tuple[str, ...]],
        option(
            "two runs or more, or named groups of runs such as hinge=1,2,3; runs without a name that differ in the "
            "seed only are one group",
            metavar="RUN|NAME=RUN,...",
        ),
    ],
    num: NumImages = None,
    metrics: Annotated[
        str | None,
        option(
            "metrics; default fd,kid,pr,dc as far as there are enough images; fd decides, else kid, else the first",
            metavar="NAME,...",
        ),
    ] = None,
    features: Features = "auto",
    weights: Weights = None,
    checkpoint: Annotated[str, option("checkpoint of each run", metavar="last|best|STEP")] = "last",
    page: Annotated[Path | None, option("file of the page; default in the folder of the runs", metavar="FILE")] = None,
    runs: Runs = None,
    device: Device = "auto",
    offline: Offline = False,
    json_: Json = False,
    markdown: Annotated[bool, option("print the table as Markdown")] = False,
    latex: Annotated[bool, option("print the table as LaTeX, for the package booktabs")] = False,
    csv: Annotated[bool, option("print the numbers as comma-separated values")] = False,
) -> None:
    """Compare runs: which make better images, as far as intervals allow, as a table, a page and a verdict.

    All are measured in the same way on their dataset's test split. Besides the last checkpoints, runs that were
    evaluated during training are compared after equal numbers of images and after equal training time.
    """
    if json_ + markdown + latex + csv > 1:
        raise UsageError("--json, --markdown, --latex and --csv each print all there is; give one of them.")
    root = runs or default_root()
    found = {name: [find_run(one, root) for one in members] for name, members in _groups(what).items()}
    numbers = "-".join(str(run.number) for members in found.values() for run in members)
    file = page or root / f"comparison-{numbers[:100]}.html"
    with progress_bar() as bar:
        comparison = gansmith.compare(
            found,
            metrics,
            num,
            features=features,
            weights=weights,
            checkpoint=checkpoint,
            page=file,
            device=device,
            offline=offline,
            reporter=Lines(),
            progress=bar.count,
        )
    if json_:
        print_json({**comparison.to_dict(), "page": str(file)})
    elif markdown:
        print_lines(comparison.to_markdown().splitlines())
    elif latex:
        print_lines(comparison.to_latex().splitlines())
    elif csv:
        print_lines(comparison.to_csv().splitlines())
    else:
        print_lines([*comparison.lines(), str(file)])


def _groups(what: Sequence[str]) -> dict[str, list[str]]:
    """The runs of each named group, and under "" those without a name. A path that exists is a run, even with a "="."""
    groups: dict[str, list[str]] = {}
    for text in what:
        name, is_named, members = text.partition("=")
        if not is_named or Path(text).exists():
            groups.setdefault("", []).append(text)
            continue
        if not name.strip() or "," in name or not all(members.split(",")):
            raise UsageError(f"{text} names no group of runs; write NAME=RUN,RUN, such as hinge=1,2,3.")
        groups.setdefault(name.strip(), []).extend(members.split(","))
    return groups


IGNORED = ("images.notes",)
"""Properties that are notes to the user."""


def diff(
    first: Annotated[Positional[str], arg(metavar="A", help="a run's path, number or name, or last")],
    second: Annotated[Positional[str], arg(metavar="B", help="another run")],
    runs: Runs = None,
    json_: Json = False,
) -> None:
    """Show what differs between two runs: fields of the recipe, images, machine and versions."""
    both = [find_run(wanted, runs) for wanted in (first, second)]
    a, b = (_properties(run) for run in both)
    differ = {key: [a.get(key), b.get(key)] for key in a | b if a.get(key) != b.get(key)}
    if json_:
        print_json(differ)
    elif not differ:
        print_lines(["the same recipe, images, machine and versions"])
    else:
        rows = [[key, *map(_as_text, values)] for key, values in differ.items()]
        print_lines(_rows([["", *(run.path.name for run in both)], *(row for row in rows if row[1] != row[2])]))


def _properties(run: Run) -> dict[str, object]:
    """Everything about a run, flat: "generator_optimizer.lr", "data.sha256.images", "machine.torch" and so on."""
    from gansmith.recipe_file import flat, recipe_of

    info = run.info()
    images = {f"images.{key}": value for key, value in flat(info.get("data", {})).items()}
    made_on = {key: info.get(key) for key in ("device", "precision")} | {"machine": info.get("machine", {})}
    found = flat(recipe_of(run).model_dump(mode="json")) | images | flat(made_on)
    return {key: value for key, value in found.items() if key not in IGNORED}


def _as_text(value: object) -> str:
    """A value as text; of a hash its first 12 digits."""
    text = "" if value is None else str(value)
    return text[:12] if re.fullmatch(r"[0-9a-f]{32,}", text) else text


def _rows(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Three columns, of which the last two are wrapped to fit the terminal."""
    widest_key = max(len(row[0]) for row in rows)
    room = max(20, (text_width() - widest_key - 4) // 2)
    widest_value = min(room, max(len(row[1]) for row in rows))
    for key, *values in rows:
        left, right = (textwrap.wrap(value, room) for value in values)
        for name, one, other in zip_longest([key], left, right, fillvalue=""):
            yield f"{name:<{widest_key}}  {one:<{widest_value}}  {other}".rstrip()
