"""The bake-off's trainings: how long a step takes, and runs of so many steps that go on where they were stopped."""

import fcntl
import hashlib
import subprocess
import sys
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import Any

import torch

import gansmith
from benchmarks.quality.bakeoff_contests import CONTESTS, FIRST, Contest
from benchmarks.quality.bakeoff_sums import in_unit
from gansmith.data.dataset import Access
from gansmith.data.store import Dataset
from gansmith.engine import Engine, make_engine, suitable_threads
from gansmith.errors import UsageError
from gansmith.recipe_file import flat, read_toml, recipe_of, to_toml
from gansmith.recipes import fitted
from gansmith.recipes.fitting import DatasetFacts
from gansmith.runs.run import Run, find_run, utc_now
from gansmith.schema import Recipe
from gansmith.system.machine import describe_machine
from gansmith.training.datasets import open_all
from gansmith.training.loop import make_sampler, train_step
from gansmith.training.state import GAN, build

CHECKPOINTS = {"quality": 5, "small": 20, "modes": 10}
"""In a run; those of few images and of modes all stay, to be measured afterwards."""
LOGGED, GRIDS = 200, 10
DIVERGED, NO_CHECKPOINT, STOPPED = 4, 5, (130, 143)
"""Exit codes of the command line that are told apart here."""


class BusyError(Exception):
    """Another process is at this run."""


class FailedError(Exception):
    """A training ended in a way that no contest has; the text has the end of what it said."""


@dataclass(kw_only=True, slots=True)
class AtWork:
    """A candidate whose steps are timed."""

    recipe: Recipe
    gan: GAN
    engine: Engine
    dataset: Dataset
    identity: dict[str, Any]
    steps: int = 1
    """In a turn: whole cycles of a penalty that comes now and then."""
    wall: list[float] = field(default_factory=list)
    """Seconds of a step, for each turn."""
    processor: list[float] = field(default_factory=list)
    """The same of processor time, over all threads."""

    @property
    def clock(self) -> str:
        """Which of the two counts: of one thread the processor's, which other work hardly changes."""
        return "processor" if torch.get_num_threads() == 1 else "wall"

    @property
    def seconds(self) -> list[float]:
        """Of a step, for each turn, by that clock."""
        return self.processor if self.clock == "processor" else self.wall

    def work(self, steps: int) -> tuple[float, float]:
        """Seconds, and processor seconds, of a step, with all that a run does for it but logs, grids and saves."""
        sampler = make_sampler(self.recipe, self.dataset)
        with suitable_threads(self.recipe.batch_size, self.gan.G, self.gan.D):
            began, used = time.perf_counter(), time.process_time()
            for _ in range(steps):
                pixels = self.dataset.batch(sampler.indices(self.gan.seen))
                train_step(self.gan, pixels, self.recipe, self.engine)
            return (time.perf_counter() - began) / steps, (time.process_time() - used) / steps


