"""The run folder: plain files, numbered, never reused; the interface between training, command line and report.

run.json       what ran, where, on what; its status
recipe.toml    the resolved recipe, which can be trained again
events.jsonl   a line per logged step; clock readings are under "time", everything else repeats exactly
metrics.jsonl  a line per evaluation and per reading of the validation losses, if the recipe has them
log.txt        the notes that were printed
control/       requests to a running training: `touch control/stop` saves and stops, as SIGTERM does; `save` saves and
               goes on; `sample` draws a grid. They are looked for 4 times a second and removed when obeyed
.lock          who is training the run; see `gansmith.runs.lock`
reals.png      real images;  samples/<step>.png  the grids of the same latents at every step
checkpoints/   <step>/ and the text files `latest` and `best`, which name two; damaged ones are set aside as .bad-<step>
curves.png  distance.png  evolution.png  report.html      rewritten at sample grids, and when the run ends
figures/       the figures of the recipe's article, drawn by `gansmith runs figures`
"""

import json
import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gansmith.errors import DataError, DiskError, UsageError
from gansmith.runs.logs import append_line, read_last_line, read_lines
from gansmith.runs.renamed import of_today
from gansmith.system.atomic import remove_leftovers, sync_file, write_atomically
from gansmith.system.locks import lock_file
from gansmith.system.names import file_and_array, portable_name
from gansmith.system.untrusted import read_json
from gansmith.text import why_no_path

EVENTS = "events.jsonl"
"""The log of training steps."""
METRICS = "metrics.jsonl"
"""The log of evaluations and validation losses."""
MOST_SECONDS = 1e9
"""Longest training time that is believed, some 30 years: a damaged file may hold any number."""
MOST_NAMED = 5
"""Newest runs that an error names when a run is not found."""

_FOLDER_NAME = re.compile(r"(\d{5,})-(.+)")


@dataclass(frozen=True, slots=True)
class Run:
    """A run folder."""

    path: Path

    @property
    def number(self) -> int:
        """The number its name begins with."""
        return int(self.path.name.split("-")[0])

    @property
    def recipe_file(self) -> Path:
        """The resolved recipe."""
        return self.path / "recipe.toml"

    @property
    def samples(self) -> Path:
        """Folder of the sample grids, named by step."""
        return self.path / "samples"

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints, named by step."""
        return self.path / "checkpoints"

    @property
    def control(self) -> Path:
        """Folder of the requests to a running training."""
        return self.path / "control"

    @property
    def report(self) -> Path:
        """The page with everything about the run."""
        return self.path / "report.html"

    def info(self) -> dict[str, Any]:
        """What run.json holds. Raises UsageError when it cannot be read."""
        try:
            info = read_json(self.path / "run.json")
            if not isinstance(info, dict):
                raise ValueError("it holds no table")
        except (OSError, ValueError) as error:
            raise UsageError(f"{self.path / 'run.json'} cannot be read ({error}); is this a run folder?") from error
        return of_today(info)

    def update(self, **changes: Any) -> None:
        """Put these values into run.json."""
        known = self.info() if (self.path / "run.json").exists() else {}
        write_atomically(self.path / "run.json", json.dumps(known | changes, indent=1) + "\n")

    def append_event(self, event: dict[str, Any]) -> None:
        """Add a line to events.jsonl."""
        append_line(self.path / EVENTS, json.dumps(event))

    def append_metric(self, metric: dict[str, Any]) -> None:
        """Add a line to metrics.jsonl."""
        append_line(self.path / METRICS, json.dumps(metric))

    def events(self) -> list[dict[str, Any]]:
        """The lines of events.jsonl before the first one that a crash cut short."""
        return read_lines(self.path / EVENTS)

    def metrics(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl before the first one that a crash cut short."""
        return read_lines(self.path / METRICS)

    def last_event(self) -> dict[str, Any]:
        """The last whole line of events.jsonl, read from its end; empty when there is none. Raises UsageError."""
        return read_last_line(self.path / EVENTS)

    def seconds_spent(self) -> float:
        """Training time up to the last logged step, over all sessions of the run."""
        return logged_seconds(self.last_event())

    def keep_lines(self, name: str, is_kept: Callable[[dict[str, Any]], bool]) -> None:
        """Keep only some lines of events.jsonl or metrics.jsonl; a line that a crash cut short goes, too."""
        if (self.path / name).exists():
            kept = [json.dumps(line) + "\n" for line in read_lines(self.path / name) if is_kept(line)]
            write_atomically(self.path / name, "".join(kept))

    def sync_logs(self) -> None:
        """Bring the lines written so far to disk. Raises OSError."""
        for name in (EVENTS, METRICS):
            sync_file(self.path / name)

    def check_no_links(self) -> None:
        """Raise UsageError for a link, pipe or device among the run's files: all writing stays in the run folder."""
        for path in (*self._folders(), *(self.path / name for name in (".lock", "log.txt", EVENTS, METRICS))):
            if path.is_symlink() or not (path.is_dir() or path.is_file() or not path.exists()):
                raise UsageError(f"{path} is a link, a pipe or a device, and no run writes to one; remove it.")

    def remove_leftovers(self) -> None:
        """Remove a killed process's unfinished files; only the run's writer may. Raises DiskError and UsageError."""
        self.check_no_links()
        try:
            for folder in (self.path, *self._folders()):
                remove_leftovers(folder)
        except OSError as error:
            raise DiskError(f"{error.filename} cannot be removed: {error.strerror}.") from error

    def _folders(self) -> tuple[Path, ...]:
        return self.samples, self.checkpoints, self.control, self.path / "figures"


