"""A run goes back to its last checkpoint: to be continued, or because a loss was not finite."""

from dataclasses import fields
from typing import Any

from gansmith.checkpoints.load import set_aside
from gansmith.checkpoints.manifest import find_checkpoint, read_state, saved_checkpoints
from gansmith.checkpoints.save import point_at_best
from gansmith.config import scaled
from gansmith.engine import Engine
from gansmith.errors import CheckpointError, DivergedError
from gansmith.runs.history import DECIDES
from gansmith.runs.run import EVENTS, METRICS, Run
from gansmith.schema import Recipe
from gansmith.text import command
from gansmith.training.loop import Due, Setup
from gansmith.training.state import GAN, build, load_checkpoint

MOST_ROLL_BACKS = 3
"""Roll-backs of a run, at most."""


def last_state(run: Run, recipe: Recipe, engine: Engine) -> tuple[GAN, list[str]]:
    """The state of the newest checkpoint that is whole, with the rates that the roll-backs up to there have left.

    Damaged ones after it are set aside, with a note on each. Roll-backs to a later step are taken off the record: they
    will happen again. A run that ended before its first checkpoint begins anew. Raises CheckpointError when there is
    none that can be used.
    """
    events = run.events()
    is_before_first = not events or events[-1]["seen"] <= recipe.length.checkpoint_every
    found = None if is_before_first and not saved_checkpoints(run) else find_checkpoint(run)
    seen = read_state(found.folder)["seen"] if found else 0
    done = roll_backs(run)
    happened = [one for one in done if one["to_seen"] <= seen]
    if len(happened) < len(done):
        run.update(roll_backs=happened)
    gan = build(slowed(recipe, len(happened)), engine)
    if found:
        load_checkpoint(found.folder, gan)
    return gan, set_aside(run, found) if found else []


def forget_later(run: Run, seen: int, trained: Recipe) -> None:
    """Drop what the run wrote after `seen` images, and what it wrote there only because it ended; correct `best`.

    A continued run writes the first again, and a run that never stopped does not have the second.
    """
    step, due = seen // trained.batch_size, Due.at(trained, seen)

    def stays(line: dict[str, Any], is_due: bool) -> bool:
        return line["seen"] < seen or (line["seen"] == seen and is_due)

    run.keep_lines(EVENTS, lambda line: stays(line, due.log))
    run.keep_lines(METRICS, lambda line: stays(line, due.evaluation if DECIDES in line else due.validation_losses))
    point_at_best(run)
    for file in run.samples.glob("*.png"):
        drawn = int(file.stem) if file.stem.isdecimal() else -1
        if drawn > step or (drawn == step and not due.grid):
            file.unlink()


def roll_back(gan: GAN, setup: Setup, error: DivergedError) -> str:
    """Put the last checkpoint's state into `gan`, with half the learning rates it had.

    The change is recorded in run.json before anything goes on; returns a sentence on it. Raises DivergedError when the
    recipe does not ask for this, or when it has been done three times.
    """
    run, recipe, engine = setup.run, setup.recipe, setup.engine
    done = roll_backs(run)
    if recipe.on_divergence != "roll-back" or len(done) >= MOST_ROLL_BACKS:
        raise DivergedError(f"{error} {_advice(run, len(done))}") from error
    seen = last_state(run, recipe, engine)[0].seen
    run.update(roll_backs=[*done, {"to_seen": seen, "to_step": seen // recipe.batch_size, "because": str(error)}])
    forget_later(run, seen, recipe)
    before, _ = last_state(run, recipe, engine)
    for part in fields(GAN):
        setattr(gan, part.name, getattr(before, part.name))
    return f"{error} Back to step {seen // recipe.batch_size:,}, with half the learning rates."


def _advice(run: Run, rolled_back: int) -> str:
    if rolled_back >= MOST_ROLL_BACKS:
        return f"Going back {rolled_back} times did not help; start afresh with lower learning rates."
    saved = [*saved_checkpoints(run)]
    where = f"The last checkpoint, of step {saved[-1]:,}, is" if saved else "The beginning is"
    return (
        f"{where} as it was; to go on from there with half the learning rates: "
        f"{command('resume', run.path, '--set', 'on_divergence=roll-back')}"
    )


def roll_backs(run: Run) -> list[dict]:
    """The roll-backs of the run, oldest first. Raises CheckpointError when their record in run.json is broken."""
    kept = run.info().get("roll_backs", [])
    are_tables = isinstance(kept, list) and all(isinstance(one, dict) for one in kept)
    if not (are_tables and all(isinstance(one.get("to_seen"), int) for one in kept)):
        raise CheckpointError(f"{run.path / 'run.json'} holds a broken list of roll_backs; restore that file.")
    return kept


def slowed(recipe: Recipe, times: int) -> Recipe:
    """The recipe with both learning rates halved `times` times."""
    names = ("discriminator_optimizer", "generator_optimizer")
    settings = {name: getattr(recipe, name) for name in names}
    return recipe.model_copy(
        update={name: one.model_copy(update={"lr": scaled(one.lr, 0.5**times)}) for name, one in settings.items()}
    )
