"""`gansmith runs list` and `gansmith runs show`."""

import shlex
import shutil
import textwrap
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import UseAppendAction

from gansmith.checkpoints.manifest import named_best, saved_checkpoints
from gansmith.cli.options import Json, Runs, WhichRun, option
from gansmith.cli.output import print_json, print_lines, print_notes
from gansmith.cli.runs.keep import folder_size
from gansmith.errors import CheckpointError
from gansmith.runs.history import Evaluated
from gansmith.runs.listing import MOST_SETTINGS, differing_settings, select_runs, settings
from gansmith.runs.run import Run, default_root
from gansmith.runs.run import list_runs as find_runs
from gansmith.runs.summary import KILLED, RunSummary, short_word, summary, summary_or_unreadable
from gansmith.text import columns, command, duration, printable, readable_size

HEADINGS = ("run", "status", "step", "dataset", "best fd", "time", "started (UTC)")
"""Columns of the table."""


def list_runs(
    where: Annotated[
        UseAppendAction[tuple[str, ...]],
        option("only runs with this: recipe, status, dataset or a setting; repeatable", metavar="FIELD=VALUE"),
    ] = (),
    sort: Annotated[
        Literal["run", "fd", "step", "time", "status", "dataset"],
        option("order, lowest first", metavar="run|fd|step|time|status|dataset"),
    ] = "run",
    runs: Runs = None,
    json_: Json = False,
) -> None:
    """List the runs: status, step, dataset, best Fréchet distance, training time, and the settings that differ.

    The best distance is that of the evaluations during training.
    """
    root = runs or default_root()
    there = [summary_or_unreadable(run) for run in find_runs(root)]
    found = select_runs(there, where, sort)
    if json_:
        print_json([one.to_dict() for one in found])
    elif there and not found:
        print_notes([f"none of the {len(there):,} runs in {root} fits {' '.join(where)}"])
    elif not found:
        print_notes([f"no runs in {root}; start one with: gansmith train demo"])
    else:
        differing = differing_settings(found)
        shown = differing[:MOST_SETTINGS]
        rows = [[*_row(one), *(settings(one).get(name, "") for name in shown)] for one in found]
        print_lines(columns([[*HEADINGS, *shown], *rows], right_aligned={2, 4, 5}))
        if more := differing[MOST_SETTINGS:]:
            print_notes([f"{len(more):,} more settings differ; two runs are compared by: gansmith runs diff A B"])


def _row(one: RunSummary) -> tuple[str, ...]:
    step = f"{one.step:,}/{one.steps:,}" if one.steps else f"{one.step:,}"
    return (
        one.run.path.name,
        one.status,
        step if one.info else "",
        one.dataset,
        f"{one.best.value:.4g}" if one.best else "",
        duration(one.seconds) if one.seconds else "",
        time_of_day(one.info.get("started")),
    )


def show_run(run: WhichRun = "last", runs: Runs = None, json_: Json = False) -> None:
    """Show a run: its status, step and distances, and what its folder holds, such as checkpoints and sample grids."""
    found = summary(run, runs)
    if json_:
        sizes = {step: folder_size(folder) for step, folder in saved_checkpoints(found.run).items()}
        print_json({**found.to_dict(), "checkpoints": sizes, "last_event": found.last_event})
        return
    print_lines([printable(str(found.run.path))])
    for label, value in _values(found).items():
        print_lines(labelled(label, value))
    if found.status in (KILLED, "stopped"):  # not among the values, whose lines are broken at the terminal's width
        print_lines([f"go on with: {command('resume', found.run.path)}"])


def _values(found: RunSummary) -> dict[str, str | list[str]]:
    """The values of the screen by label; an empty one is not shown."""
    run, info = found.run, found.info
    figures = run.path / "figures" / "index.html"
    forked, source, notes = info.get("forked_from"), info.get("source"), info.get("notes")
    return {
        "status": ": ".join(filter(None, [found.status, _text(info.get("reason"))])),
        "step": f"{found.step:,} of {found.steps:,}" if found.steps else f"{found.step:,}",
        "time": _times(found),
        "images": _images(found),
        "device": ", ".join(filter(None, [short_word(info.get("device")), short_word(info.get("precision"))])),
        "losses": _losses(found.last_event),
        "distance": _distances(found.history, found.best),
        "checkpoints": _checkpoints(run),
        "grids": _grids(run),
        "report": str(run.report) if run.report.is_file() else "",
        "figures": str(figures) if figures.is_file() else "",
        "recipe": str(run.recipe_file),
        "forked from": f"{_text(forked.get('run'))} at step {forked.get('step')}" if isinstance(forked, dict) else "",
        "source": _text(source.get("file")) if isinstance(source, dict) else "",
        "command": _command(info.get("command")),
        "notes": [note for note in notes if isinstance(note, str)] if isinstance(notes, list) else [],
    }