def logged_seconds(event: dict[str, Any]) -> float:
    """The training time in a line of events.jsonl, over all sessions of the run; 0 when there is none."""
    time = event.get("time")
    seconds = time.get("seconds") if isinstance(time, dict) else None
    return float(seconds) if isinstance(seconds, int | float) and 0 <= seconds < MOST_SECONDS else 0.0


def default_root() -> Path:
    """$GANSMITH_RUNS, or runs/ in the current folder."""
    return Path(os.environ.get("GANSMITH_RUNS") or "runs")


def folder_name(given: str) -> str:
    """The name of a run, if a folder can have it. Raises UsageError otherwise."""
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}", given):
        return given
    if odd := re.search(r"[^A-Za-z0-9._:-]", given):
        why = f", which holds {odd[0]!r}"
    else:
        why = f", which has {len(given)}" if len(given) > 100 else f", which begins with {given[0]!r}" if given else ""
    raise UsageError(
        "name must be up to 100 letters of a to z, digits and . _ : -, the first a letter or digit, got "
        f"{given[:200]!r}{why}."
    )


def check_root(root: Path) -> None:
    """Raise DiskError when no run folder can be made in `root`; nothing is made."""
    try:
        nearest = next(path for path in (root, *root.absolute().parents) if path.exists())
    except OSError as error:
        raise DiskError(f"no run folder can be made in {root}: {error.strerror}.") from error
    if not nearest.is_dir():
        raise DiskError(f"no run folder can be made in {root}: {nearest} is no folder; give another --runs.")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise DiskError(f"no run folder can be made in {root}: {nearest} cannot be written to; give another --runs.")


def create_run(root: Path, name: str) -> Run:
    """A new folder `<number>-<name>` under `root`, with "-" for the colons of a name. Raises DiskError."""
    folder_name(name)
    try:
        root.mkdir(parents=True, exist_ok=True)
        folder = _make_numbered_folder(root, name)
        (folder / "samples").mkdir()
        (folder / "checkpoints").mkdir()
    except OSError as error:
        raise DiskError(f"no run folder can be made in {root}: {error.strerror}.") from error
    return Run(folder)


def list_runs(root: Path | None = None) -> list[Run]:
    """The runs in the folder `root`, by number; by default in $GANSMITH_RUNS or ./runs."""
    return [run for run in _numbered_folders(root or default_root()) if (run.path / "run.json").is_file()]


def find_run(which: Run | Path | str | int, root: Path | None = None) -> Run:
    """The run with this path, or this number or name under `root` (the newest of that name), or the "last" run.

    The default of `root` is that of `list_runs`. Raises UsageError when there is none.
    """
    if isinstance(which, Run):
        return which
    if not isinstance(which, str | Path | int):
        raise UsageError(f"a run is given by its path, number or name, got a {type(which).__name__}.")
    which, root = str(which), root or default_root()
    runs = list_runs(root)
    if which == "last" and runs:
        return runs[-1]
    if (Path(which) / "run.json").is_file():
        return Run(Path(which))
    for run in reversed(runs):
        given_name = run.path.name.split("-", 1)[1]
        named = which in (run.path.name, given_name) or portable_name(which) == given_name
        if named or (which.isdecimal() and int(which) == run.number):
            return run
    older = f"{len(runs) - MOST_NAMED:,} older ones, " if len(runs) > MOST_NAMED else ""
    there = (
        f"it holds {older}{', '.join(run.path.name for run in runs[-MOST_NAMED:])}" if runs else "it holds no runs yet"
    )
    raise UsageError(
        f"no run {which!r} in {root}: {there}; give a run's path, number or name, or 'last', or another --runs."
    )


def find_run_or_images(which: str, root: Path | None = None) -> Run | Path:
    """The run that `which` names, see `find_run`; a path that exists and is no run folder stands for images.

    Raises DataError for an address and for a .npy file that does not exist, and UsageError when there is no such run.
    """
    path = Path(which).expanduser()
    if which != "last" and file_and_array(path)[0].exists() and not (path / "run.json").is_file():
        return path
    if address := why_no_path(which):
        raise DataError(address)
    if path.suffix == ".npy":
        raise DataError(f"{path} does not exist; give a .npy file of images, uint8 (N, H, W) or (N, H, W, C).")
    return find_run(which, root)


def _numbered_folders(root: Path) -> list[Run]:
    if not root.is_dir():
        return []
    folders = [path for path in root.iterdir() if _FOLDER_NAME.fullmatch(path.name) and path.is_dir()]
    return sorted((Run(path) for path in folders), key=lambda run: run.number)


def _make_numbered_folder(root: Path, name: str) -> Path:
    """A new folder with the next number. Without locks another process may take it first; then the next is tried."""
    while True:
        folder = root / f"{_next_number(root):05}-{portable_name(name)}"
        with suppress(FileExistsError):
            folder.mkdir()
            return folder


def _next_number(root: Path) -> int:
    """One more than the highest number used under `root`, also by deleted runs; safe between processes."""
    with (root / ".number").open("a+") as file:
        lock_file(file, wait=True)
        file.seek(0)
        given_out = int(file.read().strip() or 0)
        number = max([given_out, *(run.number for run in _numbered_folders(root))]) + 1
        file.truncate(0)
        file.write(str(number))
    return number


def utc_now() -> str:
    """The time in UTC, to the second, ISO 8601."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
