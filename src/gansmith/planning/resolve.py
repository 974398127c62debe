"""What `gansmith train` was asked for as a recipe: in the shape of its pictures, set from them, with a length."""

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
from gansmith.recipes.fitting import EVALUATIONS, EXAMPLE, FEW, HASTE, Facts, Fitted, about_haste, short_side_for
from gansmith.schema import Recipe
from gansmith.training.datasets import open_all
from gansmith.training.loop import make_sampler
from gansmith.training.reporting import Reporter


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
    """Whether the networks are told the pictures' classes."""
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
    remarks: list[str]

    def facts(self) -> dict[str, Any]:
        """As plain data for JSON."""
        plan = self.plan.facts() if self.plan else None
        return {"recipe": self.recipe.model_dump(mode="json"), "plan": plan, "remarks": self.remarks}


def answer(asked: Asked, access: Access, reporter: Reporter) -> Answer:
    """The recipe to train. A plan is made where there is a budget, or a recipe chooses its length itself.

    Raises UsageError, RecipeError and DataError for what cannot be.
    """
    own, stated = sets_itself(asked.name), asked.stated
    # what the user sets of the augmentation may only suit few pictures, and how many there are is not known yet
    found, remarks = fitted(asked.name, asked.changes, replace(EXAMPLE, count=FEW)).recipe, []
    gpu = make_engine(asked.device, found.precision).device.type != "cpu"
    seconds = asked.budget.seconds if asked.budget else 0.0
    if "data.name" in stated:
        shaped = take_shape(found, stated, short_side_for(seconds, gpu if own else True), access, reporter)
        found, remarks = shaped.recipe, [*shaped.remarks, *([about_haste(*shaped.larger)] if shaped.larger else [])]
    if asked.labels:
        asked, found = _told_apart(asked, found, access)
    if own:
        return _set_by_pictures(asked, found, gpu, remarks, access, reporter)
    if asked.fit_batch:
        found, said = _in_parts(found, asked.device)
        remarks = [*remarks, said]
    if asked.steps is not None:
        return Answer(
            recipe=override(found, [f"length.images={asked.steps * found.batch}"]), plan=None, remarks=remarks
        )
    if asked.budget is None:
        return Answer(recipe=found, plan=None, remarks=remarks)

    def at(images: int, _evaluations: int) -> Recipe:
        return override(stretched(found, images), asked.changes) if images else found  # what is set, is not stretched

    pack = open_all(found, access).train
    make_sampler(found, pack)  # refuses a batch larger than the set, before it is tried out
    plan = make_plan(at, asked.budget, 0, len(pack), asked.device, reporter)
    return Answer(recipe=plan.recipe, plan=plan, remarks=[*remarks, *plan.lines()])


def _in_parts(recipe: Recipe, device: DeviceChoice) -> tuple[Recipe, str]:
    """The recipe in as many parts as fit, and a sentence on it."""
    divided = in_parts_that_fit(recipe, device)
    size = divided.batch // divided.parts
    return divided, f"by trial, {size:,} of batch={divided.batch:,} fit at once: parts={divided.parts}"


def _told_apart(asked: Asked, found: Recipe, access: Access) -> tuple[Asked, Recipe]:
    """The recipe with the classes of its pictures, which are then as if they were asked for."""
    if any("data.classes" in flat(assigned(change)) for change in asked.changes):
        raise UsageError("--labels takes data.classes from the pictures; leave out --labels, or that --set.")
    told = take_labels(found, access, keep_grid="grid.columns" in asked.stated)
    taken = [f"data.classes={told.data.classes}"]
    if told.grid != found.grid:
        taken.append(f"grid.columns={told.grid.columns}")
    return replace(asked, changes=[*asked.changes, *taken]), told


def _set_by_pictures(
    asked: Asked, found: Recipe, gpu: bool, remarks: list[str], access: Access, reporter: Reporter
) -> Answer:
    """A recipe that sets itself."""
    pack = open_all(found, access).train
    facts = Facts(data=found.data, count=len(pack), gpu=gpu)
    if asked.steps is not None:
        facts = replace(facts, images=asked.steps * fitted(asked.name, asked.changes, facts).recipe.batch)
    elif "length.images" in asked.stated and asked.budget is None:
        facts = replace(facts, images=found.length.images)

    def made(facts: Facts) -> Fitted:
        """A file may say another length than the command line, which holds then."""
        batch = fitted(asked.name, asked.changes, facts).recipe.batch
        length = [f"length.images={-(-facts.images // batch) * batch}"] if facts.images else []
        return fitted(asked.name, [*asked.changes, *length], facts)

    first = made(facts).recipe
    make_sampler(first, pack)  # refuses a batch larger than the set, before it is tried out
    if asked.fit_batch:
        divided, said = _in_parts(first, asked.device)
        asked = replace(asked, changes=[*asked.changes, f"parts={divided.parts}"])
        remarks = [*remarks, said]
    if facts.images:
        settled = made(facts)
        return Answer(recipe=settled.recipe, plan=None, remarks=[*remarks, *_reasons(settled)])

    def at(images: int, evaluations: int) -> Recipe:
        return made(replace(facts, images=images, evaluations=evaluations)).recipe

    plan = make_plan(at, asked.budget, EVALUATIONS, facts.count, asked.device, reporter)
    images = plan.recipe.length.images if asked.budget else 0
    settled = made(replace(facts, images=images, evaluations=plan.evaluations))
    sooner = [] if asked.budget or plan.seconds < HASTE else ["a first look takes less: --budget 10m"]
    return Answer(recipe=settled.recipe, plan=plan, remarks=[*remarks, *_reasons(settled), *plan.lines(), *sooner])


def _reasons(settled: Fitted) -> list[str]:
    return [said for reason in settled.why.values() if (said := reason(settled.recipe))]
