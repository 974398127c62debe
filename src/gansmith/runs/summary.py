"""What the files of a run folder tell without torch: its status, progress, training time and best distance."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gansmith.errors import UsageError
from gansmith.runs.history import DECIDES, Evaluated, best_of, evaluations
from gansmith.runs.lock import has_writer
from gansmith.runs.run import Run, find_run, logged_seconds

KILLED = "killed"
"""Status of a run whose process ended before it could write another one."""
UNREADABLE = "unreadable"
"""Status of a run whose files are damaged."""
LONGEST_WORD = 40
"""Characters of a name in run.json that are kept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSummary:
    """The state of a run. Nothing that run.json holds is trusted to be of the right type."""

    run: Run
    info: dict[str, Any] = field(repr=False)
    """The content of run.json."""
    last_event: dict[str, Any] = field(repr=False)
    """The last line of events.jsonl."""
    history: list[Evaluated] = field(repr=False)
    """The evaluations during training, oldest first."""

    @property
    def has_ended(self) -> bool:
        """Whether run.json tells how the run ended."""
        return self.info.get("status") != "running"

    @property
    def status(self) -> str:
        """The status in run.json; "killed" when it says "running" and no process is training the run."""
        written = short_word(self.info.get("status")) or UNREADABLE
        return written if self.has_ended or has_writer(self.run) else KILLED

    @property
    def step(self) -> int:
        """The last step; the last logged one while the run is being trained."""
        written, logged = self.info.get("step"), self.last_event.get("step", 0)
        return written if type(written) is int and self.has_ended else logged

    @property
    def steps(self) -> int | None:
        """The length of the run."""
        images, batch_size = self.field("recipe", "length", "images"), self.field("recipe", "batch_size")
        if type(images) is not int or type(batch_size) is not int or batch_size < 1:
            return None
        return -(-images // batch_size)

    @property
    def seconds(self) -> float:
        """Training time over all sessions of the run."""
        return logged_seconds(self.last_event)

    @property
    def dataset(self) -> str:
        """The name of the dataset in the recipe; the last part of a path."""
        return Path(short_word(self.field("recipe", "data", "name"))).name or short_word(self.field("data", "name"))

    @property
    def best(self) -> Evaluated | None:
        """The evaluation with the lowest distance."""
        return best_of(self.history)

    def field(self, *names: str) -> Any:
        """A value of run.json; None when there is none."""
        value: Any = self.info
        for name in names:
            value = value.get(name) if isinstance(value, dict) else None
        return value

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        found = {
            "path": str(self.run.path),
            "name": self.run.path.name,
            **self.info,
            "status": self.status,
            "step": self.step,
            "seconds": self.seconds,
        }
        if best := self.best:
            found["best"] = {"step": best.step, DECIDES: best.value, "low": best.low, "high": best.high}
        return found


def summary(run: Run | Path | str, runs: Path | None = None) -> RunSummary:
    """The summary of a run, or of the run with this path, number or name below `runs`.

    Raises UsageError when there is no such run, or its files cannot be read.
    """
    found = find_run(run, runs)
    return RunSummary(run=found, info=found.info(), last_event=found.last_event(), history=evaluations(found))


def summary_or_unreadable(run: Run) -> RunSummary:
    """The summary of a run; an empty one with status "unreadable" when its files are damaged."""
    try:
        return summary(run)
    except UsageError:
        return RunSummary(run=run, info={}, last_event={}, history=[])


def short_word(value: object) -> str:
    """A text cut to `LONGEST_WORD` characters; an empty one for any other value."""
    text = value if isinstance(value, str) else ""
    return text if len(text) <= LONGEST_WORD else f"{text[: LONGEST_WORD - 1]}…"
