import numpy as np
import pytest

from gansmith.errors import UsageError
from gansmith.metrics.copying import authenticity, copying_score, near_copies, planted

PORTIONS = (0.01, 0.1, 0.3, 1.0)


def normal(rows, width=8, seed=0, scale=1.0):
    return np.random.default_rng(seed).standard_normal((rows, width)) * scale


TRAIN, VALIDATION, FAKE = normal(1000, seed=1), normal(500, seed=2), normal(500, seed=3)


def all_three(fake):
    """Authenticity, share of near copies and C_T of these fakes."""
    return authenticity(fake, TRAIN), near_copies(fake, TRAIN, VALIDATION), copying_score(fake, TRAIN, VALIDATION)


def test_new_images_of_the_same_distribution_are_not_called_copies():
    authentic, near, score = all_three(FAKE)
    assert score.low < 0 < score.high
    assert near.low < 0.01 < near.high
    assert authentic.low < authenticity(VALIDATION, TRAIN).value < authentic.high


def test_every_measure_notices_planted_copies_the_more_the_more_there_are():
    rows = [all_three(FAKE), *(all_three(planted(FAKE, TRAIN, portion)) for portion in PORTIONS)]
    authentic, near, score = ([one.value for one in column] for column in zip(*rows, strict=True))
    assert near == sorted(near)
    assert authentic == sorted(authentic, reverse=True)
    assert score == sorted(score, reverse=True)
    assert len(set(near)) == len(rows)


def test_one_copy_in_ten_is_significant():
    _, near, score = all_three(planted(FAKE, TRAIN, 0.1))
    assert near.low > 0.01
    assert score.high < 0


def test_only_copies_are_never_authentic():
    authentic, near, score = all_three(TRAIN[:400])
    assert authentic.value == 0
    assert near.value == 1
    assert score.value < -5


def test_a_generator_far_off_the_data_is_no_copier():
    authentic, near, score = all_three(normal(500, seed=4, scale=3))
    assert score.low > 3
    assert near.value < 0.01
    assert authentic.value > 0.9


def test_the_same_seed_gives_the_same_score():
    assert copying_score(FAKE, TRAIN, VALIDATION, 5) == copying_score(FAKE, TRAIN, VALIDATION, 5)


def test_planting_replaces_what_it_says():
    mixed = planted(FAKE, TRAIN, 0.1)
    changed = (mixed != FAKE).any(1)
    assert changed.sum() == 50
    assert all((row == TRAIN).all(1).any() for row in mixed[changed])


def test_a_portion_above_one_is_refused():
    with pytest.raises(UsageError, match=r"above 0 and at most 1, got 1.5"):
        planted(FAKE, TRAIN, 1.5)


@pytest.mark.slow
@pytest.mark.parametrize("scale", [1.0, 1.1])
def test_the_scores_interval_holds_its_mean(scale):
    rng = np.random.default_rng(9)
    found = [
        copying_score(rng.standard_normal((400, 8)) * scale, TRAIN, rng.standard_normal((400, 8))) for _ in range(200)
    ]
    mean = np.mean([one.value for one in found])
    assert 0.90 <= np.mean([one.low <= mean <= one.high for one in found]) <= 0.98
