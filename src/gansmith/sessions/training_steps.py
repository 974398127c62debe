"""Training one step at a time, for notebooks and for programs that look inside."""

from collections.abc import Generator, Sequence
from pathlib import Path

from gansmith.engine import DeviceChoice
from gansmith.planning.resolve import Resolved
from gansmith.runs.reporter import Reporter, Silent
from gansmith.runs.run import Run
from gansmith.schema import Recipe
from gansmith.sessions.session import Terms, begin
from gansmith.training.log import TrainingStep


def training_steps(
    recipe: Recipe | Resolved | str,
    *,
    runs: Path | str | None = None,
    name: str | None = None,
    device: DeviceChoice = "auto",
    offline: bool = False,
    allow_dropped: bool = False,
    notes: Sequence[str] = (),
    reporter: Reporter | None = None,
) -> Generator[TrainingStep, None, Run]:
    """Train as `train` does, in a run folder with the same bytes, but yield each step as soon as it is taken.

        for step in gansmith.training_steps(recipe):
            if step.step % 100 == 0:
                show(step.losses, step.sample(16))

    What is due after a step, such as a checkpoint, is done when the next step is asked for. Leaving early, by `break`,
    by an exception or by `close()`, saves the state and closes the run as Ctrl-C does, and `resume` goes on exactly. As
    long as a variable holds the generator, only `close()` does so: `with contextlib.closing(steps):` is always safe.
    Between two steps Ctrl-C asks the run to stop: the next step then raises Interrupted. Raises what `train` raises,
    when the first step is asked for or later.
    """
    terms = Terms(device=device, offline=offline, allow_dropped=allow_dropped, reporter=reporter or Silent())
    return (yield from begin(recipe, runs, name, terms, notes))
