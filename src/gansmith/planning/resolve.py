"""From what the user asks for to a recipe and the datasets of its run: the one way in.

`resolve` decides everything that `gansmith train` decides: the size of the images, the number of classes, the settings
of a recipe that sets itself, and the length. The dataset is found, listed and hashed once; the run gets it opened.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from gansmith.data.dataset import Access
from gansmith.engine import DeviceChoice, make_engine
from gansmith.errors import UsageError
from gansmith.networks import check_networks
from gansmith.planning.budget import Budget
from gansmith.planning.classes import conditional_changes
from gansmith.planning.explain import explain_auto
from gansmith.planning.length import AutoDraft, FixedDraft, auto_draft
from gansmith.planning.memory import about_microbatches, fit_microbatches
from gansmith.planning.plan import Plan, make_plan
from gansmith.planning.rates import rate_changes
from gansmith.planning.shape import take_shape
from gansmith.recipe_file import assigned, assignment, flat, override
from gansmith.recipes import load_recipe, sets_itself, stated_fields
from gansmith.recipes.fitting import EXAMPLE, FEW, FEWEST_EVALUATED, SHORT_BUDGET, DatasetFacts, short_side_for
from gansmith.runs.reporter import Reporter
from gansmith.schema import Recipe
from gansmith.training.datasets import Datasets, make_sampler, open_set, split_dataset, with_absolute_path
from gansmith.training.evaluation import fewest_evaluated


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolved:
    """A recipe to train, what it trains on, and what the user should know."""

    recipe: Recipe
    datasets: Datasets | None
    """None where nothing depended on the images: they are opened when the run begins."""
    plan: Plan | None
    """None where the length needed no trial."""
    notes: list[str]

    def to_dict(self) -> dict[str, Any]:
        """Recipe, plan and notes as plain data for JSON."""
        plan = self.plan.to_dict() if self.plan else None
        return {"recipe": self.recipe.model_dump(mode="json"), "plan": plan, "notes": self.notes}


def check_steps(steps: int) -> None:
    """Raise UsageError for a length below one step."""
    if steps < 1:
        raise UsageError(f"steps {steps:,} is too short; give 1 or more.")


def resolve(
    name: str,
    changes: Sequence[str],
    *,
    steps: int | None,
    budget: Budget | None,
    lr: float | None,
    mirror: bool,
    device: DeviceChoice,
    labels: bool,
    fit_batch: bool,
    access: Access,
    reporter: Reporter,
) -> Resolved:
    """The recipe to train and its datasets; a trial is made for a budget, or where a recipe chooses its own length.

    `name` is that of a recipe or a TOML file; the other arguments are those of `gansmith.plan`. Raises UsageError,
    RecipeError, DataError and NotEnoughMemoryError. Nothing but the cache is written.
    """
    stated, is_auto = stated_fields(name, changes), sets_itself(name)
    if steps is not None:
        check_steps(steps)
    if budget is not None and steps is not None:
        raise UsageError(f"--budget {budget.text} and --steps {steps} both say how long the run is; give one of them.")
    if labels and any("data.num_classes" in flat(assigned(change)) for change in changes):
        raise UsageError("--labels takes data.num_classes from the images; leave out --labels, or that --set.")
    # Few images allow every setting of the augmentation; how many there are is not known yet.
    recipe = load_recipe(name, changes, replace(EXAMPLE, count=FEW))
    if lr is not None:
        rates = rate_changes(recipe, lr)
        recipe, changes = override(recipe, rates), [*changes, *rates]
    located = with_absolute_path(recipe)
    if located != recipe:
        recipe, changes = located, [*changes, assignment("data.name", located.data.name)]
    check_networks(recipe)
    recipe.model.check_conditional(labels)
    gpu = make_engine(device, recipe.precision).device.type != "cpu"
    short_side = short_side_for(budget.seconds if budget else 0.0, gpu or not is_auto)
    notes, source, datasets = [], None, None
    with ExitStack() as until:
        if "data.name" in stated:
            recipe, notes, source = take_shape(recipe, stated, short_side, access, reporter, until)
        if source or is_auto or labels or budget:
            whole = open_set(recipe, access, source, labels=labels)
            if labels:
                classes = conditional_changes(recipe, whole, stated)
                recipe, changes = override(recipe, classes), [*changes, *classes]
            datasets = split_dataset(recipe, whole, access)
    images = 0
    if is_auto and datasets:
        fewest = max(FEWEST_EVALUATED, fewest_evaluated(recipe) if recipe.evaluate.every else 0)
        facts = DatasetFacts(data=recipe.data, count=len(datasets.train), gpu=gpu, fewest_evaluated=fewest)
        draft = auto_draft(name, changes, facts, stated)
        if steps is not None:
            images = steps * draft.batch_size
        elif "length.images" in stated and not budget:
            images = recipe.length.images
    else:
        own = recipe if steps is None else override(recipe, [f"length.images={steps * recipe.batch_size}"])
        draft = FixedDraft(own=own, changes=changes)
    recipe = draft.recipe(images, 0)
    if mirror and "flip" not in (operations := recipe.augment.operations):
        draft = draft.changed(assignment("augment.operations", ("flip", *operations)))
        recipe = draft.recipe(images, 0)
    if datasets:
        make_sampler(recipe, datasets.train)  # raises for a batch larger than the dataset, before any trial
    if fit_batch:
        divided = fit_microbatches(recipe, device)
        notes.append(about_microbatches(divided))
        draft = draft.changed(f"microbatches={divided.microbatches}")
        recipe = draft.recipe(images, 0)
    plan, lines = None, []
    if datasets and (budget or (is_auto and not images)):
        plan = make_plan(draft, budget, datasets, device, reporter, stated)
        recipe, lines = plan.recipe, plan.lines()
        if not budget and plan.seconds >= SHORT_BUDGET:
            lines.append("for a first look in less time: --budget 10m")
    check_networks(recipe)
    if isinstance(draft, AutoDraft):
        decided = draft.facts_at(recipe.length.images if budget else images, plan.evaluations if plan else 0)
        notes += explain_auto(recipe, decided, stated)
    of_images = datasets.notes if datasets else []
    return Resolved(recipe=recipe, datasets=datasets, plan=plan, notes=[*of_images, *notes, *lines])
