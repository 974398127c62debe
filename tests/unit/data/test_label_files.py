"""Label files as people have them: read if they can be, and a note if not; refused only where classes are asked for."""

import json

import pytest

from gansmith.data.dataset import Access, Request, open_dataset
from gansmith.data.formats.file_names import FileNames
from gansmith.data.images.resize import ImageShape
from gansmith.data.sources import find_source
from gansmith.errors import DataError
from tests.helpers.small_images import check, prepare, write_images

SMALL = ImageShape(channels=3, height=16, width=16)
REMEDY = "; for classes, write a labels.csv with the columns file and label"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GANSMITH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def photos(tmp_path):
    return write_images(tmp_path / "photos", ["1.png", "2.png", "sub/3.png"])


def put(folder, name, content):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def classes(folder):
    report = check(folder, workers=1)
    return report.labels_from, {one.name: one.label for one in report.kept if one.label is not None}


EXPECTED = {"1.png": "cat", "2.png": "dog", "sub/3.png": "cat"}


def table(delimiter=",", header=("file", "label"), rows=(), end="\n"):
    lines = [header, *(rows or EXPECTED.items())]
    return "".join(delimiter.join(line) + end for line in lines)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        *[
            ("labels.csv", table(header=(column, "label")))
            for column in ("file", "filename", "file_name", "image", "id")
        ],
        *[("labels.csv", table(header=(column, "label"))) for column in ("path", "Image ID", "FILE-NAME", "name")],
        *[("labels.csv", table(header=("image", column))) for column in ("class", "Category", "breed", "has_cactus")],
        *[("labels.csv", table(delimiter)) for delimiter in (";", "\t", "|")],
        ("labels.csv", "sep=;\n" + table(";")),
        ("labels.csv", table(end="\r\n")),
        ("labels.csv", table().encode("utf-16")),
        ("labels.csv", table("\t").encode("utf-16")),
        ("labels.csv", table().encode("utf-16-le")),
        ("labels.csv", b"\xef\xbb\xbf" + table(";").encode()),
        ("labels.csv", '"1.png";"cat"\n"2.png";"dog"\n"sub/3.png";"cat"\n'),
        ("labels.csv", "1.png,cat\n2.png,dog\nsub/3.png,cat\n"),
        ("labels.csv", "index,width,class,filename,height\n0,9,cat,1.png,9\n1,9,dog,2.png,9\n2,9,cat,sub/3.png,9\n"),
        ("labels.csv", ",image,label\n0,1.png,cat\n1,2.png,dog\n2,sub/3.png,cat\n"),
        ("Labels.CSV", table()),
        ("labels.tsv", table("\t")),
        ("metadata.csv", table(header=("file_name", "label"))),
        (
            "metadata.jsonl",
            "".join(json.dumps({"file_name": name, "w": 3, "label": label}) + "\n" for name, label in EXPECTED.items()),
        ),
        ("labels.json", json.dumps([{"file_name": name, "category": label} for name, label in EXPECTED.items()])),
        # names as people write them
        ("labels.csv", table(rows=[("1", "cat"), ("2", "dog"), ("sub/3", "cat")])),
        ("labels.csv", table(rows=[("1.png", "cat"), ("2.png", "dog"), ("3.png", "cat")])),
        ("labels.csv", table(rows=[("1", "cat"), ("2", "dog"), ("3", "cat")])),
        ("labels.csv", table(rows=[("./1.png", "cat"), ("./2.png", "dog"), ("./sub/3.png", "cat")])),
        ("labels.csv", table(rows=[("1.png", "cat"), ("2.png", "dog"), ("sub\\3.png", "cat")])),
        ("labels.csv", table(rows=[("/home/me/photos/1.png", "cat"), ("D:\\x\\2.png", "dog"), ("x/sub/3.png", "cat")])),
        ("labels.csv", table(rows=[("1.PNG", "cat"), ("2.Png", "dog"), ("Sub/3.png", "cat")])),
        ("labels.csv", table(rows=[("1.jpg", "cat"), ("2.tif", "dog"), ("sub/3.jpeg", "cat")])),
        ("labels.json", json.dumps({"1": "cat", "2": "dog", "sub/3": "cat"})),
    ],
)
def test_label_files_are_read_as_people_have_them(photos, tmp_path, name, content):
    put(photos, name, content)
    assert classes(photos) == (name, EXPECTED)
    assert not [note for note in check(photos, workers=1).notes if name in note]
    told = open_dataset(Request(name=str(photos), split="train", shape=SMALL, labelled=True))
    assert told.index["classes"] == ["cat", "dog"]
    assert told.labels.tolist() == [0, 1, 0]


