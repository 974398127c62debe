"""Evaluations during training: how far fake images are from real ones, which state is the best, and whether to stop.

The clock alone decides when to evaluate, and the numbers alone decide what follows, so a resumed run does what a run
that never stopped does. The time that evaluations take is reported and changes nothing.
"""

import math
import time
from dataclasses import asdict, dataclass, field

import numpy as np
import torch
from torch import Tensor

from gansmith.data.classes import classes_of
from gansmith.data.store import Dataset
from gansmith.engine import Engine
from gansmith.errors import UsageError
from gansmith.evaluation import inputs
from gansmith.evaluation.measure import measure
from gansmith.evaluation.published import stored_weights
from gansmith.evaluation.reference import Reference, kept_features, reference
from gansmith.evaluation.table import LEAST_SIDE, METRICS
from gansmith.features.extractor import Extractor
from gansmith.features.networks import default_extractor, load_extractor
from gansmith.generation.generator import Draws
from gansmith.metrics.intervals import Estimate
from gansmith.rng import stream
from gansmith.runs.history import DECIDES, Evaluated, best_of, evaluations, stalled_since
from gansmith.runs.reporter import Reporter
from gansmith.runs.run import Run
from gansmith.schema import MOST_SHARE, Recipe
from gansmith.training.state import GAN, generator_of

WARN_AFTER = 3
"""Number of evaluations in a session after which a warning says whether they take too long."""
DIGITS = 6
"""Significant digits of each number in metrics.jsonl; further digits depend on rounding."""
NOT_EVALUATED = "not evaluated"
"""Begin of the note on a run that asks for evaluations and gets none."""
METRICS_IN_TRAINING = (DECIDES, "diversity", "class-kl", "junk", "spectrum", "checkerboard")
"""The metrics that take little time once the features are there."""


@dataclass(frozen=True, slots=True)
class EvaluationResult:
    """What follows from an evaluation."""

    is_best: bool = False
    """Whether this state is the best so far."""
    is_plateau: bool = False
    """Whether the run ends here, because it has stopped improving."""


