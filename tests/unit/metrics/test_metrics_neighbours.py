import numpy as np
import pytest

from gansmith.errors import DataError, UsageError
from gansmith.metrics import neighbours
from gansmith.metrics.neighbours import density_coverage, distance_blocks, nearest, precision_recall, radii


def normal(rows, width, seed=0, shift=0.0):
    return np.random.default_rng(seed).standard_normal((rows, width)) + shift


def all_distances(a, b):
    return np.linalg.norm(a[:, None] - b[None], axis=2)


def by_hand(fake, real, k):
    """Precision, recall, density, coverage of whole distance matrices."""
    between = all_distances(real, fake)
    of_real, of_fake = (np.sort(all_distances(x, x), axis=1)[:, k] for x in (real, fake))
    return (
        (between <= of_real[:, None]).any(0).mean(),
        (between <= of_fake).any(1).mean(),
        (between < of_real[:, None]).sum() / (k * len(fake)),
        (between.min(1) < of_real).mean(),
    )


def test_they_are_the_definitions(monkeypatch):
    monkeypatch.setattr(neighbours, "ROWS", 64)
    fake, real = normal(230, 6, 1, 0.2), normal(170, 6, 2)
    for k in (1, 3, 5):
        expected = by_hand(fake, real, k)
        assert values_of(fake, real, k) == pytest.approx(expected, abs=1e-12)


def test_distances_in_blocks_are_the_distances(monkeypatch):
    monkeypatch.setattr(neighbours, "ROWS", 7)
    a, b = normal(20, 4, 1, shift=1000), normal(30, 4, 2, shift=1000)
    found = np.concatenate([squares.copy() for _, squares in distance_blocks(a, b)])
    np.testing.assert_allclose(found, all_distances(a, b) ** 2, rtol=1e-9)


def test_a_radius_is_the_distance_of_the_kth_other():
    line = np.array([[0.0], [1.0], [3.0], [7.0]])
    assert radii(line, 1).tolist() == [1, 1, 4, 16]
    assert radii(line, 2).tolist() == [9, 4, 9, 36]


def values_of(fake, real, k=3):
    pr, dc = precision_recall(fake, real, k), density_coverage(fake, real, k)
    return [one.value for one in (pr["precision"], pr["recall"], dc["density"], dc["coverage"])]


@pytest.mark.parametrize("rows", [3, 64, 1000])
def test_neither_order_nor_block_size_changes_a_value(monkeypatch, rows):
    fake, real = normal(300, 12, 1), normal(250, 12, 2)
    fake[:40] = real[:40]  # copies lie exactly on borders
    expected = values_of(fake, real)
    monkeypatch.setattr(neighbours, "ROWS", rows)
    rng = np.random.default_rng(rows)
    assert values_of(rng.permutation(fake), rng.permutation(real)) == pytest.approx(expected, abs=1e-12)


def test_a_copy_is_at_distance_zero_and_found():
    points = normal(50, 8)
    indices, distances = nearest(points[[7, 3]], points)
    assert indices.tolist() == [7, 3]
    assert distances.tolist() == [0, 0]


def test_a_generator_of_one_image_is_precise_and_recalls_nothing():
    real = normal(400, 6)
    fake = np.repeat(real[:1], 400, axis=0)
    pr, dc = precision_recall(fake, real), density_coverage(fake, real)
    assert pr["precision"].value == 1
    assert pr["recall"].value < 0.01
    assert dc["coverage"].high < 0.1


def test_fakes_far_away_are_not_precise():
    found = precision_recall(normal(200, 6, 1, shift=50), normal(200, 6, 2))
    assert (found["precision"].value, found["recall"].value) == (0, 0)


def test_the_intervals_lie_within_what_can_be():
    found = precision_recall(normal(60, 3, 1), normal(60, 3, 2))
    for one in (found["precision"], found["recall"]):
        assert 0 <= one.low <= one.value <= one.high <= 1


def test_too_few_images_and_no_neighbour_are_refused():
    with pytest.raises(DataError, match="at least 20 fake images, got 3"):
        precision_recall(normal(3, 2), normal(20, 2))
    with pytest.raises(UsageError, match="k must be at least 1, the nearest neighbour; got 0"):
        density_coverage(normal(30, 2), normal(20, 2), k=0)
