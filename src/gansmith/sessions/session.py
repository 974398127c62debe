"""A whole run, from recipe to report; its continuation; and a new run from a checkpoint of it."""

import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path
from typing import Any

import torch

from gansmith.checkpoints.load import tidy
from gansmith.checkpoints.manifest import find_checkpoint
from gansmith.checkpoints.save import apply_keep_policy
from gansmith.data.store import Dataset
from gansmith.engine import DeviceChoice, Engine, make_engine, same_engine, suitable_threads
from gansmith.errors import CheckpointError, DiskError, DivergedError, Interrupted, UsageError
from gansmith.generation.generator import grid_labels
from gansmith.networks import check_networks
from gansmith.planning.memory import give_back, saying_what_fits
from gansmith.planning.public import RecipeChanges, as_assignments
from gansmith.planning.resolve import Resolved
from gansmith.recipe_file import override, recipe_of, to_toml
from gansmith.recipes import load_recipe
from gansmith.report import write_report
from gansmith.rng import stream
from gansmith.runs.control import Requests, listening
from gansmith.runs.lock import only_writer
from gansmith.runs.reporter import LogFile, Reporter, Silent
from gansmith.runs.run import (
    Run,
    check_root,
    create_run,
    default_root,
    find_run,
    folder_name,
    utc_now,
    write_atomically,
)
from gansmith.schema import Recipe
from gansmith.sessions.changes import (
    check_changes_are_safe,
    check_images_are_found,
    check_same_images,
    notes_on_length,
    notes_on_setting,
    setting,
    trained_recipe,
)
from gansmith.sessions.rollback import forget_later, last_state, roll_back, roll_backs, slowed
from gansmith.training.datasets import Datasets, access_for, make_sampler, open_all
from gansmith.training.evaluation import (
    Evaluator,
    check_same_evaluator,
    describe_plateau,
    make_evaluator,
    notes_on_too_short,
    plateau,
)
from gansmith.training.log import TrainingStep
from gansmith.training.loop import Setup, train_loop
from gansmith.training.state import GAN, build, load_checkpoint, save_checkpoint
from gansmith.viz.grids import grid, png