@dataclass(slots=True, kw_only=True)
class Evaluator:
    """Evaluates the states of a run, each in the same way, and counts the seconds that it takes in this session."""

    recipe: Recipe
    train: Dataset
    validation: Dataset | None
    """Validation set; without one, images are compared with images of `train`."""
    extractor: Extractor
    names: list[str]
    """Names of the metrics; empty when there are too few images for the features."""
    num: int
    """Number of fake images, and of real ones, in an evaluation."""
    began: float = field(default_factory=time.monotonic)
    preparing: float = 0.0
    """Seconds spent on the real images."""
    measuring: float = 0.0
    """Seconds spent on evaluations, without `preparing`."""
    count: int = 0
    """Number of evaluations in this session."""
    real: Reference | None = None

    @property
    def fewest(self) -> int:
        """The fewest images from which the metric that decides can be computed."""
        return METRICS[DECIDES].fewest(self.extractor.width)

    def note(self) -> str:
        """A sentence on what is evaluated, or why nothing is."""
        features = f"the features {self.extractor.name!r}"
        if not self.names:
            return f"{NOT_EVALUATED}: {self.num:,} images are too few for {features}, which need {self.fewest:,}"
        kind = "validation" if self.validation else "training"
        return (
            f"every {self.recipe.evaluate.every:,} images, {self.num:,} samples are compared with {self.num:,} {kind} "
            f"images (feature network: {self.extractor.name})"
        )

    def labels(self) -> Tensor | None:
        """Classes of the fake images, int64 [num], in the shares of the training images; None without classes."""
        num = self.recipe.data.num_classes
        return classes_of(self.train.index, num).in_proportion(self.num) if num else None

    def cost(self) -> str:
        """A sentence on the time that the evaluations of this session took; there must have been one."""
        seconds = self.preparing + self.measuring
        share = seconds / (time.monotonic() - self.began)
        return f"{self.count} evaluation{'s' * (self.count > 1)} took {seconds:.1f} s, {share:.1%} of the time"

    def evaluate(self, gan: GAN, engine: Engine, run: Run, reporter: Reporter) -> EvaluationResult:
        """Evaluate the generator that is shown, always by one protocol, and write metrics.jsonl and run.json."""
        if self.real is None:
            self.real = self._prepare(run)
        began, recipe, step = time.monotonic(), self.recipe, gan.seen // self.recipe.batch_size
        generator = generator_of(gan, recipe, engine)
        draws = Draws(seed=recipe.seed, name="evaluate/latents")
        images = np.concatenate([*generator.sample_chunks(self.num, draws, self.labels())])
        weights = "average" if recipe.ema_half_life else "raw"
        measured = measure(images, self.real, self.names, recipe.seed, generator_weights=weights)
        run.append_metric({"step": step, "seen": gan.seen, **_rounded(measured.values)})
        if self.count == 0:
            run.update(evaluate=run.info().get("evaluate", {}) | {"protocol": measured.protocol.to_dict()})
        self.count, self.measuring = self.count + 1, self.measuring + time.monotonic() - began
        history = evaluations(run)
        is_best, now = best_of(history) == history[-1], history[-1]
        reporter.note(f"step {step:,}: Fréchet distance {now.describe()}{', the lowest so far' if is_best else ''}")
        if self.count == WARN_AFTER and (warning := self._warning_if_expensive()):
            reporter.note(warning)
        if last_gain := plateau(run, recipe, step):
            reporter.note(describe_plateau(last_gain, recipe))
        return EvaluationResult(is_best=is_best, is_plateau=last_gain is not None)

    def _prepare(self, run: Run) -> Reference:
        """The features of the real images. The score of other real images, the floor, is written to run.json."""
        began = time.monotonic()
        train, validation, split, seed = self.train, self.validation, self.recipe.data.split, self.recipe.seed
        order = _random_order(train, seed, "evaluate/train")
        if validation:
            chosen = _random_order(validation, seed, "evaluate/validation")
            real, others = _image_set(validation, chosen[: self.num], "validation"), order[: self.num]
        else:
            real, others = _image_set(train, order[: self.num], split), order[self.num : 2 * self.num]
        found, floor = reference(real, self.extractor), {}
        if len(others) == self.num:
            features = kept_features(_image_set(train, others, split), self.extractor)
            floor = {"floor": {DECIDES: asdict(measure(features, found, [DECIDES]).values[DECIDES])}}
        run.update(evaluate=floor)
        self.preparing += time.monotonic() - began
        return found

    def _warning_if_expensive(self) -> str:
        """A sentence on what would make evaluations cheap enough; empty if they are."""
        share = self.measuring / (time.monotonic() - self.began - self.preparing)
        if share <= 2 * MOST_SHARE:  # a plan is not exact
            return ""
        every = self.recipe.evaluate.every * (share / (1 - share)) / (MOST_SHARE / (1 - MOST_SHARE))
        digits = 10 ** (len(str(int(every))) - 2)
        return (
            f"evaluations take {share:.0%} of the time so far; they would take {MOST_SHARE:.0%} with "
            f"--set evaluate.every={math.ceil(every / digits) * digits:.0f}"
        )


def make_evaluator(recipe: Recipe, train: Dataset, validation: Dataset | None) -> Evaluator | None:
    """The evaluator of a run; None when the recipe asks for no evaluation, or is too short for one.

    No image is read before the first evaluation. Raises UsageError or DataError when the features are not available, or
    need more images than the recipe asks for.
    """
    settings, data = recipe.evaluate, recipe.data
    if not 0 < settings.every <= recipe.length.images:
        return None
    found = _extractor(recipe)
    fewest = METRICS[DECIDES].fewest(found.width)
    if settings.images < fewest:
        raise UsageError(
            f"evaluate.images={settings.images:,} are too few: the features {found.name!r} are {found.width} wide "
            f"and need at least {fewest:,}."
        )
    num = min(settings.images, settings.validation or len(train))
    available = {"classes": found.classes is not None, "images": min(data.height, data.width) >= LEAST_SIDE}
    names = [name for name in METRICS_IN_TRAINING if all(available[need] for need in METRICS[name].needs)]
    names = names if num >= fewest else []
    return Evaluator(recipe=recipe, train=train, validation=validation, extractor=found, names=names, num=num)


