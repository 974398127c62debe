"""What `gansmith train` was asked for as a recipe: in the shape of its images, set from them, with a length."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gansmith.data.dataset import Access
from gansmith.engine import DeviceChoice, make_engine
from gansmith.errors import UsageError
from gansmith.planning.budget import Budget, stretched
from gansmith.planning.classes import take_labels
from gansmith.planning.memory import in_parts_that_fit
from gansmith.planning.plan import Plan, make_plan
from gansmith.planning.shape import take_shape
from gansmith.recipe_file import assigned, flat, override, read_toml
from gansmith.recipes import fitted, sets_itself
from gansmith.recipes.fitting import (
    EVALUATIONS,
    EXAMPLE,
    FEW,
    SHORT_BUDGET,
    DatasetFacts,
    Fitted,
    about_short_budget,
    short_side_for,
)
from gansmith.schema import Recipe
from gansmith.training.datasets import make_sampler, open_all
from gansmith.training.log import Reporter


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What the command line says."""

    name: str
    """Of a recipe, or of a TOML file."""
    changes: Sequence[str]
    """All of them: the options', too."""
    steps: int | None
    budget: Budget | None
    device: DeviceChoice
    labels: bool = False
    """Whether the networks are told the images' classes."""
    fit_batch: bool = False
    """Whether a batch that does not fit into memory goes through in parts."""

    @property
    def stated(self) -> set[str]:
        """The fields that the user has set, in a file or by --set."""
        fields = {field for change in self.changes for field in flat(assigned(change))}
        if self.name.endswith(".toml"):
            fields |= flat(read_toml(Path(self.name).read_text(encoding="utf-8"), self.name)).keys()
        return fields


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The recipe, the plan if one was made, and what the user should know."""

    recipe: Recipe
    plan: Plan | None
    notes: list[str]

    def to_dict(self) -> dict[str, Any]:
        """As plain data for JSON."""
        plan = self.plan.to_dict() if self.plan else None
        return {"recipe": self.recipe.model_dump(mode="json"), "plan": plan, "notes": self.notes}


def answer(asked: Asked, access: Access, reporter: Reporter) -> Answer:
    """The recipe to train. A plan is made where there is a budget, or a recipe chooses its length itself.

    Raises UsageError, RecipeError and DataError for what cannot be.
    """
    own, stated = sets_itself(asked.name), asked.stated
    # what the user sets of the augmentation may only suit few images, and how many there are is not known yet
    found, notes = fitted(asked.name, asked.changes, replace(EXAMPLE, count=FEW)).recipe, []
    gpu = make_engine(asked.device, found.precision).device.type != "cpu"
    seconds = asked.budget.seconds if asked.budget else 0.0
    if "data.name" in stated:
        shaped = take_shape(found, stated, short_side_for(seconds, gpu if own else True), access, reporter)
        found, notes = shaped.recipe, [*shaped.notes, *([about_short_budget(*shaped.larger)] if shaped.larger else [])]
    if asked.labels:
        asked, found = _told_apart(asked, found, access)
    if own:
        return _set_by_images(asked, found, gpu, notes, access, reporter)
    if asked.fit_batch:
        found, said = _in_parts(found, asked.device)
        notes = [*notes, said]
    if asked.steps is not None:
        return Answer(
            recipe=override(found, [f"length.images={asked.steps * found.batch_size}"]), plan=None, notes=notes
        )
    if asked.budget is None:
        return Answer(recipe=found, plan=None, notes=notes)

    def at(images: int, _evaluations: int) -> Recipe:
        return override(stretched(found, images), asked.changes) if images else found  # what is set, is not stretched

    dataset = open_all(found, access).train
    make_sampler(found, dataset)  # refuses a batch larger than the set, before it is tried out
    plan = make_plan(at, asked.budget, 0, len(dataset), asked.device, reporter)
    return Answer(recipe=plan.recipe, plan=plan, notes=[*notes, *plan.lines()])


def _in_parts(recipe: Recipe, device: DeviceChoice) -> tuple[Recipe, str]:
    """The recipe in as many parts as fit, and a sentence on it."""
    divided = in_parts_that_fit(recipe, device)
    size = divided.batch_size // divided.microbatches
    return (
        divided,
        f"by trial, {size:,} of batch_size={divided.batch_size:,} fit at once: microbatches={divided.microbatches}",
    )


def _told_apart(asked: Asked, found: Recipe, access: Access) -> tuple[Asked, Recipe]:
    """The recipe with the classes of its images, which are then as if they were asked for."""
    if any("data.num_classes" in flat(assigned(change)) for change in asked.changes):
        raise UsageError("--labels takes data.num_classes from the images; leave out --labels, or that --set.")
    told = take_labels(found, access, keep_grid="grid.columns" in asked.stated)
    taken = [f"data.num_classes={told.data.num_classes}"]
    if told.grid != found.grid:
        taken.append(f"grid.columns={told.grid.columns}")
    return replace(asked, changes=[*asked.changes, *taken]), told


def _set_by_images(
    asked: Asked, found: Recipe, gpu: bool, notes: list[str], access: Access, reporter: Reporter
) -> Answer:
    """A recipe that sets itself."""
    dataset = open_all(found, access).train
    facts = DatasetFacts(data=found.data, count=len(dataset), gpu=gpu)
    if asked.steps is not None:
        facts = replace(facts, images=asked.steps * fitted(asked.name, asked.changes, facts).recipe.batch_size)
    elif "length.images" in asked.stated and asked.budget is None:
        facts = replace(facts, images=found.length.images)

    def made(facts: DatasetFacts) -> Fitted:
        """A file may say another length than the command line, which holds then."""
        batch = fitted(asked.name, asked.changes, facts).recipe.batch_size
        length = [f"length.images={-(-facts.images // batch) * batch}"] if facts.images else []
        return fitted(asked.name, [*asked.changes, *length], facts)

    first = made(facts).recipe
    make_sampler(first, dataset)  # refuses a batch larger than the set, before it is tried out
    if asked.fit_batch:
        divided, said = _in_parts(first, asked.device)
        asked = replace(asked, changes=[*asked.changes, f"microbatches={divided.microbatches}"])
        notes = [*notes, said]
    if facts.images:
        settled = made(facts)
        return Answer(recipe=settled.recipe, plan=None, notes=[*notes, *_reasons(settled)])

    def at(images: int, evaluations: int) -> Recipe:
        return made(replace(facts, images=images, evaluations=evaluations)).recipe

    plan = make_plan(at, asked.budget, EVALUATIONS, facts.count, asked.device, reporter)
    images = plan.recipe.length.images if asked.budget else 0
    settled = made(replace(facts, images=images, evaluations=plan.evaluations))
    sooner = [] if asked.budget or plan.seconds < SHORT_BUDGET else ["a first look takes less: --budget 10m"]
    return Answer(recipe=settled.recipe, plan=plan, notes=[*notes, *_reasons(settled), *plan.lines(), *sooner])


def _reasons(settled: Fitted) -> list[str]:
    return [said for reason in settled.why.values() if (said := reason(settled.recipe))]