STOPPED = "stopped"
"""Status in run.json of a run that was asked to stop."""
ENDED = ("done", "plateau")
"""Status in run.json of a run that has come to its end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """Options of `train` and `resume`: device, how images may be fetched, and who is told."""

    device: DeviceChoice
    offline: bool
    allow_dropped: bool
    reporter: Reporter


@dataclass(frozen=True, kw_only=True, slots=True)
class _Ready:
    """Everything that is made and checked before there is a run folder."""

    recipe: Recipe
    engine: Engine
    datasets: Datasets
    evaluator: Evaluator | None
    notes: list[str]


def train(
    recipe: Recipe | Resolved | str,
    *,
    runs: Path | str | None = None,
    name: str | None = None,
    device: DeviceChoice = "auto",
    offline: bool = False,
    allow_dropped: bool = False,
    notes: Sequence[str] = (),
    reporter: Reporter | None = None,
) -> Run:
    """Train a recipe, the recipe of that name, or what `gansmith.plan` returned, in a new run folder under `runs`.

    Returns the run. What was planned comes with its datasets; for a recipe, a known dataset that is not on this machine
    is downloaded first, unless `offline`, and own images are packed first; more than 1 % that cannot be used are an
    error, unless `allow_dropped`. `notes` are shown and kept with the run.

    Images, device and recipe are checked before the folder is made. The state is saved at the recipe's intervals, at
    the end, and on Ctrl-C or SIGTERM, which raise Interrupted. Raises RecipeError, DataError, UsageError,
    DivergedError, NotEnoughMemoryError or DiskError as their docstrings say.
    """
    terms = Terms(device=device, offline=offline, allow_dropped=allow_dropped, reporter=reporter or Silent())
    return _take_all(begin(recipe, runs, name, terms, notes))


def resume(
    run: Run | Path | str,
    changes: RecipeChanges = (),
    *,
    data: str | Path | None = None,
    steps: int | None = None,
    fork: bool = False,
    device: DeviceChoice = "auto",
    offline: bool = False,
    allow_dropped: bool = False,
    reporter: Reporter | None = None,
) -> Run:
    """Continue a run from its newest checkpoint, exactly as if it had never stopped; returns the run that trains.

    The run may be given by its path, number or name. The recipe is that of the run's folder with `changes` such as
    "length.log_every=64" on top; `steps` is the new length from the run's beginning, `data` the new location of images
    that have moved. Raises UsageError for a change that would make it another run, unless `fork`: then a new run beside
    it starts from its checkpoint. Raises CheckpointError when there is none or the run was imported, UsageError when
    there is nothing left to do, LockedError when another process trains it, and what `train` raises.
    """
    run = run if isinstance(run, Run) else find_run(str(run), default_root())
    if run.info().get("status") == "imported":
        raise CheckpointError(
            f"{run.path} was imported with weights but no state of the optimisers, so it cannot go on exactly; "
            f"sample it, or start its recipe afresh with: gansmith train {run.recipe_file}"
        )
    terms = Terms(device=device, offline=offline, allow_dropped=allow_dropped, reporter=reporter or Silent())
    assignments = as_assignments(changes, data)
    wanted = override(recipe_of(run), assignments)
    if steps is not None:
        assignments.append(f"length.images={steps * wanted.batch_size}")
        wanted = override(wanted, assignments[-1:])
    check_networks(wanted)
    with saying_what_fits(wanted, device):
        return _take_all(_fork(run, assignments, terms) if fork else _continue(run, wanted, terms))


Steps = Generator[TrainingStep, None, Run]
"""Training, a step at a time; closing it early saves the state. Returns the run."""


def _take_all(steps: Steps) -> Run:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def begin(
    recipe: Recipe | Resolved | str, runs: Path | str | None, name: str | None, terms: Terms, notes: Sequence[str]
) -> Steps:
    """Train in a new run folder; see `train`, which takes every step."""
    datasets = None
    if isinstance(recipe, str):
        recipe = load_recipe(recipe)
    elif isinstance(recipe, Resolved):
        recipe, datasets, notes = recipe.recipe, recipe.datasets, [*recipe.notes, *notes]
    check_networks(recipe)
    root, name = Path(runs or default_root()), folder_name(name or recipe.name)
    check_root(root)
    with saying_what_fits(recipe, terms.device):
        return (yield from _begin(recipe, datasets, root, name, terms, notes))


def _begin(
    recipe: Recipe, datasets: Datasets | None, root: Path, name: str, terms: Terms, notes: Sequence[str]
) -> Steps:
    engine = make_engine(terms.device, recipe.precision)
    ready = _get_ready(recipe, engine, datasets or _open_datasets(recipe, terms))
    notes = [*notes, *ready.notes]
    gan = build(recipe, ready.engine)
    run = create_run(root, name)
    with only_writer(run):
        _write_description(run, ready, notes)
        return (yield from _run_to_end(gan, _setup(ready, run, terms), notes))


def _continue(run: Run, recipe: Recipe, terms: Terms) -> Steps:
    with only_writer(run) as notes:
        trained = trained_recipe(run)
        check_changes_are_safe(run, trained, recipe)
        check_images_are_found(run, recipe)
        engine = same_engine(run.info(), terms.device, recipe.precision)
        ready = _get_ready(recipe, engine, _open_datasets(recipe, terms))
        check_same_images(run, ready.datasets)
        if ready.evaluator and ready.evaluator.names:
            check_same_evaluator(run, ready.evaluator)
        tidy(run)
        last = last_state(run, recipe, engine)
        gan = last.gan
        step = gan.seen // recipe.batch_size
        is_whole = _ending(run, recipe, gan)["status"] != STOPPED
        if is_whole and run.info()["status"] in ENDED:
            _check_not_ended(run, recipe, gan.seen)
        if is_whole:
            apply_keep_policy(run, recipe)
        else:
            forget_later(run, gan.seen, trained)
        write_atomically(run.recipe_file, to_toml(recipe))
        kept = notes_before if isinstance(notes_before := run.info().get("notes"), list) else []
        new = [note for note in notes_on_setting(run, engine) if note not in kept]
        run.update(status="running", reason="", recipe=recipe.model_dump(mode="json"), notes=[*kept, *new])
        going = "every step is done; finishing after" if is_whole else "continuing at"
        notes = [
            *notes,
            *last.notes,
            *new,
            *notes_on_length(trained, recipe),
            f"{going} step {step:,} of {recipe.steps:,}",
        ]
        return (yield from _run_to_end(gan, _setup(ready, run, terms), notes, steps_left=not is_whole))


def _fork(run: Run, changes: Sequence[str], terms: Terms) -> Steps:
    """A new run beside `run` that continues its checkpoint, with the learning rates it had there, and the changes."""
    recipe = override(slowed(recipe_of(run), len(roll_backs(run))), changes)
    check_images_are_found(run, recipe)
    engine = same_engine(run.info(), terms.device, recipe.precision)
    ready = _get_ready(recipe, engine, _open_datasets(recipe, terms))
    gan = build(recipe, ready.engine)
    found = find_checkpoint(run)
    load_checkpoint(found.folder, gan, forking=True)
    if gan.seen // recipe.batch_size >= recipe.steps:
        _check_not_ended(run, recipe, gan.seen)
    beside = run.path.parent if run.path.name not in ("", "..") else run.path.resolve().parent
    fork = create_run(beside, recipe.name)
    origin = {"run": run.path.name, "step": found.step, "seen": gan.seen}
    with only_writer(fork):
        _write_description(fork, ready, ready.notes, forked_from=origin)
        save_checkpoint(fork, gan, recipe)
        notes = [
            *ready.notes,
            *found.notes(),
            f"a new run from step {found.step:,} of {run.path}, {gan.seen:,} images",
        ]
        return (yield from _run_to_end(gan, _setup(ready, fork, terms), notes))


def _open_datasets(recipe: Recipe, terms: Terms) -> Datasets:
    return open_all(recipe, access_for(terms.reporter, terms.offline, terms.allow_dropped))


def _get_ready(recipe: Recipe, engine: Engine, datasets: Datasets) -> _Ready:
    make_sampler(recipe, datasets.train)  # raises for a batch larger than the dataset, before a folder is made
    evaluator = make_evaluator(recipe, datasets.train, datasets.validation)
    notes = [*datasets.notes, *([evaluator.note()] if evaluator else notes_on_too_short(recipe))]
    return _Ready(recipe=recipe, engine=engine, datasets=datasets, evaluator=evaluator, notes=notes)


def _check_not_ended(run: Run, recipe: Recipe, seen: int) -> None:
    step = seen // trained_recipe(run).batch_size
    if gain := plateau(run, recipe, step):
        raise UsageError(
            f"{run.path} ended at step {step:,}: {describe_plateau(gain, recipe)}; to train on, give more patience, or "
            "0 for no such end: --set evaluate.patience=0."
        )
    anew = (
        f", which is step {seen // recipe.batch_size:,} of {recipe.batch_size} images"
        if seen != step * recipe.batch_size
        else ""
    )
    raise UsageError(f"{run.path} is complete at step {step:,}{anew}; give more --steps to train on.")


def _setup(ready: _Ready, run: Run, terms: Terms) -> Setup:
    datasets, evaluator = ready.datasets, ready.evaluator if ready.evaluator and ready.evaluator.names else None
    return Setup(
        recipe=ready.recipe,
        dataset=datasets.train,
        for_losses=datasets.for_losses,
        validation=datasets.validation,
        evaluator=evaluator,
        engine=ready.engine,
        run=run,
        reporter=terms.reporter,
    )


def _write_description(run: Run, ready: _Ready, notes: Sequence[str], **more: Any) -> None:
    """Write the run's recipe, run.json and grid of real images, before its first step."""
    recipe, dataset = ready.recipe, ready.datasets.train
    write_atomically(run.recipe_file, to_toml(recipe))
    run.update(
        name=run.path.name,
        status="running",
        started=utc_now(),
        command=sys.argv,
        data={**dataset.index, "count": len(dataset)},
        notes=notes,
        recipe=recipe.model_dump(mode="json"),
        **setting(ready.engine),
        **more,
    )
    reals = dataset.batch(_rows_of_reals_grid(recipe, dataset)).permute(0, 2, 3, 1).numpy()
    write_atomically(run.path / "reals.png", png(grid(reals, recipe.grid.columns)))


