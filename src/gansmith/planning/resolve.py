"""From what the user asks for to a recipe and the datasets of its run: the one way in.

`resolve` decides everything that `gansmith train` decides: the size of the images, the number of classes, the settings
of a recipe that sets itself, and the length. The dataset is found, listed and hashed once; the run gets it opened.
"""

from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from gansmith.data.dataset import Access
from gansmith.engine import DeviceChoice, make_engine
from gansmith.errors import UsageError
from gansmith.networks import check_networks
from gansmith.planning.budget import Budget
from gansmith.planning.classes import conditional_changes
from gansmith.planning.explain import about_short_budget, explain_auto
from gansmith.planning.length import FixedDraft, auto_draft
from gansmith.planning.memory import about_microbatches, fit_microbatches
from gansmith.planning.plan import Plan, make_plan
from gansmith.planning.shape import Shaped, take_shape
from gansmith.recipe_file import assigned, flat, override
from gansmith.recipes import load_recipe, sets_itself, stated_fields
from gansmith.recipes.fitting import EVALUATIONS, EXAMPLE, FEW, SHORT_BUDGET, DatasetFacts, short_side_for
from gansmith.runs.reporter import Reporter
from gansmith.schema import Recipe
from gansmith.training.datasets import Datasets, make_sampler, open_set, split_dataset


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainOptions:
    """What the user asks for."""

    recipe: str
    """Name of a recipe, or of a TOML file."""
    changes: Sequence[str] = ()
    """Changes of the recipe such as "batch_size=64"."""
    steps: int | None = None
    """Length of the run, if it is given in steps."""
    budget: Budget | None = None
    """Length of the run, if it is given as time or images."""
    device: DeviceChoice = "auto"
    labels: bool = False
    """Whether the number of classes is taken from the dataset's labels."""
    fit_batch: bool = False
    """Whether a batch that does not fit into memory is split into microbatches."""


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


def resolve(options: TrainOptions, access: Access, reporter: Reporter) -> Resolved:
    """The recipe to train and its datasets; a trial is made for a budget, or where a recipe chooses its own length.

    Raises UsageError, RecipeError, DataError and NotEnoughMemoryError. Nothing but the cache is written.
    """
    stated, is_auto = stated_fields(options.recipe, options.changes), sets_itself(options.recipe)
    _check_options(options)
    # Few images allow every setting of the augmentation; how many there are is not known yet.
    draft = load_recipe(options.recipe, options.changes, replace(EXAMPLE, count=FEW))
    check_networks(draft)
    draft.model.check_conditional(options.labels)
    gpu = make_engine(options.device, draft.precision).device.type != "cpu"
    short_side = short_side_for(options.budget.seconds if options.budget else 0.0, gpu or not is_auto)
    with ExitStack() as until:
        shaped = Shaped(recipe=draft, notes=[])
        if "data.name" in stated:
            shaped = take_shape(draft, stated, short_side, access, reporter, until)
        whole = None
        if shaped.source or is_auto or options.labels or options.budget:
            whole = open_set(shaped.recipe, access, shaped.source)
    recipe, notes = shaped.recipe, [*shaped.notes]
    if shaped.larger:
        notes.append(about_short_budget(*shaped.larger))
    if whole is None:
        return _finish_fixed(options, recipe, None, notes, reporter)
    if options.labels:
        classes = conditional_changes(whole, recipe.data.name)
        if "grid.columns" in stated or classes.get("grid.columns") == recipe.grid.columns:
            classes.pop("grid.columns", None)
        assignments = [f"{field}={value}" for field, value in classes.items()]
        options, recipe = replace(options, changes=[*options.changes, *assignments]), override(recipe, assignments)
    datasets = split_dataset(recipe, whole, access)
    if is_auto:
        facts = DatasetFacts(data=recipe.data, count=len(datasets.train), gpu=gpu)
        own_length = recipe.length.images if "length.images" in stated and not options.budget else 0
        return _finish_auto(options, facts, own_length, stated, datasets, notes, reporter)
    return _finish_fixed(options, recipe, datasets, notes, reporter)


def _check_options(options: TrainOptions) -> None:
    if options.budget is not None and options.steps is not None:
        raise UsageError(
            f"--budget {options.budget.text} and --steps {options.steps} both say how long the run is; give one of "
            "them."
        )
    if options.labels and any("data.num_classes" in flat(assigned(change)) for change in options.changes):
        raise UsageError("--labels takes data.num_classes from the images; leave out --labels, or that --set.")


def _finish_fixed(
    options: TrainOptions, recipe: Recipe, datasets: Datasets | None, notes: list[str], reporter: Reporter
) -> Resolved:
    """A recipe that does not set itself: its batch fitted into memory and its length."""
    changes = [*options.changes]
    if datasets:
        make_sampler(recipe, datasets.train)  # raises for a batch larger than the dataset, before any trial
    if options.fit_batch:
        recipe = fit_microbatches(recipe, options.device)
        changes.append(f"microbatches={recipe.microbatches}")
        notes = [*notes, about_microbatches(recipe)]
    plan = None
    if options.steps is not None:
        recipe = override(recipe, [f"length.images={options.steps * recipe.batch_size}"])
    elif options.budget and datasets:
        draft = FixedDraft(own=recipe, changes=changes)
        plan = make_plan(draft, options.budget, 0, datasets, options.device, reporter)
        recipe, notes = plan.recipe, [*notes, *plan.lines()]
    check_networks(recipe)
    return Resolved(recipe=recipe, datasets=datasets, plan=plan, notes=notes)


def _finish_auto(
    options: TrainOptions,
    facts: DatasetFacts,
    own_length: int,
    stated: Collection[str],
    datasets: Datasets,
    notes: list[str],
    reporter: Reporter,
) -> Resolved:
    """A recipe that sets itself from the facts, its batch fitted into memory, and its length."""
    draft = auto_draft(options.recipe, options.changes, facts, stated)
    images = own_length if options.steps is None else options.steps * draft.batch_size
    recipe, evaluations = draft.recipe(images, 0), 0
    make_sampler(recipe, datasets.train)  # raises for a batch larger than the dataset, before any trial
    if options.fit_batch:
        divided = fit_microbatches(recipe, options.device)
        notes = [*notes, about_microbatches(divided)]
        draft = replace(draft, changes=[*draft.changes, f"microbatches={divided.microbatches}"])
        recipe = draft.recipe(images, 0)
    plan, lines = None, []
    if not images:
        plan = make_plan(draft, options.budget, EVALUATIONS, datasets, options.device, reporter)
        recipe, evaluations, lines = plan.recipe, plan.evaluations, plan.lines()
        images = recipe.length.images if options.budget else 0
        if not options.budget and plan.seconds >= SHORT_BUDGET:
            lines.append("for a first look in less time: --budget 10m")
    check_networks(recipe)
    reasons = explain_auto(recipe, draft.facts_at(images, evaluations), stated)
    return Resolved(recipe=recipe, datasets=datasets, plan=plan, notes=[*notes, *reasons, *lines])
