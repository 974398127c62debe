"""Parquet files of images, as Hugging Face writes them and otherwise, whole, damaged and hostile."""

import json
import sys

import numpy as np
import pytest

from gansmith.data.archives import members
from gansmith.data.dataset import Request, open_dataset
from gansmith.data.formats import parquet
from gansmith.data.formats.parquet import open_table
from gansmith.data.images.resize import ImageShape
from gansmith.data.sources import find_source
from gansmith.errors import DataError, MissingExtraError
from tests.helpers.small_images import check, file, photo, prepare

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

SMALL = ImageShape(channels=3, height=32, width=32)
IMAGES = [file(photo(32, 32, seed=seed)) for seed in range(7)]
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def structs(images=IMAGES):
    return pa.array([None if one is None else {"bytes": one, "path": None} for one in images], IMAGE)


def write(path, columns, features=None, **options):
    """A table of named arrays, with Hugging Face's description of them where it is given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table(columns)
    if features:
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(table, path, **{"row_group_size": 3, **options})
    return path


def packed(path, out):
    return prepare(path, out, SMALL, workers=1)


def pixels(images=IMAGES):
    return np.stack([np.asarray(photo(32, 32, seed=seed)) for seed in range(len(images))]).transpose(0, 3, 1, 2)


HUGGING_FACE = {"image": {"_type": "Image"}, "label": {"_type": "ClassLabel", "names": ["cat", "dog"]}}


def test_hugging_faces_layout_gives_images_and_the_names_of_their_classes(tmp_path):
    columns = {"image": structs(), "label": pa.array([1, 0, 1, 1, 0, 0, 1])}
    path = write(tmp_path / "train.parquet", columns, HUGGING_FACE)
    dataset = packed(path, tmp_path / "store")
    assert np.array_equal(dataset.images, pixels())
    assert dataset.index["classes"] == ["cat", "dog"]
    assert dataset.labels.tolist() == [1, 0, 1, 1, 0, 0, 1]
    report = check(path, workers=1)
    assert report.counts() == {"used": 7, "converted": 0, "dropped": 0}
    assert report.files[4].name == "train.parquet/4"
    assert report.labels_from == "the table"


@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "brotli", "zstd", "lz4"])
def test_every_usual_compression_is_read(tmp_path, compression):
    path = write(tmp_path / "a.parquet", {"image": pa.array(IMAGES)}, compression=compression)
    assert np.array_equal(packed(path, tmp_path / "store").images, pixels())


@pytest.mark.parametrize(
    ("columns", "features", "expected"),
    [
        ({"image": IMAGES}, None, None),
        ({"img": IMAGES, "thumbnail": IMAGES[::-1]}, None, None),
        ({"photograph": IMAGES, "caption": list("abcdefg")}, None, None),
        ({"thumb": IMAGES[::-1], "full": structs()}, {"full": {"_type": "Image"}}, None),
        ({"image": IMAGES, "label": list("xyxyxyx")}, None, list("xyxyxyx")),
        ({"image": IMAGES, "label": [3, 1, 3, 1, 3, 1, 3]}, None, list("3131313")),
        ({"image": IMAGES, "category": pa.array(list("xyxyxyx")).dictionary_encode()}, None, list("xyxyxyx")),
        ({"image": IMAGES, "label": [0.5] * 7}, None, None),
        ({"image": IMAGES, "size": [1] * 7, "breed": [3] * 7}, {"breed": {"_type": "ClassLabel"}}, list("3333333")),
        ({"image": pa.array(IMAGES, pa.large_binary())}, None, None),
        ({"image": IMAGES, "target": pa.array(list("xyxyxyx"), pa.large_string())}, None, list("xyxyxyx")),
    ],
)
def test_columns_are_found_by_description_then_name_then_kind(tmp_path, columns, features, expected):
    path = write(tmp_path / "a.parquet", columns, features)
    with open_table(path) as table:
        assert [table.read(row) for row in range(7)] == IMAGES
        assert table.labels() == expected


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"x": [1, 2]}, "has no column of bytes; name the one that holds the image files 'image'"),
        ({"a": [b"1"], "b": [b"2"]}, "has columns of bytes a, b; name the one"),
        ({"image": [{"path": "a.png"}]}, "has no column of bytes"),
    ],
)
def test_a_table_without_images_says_what_it_has(tmp_path, columns, message):
    path = write(tmp_path / "a.parquet", columns)
    with pytest.raises(DataError, match=message), open_table(path):
        pass


@pytest.mark.parametrize("features", ["[]", "{", '{"info": 3}', '{"info": {"features": {"image": 3, "label": null}}}'])
def test_a_description_that_makes_no_sense_is_passed_over(tmp_path, features):
    table = pa.table({"image": IMAGES, "label": [1] * 7}).replace_schema_metadata({"huggingface": features})
    pq.write_table(table, tmp_path / "a.parquet")
    with open_table(tmp_path / "a.parquet") as opened:
        assert opened.labels() == ["1"] * 7


def test_a_folder_of_tables_is_read_in_order_and_what_lies_beside_them_is_named(tmp_path):
    label = {"label": pa.array(["a", "b", "a"])}
    write(tmp_path / "set/data/train-00001.parquet", {"image": structs(IMAGES[3:6]), **label})
    write(tmp_path / "set/data/train-00000.parquet", {"image": structs(IMAGES[:3]), **label})
    (tmp_path / "set/README.md").write_text("# cats")
    report = check(tmp_path / "set", workers=1)
    assert [one.name for one in report.kept] == [
        f"data/train-0000{part}.parquet/{row}" for part in (0, 1) for row in range(3)
    ]
    assert report.reasons()["lies beside tables"][0].name == "README.md"
    assert report.classes() == {"a": 4, "b": 2}
    assert np.array_equal(packed(tmp_path / "set", tmp_path / "store").images, pixels(IMAGES[:6]))


def test_tables_beside_images_are_no_images(tmp_path):
    write(tmp_path / "set/a.parquet", {"image": structs()})
    (tmp_path / "set/1.png").write_bytes(IMAGES[0])
    assert check(tmp_path / "set", workers=1).reasons()["is a table among images; give it alone"][0].name == "a.parquet"


def test_rows_that_hold_no_image_are_lost_by_number(tmp_path):
    rows = [IMAGES[0], None, b"no image", IMAGES[1][:60], IMAGES[2]]
    path = write(tmp_path / "a.parquet", {"image": structs(rows), "label": ["x", "x", "y", "y", None]})
    report = check(path, workers=1)
    found = {one.name: one.reasons for one in report.files if one.outcome == "dropped"}
    assert found == {
        "a.parquet/1": ("zero bytes",),
        "a.parquet/2": ("not an image",),
        "a.parquet/3": ("truncated",),
    }
    with pytest.raises(DataError, match=r"3 of 5 images .* first is a.parquet/1 \(zero bytes\)"):
        packed(path, tmp_path / "store")


def test_classes_of_a_table_can_be_chosen_and_its_images_trained_on(tmp_path):
    columns = {"image": structs(), "label": pa.array([1, 0, 1, 1, 0, 0, 1])}
    path = write(tmp_path / "train.parquet", columns, HUGGING_FACE)
    with find_source(f"{path}[cat]").open() as source:
        assert [entry.name for entry in source.entries] == [f"train.parquet/{row}" for row in (1, 4, 5)]
    dataset = open_dataset(Request(name=f"{path}[cat]", split="train", shape=SMALL))
    assert len(dataset) == 3
    assert np.array_equal(dataset.images[dataset.rows], pixels()[[1, 4, 5]])


def test_a_table_that_was_stopped_at_any_row_goes_on_there(tmp_path):
    path = write(tmp_path / "a.parquet", {"image": structs()})
    with open_table(path) as table:
        for row in (5, 1, 2, 6, 6, 0):
            assert table.read(row) == IMAGES[row]


# --- damaged and hostile


def damaged(path, at, content=b"\xff" * 40):
    whole = bytearray(path.read_bytes())
    whole[at : at + len(content)] = content
    path.write_bytes(bytes(whole))


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-1],
        lambda content: content[: len(content) // 2],
        lambda content: content[:4],
        lambda content: content[:-8] + b"\xff\xff\xff\x7fPAR1",
        lambda content: content[:-200] + bytes(192) + content[-8:],
    ],
)
def test_a_damaged_table_is_named(tmp_path, damage):
    path = write(tmp_path / "a.parquet", {"image": structs()})
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=r"a\.parquet is a damaged Parquet file \(.*\); fetch it again") as caught:
        check(path, workers=1)
    assert "\n" not in str(caught.value)


def test_a_damaged_row_group_costs_its_rows_and_no_others(tmp_path):
    path = write(tmp_path / "a.parquet", {"image": pa.array(IMAGES)}, compression="gzip", use_dictionary=False)
    second = pq.ParquetFile(path).metadata.row_group(1).column(0)
    damaged(path, second.data_page_offset)
    report = check(path, workers=1)
    assert {one.name for one in report.files if one.outcome == "dropped"} == {f"a.parquet/{row}" for row in (3, 4, 5)}
    assert report.files[3].reasons == ("cannot be read (damaged, or changed meanwhile)",)


def test_bombs_and_too_many_rows_are_refused_before_they_are_read(tmp_path, monkeypatch):
    path = write(tmp_path / "bomb.parquet", {"image": [bytes(20 << 20)]}, compression="gzip")
    assert path.stat().st_size < 1 << 20
    with pytest.raises(DataError, match=r"would inflate .* a bomb, not images"):
        check(path, workers=1)
    path = write(tmp_path / "a.parquet", {"image": structs()})
    monkeypatch.setattr(parquet, "MAX_GROUP", 100)
    with pytest.raises(DataError, match="bytes in a row group; up to 100 are read"):
        check(path, workers=1)
    monkeypatch.undo()
    monkeypatch.setattr("gansmith.data.containers.Limits", lambda: members.Limits(members=6))
    with pytest.raises(DataError, match="announces 7 rows; 6 can be read in all"):
        check(path, workers=1)


def test_a_label_as_long_as_a_book_is_refused(tmp_path):
    path = write(tmp_path / "a.parquet", {"image": structs(), "label": ["x"] * 6 + ["y" * 201]})
    with pytest.raises(DataError, match="a label of 201 characters in row 6"):
        check(path, workers=1)


def test_without_the_extra_one_sentence_says_what_would_do(tmp_path, monkeypatch):
    path = write(tmp_path / "a.parquet", {"image": structs()})
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtraError) as caught:
        check(path, workers=1)
    assert caught.value.exit_code == 6
    assert str(caught.value) == "reading Parquet files needs an extra package: pip install 'gansmith[parquet]'."


@pytest.mark.parametrize("name", ["image", "img", "picture", "photo"])
def test_each_usual_name_of_the_image_column_is_found(tmp_path, name):
    path = write(tmp_path / "train.parquet", {name: structs()})
    with open_table(path) as table:
        assert table.num_rows == 7
        assert table.read(0).startswith(b"\x89PNG")