def is_measurable(recipe: Recipe, count: int) -> bool:
    """Whether the validation set, or else `count` training images, are enough. Raises as `make_evaluator`."""
    return min(recipe.evaluate.images, recipe.evaluate.validation or count) >= fewest_evaluated(recipe)


def fewest_evaluated(recipe: Recipe) -> int:
    """The fewest images that the recipe's features need. Raises as `make_evaluator`."""
    return METRICS[DECIDES].fewest(_extractor(recipe).width)


def notes_on_too_short(recipe: Recipe) -> list[str]:
    """A note on a recipe that asks for evaluations and ends before the first."""
    every, images = recipe.evaluate.every, recipe.length.images
    note = f"{NOT_EVALUATED}: evaluate.every={every:,} is more than the run's {images:,} images"
    return [note] if every > images else []


def _extractor(recipe: Recipe) -> Extractor:
    """The recipe's feature extractor; "auto" is the one for its images, or random features, which take any."""
    data, asked = recipe.data, recipe.evaluate.features
    shape = {"channels": data.channels, "height": data.height, "width": data.width}
    if asked == "auto":
        return default_extractor(data.name, **shape)
    return load_extractor(asked, **shape, weights=stored_weights(asked))


def check_same_evaluator(run: Run, evaluator: Evaluator) -> None:
    """Raise UsageError when the run was evaluated with another protocol so far: the numbers would not be comparable."""
    kept = run.info().get("evaluate")
    protocol = kept.get("protocol") if isinstance(kept, dict) else None
    if not (isinstance(protocol, dict) and evaluations(run)):
        return
    now = {"features_hash": evaluator.extractor.hash, "resize": evaluator.extractor.resize, "fake": evaluator.num}
    for name, value in now.items():
        if protocol.get(name) != value:
            raise UsageError(
                f"{run.path} cannot be evaluated as before: {name} was {protocol.get(name)!r} and is now {value!r}. "
                "Go on without: --set evaluate.every=0 --set evaluate.patience=0, or start a new run with --fork."
            )


def plateau(run: Run, recipe: Recipe, step: int) -> Evaluated | None:
    """The last gain, if the evaluation of this step ends the patience of the recipe; else None."""
    history = evaluations(run)
    return stalled_since(history, recipe.evaluate.patience) if history and history[-1].step == step else None


def describe_plateau(gain: Evaluated, recipe: Recipe) -> str:
    """A sentence on why a run ended before its length."""
    return (
        f"no gain beyond noise in {recipe.evaluate.patience} evaluations since step {gain.step:,}, whose Fréchet "
        f"distance was {gain.describe()}"
    )


def _random_order(dataset: Dataset, seed: int, name: str) -> torch.Tensor:
    return torch.randperm(len(dataset), generator=stream(seed, name, 0))


def _image_set(dataset: Dataset, rows: torch.Tensor, split: str) -> inputs.ImageSet:
    return inputs.image_set(dataset.batch(rows).permute(0, 2, 3, 1).numpy(), dataset.index["name"], split)


def _rounded(values: dict[str, Estimate]) -> dict[str, dict[str, float]]:
    """Value and interval of each metric, to `DIGITS` digits; metrics that are not finite are left out."""
    found = {}
    for name, estimate in values.items():
        ends = {end: getattr(estimate, end) for end in ("value", "low", "high")}
        if all(map(math.isfinite, ends.values())):
            found[name] = {end: float(f"{value:.{DIGITS}g}") for end, value in ends.items()}
    return found
