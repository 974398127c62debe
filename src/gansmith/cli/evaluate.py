"""`gansmith evaluate`."""

import sys
from typing import TYPE_CHECKING, Annotated, Literal

from rich.console import Console
from rich.table import Table as RichTable
from tyro.conf import Positional, arg

import gansmith
from gansmith.cli.console import progress_bar
from gansmith.cli.options import (
    Device,
    Features,
    Json,
    NumImages,
    Offline,
    Runs,
    Weights,
    check_checkpoint_name,
    option,
)
from gansmith.cli.output import print_json, print_lines
from gansmith.generation.limits import check_seed
from gansmith.runs.reporter import Lines
from gansmith.runs.run import find_run_or_images

if TYPE_CHECKING:
    from gansmith.comparison.evaluate import Evaluation
    from gansmith.evaluation.text import MetricTable

WIDTH_WITH_EXPLANATIONS = 100
"""Columns of a terminal that has room for an explanation of each metric."""
WIDTH_OF_FILES = 120
"""Columns that are written when standard output is no terminal."""


def evaluate(
    what: Annotated[
        Positional[str],
        arg(metavar="RUN|FILE.npy|FOLDER", help="a run, an array uint8 (N, H, W, C), or a folder of PNG files"),
    ],
    against: Annotated[
        str | None, option("the real images, a known dataset or a path; default the run's own", metavar="NAME|PATH")
    ] = None,
    num: NumImages = None,
    metrics: Annotated[
        str | None, option("metrics, such as fd,kid,pr; default all that can be computed", metavar="NAME,...")
    ] = None,
    features: Features = "auto",
    weights: Weights = None,
    split: Annotated[
        Literal["train", "test", "extra", "both"] | None,
        option("split of the real images; default test, if there is one", metavar="train|test|extra|both"),
    ] = None,
    checkpoint: Annotated[str | None, option("checkpoint of the run; default last", metavar="last|best|STEP")] = None,
    seed: Annotated[int, option("seed of the generated images and of random choices in metrics", metavar="S")] = 0,
    runs: Runs = None,
    device: Device = "auto",
    offline: Offline = False,
    json_: Json = False,
) -> None:
    """Measure generated images against real ones: how similar they are, how diverse, and whether they are copies.

    Every metric has a 95 % interval. Beside it are the scores of real images (floor), blurred images and noise. The
    real images are the dataset's test split, if it has one. Nothing is written into the run's folder.
    """
    check_seed(seed)
    check_checkpoint_name(checkpoint or "last")
    find_run_or_images(what, runs)  # a wrong name is refused before torch is imported
    with progress_bar() as bar:
        found = gansmith.evaluate(
            what,
            against,
            metrics,
            num,
            features=features,
            weights=weights,
            split=split,
            checkpoint=checkpoint,
            seed=seed,
            runs=runs,
            device=device,
            offline=offline,
            reporter=Lines(),
            progress=bar.count,
        )
    if json_:
        print_json(found.to_dict())
    else:
        _print_evaluation(found)


def _print_evaluation(found: "Evaluation") -> None:
    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH_OF_FILES)
    protocol = found.measured.protocol
    real = f"{protocol.real:,} of {protocol.reference}, {protocol.split}"
    title = f"{found.title}: {protocol.fake:,} images against {real}; features {protocol.features}"
    console.print(title, markup=False, soft_wrap=True, style="bold")
    for table in found.tables():
        console.print()
        _print_table(console, _to_rich(table, console.width))
    for lines in (found.class_lines(), found.legend, [f"note: {note}" for note in found.notes]):
        if paragraph := "\n".join(lines):
            console.print(f"\n{paragraph}", markup=False, soft_wrap=True)


def _print_table(console: Console, table: RichTable) -> None:
    """Print a table; in a file its lines end without the blanks that fill their last column."""
    if console.is_terminal:
        console.print(table)
        return
    with console.capture() as captured:
        console.print(table)
    print_lines(line.rstrip() for line in captured.get().splitlines())


def _to_rich(table: "MetricTable", width: int) -> RichTable:
    """The table for a terminal; on a narrow one without the last column, which explains the metrics."""
    last = len(table.headings) - 1
    num_columns = len(table.headings) if width >= WIDTH_WITH_EXPLANATIONS else last
    rich_table = RichTable(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for column, heading in enumerate(table.headings[:num_columns]):
        justify = "left" if column == last or column < 2 else "right"
        style = "bold" if heading == "value" else "dim" if column >= 4 else None
        rich_table.add_column(heading, justify=justify, no_wrap=column != last, style=style)
    for row in table.rows:
        rich_table.add_row(*row[:num_columns])
    return rich_table
