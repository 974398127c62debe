"""The training loop: do what is due, stop if the run is done, take a step."""

from collections.abc import Generator
from dataclasses import dataclass

from gansmith.engine import Engine
from gansmith.generation.generator import save_sample_grid
from gansmith.runs.control import SAMPLE, SAVE, STOP, Requests
from gansmith.runs.reporter import Reporter
from gansmith.runs.run import Run
from gansmith.schema import Recipe
from gansmith.training.batch import make_batch
from gansmith.training.datasets import Datasets, make_sampler
from gansmith.training.evaluation import EvaluationResult, Evaluator
from gansmith.training.live_page import LivePage
from gansmith.training.log import StepLog, TrainingStep
from gansmith.training.state import GAN, generator_of, save_checkpoint
from gansmith.training.steps import Values, train_step
from gansmith.training.validation import validation_batch, write_validation_losses
from gansmith.viz.evolution import is_milestone


@dataclass(frozen=True, slots=True)
class Setup:
    """Everything that training uses and does not change."""

    recipe: Recipe
    datasets: Datasets
    evaluator: Evaluator | None
    engine: Engine
    run: Run
    reporter: Reporter


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """The work that the recipe's intervals ask for at one moment between two steps."""

    is_new: bool
    """False at the first moment of a resumed run, which did this moment's work before it stopped: nothing is due."""
    evaluation: bool
    log: bool
    validation_losses: bool
    grid: bool
    checkpoint: bool

    @classmethod
    def at(cls, recipe: Recipe, seen: int, resumed_at: int = 0) -> "Due":
        """The work at the clock `seen`, in a run that started or went on at `resumed_at`."""
        is_new = seen > resumed_at or resumed_at == 0

        def crossed(every: int) -> bool:
            """Whether the last step crossed a multiple of `every` images, which need not divide into batches."""
            return is_new and every > 0 and seen // every != (seen - recipe.batch_size) // every

        return cls(
            is_new=is_new,
            evaluation=seen > 0 and crossed(recipe.evaluate.every),
            log=seen > 0 and crossed(recipe.length.log_every),
            validation_losses=seen > 0 and crossed(recipe.validation_losses.every),
            grid=crossed(recipe.length.sample_every) or (is_new and is_milestone(seen // recipe.batch_size)),
            checkpoint=seen > 0 and crossed(recipe.length.checkpoint_every),
        )


def train_loop(gan: GAN, setup: Setup, requests: Requests) -> Generator[TrainingStep]:
    """Train to the end or a request to stop, such as closing, and save; yields each step. Raises DivergedError."""
    recipe, run, engine, datasets, resumed_at = setup.recipe, setup.run, setup.engine, setup.datasets, gan.seen
    sampler = make_sampler(recipe, datasets.train)
    log, page = StepLog(recipe, run, setup.reporter, resumed_at), LivePage(run, setup.reporter)
    values: Values = {}
    if resumed_at:  # a new run's first page comes with its first grid
        page.update()

    while True:
        step, requested = gan.seen // recipe.batch_size, requests.take()
        due, result = Due.at(recipe, gan.seen, resumed_at), EvaluationResult()
        if due.evaluation and setup.evaluator:
            result = setup.evaluator.evaluate(gan, engine, run, setup.reporter)
        done = step >= recipe.steps or result.is_plateau
        stop = done or STOP in requested
        if due.log or (due.is_new and done):
            log.write(gan, values)
        if due.validation_losses and datasets.for_losses:
            write_validation_losses(gan, recipe, datasets.for_losses, engine, run)
        if due.grid or (due.is_new and done) or SAMPLE in requested:
            page.update(save_sample_grid(run, generator_of(gan, recipe, engine)), asked=SAMPLE in requested)
        if due.checkpoint or (due.is_new and (stop or result.is_best or SAVE in requested)):
            save_checkpoint(run, gan, recipe)
        if stop:
            return

        chosen = sampler.indices(gan.seen)
        validation = validation_batch(recipe, datasets.validation, gan.seen)
        pixels, labels = datasets.train.batch(chosen), datasets.train.labels_at(chosen)
        batch = make_batch(recipe, gan.seen, pixels, engine, labels, validation)
        values = train_step(gan, batch, recipe, engine)
        try:
            yield TrainingStep(gan, recipe, engine, run, values, gan.seen)
        except GeneratorExit:
            requests.ask(STOP)
