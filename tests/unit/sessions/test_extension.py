"""A run that is made longer: its learning rates begin anew, and it is one run whenever it stops."""

import pytest

from gansmith import recipe
from gansmith.config import Schedule, value_at
from gansmith.errors import UsageError
from gansmith.planning import more, plan
from gansmith.planning.budget import parse_budget
from gansmith.planning.trial import Costs
from gansmith.recipe_file import override, recipe_of, to_toml
from gansmith.sessions import resume as resuming
from gansmith.sessions.extension import OPTIMIZERS, extended, notes_on_extension, without_extension
from gansmith.sessions.resume import resume
from gansmith.sessions.session import train
from tests.helpers.plain import PLAIN

FALL = "{start=0.001, end=0.0001, begin=48, until=96, shape='linear'}"
SMALL = (
    "model.width=8",
    "batch_size=8",
    "length.images=96",
    "length.log_every=8",
    "length.sample_every=48",
    "length.checkpoint_every=32",
    "checkpoints.keep_last=20",
    "ema_half_life=40",
    "generator_optimizer.lr=" + FALL,
    "discriminator_optimizer.lr=" + FALL,
)


def small(*changes):
    return recipe(PLAIN, [*SMALL, *changes])


def longer(one, images):
    return extended(one, override(one, [f"length.images={images}"]))


def rates(one):
    return [getattr(one, name).lr for name in OPTIMIZERS]


@pytest.mark.parametrize("images", [104, 144, 192, 960])
def test_a_fall_to_the_end_begins_anew_and_fills_the_images_that_are_added(images):
    made = longer(small(), images)
    for rate in rates(made):
        assert value_at(rate, 96) == 0.001
        assert value_at(rate, images) == 0.0001
        assert value_at(rate, 96 + (images - 96) * 0.75) == pytest.approx(0.00055, rel=0.3)
        assert abs(rate.begin - (96 + (images - 96) / 2)) < 1
    assert (made.length.images, made.ema_half_life) == (images, 40)


def test_a_run_may_be_made_longer_again():
    twice = longer(longer(small(), 192), 384)
    assert {(rate.begin, rate.until) for rate in rates(twice)} == {(192 + round(192 * 144 / 192), 384)}


@pytest.mark.parametrize(
    "rate",
    [
        "0.001",
        "{start=0.001, end=0.0001, until=48}",  # a warm-up
        "{start=0.0001, end=0.001, until=96}",  # a rise
        "{start=0.001, end=0.0001, until=500}",  # not at its end
    ],
)
def test_other_rates_stay_as_they_are(rate):
    one = small(f"generator_optimizer.lr={rate}", f"discriminator_optimizer.lr={rate}")
    assert rates(longer(one, 192)) == rates(one)
    assert longer(one, 96) == one


def test_a_rate_that_was_set_stays_and_the_other_begins_anew():
    one = small()
    made = extended(one, override(one, ["length.images=192", "generator_optimizer.lr=0.0005"]))
    assert made.generator_optimizer.lr == 0.0005
    assert isinstance(made.discriminator_optimizer.lr, Schedule)
    assert made.discriminator_optimizer.lr.until == 192


def test_the_end_of_a_run_that_is_no_multiple_of_its_batch_is_an_end_too():
    one = small("length.images=90", "batch_size=4")
    assert [rate.until for rate in rates(longer(one, 180))] == [96, 96], "it has not fallen to its end"
    one = small("length.images=94")
    assert [rate.until for rate in rates(longer(one, 180))] == [180, 180]


def test_a_command_that_was_killed_between_two_files_can_be_given_again():
    one = small()
    made = longer(one, 192)
    plain = without_extension(one, made)
    assert rates(plain) == rates(one)
    assert extended(one, plain) == made
    other = override(made, ["generator_optimizer.lr=0.1"])
    assert without_extension(one, other) == other


def test_it_is_said_before_it_begins():
    notes = notes_on_extension(small(), longer(small(), 192))
    assert notes == [
        f"{name}.lr begins anew: 0.001 until step 18, then down to 0.0001 at step 24" for name in OPTIMIZERS
    ]


def weights(run):
    return {file.name: file.read_bytes() for file in (run.checkpoints / "00000024").glob("*.safetensors")}


def curve(run):
    timed = ("seconds", "images_per_second", "time")
    return [{key: value for key, value in line.items() if key not in timed} for line in run.events()]


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "by", [{"budget": "96-images"}, *(pytest.param(by, marks=SLOW) for by in ({"steps": 24}, {"images": 192}))]
)
def test_a_run_that_was_made_longer_is_bit_exact_however_often_it_stops(tmp_path, by):
    whole = resume(train(small(), runs=tmp_path), **by)
    parts = train(small(), runs=tmp_path)
    with pytest.raises(_StopError):
        resume(parts, **by, reporter=_Stops("step 14/24"))
    with pytest.raises(_StopError):
        resume(parts, reporter=_Stops("step 19/24"))
    resume(parts)
    assert weights(whole).keys() > {"G.safetensors"}
    assert weights(whole) == weights(parts)
    assert curve(whole) == curve(parts)
    assert [line["lr/g"] for line in whole.events()][11] == pytest.approx(0.0001)
    assert max(line["lr/g"] for line in whole.events()[12:]) == 0.001
    for run in (whole, parts):
        assert recipe_of(run) == longer(small(), 192)
        assert run.info()["recipe"] == longer(small(), 192).model_dump(mode="json")
        (said,) = run.info()["extensions"]
        assert (said["from_images"], said["to_images"]) == (96, 192)
        assert said["rates_before"]["generator_optimizer.lr"]["until"] == 96
        assert sum("begins anew" in note for note in run.info()["notes"]) == 2