def _times(found: RunSummary) -> str:
    started, ended = (time_of_day(found.info.get(name)) for name in ("started", "ended"))
    parts = [f"{duration(found.seconds)} of training"] if found.seconds else []
    if started:
        parts.append(f"started {started}")
    if ended and found.has_ended:
        parts.append(f"ended {ended}")
    return f"{', '.join(parts)} (UTC)" if started else ", ".join(parts)


def _images(found: RunSummary) -> str:
    count, shape, classes = (found.field("data", name) for name in ("count", "shape", "class_counts"))
    parts = [f"{count:,} of {found.dataset}" if type(count) is int else found.dataset]
    if isinstance(shape, list) and len(shape) == 3:
        channels, height, width = shape
        parts.append(f"{height}x{width}x{channels}")
    if num_classes := found.field("recipe", "data", "num_classes"):
        parts.append(f"conditional on {num_classes} classes")
    elif isinstance(classes, list) and classes:
        parts.append(f"{len(classes):,} classes")
    return ", ".join(filter(None, parts))


def _losses(event: dict[str, Any]) -> str:
    values = [event.get(name) for name in ("loss/d", "loss/g", "accuracy/real", "accuracy/fake")]
    if not all(isinstance(value, float | int) for value in values):
        return ""
    d, g, real, fake = values
    return f"D {d:.3f}, G {g:.3f}; D right on real {real:.0%}, fake {fake:.0%}, at step {event['step']:,}"


def _distances(history: list[Evaluated], best: Evaluated | None) -> str:
    if best is None:
        return ""
    last = history[-1]
    text = f"best {best.describe()} at step {best.step:,}"
    return text if last == best else f"{text}, last {last.describe()} at step {last.step:,}"


def _checkpoints(run: Run) -> str:
    try:
        saved = saved_checkpoints(run)
    except CheckpointError as error:
        return str(error)
    best = named_best(run)
    return ", ".join(
        f"{step:,} ({readable_size(folder_size(folder))}{', the best' if step == best else ''})"
        for step, folder in saved.items()
    )


def _grids(run: Run) -> str:
    grids = [file.name for file in sorted(run.samples.glob("*.png"))]
    if not grids:
        return ""
    return f"{len(grids):,} in {run.samples}, {grids[0]}" + (f" to {grids[-1]}" if len(grids) > 1 else "")


def _command(argv: object) -> str:
    if not (isinstance(argv, list) and argv and all(isinstance(one, str) for one in argv)):
        return ""
    is_gansmith = Path(argv[0]).name in ("gansmith", "__main__.py")
    return shlex.join(["gansmith", *argv[1:]] if is_gansmith else argv)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


MOST_COLUMNS = 100
"""Columns of text on a terminal that is at least as wide."""
LABEL_WIDTH = 13
"""Columns before the values of `gansmith runs show`."""


def text_width() -> int:
    """Columns for text on this terminal."""
    return max(40, min(shutil.get_terminal_size((MOST_COLUMNS, 24)).columns, MOST_COLUMNS))


def time_of_day(value: object) -> str:
    """2026-11-29 05:24 for "2026-11-29T05:24:29Z"; empty for what is no text."""
    return value[:16].replace("T", " ") if isinstance(value, str) else ""


def labelled(label: str, value: str | list[str]) -> list[str]:
    """A value beside its label, in lines that fit the terminal; each item of a list begins a line."""
    indent, lines = " " * LABEL_WIDTH, []
    continued = indent if isinstance(value, str) else f"{indent}  "
    for text in [value] if isinstance(value, str) else value:
        lines += textwrap.wrap(
            printable(text),
            text_width(),
            initial_indent=indent if lines else f"{label:<{LABEL_WIDTH}}",
            subsequent_indent=continued,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return lines
