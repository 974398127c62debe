"""`gansmith runs list` and `show`: what runs are and how far they came, for people; all that is known by --json."""

import json
import shlex
import shutil
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from gansmith.checkpoints.manifest import named_best, saved_checkpoints
from gansmith.cli.options import Json, Runs, WhichRun
from gansmith.data.datasets.download import readable_size
from gansmith.errors import CheckpointError, UsageError
from gansmith.runs.history import DECIDES, Evaluated, best_of, evaluations
from gansmith.runs.lock import has_writer
from gansmith.runs.run import Run, default_root, find_run, seconds_at
from gansmith.runs.run import list_runs as runs_under
from gansmith.text import duration

WIDEST = 100
"""Columns of text, on a terminal that has as many."""

KILLED, UNREADABLE = "killed", "unreadable"
"""What runs are listed as that could not say so themselves."""

_MOST = 40
"""Characters of a name or a word that are shown."""


def list_runs(runs: Runs = None, json_: Json = False) -> None:
    """List the runs, oldest first: how each stands, its images, its best Fréchet distance and its training time."""
    root = runs or default_root()
    found = [_read(run) for run in runs_under(root)]
    if json_:
        sys.stdout.write(json.dumps([one.listed() for one in found], indent=1) + "\n")
    elif not found:
        sys.stderr.write(f"no runs in {root}; start one with: gansmith train demo\n")
    else:
        heading = ("run", "status", "step", "images", "best fd", "time", "started (UTC)")
        sys.stdout.write(_table([heading, *(one.row() for one in found)], right={2, 4, 5}))


