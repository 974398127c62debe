"""The continuation of a run, and a new run from a checkpoint of it."""

from collections.abc import Sequence
from pathlib import Path

from gansmith.checkpoints.load import tidy
from gansmith.checkpoints.manifest import find_checkpoint, read_state, saved_checkpoints
from gansmith.checkpoints.save import apply_keep_policy
from gansmith.data.given import GivenImages, name_of_images
from gansmith.engine import DeviceChoice, same_engine
from gansmith.errors import CheckpointError, UsageError
from gansmith.networks import check_networks
from gansmith.planning.budget import Budget, parse_budget
from gansmith.planning.memory import saying_what_fits
from gansmith.planning.more import longer
from gansmith.planning.public import RecipeChanges, as_assignments
from gansmith.planning.resolve import check_steps
from gansmith.recipe_file import override, recipe_of, to_toml
from gansmith.runs.lock import only_writer
from gansmith.runs.reporter import Reporter, Silent
from gansmith.runs.run import Run, create_run, find_run
from gansmith.schema import Recipe
from gansmith.sessions.changes import check_changes_are_safe, check_images_are_found, check_same_images, trained_recipe
from gansmith.sessions.description import notes_on_setting, packed_dataset_key, write_description
from gansmith.sessions.ending import ENDED, STOPPED, check_not_ended, ending
from gansmith.sessions.extension import extended, notes_on_extension, with_extension, without_extension
from gansmith.sessions.rollback import forget_later, last_state, roll_backs, slowed
from gansmith.sessions.session import Steps, Terms, prepare, run_to_end, take_all
from gansmith.system.atomic import write_atomically
from gansmith.text import command
from gansmith.training.datasets import Datasets, access_for, open_all, with_absolute_path
from gansmith.training.evaluation import check_same_evaluator
from gansmith.training.loop import Setup
from gansmith.training.state import build, load_checkpoint, save_checkpoint


def resume(
    run: Run | Path | str,
    changes: RecipeChanges = (),
    *,
    data: GivenImages | None = None,
    steps: int | None = None,
    images: int | None = None,
    budget: str | None = None,
    fork: bool = False,
    device: DeviceChoice = "auto",
    offline: bool = False,
    allow_dropped: bool = False,
    reporter: Reporter | None = None,
) -> Run:
    """Continue a run from its newest checkpoint, exactly as if it had never stopped; returns the run that trains.

    The run may be given by its path, number or name. The recipe is that of the run's folder with `changes` such as
    "length.log_every=64" on top; `data` is the new location of images that have moved, or their array. `steps` or
    `images` are the new length from the run's beginning; `budget`, such as "1h" or "200k-images", is what the run may
    take from here on. A learning rate that has fallen to its end begins anew in a run that is made longer, see
    docs/schedules.md.

    Raises UsageError for a change that would make it another run, unless `fork`: then a new run beside it starts from
    its checkpoint. Raises CheckpointError when there is none or the run was imported, UsageError when there is nothing
    left to do, LockedError when another process trains it, and what `train` raises.
    """
    run = find_run(run)
    if run.info().get("status") == "imported":
        raise CheckpointError(
            f"{run.path} was imported with weights but no state of the optimisers, so it cannot go on exactly; "
            f"sample it, or start its recipe afresh with: {command('train', run.recipe_file)}"
        )
    terms = Terms(device=device, offline=offline, allow_dropped=allow_dropped, reporter=reporter or Silent())
    assignments = as_assignments(changes, None if data is None else name_of_images(data))
    wanted = with_absolute_path(override(recipe_of(run), assignments))
    more = _parse_length(steps, images, budget)
    if isinstance(more, int):
        length = more * wanted.batch_size if steps else more
        assignments.append(f"length.images={length}")
        wanted, more = override(wanted, assignments[-1:]), None
    check_networks(wanted)
    with saying_what_fits(wanted, device):
        return take_all(_fork(run, assignments, more, terms) if fork else _continue(run, wanted, more, terms))


def _parse_length(steps: int | None, images: int | None, budget: str | None) -> int | Budget | None:
    """The number of steps or of images, or the budget; None without any. Raises UsageError for more than one."""
    given = {"--steps": steps, "--images": images, "--budget": budget}
    found = [f"{name} {value}" for name, value in given.items() if value is not None]
    if len(found) > 1:
        raise UsageError(f"{' and '.join(found)} both say how long the run is; give one of them.")
    if steps is not None:
        check_steps(steps)
    if images is not None and images < 1:
        raise UsageError(f"--images {images} is too short; give 1 or more.")
    return steps or images or (parse_budget(budget) if budget is not None else None)


