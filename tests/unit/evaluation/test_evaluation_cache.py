"""What the cache keeps of real images: found again, never trusted, never needed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gansmith.evaluation import cache
from gansmith.evaluation.baselines import reference_scores
from gansmith.evaluation.inputs import image_set
from gansmith.evaluation.reference import kept_features, reference
from tests.helpers.small_features import Counting, grey

REALS = image_set(grey(40), "blocks", "test")


@pytest.fixture(autouse=True)
def _empty_cache(monkeypatch):
    monkeypatch.setenv("GANSMITH_CACHE", "cache")


def files(suffix):
    return sorted(Path("cache").rglob(f"*.{suffix}"))


def test_features_are_taken_once_and_are_the_same_from_the_cache():
    network = Counting()
    first = kept_features(REALS, network.extractor)
    taken = network.calls
    again = kept_features(REALS, network.extractor)
    assert network.calls == taken > 0
    assert np.array_equal(first.vectors, again.vectors)
    assert np.array_equal(first.probabilities, again.probabilities)
    assert again.vectors.dtype == np.float64


def damage_a_byte(data):
    return data[:-3] + bytes([data[-3] ^ 1]) + data[-2:]


@pytest.mark.parametrize(
    "damage",
    [
        damage_a_byte,
        lambda data: data[:-8],
        lambda data: b"",
        lambda data: b"0" * 20 + data[20:],
        lambda data: b"not what was written",
    ],
)
def test_a_damaged_file_is_noticed_and_written_anew(damage):
    network = Counting()
    first = kept_features(REALS, network.extractor)
    (file,) = files("safetensors")
    whole, taken = file.read_bytes(), network.calls
    file.write_bytes(damage(whole))
    again = kept_features(REALS, network.extractor)
    assert network.calls == 2 * taken
    assert np.array_equal(first.vectors, again.vectors)
    assert file.read_bytes() == whole


def test_a_file_under_another_ones_name_is_noticed():
    network = Counting()
    kept_features(REALS, network.extractor)
    other = image_set(grey(40, seed=1), "blocks", "test")
    wanted = kept_features(other, network.extractor).vectors
    here, there = files("safetensors")
    both = here.read_bytes(), there.read_bytes()
    here.write_bytes(both[1])
    there.write_bytes(both[0])
    assert np.array_equal(kept_features(other, network.extractor).vectors, wanted)


@pytest.mark.parametrize("change", ["pixels", "weights", "resize"])
def test_other_images_other_weights_and_another_resize_are_kept_apart(change):
    network = Counting()
    kept_features(REALS, network.extractor)
    levels = REALS.images.copy()
    levels[0, 0, 0, 0] ^= 1
    reals = image_set(levels, "blocks", "test") if change == "pixels" else REALS
    other = Counting("1" * 64 if change == "weights" else "0" * 64, "to 8x8" if change == "resize" else "none")
    kept_features(reals, other.extractor)
    assert other.calls
    assert len(files("safetensors")) == 2


def test_the_name_of_the_images_is_no_part_of_the_key():
    network = Counting()
    kept_features(REALS, network.extractor)
    taken = network.calls
    kept_features(replace(REALS, name="elsewhere", split="all"), network.extractor)
    assert network.calls == taken


def test_values_of_changed_measures_are_not_taken_from_the_cache(monkeypatch):
    key = cache.key_of("anything")
    monkeypatch.setattr(cache, "_code", lambda: "other code")
    assert cache.key_of("anything") != key


def test_where_the_cache_cannot_be_written_nothing_is_kept_and_nothing_fails():
    Path("cache").write_text("a file in its place")
    network = Counting()
    first, again = (kept_features(REALS, network.extractor) for _ in range(2))
    assert np.array_equal(first.vectors, again.vectors)


def test_floor_and_ceilings_come_from_the_cache_the_second_time():
    network = Counting()
    compared = reference(REALS, network.extractor)
    first = reference_scores(compared, ["fd", "kid"], 30)
    taken = network.calls
    assert reference_scores(compared, ["fd", "kid"], 30) == first
    assert network.calls == taken
    reference_scores(compared, ["fd", "kid"], 31)
    assert network.calls > taken