def entered(name: str, candidate: str, steps: int = 1000, seed: int = 0) -> Recipe:
    """The candidate's recipe on the contest's images, for so many steps."""
    contest = CONTESTS[name]
    one = contest.candidates[candidate]
    batch = gansmith.recipe(one.recipe, one.changes).batch_size
    every = {what: batch * max(steps // often, 1) for what, often in _often(contest, one.looks).items()}
    stay = every["checkpoint"] if contest.kind != "quality" else 0
    changes = [
        *one.changes,
        *contest.data,
        f"seed={seed}",
        f"length.images={steps * batch}",
        f"length.log_every={every['log']}",
        f"length.sample_every={every['grid']}",
        f"length.checkpoint_every={every['checkpoint']}",
        "checkpoints.keep_last=1",
        f"checkpoints.keep_every={stay}",
        f"evaluate.every={every['look'] if contest.kind == 'quality' else 0}",
        f"evaluate.images={contest.images}",
        "evaluate.validation=0",
        "evaluate.patience=0",
        "validation_losses.every=0",
        "validation_losses.validation=0",
    ]
    data = gansmith.recipe(one.recipe, contest.data).data
    facts = DatasetFacts(data=data, count=contest.count, images=steps * batch)
    return fitted(one.recipe, changes, facts).recipe


def _often(contest: Contest, looks: int) -> dict[str, int]:
    return {"log": LOGGED, "grid": GRIDS, "checkpoint": CHECKPOINTS[contest.kind], "look": looks}


def step_times(
    name: str, candidates: Sequence[str], rounds: int, turn: float, before: dict[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each candidate with what `measured` keeps of it. They take turns; `before` is what was kept of this contest.

    `article` is always among them, where the contest has it: its time is the unit, see `in_unit`.
    """
    if FIRST in CONTESTS[name].candidates:
        candidates = [FIRST, *(one for one in candidates if one != FIRST)]
    at_work = {}
    for candidate in candidates:
        recipe = entered(name, candidate)
        images, engine = open_all(recipe, Access()), make_engine("auto", recipe.precision)
        gan = build(recipe, engine)
        one = AtWork(recipe=recipe, gan=gan, engine=engine, dataset=images.train, identity=images.identity)
        one.work(1)
        cycle = recipe.objective.penalty_every
        took, _ = one.work(cycle)
        one.steps = max(round(turn / took / cycle), 1) * cycle
        at_work[candidate] = one
    check_same_images(name, at_work, before)
    for number in range(rounds):
        shift = number * len(at_work) // rounds  # nobody always follows the same one
        order = [*at_work.values()]
        for one in [*order[shift:], *order[:shift]]:
            wall, processor = one.work(one.steps)
            one.wall.append(wall)
            one.processor.append(processor)
    first = _middle(at_work[FIRST].seconds) if FIRST in at_work else 0.0
    first_before = before.get(FIRST, {}).get("seconds_per_step") if first else None
    for candidate, one in at_work.items():
        yield (
            candidate,
            described(one)
            | {
                "seconds_per_step": in_unit(_middle(one.seconds), first, first_before),
                "as_found": _middle(one.seconds),
            },
        )


def check_same_images(name: str, at_work: dict[str, AtWork], before: dict[str, Any]) -> None:
    """Exit when the candidates do not all train on the same images."""
    found = {candidate: one.identity for candidate, one in at_work.items()}
    found |= {candidate: kept["images"] for candidate, kept in before.items() if candidate not in found}
    if len({tuple(one.values()) for one in found.values()}) > 1:
        sys.exit(f"{name}: the candidates train on different images: {found}")


def described(one: AtWork) -> dict[str, Any]:
    low, _, high = quantiles(one.seconds, n=4, method="inclusive")
    return {
        "clock": one.clock,
        "quartiles": [low, high],
        "wall_seconds": _middle(one.wall),
        "processor_seconds": _middle(one.processor),
        "rounds": len(one.seconds),
        "steps_in_a_round": one.steps,
        "batch": one.recipe.batch_size,
        "parameters": {kind: _size(network) for kind, network in (("G", one.gan.G), ("D", one.gan.D))},
        "threads": torch.get_num_threads(),
        "precision": one.engine.precision,
        "images": one.identity,
        "machine": describe_machine(),
        "began": utc_now(),
        "recipe": to_toml(one.recipe),
    }


def _middle(values: Sequence[float]) -> float:
    return quantiles(values, n=4, method="inclusive")[1]


def _size(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def changed(kept: str, now: Recipe) -> list[str]:
    """What differs between a kept recipe's text and today's, in fields that both have."""
    before, today = flat(read_toml(kept, "what is kept")), flat(read_toml(to_toml(now), "the recipe"))
    return [
        f"{key} {before[key]!r} -> {today[key]!r}" for key in before.keys() & today.keys() if before[key] != today[key]
    ]


def entry_of(measured: dict[str, Any]) -> str:
    """Tells one version of a candidate from another."""
    return hashlib.sha256(measured["recipe"].encode()).hexdigest()[:12]


@contextmanager
def claimed(name: str, runs: Path) -> Generator[None]:
    """The run of this name for this process alone, from before its folder is there. Raises BusyError."""
    runs.mkdir(parents=True, exist_ok=True)
    with (runs / f".{name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError from None
        yield


def trained(name: str, recipe: Recipe, runs: Path) -> Run:
    """The run of this name and recipe below `runs`, trained to its end, or until it diverges.

    One that is there is taken, or continued. Raises FailedError.
    """
    run = _found(name, recipe, runs)
    if run and run.info().get("status") in ("done", "plateau", "diverged"):
        return run
    if run and _call("resume", str(run.path)) != NO_CHECKPOINT:
        return run
    file = runs / "recipes" / f"{name}.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(to_toml(recipe))
    _call("train", str(file), "--runs", str(runs), "--name", name)
    return find_run(name, runs)


def _found(name: str, recipe: Recipe, runs: Path) -> Run | None:
    try:
        run = find_run(name, runs)
    except UsageError:
        return None
    return run if recipe_of(run) == recipe else None


def _call(*arguments: str) -> int:
    """The command line's exit code, where a contest goes on after it. What it says is in the run's own log."""
    command = [sys.executable, "-m", "gansmith", *arguments]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode in STOPPED:
        sys.exit(done.returncode)
    if done.returncode not in (0, DIVERGED, NO_CHECKPOINT):
        raise FailedError(f"exit code {done.returncode}; the end of what it said:\n{done.stderr[-1000:]}")
    return done.returncode