def show(
    run: WhichRun = "last",
    runs: Runs = None,
    json_: Json = False,
) -> None:
    """Show what a run is, how far it came, and what its folder holds: checkpoints, the best of them, and sheets."""
    found = find_run(run, runs or default_root())
    known = Known(run=found, info=found.info(), event=found.last_event(), history=evaluations(found))
    if json_:
        sizes = {step: _bytes_in(folder) for step, folder in saved_checkpoints(found).items()}
        facts = {**known.listed(), "checkpoints": sizes, "last_event": known.event}
        sys.stdout.write(json.dumps(facts, indent=1) + "\n")
        return
    sys.stdout.write(f"{_plain(str(found.path))}\n")
    for what, said in _screen(known).items():
        sys.stdout.write("".join(f"{line}\n" for line in _wrapped(what, said)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What the files of a run say; their values may be of any type."""

    run: Run
    info: dict[str, Any]
    event: dict[str, Any]
    """The last one."""
    history: list[Evaluated]

    @property
    def has_ended(self) -> bool:
        """Whether run.json tells how."""
        return self.info.get("status") != "running"

    @property
    def status(self) -> str:
        """As run.json has it, which a run that was killed left as it was."""
        return _word(self.info.get("status")) if self.has_ended or has_writer(self.run) else KILLED

    @property
    def step(self) -> int:
        """The last that was logged while the run is being trained, which run.json tells only once it has ended."""
        noted, logged = self.info.get("step"), self.event.get("step", 0)
        return noted if type(noted) is int and self.has_ended else logged

    @property
    def steps(self) -> int | None:
        """All there will be."""
        images, batch = self.field("recipe", "length", "images"), self.field("recipe", "batch_size")
        return -(-images // batch) if type(images) is int and type(batch) is int and batch > 0 else None

    @property
    def images(self) -> str:
        """The set as the recipe names it, a path by its end."""
        return Path(_word(self.field("recipe", "data", "name"))).name or _word(self.field("data", "name"))

    def field(self, *names: str) -> Any:
        """A value of run.json; None where it is not."""
        value: Any = self.info
        for name in names:
            value = value.get(name) if isinstance(value, dict) else None
        return value

    def listed(self) -> dict[str, Any]:
        """As plain data for JSON."""
        best = best_of(self.history)
        measured = (
            {"best": {"step": best.step, DECIDES: best.value, "low": best.low, "high": best.high}} if best else {}
        )
        return {
            "path": str(self.run.path),
            "name": self.run.path.name,
            **self.info,
            "status": self.status or UNREADABLE,
            "step": self.step,
            "seconds": seconds_at(self.event),
            **measured,
        }

    def row(self) -> tuple[str, ...]:
        """As a line of the table."""
        best, seconds = best_of(self.history), seconds_at(self.event)
        return (
            self.run.path.name,
            self.status or UNREADABLE,
            f"{self.step:,}" + (f"/{self.steps:,}" if self.steps else "") if self.info else "",
            self.images,
            f"{best.value:.4g}" if best else "",
            duration(seconds) if seconds else "",
            _moment(self.info.get("started")),
        )


def _read(run: Run) -> Known:
    """What is known of a run; one whose files are damaged does not hide the others."""
    try:
        return Known(run=run, info=run.info(), event=run.last_event(), history=evaluations(run))
    except UsageError:
        return Known(run=run, info={}, event={}, history=[])


def _screen(known: Known) -> dict[str, str | list[str]]:
    """What matters of a run, in the order in which one asks; what there is none of, is left out."""
    run, info = known.run, known.info
    figures = run.path / "figures" / "index.html"
    forked, source = info.get("forked_from"), info.get("source")
    lines: dict[str, str | list[str]] = {
        "status": _status(known),
        "step": f"{known.step:,}" + (f" of {known.steps:,}" if known.steps else ""),
        "time": _times(known),
        "images": _images(known),
        "device": ", ".join(filter(None, [_word(info.get("device")), _word(info.get("precision"))])),
        "losses": _losses(known.event),
        "distance": _distances(known.history),
        "checkpoints": _checkpoints(run),
        "sheets": _sheets(run),
        "report": str(run.report) if run.report.is_file() else "",
        "figures": str(figures) if figures.is_file() else "",
        "recipe": str(run.recipe_file),
        "forked from": f"{_text(forked.get('run'))} at step {forked.get('step')}" if isinstance(forked, dict) else "",
        "source": _text(source.get("file")) if isinstance(source, dict) else "",
        "command": _command(info.get("command")),
        "notes": [one for one in info["notes"] if isinstance(one, str)] if _is_list(info.get("notes")) else [],
    }
    return {what: said for what, said in lines.items() if said}


def _status(known: Known) -> str:
    goes_on = f"gansmith resume {known.run.path} goes on" if known.status in (KILLED, "stopped") else ""
    return ": ".join(filter(None, [known.status, _text(known.info.get("reason")) or goes_on]))


def _times(known: Known) -> str:
    seconds = seconds_at(known.event)
    began, ended = (_moment(known.info.get(name)) for name in ("started", "ended"))
    parts = [f"{duration(seconds)} of training"] if seconds else []
    parts += [f"begun {began}"] if began else []
    parts += [f"ended {ended}"] if ended and known.has_ended else []
    return ", ".join(parts) + " (UTC)" * bool(began)


def _images(known: Known) -> str:
    count, shape, classes = (known.field("data", name) for name in ("count", "shape", "class_counts"))
    parts = [f"{count:,} of {known.images}" if type(count) is int else known.images]
    if _is_list(shape) and len(shape) == 3:
        channels, height, width = shape
        parts.append(f"{height}x{width}x{channels}")
    if told := known.field("recipe", "data", "classes"):
        parts.append(f"told apart by {told} classes")
    elif _is_list(classes) and classes:
        parts.append(f"{len(classes):,} classes")
    return ", ".join(filter(None, parts))


def _losses(event: dict[str, Any]) -> str:
    values = [event.get(name) for name in ("loss/d", "loss/g", "accuracy/real", "accuracy/fake")]
    if not all(isinstance(value, float | int) for value in values):
        return ""
    d, g, real, fake = values
    return f"D {d:.3f}, G {g:.3f}; D right on real {real:.0%}, fake {fake:.0%}, at step {event['step']:,}"


def _distances(history: list[Evaluated]) -> str:
    best = best_of(history)
    if best is None:
        return ""
    last = history[-1]
    both = [f"best {best.describe()} at step {best.step:,}"]
    both += [f"last {last.describe()} at step {last.step:,}"] if last != best else []
    return ", ".join(both)


def _checkpoints(run: Run) -> str:
    try:
        saved = saved_checkpoints(run)
    except CheckpointError as error:
        return str(error)
    best = named_best(run)
    return ", ".join(
        f"{step:,} ({readable_size(_bytes_in(folder))}{', the best' if step == best else ''})"
        for step, folder in saved.items()
    )


def _sheets(run: Run) -> str:
    sheets = [file.name for file in sorted(run.samples.glob("*.png"))]
    if not sheets:
        return ""
    return f"{len(sheets):,} in {run.samples}, {sheets[0]}" + (f" to {sheets[-1]}" if len(sheets) > 1 else "")


def _command(argv: object) -> str:
    if not (_is_list(argv) and argv and all(isinstance(one, str) for one in argv)):
        return ""
    ours = Path(argv[0]).name in ("gansmith", "__main__.py")
    return shlex.join(["gansmith", *argv[1:]] if ours else argv)


def _bytes_in(folder: Path) -> int:
    return sum(file.lstat().st_size for file in folder.iterdir())


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _word(value: object) -> str:
    text = _text(value)
    return text if len(text) <= _MOST else f"{text[: _MOST - 1]}…"


def _moment(value: object) -> str:
    """2026-11-29T05:24:29Z without the seconds."""
    return _word(value)[:16].replace("T", " ")


def _plain(text: str) -> str:
    """Without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _table(rows: Sequence[Sequence[str]], right: set[int]) -> str:
    """Lines of columns as wide as need be, those in `right` with their ends below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [f"{cell:{'>' if i in right else '<'}{widths[i]}}" for i, cell in enumerate(map(_plain, row))]
        lines.append("  ".join(cells).rstrip() + "\n")
    return "".join(lines)


def text_width() -> int:
    """Columns that a text for people may take here."""
    return max(40, min(shutil.get_terminal_size((WIDEST, 24)).columns, WIDEST))


def _wrapped(what: str, said: str | list[str]) -> list[str]:
    """A fact in lines that fit the terminal, beside its name; of several, each begins its own line."""
    indent, lines = " " * 13, []
    for text in said if isinstance(said, list) else [said]:
        more = indent + "  " * isinstance(said, list)
        lines += textwrap.wrap(
            _plain(text),
            text_width(),
            initial_indent=indent if lines else f"{what:<13}",
            subsequent_indent=more,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return lines