def _rows_of_reals_grid(recipe: Recipe, dataset: Dataset) -> torch.Tensor:
    """Rows of the grid of real images, drawn at random; each is of the class that the sample grid has at its place."""
    num = min(recipe.grid.rows * recipe.grid.columns, len(dataset))
    order = torch.randperm(len(dataset), generator=stream(recipe.seed, "reals", 0))
    wanted, labels = grid_labels(recipe), dataset.labels_at(order)
    if wanted is None or labels is None:
        return order[:num]
    of_class = {label: cycle(order[labels == label].tolist()) for label in wanted.unique().tolist()}
    return torch.tensor([next(of_class[label]) for label in wanted[:num].tolist()])


def _run_to_end(gan: GAN, setup: Setup, notes: Sequence[str], *, steps_left: bool = True) -> Steps:
    """Train to the end, then write the run's status, whatever happened, and the report.

    A run that was killed after its last save has no `steps_left`: then there is nothing to train.
    """
    run, recipe = setup.run, setup.recipe
    setup = replace(setup, reporter=LogFile(run.path / "log.txt", setup.reporter))
    ending, is_closed = {"status": "failed"}, False
    with _disk_errors(run):
        try:
            for sentence in (f"run folder: {run.path}", *notes):
                setup.reporter.note(sentence)
            with listening(run.control) as requests:
                if steps_left:
                    try:
                        yield from _train(gan, setup, requests)
                    except GeneratorExit:  # closed early: the loop has saved the state
                        is_closed = True
            if setup.evaluator and setup.evaluator.count:
                setup.reporter.note(setup.evaluator.cost())
            ending = _ending(run, recipe, gan)
        except DivergedError:
            ending = {"status": "diverged"}
            raise
        except (MemoryError, RuntimeError) as error:
            give_back(error)  # run.json is still to be written
            raise
        finally:
            with suppress(DiskError, OSError):  # the one that led here, if any, is the one to tell
                run.update(ended=utc_now(), step=gan.seen // recipe.batch_size, seen=gan.seen, **ending)
        write_report(run)
    if ending["status"] == STOPPED and not is_closed:
        raise Interrupted(
            f"stopped and saved at step {gan.seen // recipe.batch_size:,} of {recipe.steps:,}; "
            f"go on with: gansmith resume {run.path}",
            exit_code=requests.exit_code,
        )
    setup.reporter.note(f"report: {run.report}")
    return run


def _ending(run: Run, recipe: Recipe, gan: GAN) -> dict[str, str]:
    """Status and reason for run.json of a run that ended without an error."""
    step = gan.seen // recipe.batch_size
    if step >= recipe.steps:
        return {"status": "done"}
    if gain := plateau(run, recipe, step):
        return {"status": "plateau", "reason": describe_plateau(gain, recipe)}
    return {"status": STOPPED}


@contextmanager
def _disk_errors(run: Run) -> Generator[None]:
    try:
        yield
    except BrokenPipeError:  # of the reader of our output, not of a disk
        raise
    except OSError as error:
        raise DiskError(f"{error.filename or run.path} cannot be written: {error.strerror or error}.") from error


def _train(gan: GAN, setup: Setup, requests: Requests) -> Generator[TrainingStep]:
    """Run the training loop, and again after each roll-back."""
    while True:
        try:
            with suitable_threads(setup.recipe.batch_size, gan.G, gan.D):
                yield from train_loop(gan, setup, requests)
            return
        except DivergedError as error:
            setup.reporter.note(roll_back(gan, setup, error))
