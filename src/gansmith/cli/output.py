"""What verbs write: results on standard output, notes on standard error, and errors about the files that they make."""

import json
import os
import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from gansmith.errors import DiskError
from gansmith.runs.run import Run


def print_json(value: object) -> None:
    """Write a value as JSON."""
    sys.stdout.write(json.dumps(value, indent=1) + "\n")


def print_result(run: Run, as_json: bool) -> None:
    """Write the run's path, or its description as JSON."""
    path = str(run.path)
    print_json({"path": path, **run.info()}) if as_json else print_lines([path])


def print_lines(lines: Iterable[str]) -> None:
    """Write each line."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def print_notes(notes: Iterable[str]) -> None:
    """Write each note on standard error."""
    sys.stderr.write("".join(f"{note}\n" for note in notes))


def free_file(run: Run, what: str, suffix: str) -> str:
    """The name of a new file in the current folder, such as "00001-demo-samples.png", or with -2, -3, ..."""
    name = f"{run.path.resolve().name}-{what}"
    for number in count(2):
        if not os.path.lexists(f"{name}{suffix}"):
            break
        name = f"{run.path.resolve().name}-{what}-{number}"
    return f"{name}{suffix}"


@contextmanager
def write_error(out: str | Path) -> Generator[None]:
    """Turn an OSError into a DiskError that names the file."""
    try:
        yield
    except OSError as error:
        raise DiskError(f"{Path(out)} cannot be written: {error.strerror or error}.") from error
