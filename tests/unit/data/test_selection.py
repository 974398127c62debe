import numpy as np
import pytest

from gansmith.data.selection import Selection, parse_name, rows_of
from gansmith.errors import DataError

LABELS = np.array([2, 0, 1, 2, 2], np.uint8)
NAMES = ("cat", "dog", "ship")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("mnist", Selection(name="mnist")),
        ("cifar10[ship]", Selection(name="cifar10", classes=("ship",))),
        ("mnist[0, 1]", Selection(name="mnist", classes=("0", "1"))),
        ("./photos[beach]", Selection(name="./photos", classes=("beach",))),
    ],
)
def test_a_name_may_carry_classes(text, wanted):
    assert parse_name(text) == wanted


def test_a_folder_with_brackets_in_its_name_is_meant_as_it_is(tmp_path):
    (tmp_path / "holiday[2019]").mkdir()
    assert parse_name(f"{tmp_path}/holiday[2019]").classes == ()
    assert parse_name(f"{tmp_path}/holiday[2020]").classes == ("2020",)


def test_a_label_of_any_size_costs_no_memory():
    assert rows_of(("5",), np.array([5, 2**60]), None, "set").tolist() == [0]


@pytest.mark.parametrize("text", ["cifar10[]", "cifar10[ship,]"])
def test_an_empty_class_is_refused(text):
    with pytest.raises(DataError, match="names an empty class"):
        parse_name(text)


@pytest.mark.parametrize(("classes", "rows"), [(("ship",), [0, 3, 4]), (("2",), [0, 3, 4]), (("cat", "1"), [1, 2])])
def test_classes_are_found_by_name_and_by_number(classes, rows):
    assert rows_of(classes, LABELS, NAMES, "set").tolist() == rows


def test_classes_of_a_set_without_names_go_by_number():
    assert rows_of(("1",), LABELS, None, "set").tolist() == [2]


@pytest.mark.parametrize(
    ("labels", "names", "message"),
    [(LABELS, NAMES, "unknown class 'shipp'. Did you mean 'ship'?"), (None, None, "has no labels")],
)
def test_a_class_that_is_not_there_is_refused(labels, names, message):
    with pytest.raises(DataError) as caught:
        rows_of(("shipp",), labels, names, "set")
    assert message in str(caught.value)
