"""Measuring a run on its way: how far G's images are from real ones, whether they get closer, and at what price.

Only images decide when there is an evaluation, and only its numbers what follows, so a continued run does what one that
never stopped does. How long it takes is said, and changes nothing.
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
from gansmith.evaluation.reference import Reference, kept_features, reference
from gansmith.evaluation.table import METRICS
from gansmith.features.extractor import Extractor
from gansmith.features.networks import default_extractor, load_extractor
from gansmith.generation.generator import Draws, paint_many
from gansmith.metrics.intervals import Estimate
from gansmith.rng import stream
from gansmith.runs.history import DECIDES, Evaluated, best_of, evaluations, stalled_since
from gansmith.runs.run import Run
from gansmith.schema import MOST_SHARE, Recipe
from gansmith.training.reporting import Reporter
from gansmith.training.state import GAN

WARN_AFTER = 3
"""Evaluations of a session, after which their price is known."""

DIGITS = 6
"""Significant ones of each number: what is beyond is rounding."""

LEAST_SIDE = 8
"""Pixels of an image that has a spectrum."""

NOT_EVALUATED = "not evaluated"
"""How the remark of a run begins that wanted to be and could not."""

METRICS_ON_THE_WAY = (DECIDES, "diversity", "class-kl", "junk", "spectrum", "checkerboard")
"""Those that cost next to nothing once there are features."""


@dataclass(slots=True, kw_only=True)
class Evaluator:
    """Measures the states of a run, each in the same way, and knows what that has cost in this session."""

    recipe: Recipe
    train: Dataset
    validation: Dataset | None
    """Images kept out of `train` for this, if any."""
    extractor: Extractor
    names: list[str]
    """Of the metrics; none where there are too few images for the features."""
    num: int
    """Images of either kind."""
    began: float = field(default_factory=time.monotonic)
    preparing: float = 0.0
    """Seconds for the real images."""
    measuring: float = 0.0
    """Seconds for everything else, and how many evaluations they were."""
    count: int = 0
    real: Reference | None = None

    def note(self) -> str:
        """What is done, in a sentence."""
        features = f"the features {self.extractor.name!r}"
        if not self.names:
            fewest = METRICS[DECIDES].fewest(self.extractor.width)
            return f"{NOT_EVALUATED}: {self.num:,} images are too few for {features}, which need {fewest:,}"
        kind = "kept out of the training" if self.validation else "of those trained on"
        return (
            f"evaluated every {self.recipe.evaluate.every:,} images: {self.num:,} images against as many real ones, "
            f"{kind}, by {features}"
        )

    def labels(self) -> Tensor | None:
        """The classes of G's images, int64 [num], in the shares of those trained on, where there are classes."""
        num = self.recipe.data.num_classes
        return classes_of(self.train.index, num).in_proportion(self.num) if num else None

    def cost(self) -> str:
        """What the evaluations of this session took, once there were some."""
        seconds = self.preparing + self.measuring
        share = seconds / (time.monotonic() - self.began)
        return f"{self.count} evaluation{'s' * (self.count > 1)} took {seconds:.1f} s, {share:.1%} of the time"


@dataclass(frozen=True, slots=True)
class EvaluationResult:
    """What follows from an evaluation: whether this state is to be kept as the best, and whether the run has ended."""

    is_best: bool = False
    is_last: bool = False


def make_evaluator(recipe: Recipe, train: Dataset, validation: Dataset | None) -> Evaluator | None:
    """Whoever judges a run of this recipe; None when it is too short for an evaluation, or wants none.

    No image is looked at before the first evaluation. Raises UsageError and DataError when the features cannot be
    had, or the recipe asks for fewer images than they need.
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
    num = _images_in_each(recipe, len(train))
    there = {"classes": found.classes is not None, "images": min(data.height, data.width) >= LEAST_SIDE}
    names = [one for one in METRICS_ON_THE_WAY if all(there[need] for need in METRICS[one].needs)]
    return Evaluator(
        recipe=recipe,
        train=train,
        validation=validation,
        extractor=found,
        names=names if num >= fewest else [],
        num=num,
    )


def is_measurable(recipe: Recipe, count: int) -> bool:
    """Whether `count` images to train on, or those kept out for it, are enough for the features. Raises as above."""
    return _images_in_each(recipe, count) >= METRICS[DECIDES].fewest(_extractor(recipe).width)


def about_too_short(recipe: Recipe) -> list[str]:
    """A sentence on a recipe that asks for evaluations and is over before the first."""
    every, images = recipe.evaluate.every, recipe.length.images
    return [f"{NOT_EVALUATED}: evaluate.every={every:,} is more than the run's {images:,} images"] * (every > images)


def _images_in_each(recipe: Recipe, count: int) -> int:
    return min(recipe.evaluate.images, recipe.evaluate.validation or count)


def _extractor(recipe: Recipe) -> Extractor:
    """The features that the recipe asks for; where auto's do not see such images, random ones, which see all."""
    data, asked = recipe.data, recipe.evaluate.features
    shape = {"channels": data.channels, "height": data.height, "width": data.width}
    return default_extractor(data.name, **shape) if asked == "auto" else load_extractor(asked, **shape)


