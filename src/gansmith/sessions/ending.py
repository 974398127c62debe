"""How a run ends: done, on a plateau, stopped, or by an error of a disk."""

from collections.abc import Generator
from contextlib import contextmanager

from gansmith.errors import DiskError, UsageError
from gansmith.runs.run import Run
from gansmith.schema import Recipe
from gansmith.sessions.changes import trained_recipe
from gansmith.training.evaluation import describe_plateau, plateau

STOPPED = "stopped"
"""Status in run.json of a run that was asked to stop."""
ENDED = ("done", "plateau")
"""Status in run.json of a run that has come to its end."""


FAILED = ("failed", "diverged")
"""Status in run.json of a run that ended by an error: any, or a loss that was not finite."""


def ending(run: Run, recipe: Recipe, seen: int) -> dict[str, str]:
    """Status and reason for run.json of a run that ended without an error."""
    step = seen // recipe.batch_size
    if step >= recipe.steps:
        return {"status": "done"}
    if gain := plateau(run, recipe, step):
        return {"status": "plateau", "reason": describe_plateau(gain, recipe)}
    return {"status": STOPPED}


def check_not_ended(run: Run, recipe: Recipe, seen: int) -> None:
    """Raise UsageError for a run that has ended: on a plateau, or at its length."""
    step = seen // trained_recipe(run).batch_size
    if gain := plateau(run, recipe, step):
        raise UsageError(
            f"{run.path} ended at step {step:,}: {describe_plateau(gain, recipe)}; to train on, give more patience, or "
            "0 for no such end: --set evaluate.patience=0."
        )
    is_other_size = seen != step * recipe.batch_size
    anew = f", which is step {seen // recipe.batch_size:,} of {recipe.batch_size} images" if is_other_size else ""
    raise UsageError(
        f"{run.path} is complete at step {step:,}{anew}; give more --steps, or a --budget such as 10m, to train on."
    )


@contextmanager
def disk_errors(run: Run) -> Generator[None]:
    """Turn an OSError inside the context into a DiskError that names the file."""
    try:
        yield
    except OSError as error:
        raise DiskError(f"{error.filename or run.path} cannot be written: {error.strerror or error}.") from error
