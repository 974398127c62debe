"""A plan adds up what a trial found, and a budget buys what fits into it."""

import subprocess
from operator import attrgetter
from types import SimpleNamespace

import pytest

from gansmith import recipe
from gansmith.errors import NotEnoughMemoryError, UsageError
from gansmith.planning import length, memory, plan
from gansmith.planning.budget import parse_budget
from gansmith.planning.length import FixedDraft, auto_draft, count_calls, intervals_of
from gansmith.planning.plan import make_plan, rounded_down
from gansmith.recipe_file import override
from gansmith.recipes.fitting import EVALUATIONS, DatasetFacts
from gansmith.runs.reporter import Silent
from gansmith.schema import MOST_SHARE, Data
from gansmith.training.loop import Due

SECONDS = {"step": 0.01, "log": 0.001, "evaluation": 0.5, "grid": 0.02, "checkpoint": 0.03, "once": 1.0}
MIB = 2**20


def of_auto(*changes):
    """The recipe that sets itself, but for these."""
    facts = DatasetFacts(data=Data(name="photos", channels=3, height=32, width=48), count=300)
    return auto_draft("auto", changes, facts, {change.partition("=")[0] for change in changes})


AUTO = of_auto()


def calls_of(recipe, seconds):
    return count_calls(intervals_of(recipe), recipe.batch_size, seconds)


