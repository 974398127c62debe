"""The run folder: plain files, numbered, never reused; the interface between training, command line and report.

run.json       what ran, where, on what; its status
recipe.toml    the resolved recipe, which can be trained again
events.jsonl   a line per logged step; clock readings are under "time", everything else repeats exactly
metrics.jsonl  a line per evaluation and per reading of the held-out losses, where the recipe has them
log.txt        what the console said
control/       files that ask a running training for something: `touch control/stop` makes it save and leave, as SIGTERM
               does, `save` save and go on, `sample` draw a grid; looked for 4 times a second, removed when obeyed
.lock          who is training the run; see `gansmith.runs.lock`
reals.png      images of the set;  samples/<step>.png  the same latents throughout
checkpoints/   <step>/ and the text files `latest` and `best`, which name two; damaged ones are set aside as .bad-<step>
curves.png  distance.png  evolution.png  report.html      written when the run ends
figures/       what the article shows, drawn when asked for
"""

import json
import os
import re
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gansmith.errors import DiskError, UsageError
from gansmith.runs.renamed import of_today
from gansmith.system.atomic import cannot_write, remove_leftovers, sync_file, write_atomically
from gansmith.system.locks import lock_file
from gansmith.system.names import portable_name
from gansmith.system.untrusted import open_no_link, open_plain, parse_json, read_json, read_plain

EVENTS, METRICS = "events.jsonl", "metrics.jsonl"
MOST_LOG = 2**32
"""Bytes of a log that are read."""
END_OF_LOG = 2**16
"""Bytes at the end of a log that hold its last lines: one has some hundred."""
MOST_SECONDS = 1e9
"""No run takes 30 years: a file may hold whole numbers without end."""
NAMED = 5
"""Runs that are named where one is not found, the newest ones."""

_FOLDER_NAME = re.compile(r"(\d{5,})-(.+)")


