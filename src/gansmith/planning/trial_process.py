"""A trial in a process of its own, which may be killed for want of memory without harm to the one that asks.

`python -m gansmith.planning.trial_process TASK DEVICE [FOLDER]` reads a recipe as TOML and writes lines of JSON: what
it does next as {"doing": ...}, and last what it measured. FOLDER says which rows of which packed datasets a run trains
on, so that no source is looked up again.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from gansmith import errors
from gansmith.data.store import Dataset, read_dataset
from gansmith.engine import DeviceChoice, make_engine, says_out_of_memory
from gansmith.errors import DataError, GansmithError
from gansmith.planning.trial import at_worst_case, costs, two_steps
from gansmith.recipe_file import from_values, read_toml, to_toml
from gansmith.runs.reporter import Reporter
from gansmith.schema import Recipe
from gansmith.system.processes import watch_worker
from gansmith.training.datasets import Datasets

Task = Literal["memory", "costs"]
"""memory: two steps on noise; costs: steps on the recipe's images, and once everything else that a run does."""
SECONDS = 300
"""Seconds that a trial may take: one that needs longer has begun to swap, or the machine has no time for it."""
QUIET = 5.0
"""Seconds between two notes on what a trial does."""
BESIDE = 192 << 20
"""Bytes that a trial for memory keeps from its steps: a run holds plots, grids, images and threads beside a step."""
ROLES = ("train", "for_losses", "validation")
"""The datasets of a run."""


def try_out(
    task: Task,
    recipe: Recipe,
    device: DeviceChoice,
    datasets: Datasets | None = None,
    reporter: Reporter | None = None,
) -> dict[str, Any] | None:
    """What the process measured; None where it was killed, or had too little memory. "costs" needs the datasets.

    The reporter is told what the trial does whenever it has said nothing for `QUIET` seconds.
    Raises the errors of `gansmith.errors` that it raised, subprocess.TimeoutExpired, and RuntimeError for others.
    """
    precision = make_engine(device, recipe.precision).precision  # auto is decided here: there it might differ
    given = to_toml(recipe.model_copy(update={"precision": precision})).encode()
    module, threads = "gansmith.planning.trial_process", torch.get_num_threads()
    with tempfile.TemporaryDirectory() if datasets else nullcontext() as folder:
        if datasets and folder:
            write_views(datasets, Path(folder))
        arguments = [task, device, *([folder] if folder else [])]
        on_line = _teller(reporter) if reporter else _tell_nobody
        done = watch_worker(module, *arguments, content=given, timeout=SECONDS, threads=threads, on_line=on_line)
    if done.returncode:
        text = done.stderr.decode(errors="replace").strip()
        if done.returncode < 0 or says_out_of_memory(text):
            return None
        raise RuntimeError(f"a trial of a few steps failed: {text.splitlines()[-1] if text else 'without a message'}")
    answer = json.loads(done.stdout.splitlines()[-1])
    if error := answer.get("error"):
        raise getattr(errors, error["kind"])(error["text"])
    return answer


def _teller(reporter: Reporter) -> Callable[[bytes], None]:
    """Notes what the process does next, a while after the last note."""
    began = last = time.monotonic()

    def tell(line: bytes) -> None:
        nonlocal last
        doing, now = json.loads(line).get("doing"), time.monotonic()
        if doing and now - last >= QUIET:
            last = now
            reporter.note(f"trial, after {now - began:.0f} s: {doing}")

    return tell


def _tell_nobody(_line: bytes) -> None:
    """Do nothing."""


def write_views(datasets: Datasets, folder: Path) -> None:
    """Write where each packed dataset lies, and which of its rows and labels a run takes."""
    for role in ROLES:
        dataset = getattr(datasets, role)
        if dataset is None:
            continue
        where = {"folder": str(Path(dataset.images.filename).parent), "index": dataset.index}
        (folder / f"{role}.json").write_text(json.dumps(where), encoding="utf-8")
        for name, array in (("rows", dataset.rows), ("labels", dataset.labels)):
            if array is not None:
                np.save(folder / f"{role}-{name}.npy", array)


def read_views(folder: Path) -> Datasets:
    """The datasets that `write_views` wrote. Raises DataError when a packed dataset is gone meanwhile."""
    return Datasets(**{role: _read_view(folder, role) for role in ROLES}, notes=[])  # pyrefly: ignore[bad-argument-type]


def _read_view(folder: Path, role: str) -> Dataset | None:
    if not (folder / f"{role}.json").exists():
        return None
    where = json.loads((folder / f"{role}.json").read_text(encoding="utf-8"))
    packed = read_dataset(Path(where["folder"]))
    if packed is None:
        raise DataError(f"{where['folder']} held the packed images and is gone; run the command again.")
    files = (folder / f"{role}-{name}.npy" for name in ("rows", "labels"))
    rows, labels = (np.load(file) if file.exists() else None for file in files)
    return replace(packed, index=where["index"], rows=rows, labels=labels)


def main(task: Task, device: DeviceChoice, folder: str = "") -> None:
    """Try the recipe on stdin."""
    recipe = at_worst_case(from_values(read_toml(sys.stdin.read(), "stdin")))
    try:
        engine = make_engine(device, recipe.precision)
        if task == "memory":
            beside = np.ones(BESIDE, np.uint8)
            answer = {"peak": two_steps(recipe, engine)}
            del beside
        else:
            answer = asdict(costs(recipe, engine, read_views(Path(folder)), _write_doing))
    except GansmithError as error:
        answer = {"error": {"kind": type(error).__name__, "text": str(error)}}
    sys.stdout.write(f"{json.dumps(answer)}\n")


def _write_doing(doing: str) -> None:
    sys.stdout.write(f"{json.dumps({'doing': doing})}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])  # pyrefly: ignore[bad-argument-type]