def _continue(run: Run, recipe: Recipe, budget: Budget | None, terms: Terms) -> Steps:
    with only_writer(run) as notes:
        trained = trained_recipe(run)
        recipe = without_extension(trained, recipe)
        check_changes_are_safe(run, trained, recipe)
        check_images_are_found(run, recipe)
        engine = same_engine(run.info(), terms.device, recipe.precision)
        access = access_for(terms.reporter, terms.offline, terms.allow_dropped, packed_dataset_key(run))
        datasets = open_all(recipe, access)
        check_same_images(run, datasets.identity, recipe)
        if budget:
            seen = max(saved_checkpoints(run), default=0) * recipe.batch_size
            recipe = _within_budget(recipe, seen, budget, datasets, terms)
        recipe = extended(trained, recipe)
        datasets, evaluator, _ = prepare(recipe, terms, datasets)
        if evaluator:
            check_same_evaluator(run, evaluator)
        tidy(run)
        gan, damages = last_state(run, recipe, engine)
        is_whole = ending(run, recipe, gan.seen)["status"] != STOPPED
        if is_whole and run.info()["status"] in ENDED:
            check_not_ended(run, recipe, gan.seen)
        if is_whole:
            apply_keep_policy(run, recipe)
        else:
            forget_later(run, gan.seen, trained)
        write_atomically(run.recipe_file, to_toml(recipe))
        kept = run.info().get("notes")
        kept = kept if isinstance(kept, list) else []
        new = [note for note in notes_on_setting(run, engine) if note not in kept]
        new += notes_on_extension(trained, recipe)
        about = {"recipe": recipe.model_dump(mode="json"), "notes": [*kept, *new]}
        run.update(status="running", reason="", **about, **with_extension(run, trained, recipe))
        going = "every step is done; finishing after" if is_whole else "continuing at"
        notes = [*notes, *damages, *new]
        notes.append(f"{going} step {gan.seen // recipe.batch_size:,} of {recipe.steps:,}")
        setup = Setup(recipe, datasets, evaluator, engine, run, terms.reporter)
        return (yield from run_to_end(gan, setup, notes, steps_left=not is_whole))


def _within_budget(recipe: Recipe, seen: int, budget: Budget, datasets: Datasets, terms: Terms) -> Recipe:
    """The recipe with the length that the budget buys after so many images."""
    images = longer(recipe, seen, budget, datasets, terms.device, terms.reporter)
    return override(recipe, [f"length.images={images}"])


def _fork(run: Run, changes: Sequence[str], budget: Budget | None, terms: Terms) -> Steps:
    """A new run beside `run` that continues its checkpoint, with the learning rates it had there, and the changes."""
    trained, written = (slowed(one, len(roll_backs(run))) for one in (trained_recipe(run), recipe_of(run)))
    recipe = with_absolute_path(override(written, changes))
    check_images_are_found(run, recipe)
    engine = same_engine(run.info(), terms.device, recipe.precision)
    found = find_checkpoint(run)
    datasets = open_all(recipe, access_for(terms.reporter, terms.offline, terms.allow_dropped))
    if budget:
        recipe = _within_budget(recipe, read_state(found.folder)["seen"], budget, datasets, terms)
    recipe = extended(trained, recipe)
    datasets, evaluator, notes = prepare(recipe, terms, datasets)
    notes += notes_on_extension(trained, recipe)
    gan = build(recipe, engine)
    load_checkpoint(found.folder, gan, forking=True)
    if gan.seen // recipe.batch_size >= recipe.steps:
        check_not_ended(run, recipe, gan.seen)
    beside = run.path.parent if run.path.name not in ("", "..") else run.path.resolve().parent
    fork = create_run(beside, recipe.name)
    origin = {"run": run.path.name, "step": found.step, "seen": gan.seen}
    setup = Setup(recipe, datasets, evaluator, engine, fork, terms.reporter)
    with only_writer(fork):
        write_description(setup, notes, forked_from=origin)
        save_checkpoint(fork, gan, recipe)
        notes += [*found.notes(), f"a new run from step {found.step:,} of {run.path}, {gan.seen:,} images"]
        return (yield from run_to_end(gan, setup, notes))