@pytest.fixture
def clock(monkeypatch):
    """The time, which stands still unless a test moves it on."""
    now = [0.0]
    monkeypatch.setattr(plan.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def tried(monkeypatch, clock):
    """What the trials were of; they answer at once."""
    asked = []

    def try_out(task, recipe, _device, _datasets=None, _reporter=None):
        asked.append((task, recipe.batch_size))
        about = {"device": "cpu", "precision": "fp32", "available": 1000 * MIB}
        if task == "memory":
            return about | {"peak": (200 + recipe.batch_size) * MIB}
        return about | {"peak": 300 * MIB, "seconds": SECONDS}

    monkeypatch.setattr(plan, "try_out", try_out)
    return asked


def planned(text=None, draft=AUTO, count=300, stated=()):
    datasets = SimpleNamespace(train=range(count))
    return make_plan(draft, parse_budget(text) if text else None, datasets, "cpu", Silent(), stated)


@pytest.mark.parametrize("text", ["30s", "90s", "10m", "2h"])
def test_a_time_is_spent_and_not_overspent(tried, text):
    found, seconds = planned(text), parse_budget(text).seconds
    assert 0.96 * seconds < found.seconds <= seconds
    assert tried == [("costs", 32), ("memory", 32), ("memory", 64)]


def of_fixed_length(*changes):
    return FixedDraft(own=override(recipe("demo"), changes), changes=changes)


INTERVALS = [
    ["evaluate.every=320"],
    ["length.sample_every=32"],
    ["length.checkpoint_every=32", "length.log_every=32"],
    ["length.log_every=32", "evaluate.every=7777"],
]


@pytest.mark.parametrize("text", ["12s", "40s", "10m"])
@pytest.mark.parametrize("changes", INTERVALS, ids=lambda changes: changes[0])
def test_a_time_is_not_overspent_by_what_comes_at_intervals_that_are_set(tried, changes, text):
    seconds = parse_budget(text).seconds
    found = planned(text, draft=of_auto(*changes))
    assert 0.94 * seconds < found.seconds <= seconds
    fixed = of_fixed_length(*changes, "evaluate.images=300")
    assert 0.94 * seconds < planned(text, fixed).seconds <= seconds


@pytest.mark.parametrize("text", ["2.5s", "3s", "4s", "6s", "8s"])
@pytest.mark.parametrize(("step", "evaluation"), [(0.001, 0.2), (0.03, 0.2), (0.01, 0.5)])
def test_a_short_time_is_spent_and_not_overspent_or_refused(tried, monkeypatch, text, step, evaluation):
    monkeypatch.setitem(SECONDS, "step", step)
    monkeypatch.setitem(SECONDS, "evaluation", evaluation)
    seconds = parse_budget(text).seconds
    for of in (AUTO, of_fixed_length()):
        try:
            found = planned(text, of)
        except UsageError as error:
            enough = str(error).rpartition("give ")[2].split()[0]
            assert parse_budget(enough).seconds > seconds
        else:
            assert 0.9 * seconds < found.seconds <= seconds


def test_evaluations_beyond_the_recipes_own_length_have_their_price_if_a_time_buys_them(monkeypatch):
    def try_out(_task, recipe, _device, _datasets=None, _reporter=None):
        """Evaluates where a run of the recipe would."""
        evaluates = 0 < recipe.evaluate.every <= recipe.length.images
        seconds = {what: SECONDS[what] for what in SECONDS if evaluates or what != "evaluation"}
        return {"device": "cpu", "precision": "fp32", "available": 1000 * MIB, "peak": 300 * MIB, "seconds": seconds}

    monkeypatch.setattr(plan, "try_out", try_out)
    seldom = of_auto("evaluate.every=1_000_000")
    assert seldom.recipe(0, EVALUATIONS).length.images < 1_000_000
    bought = planned("2h", draft=seldom)
    assert bought.calls["evaluation"] == bought.recipe.length.images // 1_000_000 > 1
    assert bought.seconds <= 7200
    assert planned(draft=seldom).calls["evaluation"] == 0


def test_evaluations_take_a_twentieth_of_the_time_at_most_and_the_last_is_at_the_end(tried):
    few, many = planned("60s"), planned("2h")
    assert few.calls["evaluation"] == few.evaluations == 6
    assert many.calls["evaluation"] == EVALUATIONS
    assert few.recipe.length.images % few.recipe.evaluate.every == 0
    assert few.recipe.evaluate.every == few.recipe.length.images // 6


def test_images_are_bought_to_the_batch(tried):
    assert planned("200k-images").recipe.length.images == 200_000
    assert planned("1001-images").recipe.steps == 32


def test_without_a_budget_the_length_is_the_recipes_own(tried):
    found = planned()
    assert found.recipe == AUTO.recipe(0, found.evaluations)
    assert found.evaluations < EVALUATIONS, "they would take over a twentieth of the time"


def test_a_recipe_of_fixed_evaluations_keeps_as_many_as_there_is_time_for(tried):
    plain = recipe("demo")
    kept, fewer = planned("2m", of_fixed_length()), planned("60s", of_fixed_length())
    assert kept.calls["evaluation"] == plain.length.images // plain.evaluate.every == 10
    assert (fewer.calls["evaluation"], fewer.recipe.length.images % fewer.recipe.evaluate.every) == (6, 0)
    set_here = planned("60s", of_fixed_length("evaluate.every=9600"), stated={"evaluate.every"})
    assert set_here.recipe.evaluate.every == 9600


def with_prices(monkeypatch, whole, fewest, images=2000):
    """Trials that find these seconds for an evaluation of so many images, and of 500."""
    prices = {"evaluated": images, "evaluated_fewest": 500, "fewest_evaluation": fewest}

    def try_out(_task, recipe, *_):
        about = {"device": "cpu", "precision": "fp32", "available": 1000 * MIB, "peak": (300 + recipe.batch_size) * MIB}
        return about | {"seconds": SECONDS | {"evaluation": whole}, **prices}

    monkeypatch.setattr(plan, "try_out", try_out)


EVALUATION_SHARE = [
    ("10m", 1.0, 0.5, 20, 2000),  # there is time for all
    ("2m", 1.0, 0.5, 6, 2000),  # and for several
    ("60s", 1.0, 0.5, 5, 800),  # of fewer images
    ("60s", 8.0, 0.5, 5, 520),
    ("30s", 1.0, 0.5, 3, 500),  # of the fewest
    ("10s", 1.0, 0.5, 1, 500),
]


@pytest.mark.parametrize(("text", "whole", "fewest", "times", "images"), EVALUATION_SHARE)
@pytest.mark.parametrize("of", ["auto", "fixed"])
def test_several_evaluations_of_fewer_images_come_before_few_of_many(
    monkeypatch, clock, of, text, whole, fewest, times, images
):
    with_prices(monkeypatch, whole, fewest)
    draft = AUTO if of == "auto" else of_fixed_length("evaluate.images=2000")
    found = planned(text, draft)
    most = min(times, draft.most_evaluations)
    assert (found.calls["evaluation"], found.recipe.evaluate.images) == (most, images)
    taken = found.calls["evaluation"] * found.costs.seconds["evaluation"]
    assert taken <= max(MOST_SHARE * found.seconds * 1.05, fewest)
    assert found.seconds <= parse_budget(text).seconds
    assert found.recipe.length.images % found.recipe.evaluate.every == 0


@pytest.mark.parametrize("field", ["evaluate.images=2000", "evaluate.every=9600"])
def test_the_images_of_evaluations_stay_where_they_or_the_interval_are_stated(monkeypatch, clock, field):
    with_prices(monkeypatch, 1.0, 0.5)
    name, _, value = field.partition("=")
    found = planned("60s", of_auto(field), stated={name})
    assert found.recipe.evaluate.images == 2000
    assert attrgetter(name)(found.recipe) == int(value)


@pytest.mark.parametrize("spent", [0.0, 25.0])
def test_what_planning_takes_counts_as_part_of_the_time(tried, monkeypatch, clock, spent):
    answer = plan.try_out

    def try_out(task, *rest):
        clock[0] += spent / 5 * (3 if task == "costs" else 1)
        return answer(task, *rest)

    monkeypatch.setattr(plan, "try_out", try_out)
    found = planned("2m")
    assert 0.96 * 120 < spent + found.seconds <= 120
    assert found.planning == found.to_dict()["planning_seconds"] == pytest.approx(spent)
    assert found.lines()[2].endswith(" of planning") == bool(spent)
    with pytest.raises(UsageError, match=r"^--budget \d+s is too short") as caught:
        planned("20s" if spent else "1s")
    assert ("this plan took 25 s of it" in str(caught.value)) == bool(spent)
    enough = str(caught.value).rpartition("give ")[2].split()[0]
    assert planned(enough).recipe.steps >= length.FEWEST_STEPS


@pytest.mark.parametrize(("device", "gpu"), [("cpu", True), ("cuda", False)])
def test_a_step_that_is_too_slow_ends_the_plan_with_what_would_do(monkeypatch, device, gpu):
    asked = []

    def try_out(task, *_):
        asked.append(task)
        return {"device": device, "precision": "fp32", "available": MIB, "peak": MIB, "seconds": {"step": 14.2}}

    monkeypatch.setattr(plan, "try_out", try_out)
    for budget in ("8h", "1M-images", None):
        with pytest.raises(UsageError, match=r"a step takes 14.2 s here, so 8 hours are about 2,000 steps, ") as caught:
            planned(budget)
        assert "too few for 32x48 RGB in batches of 32: take smaller images" in str(caught.value)
        assert (", a GPU, " in str(caught.value)) == gpu
    assert asked == ["costs"] * 3


@pytest.mark.parametrize("text", ["0.5s", "1s"])
def test_too_short_a_time_says_what_would_do_and_that_does(tried, text):
    with pytest.raises(UsageError, match=rf"^--budget {text} is too short: here a step takes 10 ms, and ") as caught:
        planned(text)
    enough = str(caught.value).rpartition("give ")[2].split()[0]
    assert planned(enough).recipe.steps >= length.FEWEST_STEPS


def test_the_time_that_would_do_pays_for_the_evaluations_that_it_buys(tried, monkeypatch):
    monkeypatch.setitem(SECONDS, "step", 3.0)
    monkeypatch.setitem(SECONDS, "evaluation", 1.0)
    with pytest.raises(UsageError, match="too short") as caught:
        planned("59s")
    enough = str(caught.value).rpartition("give ")[2].split()[0]
    assert planned(enough).evaluations == 3


def test_the_largest_batch_is_a_straight_line_through_two_and_no_larger_than_the_set(tried):
    assert planned(count=10**6).largest_batch == rounded_down(32 + 700) == 730
    assert planned(count=300).largest_batch == 300


def test_memory_that_does_not_suffice_is_told_with_a_batch_that_fits(monkeypatch):
    monkeypatch.setattr(plan, "try_out", lambda *_: None)
    monkeypatch.setattr(memory, "try_out", lambda _task, recipe, _device: {} if recipe.batch_size <= 16 else None)
    with pytest.raises(NotEnoughMemoryError, match=r"a step of batch_size=32 .* by trial, a batch of 16 fits"):
        planned()


def test_a_machine_without_time_is_told(monkeypatch):
    def try_out(*_):
        raise subprocess.TimeoutExpired("trial", 300)

    monkeypatch.setattr(plan, "try_out", try_out)
    with pytest.raises(UsageError, match=r"not done after 300 s: the machine is busy, .* --steps, which takes no"):
        planned()


@pytest.mark.parametrize("changes", [[], ["length.sample_every=1000", "evaluate.every=7777", "length.log_every=500"]])
def test_calls_are_counted_as_the_loop_makes_them(changes):
    made = override(recipe("demo"), ["length.images=20000", *changes])
    seen = [step * made.batch_size for step in range(made.steps + 1)]
    work = {clock: Due.at(made, clock) for clock in seen}
    counted = calls_of(made, SECONDS)
    assert counted["grid"] == sum(due.grid or clock == seen[-1] for clock, due in work.items())
    assert counted["log"] == sum(due.log for due in work.values())
    evaluated = {clock for clock, due in work.items() if due.evaluation}
    assert counted["evaluation"] == len(evaluated)
    saved = {clock for clock, due in work.items() if due.checkpoint} | {seen[-1]} | evaluated
    assert counted["checkpoint"] == len(saved)
    assert calls_of(made, {"step": 1.0})["evaluation"] == 0


def test_the_lines_say_what_the_facts_say(tried):
    found = planned("60s")
    said, facts = "\n".join(found.lines()), found.to_dict()
    tables = facts["parameters"]
    for part in (
        "300 images, 32x48 RGB; thin-dcgan with ",
        f"{tables['generator']:,} parameters in G and {tables['discriminator']:,} in D",
        f"{facts['steps']:,} steps of 32 images, {facts['images']:,} images in all",
        "10 ms per step, measured here (cpu, fp32)",
        "6 evaluations of 300 images, 500 ms each,",
        "300 MiB of memory at most, of 1,000 MiB free; memory would allow a batch of all 300 images (estimated",
    ):
        assert part in said


def test_what_is_due_more_often_than_there_are_steps_comes_once_a_step():
    often = recipe("fashion-mlp", ["length.images=3200", "length.log_every=1", "validation_losses.every=1"])
    calls = calls_of(often, SECONDS)
    assert (calls["step"], calls["log"], calls["validation losses"]) == (100, 100, 100)


def test_a_second_trial_that_takes_too_long_costs_only_what_it_would_tell(monkeypatch):
    def try_out(task, _recipe, _device, _datasets=None, _reporter=None):
        if task == "memory":
            raise subprocess.TimeoutExpired("trial", 300)
        return {"device": "cpu", "precision": "fp32", "available": 1000 * MIB, "peak": 300 * MIB, "seconds": SECONDS}

    monkeypatch.setattr(plan, "try_out", try_out)
    assert planned("90s").largest_batch == 0


@pytest.mark.parametrize(
    "draft",
    [
        AUTO,
        of_auto("batch_size=24", "length.log_every=77"),
        of_fixed_length(),
        of_fixed_length("evaluate.every=0", "length.sample_every=100"),
    ],
    ids=["auto", "auto-set", "fixed", "fixed-set"],
)
@pytest.mark.parametrize("images", [0, 640, 100_001, 5_000_000])
def test_the_intervals_that_are_counted_are_those_of_the_recipe(draft, images):
    made = intervals_of(draft.recipe(images, 7))
    counted = draft.intervals(images, 7)
    assert {field: counted.get(field, 0) for field in made} == made
