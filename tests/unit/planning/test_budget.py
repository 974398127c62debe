"""What a run may cost, in words, and recipes made as long as that."""

import pytest

from gansmith.errors import UsageError
from gansmith.planning.budget import parse_budget, stretched
from gansmith.recipes import recipe
from tests.helpers.plain import PLAIN

INTERVALS = (
    "length.log_every",
    "length.sample_every",
    "length.checkpoint_every",
    "checkpoints.keep_every",
    "evaluate.every",
)


@pytest.mark.parametrize(
    ("text", "seconds", "images"),
    [
        ("90s", 90, 0),
        ("10m", 600, 0),
        ("2h", 7200, 0),
        ("1.5h", 5400, 0),
        ("1d", 86_400, 0),
        ("5M-images", 0, 5_000_000),
        ("200k-images", 0, 200_000),
        ("640-images", 0, 640),
        ("5m-images", 0, 5_000_000),
        ("5M-IMAGES", 0, 5_000_000),
        (" 10m ", 600, 0),
    ],
)
def test_times_and_numbers_of_images_are_understood(text, seconds, images):
    found = parse_budget(text)
    assert (found.seconds, found.images) == (seconds, images)


@pytest.mark.parametrize("text", ["", "10", "ten minutes", "-5m", "1e9h", "1M-pixels", "2H", "9" * 40])
def test_everything_else_is_refused_with_the_forms(text):
    with pytest.raises(UsageError, match=r"is not understood; give a time such as 90s, 10m, 2h") as caught:
        parse_budget(text)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("10M", "--budget 10M might be minutes or millions; give 10m for a time, or 10M-images."),
        ("0s", "--budget 0s buys nothing; give more."),
        ("0.0m", "--budget 0.0m buys nothing; give more."),
        ("0-images", "--budget 0-images buys nothing; give more."),
        ("0.4-images", "--budget 0.4-images buys nothing; give more."),
        ("99999999d", "--budget 99999999d is longer than ten years; give less."),
        (f"{'9' * 400}h", f"--budget {'9' * 100} is longer than ten years; give less."),
        ("1000001M-images", "--budget 1000001M-images is more than 1,000,000,000,000 images; give less."),
        (f"{'9' * 400}-images", f"--budget {'9' * 100} is more than 1,000,000,000,000 images; give less."),
    ],
)
def test_what_is_understood_and_cannot_be_is_told_why(text, message):
    with pytest.raises(UsageError) as caught:
        parse_budget(text)
    assert str(caught.value) == message


@pytest.mark.parametrize("share", [0.1, 1, 7.3])
def test_a_recipe_of_another_length_does_the_same_at_the_same_shares_of_it(share):
    plain = recipe(PLAIN, ["checkpoints.keep_every=9600"])
    longer = stretched(plain, round(plain.length.images * share))
    assert longer.length.images / plain.length.images == pytest.approx(share, rel=0.01)
    assert longer.length.images % longer.batch_size == 0
    for table, field in (name.split(".") for name in INTERVALS):
        before, after = (getattr(getattr(one, table), field) for one in (plain, longer))
        assert after / longer.length.images == pytest.approx(before / plain.length.images, rel=0.1), field
        assert after % longer.batch_size == 0
    assert longer.ema_half_life / longer.length.images == pytest.approx(plain.ema_half_life / plain.length.images)
    assert (
        longer.model_copy(
            update={name: getattr(plain, name) for name in ("length", "checkpoints", "evaluate", "ema_half_life")}
        )
        == plain
    )


def test_what_never_happens_does_not_happen_in_a_longer_run_either():
    longer = stretched(recipe("fashion-dcgan"), 10**6)
    assert (longer.evaluate.every, longer.validation_losses.every, longer.ema_half_life) == (0, 0, 0)


def test_schedules_keep_their_place_in_the_run():
    plain = recipe(
        PLAIN,
        [
            "generator_optimizer.lr={start = 1e-3, end = 1e-4, begin = 4800, until = 96000}",
            "ema_half_life={start = 0.0, end = 5000.0, until = 48000}",
        ],
    )
    longer = stretched(plain, 2 * plain.length.images)
    rate, half_life = longer.generator_optimizer.lr, longer.ema_half_life
    assert (rate.start, rate.end, rate.begin, rate.until) == (1e-3, 1e-4, 9600, 192_000)
    assert (half_life.start, half_life.end, half_life.until) == (0, 10_000, 96_000)


def test_intervals_of_a_very_short_run_are_a_batch():
    short = stretched(recipe(PLAIN), 64)
    assert (short.steps, short.length.log_every, short.evaluate.every) == (2, short.batch_size, short.batch_size)


@pytest.mark.parametrize("steps", [550, 790, 800, 970, 1940])
def test_an_interval_that_divides_the_run_divides_a_longer_or_shorter_one(steps):
    made = stretched(recipe(PLAIN, ["length.images=96_000", "evaluate.every=9_600"]), steps * 32)
    assert made.length.images // made.evaluate.every == 10
    assert made.length.images % made.evaluate.every == 0