def check_same_evaluator(run: Run, evaluator: Evaluator) -> None:
    """Raise UsageError when the run's evaluations so far were made in another way: they have no best in common."""
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


def evaluate(gan: GAN, evaluator: Evaluator, engine: Engine, run: Run, reporter: Reporter) -> EvaluationResult:
    """Measure the generator that is shown, and write a line of metrics.jsonl.

    The protocol, which is the same each time, goes into run.json at the first evaluation of a session.
    """
    if evaluator.real is None:
        evaluator.real = _prepare(evaluator, run)
    begun, recipe = time.monotonic(), evaluator.recipe
    draws = Draws(seed=recipe.seed, name="evaluate/latents")
    images = np.concatenate([*paint_many(gan.shown, recipe, engine, evaluator.num, draws, evaluator.labels())])
    measured = measure(images, evaluator.real, evaluator.names, recipe.seed, weights=_weights(recipe))
    step = gan.seen // recipe.batch_size
    run.append_metric({"step": step, "seen": gan.seen, **_facts(measured.values)})
    if evaluator.count == 0:
        run.update(evaluate=run.info().get("evaluate", {}) | {"protocol": measured.protocol.to_dict()})
    evaluator.count += 1
    evaluator.measuring += time.monotonic() - begun
    history = evaluations(run)
    is_best, now = best_of(history) == history[-1], history[-1]
    reporter.note(f"step {step:,}: Fréchet distance {now.describe()}{', the lowest so far' if is_best else ''}")
    if evaluator.count == WARN_AFTER and (warning := _too_expensive(evaluator)):
        reporter.note(warning)
    stalled = plateau(run, recipe, step)
    if stalled:
        reporter.note(because(stalled, recipe))
    return EvaluationResult(is_best=is_best, is_last=stalled is not None)


def plateau(run: Run, recipe: Recipe, step: int) -> Evaluated | None:
    """The last gain, when the evaluation of this step was one too many without another; else None."""
    history = evaluations(run)
    return stalled_since(history, recipe.evaluate.patience) if history and history[-1].step == step else None


def because(gain: Evaluated, recipe: Recipe) -> str:
    """Why a run ended before its length."""
    return (
        f"no gain beyond noise in {recipe.evaluate.patience} evaluations since step {gain.step:,}, whose Fréchet "
        f"distance was {gain.describe()}"
    )


def _prepare(evaluator: Evaluator, run: Run) -> Reference:
    """The real images' features; what as many others come to in G's place, the floor, goes into run.json."""
    begun = time.monotonic()
    train, validation, split = evaluator.train, evaluator.validation, evaluator.recipe.data.split
    first = _at_random(train, evaluator.recipe.seed, "evaluate/train")
    if validation:
        chosen = _at_random(validation, evaluator.recipe.seed, "evaluate/validation")
        real, others = _images(validation, chosen[: evaluator.num], "validation"), first[: evaluator.num]
    else:
        real, others = _images(train, first[: evaluator.num], split), first[evaluator.num : 2 * evaluator.num]
    found, floor = reference(real, evaluator.extractor), {}
    if len(others) == evaluator.num:
        features = kept_features(_images(train, others, split), evaluator.extractor)
        floor = {"floor": {DECIDES: asdict(measure(features, found, [DECIDES]).values[DECIDES])}}
    run.update(evaluate=floor)
    evaluator.preparing += time.monotonic() - begun
    return found


def _at_random(dataset: Dataset, seed: int, name: str) -> torch.Tensor:
    return torch.randperm(len(dataset), generator=stream(seed, name, 0))


def _images(dataset: Dataset, rows: torch.Tensor, split: str) -> inputs.ImageSet:
    return inputs.image_set(dataset.batch(rows).permute(0, 2, 3, 1).numpy(), dataset.index["name"], split)


def _facts(values: dict[str, Estimate]) -> dict[str, dict[str, float]]:
    """Value and interval of each, without what a run does not compute anew exactly."""
    found = {}
    for name, one in values.items():
        ends = {end: getattr(one, end) for end in ("value", "low", "high")}
        if all(map(math.isfinite, ends.values())):
            found[name] = {end: float(f"{value:.{DIGITS}g}") for end, value in ends.items()}
    return found


def _weights(recipe: Recipe) -> str:
    return "average" if recipe.ema_half_life else "raw"


def _too_expensive(evaluator: Evaluator) -> str:
    """What would make evaluations cheap enough, if they are not; else nothing."""
    share = evaluator.measuring / (time.monotonic() - evaluator.began - evaluator.preparing)
    if share <= MOST_SHARE:
        return ""
    every = evaluator.recipe.evaluate.every * (share / (1 - share)) / (MOST_SHARE / (1 - MOST_SHARE))
    digits = 10 ** (len(str(int(every))) - 2)
    return (
        f"evaluations take {share:.0%} of the time so far, and {MOST_SHARE:.0%} should do: "
        f"--set evaluate.every={math.ceil(every / digits) * digits:.0f}, or fewer evaluate.images in another run"
    )
