import numpy as np
import pytest

from gansmith.errors import UsageError
from gansmith.metrics.copying import authenticity, calibration, copying, copying_score, planted

PORTIONS = (0.01, 0.1, 0.3, 1.0)


def normal(rows, width=8, seed=0, scale=1.0):
    return np.random.default_rng(seed).standard_normal((rows, width)) * scale


TRAIN, VALIDATION_LOGITS, FAKE = normal(1000, seed=1), normal(500, seed=2), normal(500, seed=3)


def test_new_images_of_the_same_law_are_not_called_copies():
    found = copying(FAKE, TRAIN, VALIDATION_LOGITS)
    assert found.score.low < 0 < found.score.high
    assert found.near.low < 0.01 < found.near.high
    assert found.authenticity.low < authenticity(VALIDATION_LOGITS, TRAIN).value < found.authenticity.high


def test_every_measure_notices_planted_copies_the_more_the_more_there_are():
    found = calibration(FAKE, TRAIN, VALIDATION_LOGITS, PORTIONS)
    assert list(found) == [0, *PORTIONS]
    rows = list(found.values())
    assert [one.near.value for one in rows] == sorted(one.near.value for one in rows)
    assert [-one.authenticity.value for one in rows] == sorted(-one.authenticity.value for one in rows)
    assert [-one.score.value for one in rows] == sorted(-one.score.value for one in rows)
    assert len({one.near.value for one in rows}) == len(rows)


def test_one_copy_in_ten_is_significant():
    found = calibration(FAKE, TRAIN, VALIDATION_LOGITS, (0.1,))[0.1]
    assert found.near.low > 0.01
    assert found.score.high < 0


def test_only_copies_are_never_authentic():
    found = copying(TRAIN[:400], TRAIN, VALIDATION_LOGITS)
    assert found.authenticity.value == 0
    assert found.near.value == 1
    assert found.score.value < -5


def test_a_generator_far_off_the_data_is_no_copier():
    found = copying(normal(500, seed=4, scale=3), TRAIN, VALIDATION_LOGITS)
    assert found.score.low > 3
    assert found.near.value < 0.01
    assert found.authenticity.value > 0.9


def test_the_same_seed_gives_the_same_score():
    assert copying_score(FAKE, TRAIN, VALIDATION_LOGITS, 5) == copying_score(FAKE, TRAIN, VALIDATION_LOGITS, 5)


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
