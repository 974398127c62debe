"""A whole run, from recipe to report."""

from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from gansmith.data.sources import namesake_notes
from gansmith.engine import DeviceChoice, make_engine, suitable_threads
from gansmith.errors import DiskError, DivergedError, Interrupted
from gansmith.networks import check_networks
from gansmith.planning.memory import give_back, saying_what_fits
from gansmith.planning.public import plan
from gansmith.planning.resolve import Resolved
from gansmith.report import write_report
from gansmith.runs.control import Requests, listening
from gansmith.runs.lock import only_writer
from gansmith.runs.reporter import LogFile, Reporter, Silent
from gansmith.runs.run import Run, check_root, create_run, default_root, folder_name, utc_now
from gansmith.schema import Recipe
from gansmith.sessions.description import write_description
from gansmith.sessions.ending import FAILED, STOPPED, disk_errors, ending
from gansmith.sessions.rollback import roll_back
from gansmith.text import command
from gansmith.training.datasets import Datasets, access_for, make_sampler, open_all, with_absolute_path
from gansmith.training.evaluation import Evaluator, make_evaluator, notes_on_too_short
from gansmith.training.live_page import close_page
from gansmith.training.log import TrainingStep
from gansmith.training.loop import Setup, train_loop
from gansmith.training.state import GAN, build


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """Options of `train` and `resume`: device, how images may be fetched, and who is told."""

    device: DeviceChoice
    offline: bool
    allow_dropped: bool
    reporter: Reporter


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
    return take_all(begin(recipe, runs, name, terms, notes))


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


Steps = Generator[TrainingStep, None, Run]
"""Training, a step at a time; closing it early saves the state. Returns the run."""


def take_all(steps: Steps) -> Run:
    """Take every step; returns the run."""
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
        asked = {"device": terms.device, "offline": terms.offline, "allow_dropped": terms.allow_dropped}
        recipe = plan(recipe, reporter=terms.reporter, **asked)
    if isinstance(recipe, Resolved):
        recipe, datasets, notes = recipe.recipe, recipe.datasets, [*recipe.notes, *notes]
    else:
        recipe = with_absolute_path(recipe)
        check_networks(recipe)
    root, name = Path(runs or default_root()), folder_name(name or recipe.name)
    check_root(root)
    with saying_what_fits(recipe, terms.device):
        engine = make_engine(terms.device, recipe.precision)
        datasets, evaluator, more_notes = prepare(recipe, terms, datasets)
        gan, notes = build(recipe, engine), [*dict.fromkeys([*notes, *more_notes])]  # a plan has those on the images
        run = create_run(root, name)
        setup = Setup(recipe, datasets, evaluator, engine, run, terms.reporter)
        with only_writer(run):
            write_description(setup, notes)
            return (yield from run_to_end(gan, setup, notes))


def prepare(
    recipe: Recipe, terms: Terms, datasets: Datasets | None = None
) -> tuple[Datasets, Evaluator | None, list[str]]:
    """Datasets, the evaluator of a run that is evaluated, and notes on both; all that can fail before a run folder."""
    datasets = datasets or open_all(recipe, access_for(terms.reporter, terms.offline, terms.allow_dropped))
    make_sampler(recipe, datasets.train)  # raises for a batch larger than the dataset
    evaluator = make_evaluator(recipe, datasets.train, datasets.validation)
    notes = [
        *namesake_notes(recipe.data.name),
        *datasets.notes,
        *([evaluator.note()] if evaluator else notes_on_too_short(recipe)),
    ]
    return datasets, evaluator if evaluator and evaluator.names else None, notes


def run_to_end(gan: GAN, setup: Setup, notes: Sequence[str], *, steps_left: bool = True) -> Steps:
    """Train to the end, then write the run's status, whatever happened, and the report.

    A run that was killed after its last save has no `steps_left`: then there is nothing to train.
    """
    run, recipe = setup.run, setup.recipe
    setup = replace(setup, reporter=LogFile(run.path / "log.txt", setup.reporter))
    outcome, is_closed = {"status": "failed"}, False
    with disk_errors(run):
        try:
            for sentence in (f"run folder: {run.path}", f"page, while it trains and after: {run.report}", *notes):
                setup.reporter.note(sentence)
            with listening(run.control) as requests:
                if steps_left:
                    try:
                        yield from _train(gan, setup, requests)
                    except GeneratorExit:  # closed early: the loop has saved the state
                        is_closed = True
            if setup.evaluator and setup.evaluator.count:
                setup.reporter.note(setup.evaluator.cost())
            outcome = ending(run, recipe, gan.seen)
        except DivergedError:
            outcome = {"status": "diverged"}
            raise
        except (MemoryError, RuntimeError) as error:
            give_back(error)  # run.json is still to be written
            raise
        finally:
            with suppress(DiskError, OSError):  # the one that led here, if any, is the one to tell
                run.update(ended=utc_now(), step=gan.seen // recipe.batch_size, seen=gan.seen, **outcome)
            if outcome["status"] in FAILED:
                close_page(run)
        write_report(run)
    if outcome["status"] == STOPPED and not is_closed:
        raise Interrupted(
            f"stopped and saved at step {gan.seen // recipe.batch_size:,} of {recipe.steps:,}; "
            f"go on with: {command('resume', run.path)}",
            exit_code=requests.exit_code,
        )
    setup.reporter.note(f"report: {run.report}")
    return run


def _train(gan: GAN, setup: Setup, requests: Requests) -> Generator[TrainingStep]:
    """Run the training loop, and again after each roll-back."""
    while True:
        try:
            with suitable_threads(setup.recipe.batch_size, gan.G, gan.D):
                yield from train_loop(gan, setup, requests)
            return
        except DivergedError as error:
            setup.reporter.note(roll_back(gan, setup, error))