@dataclass(frozen=True, order=True, slots=True)
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
        """Folder of the files that ask a running training for something."""
        return self.path / "control"

    @property
    def report(self) -> Path:
        """The page that shows everything."""
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
        self._append(EVENTS, event)

    def append_metric(self, metric: dict[str, Any]) -> None:
        """Add a line to metrics.jsonl."""
        self._append(METRICS, metric)

    def events(self) -> list[dict[str, Any]]:
        """The lines of events.jsonl, up to one that a crash cut short or that is no event."""
        return self._lines(EVENTS)

    def metrics(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl, likewise."""
        return self._lines(METRICS)

    def last_event(self) -> dict[str, Any]:
        """The last whole line of events.jsonl, for which only its end is read; nothing where there is none yet.

        Raises UsageError when it cannot be read.
        """
        for text in reversed(_end_of_log(self.path / EVENTS).splitlines()):
            if line := _logged(text):
                return line
        return {}

    def seconds_spent(self) -> float:
        """Training time up to the last logged step, over all sessions of the run."""
        return seconds_at(self.last_event())

    def keep_lines(self, name: str, wanted: Callable[[dict[str, Any]], bool]) -> None:
        """Drop the lines of events.jsonl or metrics.jsonl that are not wanted, and what a crash cut short."""
        if (self.path / name).exists():
            kept = [json.dumps(line) + "\n" for line in self._lines(name) if wanted(line)]
            write_atomically(self.path / name, "".join(kept))

    def sync_logs(self) -> None:
        """Bring the lines written so far to disk. Raises OSError."""
        for name in (EVENTS, METRICS):
            sync_file(self.path / name)

    def check_no_links(self) -> None:
        """Raise UsageError for a link, a pipe or a device among what is written to: that stays in the run folder."""
        for path in (*self._folders(), *(self.path / name for name in (".lock", "log.txt", EVENTS, METRICS))):
            if path.is_symlink() or not (path.is_dir() or path.is_file() or not path.exists()):
                raise UsageError(f"{path} is a link, a pipe or a device, and no run writes to one; remove it.")

    def remove_leftovers(self) -> None:
        """Remove what a kill left unfinished. Only the run's one writer may do so. Raises DiskError and UsageError."""
        self.check_no_links()
        try:
            for folder in (self.path, *self._folders()):
                remove_leftovers(folder)
        except OSError as error:
            raise DiskError(f"{error.filename} cannot be removed: {error.strerror}.") from error

    def _folders(self) -> tuple[Path, ...]:
        return self.samples, self.checkpoints, self.control, self.path / "figures"

    def _append(self, name: str, line: dict[str, Any]) -> None:
        append_line(self.path / name, json.dumps(line))

    def _lines(self, name: str) -> list[dict[str, Any]]:
        lines = []
        for text in _read_log(self.path / name).splitlines():
            line = _logged(text)
            if line is None:
                break
            lines.append(line)
        return lines


def seconds_at(event: dict[str, Any]) -> float:
    """The training time that a line of events.jsonl tells, over all sessions of the run; 0 where it tells none."""
    time = event.get("time")
    seconds = time.get("seconds") if isinstance(time, dict) else None
    return float(seconds) if isinstance(seconds, int | float) and 0 <= seconds < MOST_SECONDS else 0.0


def default_root() -> Path:
    """$GANSMITH_RUNS, or runs/ in the current folder."""
    return Path(os.environ.get("GANSMITH_RUNS") or "runs")


def folder_name(given: str) -> str:
    """The name, if it can be part of a folder's name. Raises UsageError otherwise."""
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


def list_runs(root: Path) -> list[Run]:
    """The runs under `root`, by number."""
    return [run for run in _numbered_folders(root) if (run.path / "run.json").is_file()]


def find_run(wanted: str, root: Path) -> Run:
    """The run that `wanted` names: a path, a number or a name under `root` (the newest of that name), or "last".

    Raises UsageError when there is none.
    """
    runs = list_runs(root)
    if wanted == "last" and runs:
        return runs[-1]
    if (Path(wanted) / "run.json").is_file():
        return Run(Path(wanted))
    for run in reversed(runs):
        given_name = run.path.name.split("-", 1)[1]
        if (
            wanted == run.path.name
            or given_name in (wanted, portable_name(wanted))
            or (wanted.isdecimal() and int(wanted) == run.number)
        ):
            return run
    older = f"{len(runs) - NAMED:,} older ones, " if len(runs) > NAMED else ""
    there = f"it holds {older}{', '.join(run.path.name for run in runs[-NAMED:])}" if runs else "it holds no runs yet"
    raise UsageError(
        f"no run {wanted!r} in {root}: {there}; give a run's path, number or name, or 'last', or another --runs."
    )


def append_line(file: Path, line: str) -> None:
    """Add a line to a text file, which is no link; one that a crash cut short is ended first. Raises DiskError."""
    try:
        descriptor = open_no_link(file, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        with os.fdopen(descriptor, "ab+") as opened:
            if opened.seek(0, os.SEEK_END) and opened.seek(-1, os.SEEK_END) >= 0 and opened.read(1) != b"\n":
                opened.write(b"\n")
            opened.write(f"{line}\n".encode())
    except OSError as error:
        raise cannot_write(str(file), file.parent, len(line.encode()), error) from error


def _logged(text: bytes) -> dict[str, Any] | None:
    """What a line of a log says; None for one that was cut short, or that is none."""
    try:
        line = parse_json(text)
    except ValueError:
        return None
    is_line = isinstance(line, dict) and type(line.get("step")) is int and type(line.get("seen")) is int
    return line if is_line else None


def _read_log(file: Path) -> bytes:
    with _reading(file):
        return read_plain(file, MOST_LOG)
    return b""


def _end_of_log(file: Path) -> bytes:
    with _reading(file), open_plain(file) as opened:
        opened.seek(max(0, opened.seek(0, os.SEEK_END) - END_OF_LOG))
        return opened.read(END_OF_LOG)
    return b""


@contextmanager
def _reading(file: Path) -> Generator[None]:
    """A log that is not there yet is passed over. Raises UsageError for one that cannot be read."""
    try:
        yield
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be read: {error}.") from error


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
    """One more than any number given out under `root` so far, deleted runs included; safe between processes."""
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
