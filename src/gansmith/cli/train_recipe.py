"""What `gansmith train` was asked for as a recipe: in the shape of its pictures, set from them, with a length."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gansmith.data.source import Access
from gansmith.errors import UsageError
from gansmith.recipe_file import flat, override, read_toml
from gansmith.recipes import fitted, sets_itself
from gansmith.recipes.fitting import EVALUATIONS, Facts, about_short_side, short_side_for
from gansmith.schema import Recipe
from gansmith.training.budget import Budget, stretched
from gansmith.training.engine import DeviceChoice, make_engine
from gansmith.training.labels import take_labels
from gansmith.training.pictures import open_set
from gansmith.training.plan import Plan, make_plan
from gansmith.training.reporting import Reporter
from gansmith.training.shape import take_shape

TRYING = "trying out some steps, and whatever else the run will do, for its time and its memory"


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What the command line says."""

    name: str
    """Of a recipe, or of a TOML file."""
    changes: Sequence[str]
    """All of them: the options', too."""
    brings_data: bool
    """Whether pictures were named that need not be the recipe's."""
    steps: int | None
    budget: Budget | None
    device: DeviceChoice
    labels: bool = False
    """Whether the networks are told the pictures' classes."""

    @property
    def stated(self) -> set[str]:
        """The fields that the user has set, in a file or by --set."""
        fields = {change.partition("=")[0].strip() for change in self.changes}
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
    own = sets_itself(asked.name)
    found, remarks = fitted(asked.name, asked.changes).recipe, []
    gpu = make_engine(asked.device, found.precision).device.type != "cpu"
    seconds = asked.budget.seconds if asked.budget else 0.0
    if asked.brings_data and not asked.stated & {"data.channels", "data.height", "data.width"}:
        fit = found.data.fit if "data.fit" in asked.stated else None
        most = short_side_for(seconds, gpu if own else True)
        found, remarks = take_shape(found, fit, most, access, reporter)
        remarks += about_short_side(found.data, most)
    if asked.labels:
        asked, found = _told_apart(asked, found, access)
    if own:
        return _set_by_pictures(asked, found, gpu, remarks, access, reporter)
    if asked.steps is not None:
        return Answer(
            recipe=override(found, [f"length.images={asked.steps * found.batch}"]), plan=None, remarks=remarks
        )
    if asked.budget is None:
        return Answer(recipe=found, plan=None, remarks=remarks)

    def at(images: int, _evaluations: int) -> Recipe:
        return override(stretched(found, images), asked.changes) if images else found  # what is set, is not stretched

    count = len(open_set(found, access))
    reporter.say(TRYING)
    plan = make_plan(at, asked.budget, 0, count, asked.device)
    return Answer(recipe=plan.recipe, plan=plan, remarks=[*remarks, *plan.lines()])


def _told_apart(asked: Asked, found: Recipe, access: Access) -> tuple[Asked, Recipe]:
    """The recipe with the classes of its pictures, which are then as if they were asked for."""
    if any(change.partition("=")[0].strip() == "data.classes" for change in asked.changes):
        raise UsageError("--labels takes data.classes from the pictures; leave out --labels, or that --set.")
    told = take_labels(found, access, keep_grid="grid.columns" in asked.stated)
    taken = [f"data.classes={told.data.classes}", f"grid.columns={told.grid.columns}"]
    return replace(asked, changes=[*asked.changes, *taken]), told


def _set_by_pictures(
    asked: Asked, found: Recipe, gpu: bool, remarks: list[str], access: Access, reporter: Reporter
) -> Answer:
    """A recipe that sets itself."""
    facts = Facts(data=found.data, count=len(open_set(found, access)), gpu=gpu)
    if asked.steps is not None:
        images = asked.steps * fitted(asked.name, asked.changes, facts).recipe.batch
        facts = replace(facts, images=images)
        asked = replace(asked, changes=[*asked.changes, f"length.images={images}"])  # a file may say otherwise
    elif "length.images" in asked.stated and asked.budget is None:
        facts = replace(facts, images=found.length.images)

    def at(images: int, evaluations: int) -> Recipe:
        wanted = replace(facts, images=images, evaluations=evaluations)
        return fitted(asked.name, asked.changes, wanted).recipe

    if facts.images:
        made = fitted(asked.name, asked.changes, facts)
        return Answer(recipe=made.recipe, plan=None, remarks=[*remarks, *made.why.values()])
    reporter.say(TRYING)
    plan = make_plan(at, asked.budget, EVALUATIONS, facts.count, asked.device)
    facts = replace(facts, images=plan.recipe.length.images if asked.budget else 0, evaluations=plan.evaluations)
    made = fitted(asked.name, asked.changes, facts)
    return Answer(recipe=made.recipe, plan=plan, remarks=[*remarks, *made.why.values(), *plan.lines()])