def test_a_class_with_an_umlaut_from_an_old_spreadsheet_is_read(photos):
    put(photos, "labels.csv", "file;label\r\n1.png;Bär\r\n2.png;Käfer\r\n".encode("cp1252"))
    assert classes(photos)[1] == {"1.png": "Bär", "2.png": "Käfer"}


def test_a_name_that_fits_two_files_fits_none(tmp_path):
    folder = write_images(tmp_path / "set", ["a/1.png", "b/1.png", "b/2.png", "b/2.jpg", "xy.png", "XY.png"])
    put(folder, "labels.csv", "file,label\n1.png,x\nb/2,y\nxY.png,z\nb/1.png,w\n")
    assert classes(folder)[1] == {"b/1.png": "w"}
    (note,) = [note for note in check(folder, workers=1).notes if " names " in note]
    assert note == "labels.csv has 3 names that fit no file here, or several, first 1.png"


@pytest.mark.parametrize(
    ("files", "folder", "name", "found"),
    [
        (["a/1.png"], "", "b/1.png", None),
        (["a/1.png"], "", "1.png", "a/1.png"),
        (["a/1.png", "1.png"], "", "1.png", "1.png"),
        (["a/1.png", "1.png"], "a", "1.png", "a/1.png"),
        (["top/1.png"], "top", "images/1.png", "top/1.png"),
        (["v1.2.png", "v1.png"], "", "v1.2", "v1.2.png"),
        (["v1.2.png"], "", "v1.3", None),
        (["a.tar.gz"], "", "a.tar", "a.tar.gz"),
        ([".png"], "", ".png", ".png"),
        (["1.png"], "", "", None),
        (["1.png"], "", "/", None),
    ],
)
def test_a_name_means_the_file_that_it_can_only_mean(files, folder, name, found):
    assert FileNames(files).find(folder, name) == found


OTHERS = {
    "fiftyone": ("labels.json", json.dumps({"classes": ["cat", "dog"], "labels": {"0001": 0, "0002": 1}}), "FiftyOne"),
    "fiftyone-boxes": ("labels.json", json.dumps({"classes": [], "labels": {"1": [{"label": 0}]}}), "FiftyOne"),
    "coco": (
        "labels.json",
        json.dumps({"info": {}, "images": [{"id": 1, "file_name": "1.png"}], "annotations": [{"image_id": 1}]}),
        "COCO",
    ),
    "karpathy": (
        "dataset.json",
        json.dumps({"images": [{"filename": "1.png", "sentences": [{"raw": "a cat"}]}], "dataset": "coco"}),
        "captions",
    ),
    "multi-hot": (
        "dataset.json",
        json.dumps({"labels": [["1.png", [0, 1, 1]], ["2.png", [1, 0, 0]]]}),
        "several numbers",
    ),
    "multi-hot-dict": ("labels.json", json.dumps({"1.png": [0.5, 1]}), "several numbers"),
    "boxes": ("labels.csv", "1.png,0,0,9,9,cat\n1.png,3,3,9,9,dog\n", "it has the columns"),
    "eight-columns": ("labels.csv", "a,b,c,d,e,f,g,h\n1,2,3,4,5,6,7,8\n", "it has the columns a, b, c, d, e, f, g, h"),
    "one-hot": ("labels.csv", "image,MEL,NV,BCC\n1.png,0,1,0\n", "it has the columns image, MEL, NV, BCC"),
    "semicolons": ("labels.csv", "breite;höhe;farbe\n1;2;rot\n", "it has the columns breite, höhe, farbe"),
    "captions": ("metadata.csv", "file_name,text\n1.png,a cat\n2.png,two dogs\n", "file_name, text"),
    "jsonl-captions": ("metadata.jsonl", '{"file_name": "1.png", "text": "a cat"}\n', "file_name, text"),
    "objects": (
        "metadata.jsonl",
        '{"file_name": "1.png", "label": {"bbox": [[1, 2, 3, 4]]}}\n',
        "not a file with one label",
    ),
    "other-files": ("labels.csv", "file,label\nx.png,cat\ny.png,dog\n", "none of its 2 names is that of a file here"),
    "names-of-classes": ("labels.json", json.dumps({"0": "cat", "7": "dog"}), "none of its 2 names"),
    "empty": ("labels.csv", "", "it is empty"),
    "empty-jsonl": ("metadata.jsonl", "\n", "it is empty"),
}


