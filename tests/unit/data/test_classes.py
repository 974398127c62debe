"""Which classes there are, what they are called, and which one an image is of."""

import numpy as np
import pytest
import torch

from gansmith.data.classes import Classes, classes_of, names_among, on_grid, told_apart
from gansmith.data.datasets.catalog import SETS
from gansmith.data.selection import parse_name
from gansmith.data.store import Dataset
from gansmith.errors import DataError, UsageError


def dataset(labels, names=()):
    images = np.zeros((len(labels), 1, 4, 4), np.uint8)
    return Dataset(images=images, labels=np.array(labels, np.uint8), index={"name": "set", "classes": [*names]})


def classes(*counts):
    return Classes(names=tuple("abcdefghij"[: len(counts)]), counts=counts)


def test_equal_classes_come_in_turn():
    assert classes(7, 7, 7).in_proportion(7).tolist() == [0, 1, 2, 0, 1, 2, 0]


def test_a_rare_class_comes_in_the_middle_of_its_period():
    """Sainte-Laguë's divisors 1, 3, 5: with d'Hondt's 1, 2, 3 it would come last."""
    assert classes(9, 1).in_proportion(20).tolist() == 2 * [0, 0, 0, 0, 0, 1, 0, 0, 0, 0]


@pytest.mark.parametrize("counts", [(1, 1), (900, 100), (1, 2, 3, 4), (50, 1, 50), (0, 3, 2), (6000, 5421, 1, 9)])
def test_after_any_number_of_images_each_class_has_its_share(counts):
    labels = classes(*counts).in_proportion(500).numpy()
    assert labels.dtype == np.int64
    given = np.cumsum(labels[:, None] == np.arange(len(counts)), 0)
    due = np.arange(1, 501)[:, None] * np.array(counts) / sum(counts)
    assert np.abs(given - due).max() <= 1


def test_the_first_labels_do_not_depend_on_how_many_are_asked_for():
    some = classes(5, 1, 3)
    assert all(torch.equal(some.in_proportion(num), some.in_proportion(100)[:num]) for num in range(1, 100))


def test_the_shares_of_many_classes_are_met_exactly_by_as_many_images():
    counts = tuple(range(1, 101))
    named = Classes(names=tuple(map(str, counts)), counts=counts)
    assert np.bincount(named.in_proportion(sum(counts)).numpy()).tolist() == [*counts]


def test_a_class_is_found_by_its_name_and_by_its_number():
    assert [classes(1, 1, 1).number_of(asked) for asked in ("b", "1")] == [1, 1]
    with pytest.raises(UsageError, match="unknown class 'd'"):
        classes(1, 1, 1).number_of("d")


def test_where_names_are_numbers_a_number_is_a_name():
    digits = Classes(names=("3", "7"), counts=(1, 1))
    assert digits.number_of("7") == 1
    with pytest.raises(UsageError, match="unknown class '0'"):
        digits.number_of("0")


def test_what_a_run_keeps_is_read_back_and_nonsense_becomes_numbers():
    kept = {"classes": ["cat", "dog"], "class_counts": [3, 1]}
    assert classes_of(kept, 2) == Classes(names=("cat", "dog"), counts=(3, 1))
    plain = Classes(names=("0", "1"), counts=(1, 1))
    for nonsense in (
        None,
        [],
        {"classes": ["cat", 3], "class_counts": [1]},
        {"classes": ["a", "a"], "class_counts": "no"},
    ):
        assert classes_of(nonsense, 2) == plain
    for counts in ([0, 0], [-1, 5], [True, True], [1.5, 2]):
        assert classes_of({"classes": ["0", "1"], "class_counts": counts}, 2) == plain


def test_names_that_cannot_be_printed_are_escaped():
    assert classes_of({"classes": ["a\nb", "\x1b[1m"]}, 2).names == ("a\\nb", "\\x1b[1m")
    assert names_among(dataset([0, 1], ["a\nb", "c"]), "folder") == ("a\\nb", "c")


def test_a_grid_has_its_columns_for_a_class_each_where_they_suffice():
    assert on_grid(3, 2, 3).tolist() == [0, 1, 2, 0, 1, 2]
    assert on_grid(2, 2, 4).tolist() == [0, 0, 1, 1, 0, 0, 1, 1]
    assert on_grid(3, 1, 8).tolist() == [0, 0, 0, 1, 1, 1, 2, 2]
    assert on_grid(5, 2, 3).tolist() == [0, 1, 2, 3, 4, 0]


def test_only_classes_that_occur_count_and_are_numbered_anew():
    some = dataset([7, 3, 7, 7], ["c" + str(number) for number in range(10)])
    assert names_among(some, "folder") == ("c3", "c7")
    told = told_apart(some, ("c3", "c7"), "folder")
    assert told.labels_at(torch.tensor([0, 1])).tolist() == [1, 0]
    assert told.labels_at(torch.tensor([0, 1])).dtype == torch.int64
    assert told.index["classes"] == ["c3", "c7"]
    assert told.index["class_counts"] == [1, 3]


def test_a_class_without_a_name_goes_by_its_number_and_a_known_set_knows_names():
    assert names_among(dataset([8, 1]), "folder") == ("1", "8")
    assert names_among(dataset([8, 1]), "fashion-10k") == ("trouser", "bag")
    assert parse_name("fashion-mnist[bag,1]").classes == ("8", "1")
    assert len(SETS["fashion-mnist"].classes) == 10


def test_images_of_another_class_are_refused():
    with pytest.raises(DataError, match="'folder' has images of the class '2', which those to train on have not: 0, 1"):
        told_apart(dataset([0, 2]), ("0", "1"), "folder")
    with pytest.raises(DataError, match="without labels"):
        told_apart(Dataset(images=np.zeros((2, 1, 4, 4), np.uint8), labels=None, index={}), ("0", "1"), "folder")


def test_labels_follow_the_images_that_are_kept():
    some = dataset([0, 1, 2, 1]).only(np.array([3, 2]))
    assert some.labels_at(torch.tensor([0, 1])).tolist() == [1, 2]