class _StopError(Exception):
    """As if the process died."""


class _Stops:
    """Dies at a logged step."""

    def __init__(self, line):
        self._line = line

    def note(self, text):
        """Do nothing."""

    def progress(self, progress):
        """Die if it is the step."""
        if progress.line().startswith(self._line + " "):
            raise _StopError


def test_a_fork_begins_anew_too_and_the_run_that_it_comes_from_stays(tmp_path):
    run = train(small(), runs=tmp_path)
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    exact = resume(run, steps=24, fork=True)
    assert before == {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    assert recipe_of(exact) == longer(small(), 192)
    assert weights(exact) == weights(resume(run, steps=24))


@pytest.mark.slow
def test_a_run_whose_recipe_was_written_and_whose_record_was_not_goes_on(tmp_path):
    run = train(small(), runs=tmp_path)
    run.recipe_file.write_text(to_toml(longer(small(), 192)), encoding="utf-8")
    assert weights(resume(run)) == weights(resume(train(small(), runs=tmp_path), steps=24))
    assert len(run.info()["extensions"]) == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"steps": 9, "budget": "1h"}, r"--steps 9 and --budget 1h both say how long the run is; give one of them\."),
        ({"steps": 9, "images": 9}, r"--steps 9 and --images 9 both say"),
        ({"images": 0}, r"--images 0 is too short; give 1 or more\."),
        ({"budget": "soon"}, r"--budget 'soon' is not understood"),
        ({"images": 96}, r"is complete at step 12; give more --steps, or a --budget such as 10m"),
    ],
)
def test_a_length_that_says_nothing_is_told(tmp_path, given, said):
    run = train(small(), runs=tmp_path)
    with pytest.raises(UsageError, match=said):
        resume(run, **given)
    assert run.info()["status"] == "done"


SECONDS = {"step": 0.5, "log": 0.001, "grid": 0.02, "checkpoint": 0.1, "once": 2.0}


@pytest.fixture
def tried(monkeypatch):
    """A trial that answers after 10 s."""
    now = [0.0]

    def measured_costs(*_):
        now[0] += 10
        return Costs(seconds=SECONDS, device="cpu", precision="fp32", peak=1, available=1)

    monkeypatch.setattr(more, "measured_costs", measured_costs)
    monkeypatch.setattr(more.time, "monotonic", lambda: now[0])


class Notes:
    """Keeps what it is told."""

    def __init__(self):
        self.told = []

    def note(self, text):
        """Keep a note."""
        self.told.append(text)


def bought(text, seen=96, one=None):
    notes = Notes()
    return more.longer(one or small(), seen, parse_budget(text), None, "cpu", notes), notes.told


def test_a_time_buys_the_steps_that_fit_into_it_after_the_trial(tried):
    images, told = bought("2m")
    steps = (images - 96) // 8
    assert 0.95 * 110 < 2 + steps * 0.5 + steps // 4 * 0.1 <= 110
    assert told == [f"plan: {steps:,} more steps, at 500 ms per step, to step {12 + steps:,}: 1:50 in all"]


def test_images_buy_as_many_without_a_trial(monkeypatch):
    monkeypatch.setattr(more, "measured_costs", None)
    assert bought("1k-images") == (96 + 1000, [])
    assert bought("1001-images")[0] == 96 + 1008


def test_a_time_that_is_too_short_says_what_would_do_and_that_does(tried):
    with pytest.raises(UsageError, match=r"^--budget 9s is too short to go on: a step takes 500 ms here; ") as caught:
        bought("9s")
    enough = str(caught.value).rpartition("give ")[2].split()[0]
    assert bought(enough)[0] == 96 + 20 * 8


def test_a_budget_that_ends_before_the_run_does_is_refused(tried):
    with pytest.raises(UsageError, match=r"--budget 40-images ends at step 7, before the run's own end at step 12; "):
        bought("40-images", seen=16)


@pytest.mark.slow
def test_a_budget_of_time_is_measured_on_the_runs_own_images(tmp_path, monkeypatch):
    run = train(small(), runs=tmp_path)
    original, asked = plan.try_out, []

    def try_out(task, one, device, datasets=None, reporter=None):
        asked.append((task, len(datasets.train)))
        found = original(task, one, device, datasets, reporter)
        return found | {"seconds": {**found["seconds"], "step": 1.0}}

    monkeypatch.setattr(plan, "try_out", try_out)
    monkeypatch.setattr(resuming, "run_to_end", _only_the_recipe)
    resume(run, budget="2m")
    assert asked == [("costs", 10_000)]
    steps = run.info()["recipe"]["length"]["images"] // 8
    assert 12 + 20 <= steps <= 12 + 120


def _only_the_recipe(_gan, setup, _notes, **_):
    yield from ()
    return setup.run