@pytest.mark.parametrize(("name", "content", "what"), OTHERS.values(), ids=[*OTHERS])
def test_a_label_file_of_another_kind_stops_only_who_asks_for_classes(tmp_path, name, content, what):
    photos = write_images(tmp_path / "photos", ["1.png", "2.png", "3.png"])
    put(photos, name, content)
    dataset = prepare(photos, tmp_path / "store", SMALL, workers=1)
    assert len(dataset) == 3
    assert dataset.labels is None
    (note,) = [note for note in dataset.index["notes"] if name in note]
    assert note.startswith(f"{name} gives no classes: ")
    assert what in note
    assert note.endswith(REMEDY)
    assert note in check(photos, workers=1).notes
    with pytest.raises(DataError, match="leave out") as caught, find_source(f"{photos}[cat]").open():
        pass
    assert note in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("labels.csv", "1.png,a\n1.png,b\n", "it gives 1.png two labels, 'a' and 'b'; keep one"),
        ("labels.csv", "file,label,x\n1.png,a,0\n1.png,b,0\n", "it gives 1.png two labels"),
        ("labels.json", "[1", "cannot be read as labels"),
        ("labels.json", '"text"', "neither"),
        ("labels.csv", b"\xff\xfe\0", "cannot be read as labels"),
        ("metadata.jsonl", "{}\n{", "cannot be read as labels"),
    ],
)
def test_a_wrong_label_file_stops_only_who_asks_for_classes(photos, tmp_path, name, content, what):
    put(photos, name, content)
    dataset = prepare(photos, tmp_path / "store", SMALL, workers=1)
    assert len(dataset) == 3
    (note,) = [note for note in dataset.index["notes"] if name in note]
    assert what in note
    with pytest.raises(DataError, match=name):
        open_dataset(Request(name=f"{photos}[a]", split="train", shape=SMALL), Access(allow_dropped=True))


def test_folders_are_classes_beside_a_label_file_of_another_kind(tmp_path):
    folder = write_images(tmp_path / "set", ["cat/1.png", "dog/2.png"])
    put(folder, "metadata.csv", "file_name,text\ncat/1.png,a cat\n")
    report = check(folder, workers=1)
    assert report.classes() == {"cat": 1, "dog": 1}
    assert any(note.startswith("metadata.csv gives no classes") for note in report.notes)


def test_an_empty_cell_is_no_class(photos):
    put(photos, "labels.csv", "file,label\n1.png,cat\n2.png,\nsub/3.png,dog\n")
    assert classes(photos)[1] == {"1.png": "cat", "sub/3.png": "dog"}


def test_a_label_file_in_the_folder_that_an_archive_has_at_its_top_is_found(tmp_path):
    folder = write_images(tmp_path / "set", ["inner/img/1.png", "inner/img/2.png"])
    put(folder, "inner/labels.csv", "file,label\n1.png,cat\n2.png,dog\n")
    put(folder, "LICENSE", "free")
    assert classes(folder) == ("inner/labels.csv", {"inner/img/1.png": "cat", "inner/img/2.png": "dog"})
    assert check(folder, workers=1).reasons()["holds the labels"][0].name == "inner/labels.csv"


@pytest.mark.parametrize("name", ["train.csv", "train_labels.csv", "HAM10000_metadata.tsv", "annotations.csv"])
def test_a_table_of_any_other_name_gives_classes_where_nothing_else_does(tmp_path, name):
    folder = write_images(tmp_path / "set", ["1.png", "2.png", "3.png"])
    put(
        folder, name, table("\t" if name.endswith("tsv") else ",", ("image_id", "has_cactus"), [("1", "0"), ("2", "1")])
    )
    assert classes(folder) == (name, {"1.png": "0", "2.png": "1"})
    (folder / name).write_text("time,loss\n1,0.5\n2,0.25\n")
    assert classes(folder) == (None, {})
    assert not [note for note in check(folder, workers=1).notes if name in note]


def test_a_table_of_any_other_name_does_not_count_beside_folders(tmp_path):
    folder = write_images(tmp_path / "set", ["cat/1.png", "dog/2.png"])
    put(folder, "sizes.csv", "file,label\n1.png,large\n2.png,small\n")
    assert classes(folder)[0] == "folders"
