"""What people give beside folders of images: pointers, shards, archives in archives, addresses."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib

import pytest

from gansmith.data.formats.idx import read_idx
from gansmith.data.formats.npz import read_npz
from gansmith.data.formats.svhn import read_svhn
from gansmith.data.images.resize import ImageShape
from gansmith.data.paths import open_path
from gansmith.data.sources import absolute_name, find_source
from gansmith.errors import DataError
from gansmith.runs.run import find_run_or_images
from tests.helpers import forms
from tests.helpers.hostile_archives import Zipped, zip_of
from tests.helpers.small_images import check, file, photo, prepare, write_images

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
LFS = "is a Git LFS pointer, not the file itself; run `git lfs pull` in its repository"
IMAGES = [file(photo(40, 40, seed=number)) for number in range(8)]
SHAPE = ImageShape(channels=3, height=16, width=16)


def zipped(path, files, method=zipfile.ZIP_DEFLATED):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def tarred(path, files, mode=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, f"w:{mode}") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def refused(path):
    with pytest.raises(DataError) as caught, open_path(path):
        pass
    return str(caught.value)


# --- pointers


def test_pointers_among_images_are_lost_and_say_what_fetches_them(tmp_path):
    write_images(tmp_path / "set", ["1.png"])
    (tmp_path / "set/2.png").write_bytes(POINTER)
    (tmp_path / "set/3.jpg").write_bytes(b"/annex/objects/SHA256E-s31390--f50d7.jpg\n")
    report = check(tmp_path / "set", workers=1)
    reasons = {one.name: one.reasons for one in report.files if one.lost}
    annex = LFS.replace("Git LFS", "git-annex").replace("git lfs pull", "git annex get .")
    assert reasons == {"2.png": (LFS,), "3.jpg": (annex,)}


@pytest.mark.parametrize("form", ["folder", "zip", "tar"])
def test_a_set_of_pointers_names_the_command(tmp_path, form):
    files = {f"{number}.png": POINTER for number in range(3)} | {"README.md": b"# Photos"}
    path = tmp_path / "set"
    {"folder": forms.write_folder, "zip": zipped, "tar": tarred}[form](path, files)
    assert refused(path) == f"{path} holds no image: 0.png {LFS}."


@pytest.mark.parametrize("form", ["zip", "tar", "parquet"])
def test_pointers_in_archives_and_tables_are_known_too(tmp_path, form):
    path = tmp_path / f"set.{form}"
    if form == "parquet":
        import pyarrow
        from pyarrow import parquet

        parquet.write_table(pyarrow.table({"image": [IMAGES[0], POINTER]}), path)
    else:
        (zipped if form == "zip" else tarred)(path, {"1.png": IMAGES[0], "2.png": POINTER})
    (lost,) = [one for one in check(path, workers=1).files if one.lost]
    assert lost.reasons == (LFS,)


@pytest.mark.parametrize("name", ["set.zip", "set.tar.gz", "set.parquet", "set"])
def test_an_archive_or_a_table_that_is_a_pointer_is_named(tmp_path, name):
    (tmp_path / name).write_bytes(POINTER)
    assert refused(tmp_path / name) == f"{tmp_path / name} {LFS}."


@pytest.mark.parametrize("name", ["data/train-00001-of-00002.parquet", "shard-1.tar", "deep/er/1.zip"])
def test_one_pointer_among_tables_or_shards_is_named(tmp_path, name):
    tarred(tmp_path / "set/shard-0.tar", {"1.png": IMAGES[0]})
    (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "set" / name).write_bytes(POINTER)
    assert refused(tmp_path / "set") == f"{tmp_path / 'set' / name} {LFS}."


@pytest.mark.parametrize("read", [lambda path: read_idx(path, 3), lambda path: read_npz(path, "train"), read_svhn])
def test_files_of_known_sets_may_be_pointers(tmp_path, read):
    (tmp_path / "file").write_bytes(POINTER)
    with pytest.raises(DataError, match="run `git lfs pull`"):
        read(tmp_path / "file")


# --- shards


def test_a_folder_of_shards_is_the_union_of_what_is_in_them(tmp_path):
    tarred(tmp_path / "set/00000.tar", {"0000.png": IMAGES[0], "0000.txt": b"a cat", "0001.png": IMAGES[1]})
    tarred(tmp_path / "set/00001.tar.gz", {"0000.png": IMAGES[2], "0001.png": IMAGES[3]}, "gz")
    zipped(tmp_path / "set/more/2.zip", {"0000.png": IMAGES[4], ".hidden.png": IMAGES[5]})
    (tmp_path / "set/stats.json").write_text("{}")
    with open_path(tmp_path / "set") as source:
        contents = {entry.name: source.read(entry) for entry in source.entries}
        again = [source.read(entry) for entry in reversed(source.entries)]
        assert list(contents) == [
            "00000.tar/0000.png",
            "00000.tar/0000.txt",
            "00000.tar/0001.png",
            "00001.tar.gz/0000.png",
            "00001.tar.gz/0001.png",
            "more/2.zip/0000.png",
        ]
        assert again == [*reversed(contents.values())]
        assert source.passed == (
            ("stats.json", "lies beside archives"),
            ("more/2.zip/.hidden.png", "is a hidden file or an operating system's own"),
        )
    report = check(tmp_path / "set", workers=1)
    assert len(report.kept) == 5
    assert sum(report.counts().values()) == 8
    assert len(prepare(tmp_path / "set", tmp_path / "out", SHAPE, workers=1)) == 5


def test_shards_of_class_folders_have_these_classes(tmp_path):
    for number in range(2):
        files = {f"{name}/{number}.png": IMAGES[2 * number + at] for at, name in enumerate(("cat", "dog"))}
        tarred(tmp_path / f"set/{number}.tar", files)
    assert check(tmp_path / "set", workers=1).classes() == {"cat": 2, "dog": 2}


def test_flat_shards_are_no_classes(tmp_path):
    for number in range(3):
        tarred(tmp_path / f"set/0000{number}.tar", {f"{at}.png": IMAGES[2 * number + at] for at in range(2)})
    report = check(tmp_path / "set", workers=1)
    assert len(report.kept) == 6
    assert report.classes() == {}


def test_a_damaged_shard_is_named(tmp_path):
    tarred(tmp_path / "set/0.tar", {"1.png": IMAGES[0]})
    whole = tarred(tmp_path / "set/1.tar", {"1.png": IMAGES[0] * 20}).read_bytes()
    (tmp_path / "set/1.tar").write_bytes(whole[:2000])
    assert "1.tar ends inside '1.png'" in refused(tmp_path / "set")


@pytest.mark.parametrize("name", ["1.png", "no suffix", "photo.jfif"])
def test_shards_beside_images_are_not_read_and_say_so(tmp_path, name):
    tarred(tmp_path / "set/0.tar", {"1.png": IMAGES[0]})
    (tmp_path / "set/broken.tar.gz").write_bytes(gzip.compress(b"x" * 600, mtime=0)[:-9])
    (tmp_path / "set" / name).write_bytes(IMAGES[1])
    report = check(tmp_path / "set", workers=1)
    assert [one.name for one in report.kept] == [name]
    reason = "is an archive among images; unpack it, or give it alone"
    assert sorted(one.name for one in report.reasons()[reason]) == ["0.tar", "broken.tar.gz"]


def test_large_archives_beside_images_are_not_read_into_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("gansmith.data.paths.Limits", lambda: type("Few", (), {"member_bytes": 5000}))
    write_images(tmp_path / "set", ["1.png"])
    (tmp_path / "set/large.zip").write_bytes(b"no archive" * 1000)
    reasons = check(tmp_path / "set", workers=1).reasons()
    assert [one.name for one in reasons["is 10,000 bytes; up to 5,000 are read"]] == ["large.zip"]


def test_tables_that_describe_shards_do_not_hide_them(tmp_path):
    import pyarrow
    from pyarrow import parquet

    tarred(tmp_path / "set/00000.tar", {"1.png": IMAGES[0]})
    parquet.write_table(pyarrow.table({"key": ["1"], "caption": ["a cat"]}), tmp_path / "set/00000.parquet")
    with open_path(tmp_path / "set") as source:
        assert [entry.name for entry in source.entries] == ["00000.tar/1.png"]
        assert source.passed == (("00000.parquet", "lies beside archives"),)
    parquet.write_table(pyarrow.table({"image": [IMAGES[1]]}), tmp_path / "set/00000.parquet")
    with open_path(tmp_path / "set") as source:
        assert [entry.name for entry in source.entries] == ["00000.parquet/0"]
        assert source.passed == (("00000.tar", "lies beside tables"),)


# --- archives in archives, and compressions


@pytest.mark.parametrize("inner", ["train.zip", "data/train.tar", "train-0.parquet"])
@pytest.mark.parametrize("write", [zipped, tarred])
def test_an_archive_of_archives_names_the_one_to_unpack(tmp_path, write, inner):
    path = write(tmp_path / "kaggle.zip", {inner: b"PK\5\6" + bytes(18), "readme.txt": b"x"})
    assert refused(path) == (
        f"{path} holds no images but {inner}; unpack kaggle.zip, and give the folder with what was in it."
    )


def test_an_archive_among_the_images_of_an_archive_is_named(tmp_path):
    path = zipped(tmp_path / "x.zip", {"1.png": IMAGES[0], "train.zip": b"PK\5\6" + bytes(18)})
    reasons = check(path, workers=1).reasons()
    assert [one.name for one in reasons["is an archive among images; unpack it, or give it alone"]] == ["train.zip"]


def test_documents_that_are_zip_files_are_no_archives(tmp_path):
    zipped(tmp_path / "set/notes.docx", {"word/document.xml": b"<w/>"})
    write_images(tmp_path / "set", ["1.png"])
    assert [one.name for one in check(tmp_path / "set", workers=1).reasons()["not an image"]] == ["notes.docx"]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_every_compression_of_python_is_read(tmp_path, method):
    path = zipped(tmp_path / "x.zip", {"1.png": IMAGES[0], "empty.png": b"", "2.png": IMAGES[1] * 50}, method)
    with open_path(path) as source:
        assert [source.read(entry) for entry in source.entries] == [IMAGES[0], b"", IMAGES[1] * 50]


def test_xz_in_a_zip_and_lzma_without_an_end_mark_are_read(tmp_path):
    alone = lzma.compress(IMAGES[1], lzma.FORMAT_ALONE)
    without_mark = b"\x09\x14\5\0" + alone[:5] + alone[13:]
    entries = [
        Zipped(b"1.png", lzma.compress(IMAGES[0]), method=95, size=len(IMAGES[0]), crc=zlib.crc32(IMAGES[0])),
        Zipped(b"2.png", without_mark, method=14, flags=2, size=len(IMAGES[1]), crc=zlib.crc32(IMAGES[1])),
        Zipped(b"3.png", bz2.compress(IMAGES[2]), method=12, size=len(IMAGES[2]), crc=zlib.crc32(IMAGES[2])),
    ]
    (tmp_path / "x.zip").write_bytes(zip_of(*entries))
    with open_path(tmp_path / "x.zip") as source:
        assert [source.read(entry) for entry in source.entries] == IMAGES[:3]


@pytest.mark.parametrize(
    ("method", "name"),
    [(1, "Shrink"), (6, "Implode"), (9, "Deflate64"), (93, "Zstandard"), (98, "PPMd"), (99, "AES encryption")],
)
def test_a_compression_that_is_not_read_is_named(tmp_path, method, name):
    (tmp_path / "x.zip").write_bytes(zip_of(Zipped(b"1.png", IMAGES[0], method=method)))
    with pytest.raises(DataError, match=rf"1\.png \(is compressed with {name}, which is not read; unpack the archive"):
        prepare(tmp_path / "x.zip", tmp_path / "out", SHAPE, workers=1)


@pytest.mark.parametrize(
    ("start", "what"),
    [
        (b"\x28\xb5\x2f\xfd", "a Zstandard file"),
        (b"SQLite format 3\0", "a SQLite file"),
        (gzip.compress(b"no tar" * 200, mtime=0), "gzip data of no known archive"),
        (b"abc", "no known archive"),
    ],
)
def test_other_files_are_named_with_what_would_do(tmp_path, start, what):
    (tmp_path / "x").write_bytes(start)
    assert f"x is {what}" in refused(tmp_path / "x")
    assert "give a folder, a .zip, a .tar (.gz, .bz2, .xz), a .parquet file, or an array (.npy, .npz)" in refused(
        tmp_path / "x"
    )


# --- addresses


@pytest.mark.parametrize(
    "address",
    [
        "https://example.org/photos.zip",
        "http://example.org/a b/",
        "s3://bucket/photos",
        "gs://bucket/photos.tar",
        "hf://datasets/me/photos",
        "https:/example.org/photos.zip",
    ],
)
def test_an_address_is_no_path(address):
    for ask in (lambda: find_source(address), lambda: absolute_name(address), lambda: find_run_or_images(address)):
        with pytest.raises(DataError) as caught:
            ask()
        assert str(caught.value) == (
            f"{address} is an address, and images are read from this machine only; download it first, and give its "
            "path."
        )


def test_an_address_of_a_file_here_is_given_as_a_path():
    with pytest.raises(DataError, match="file:///home/me/photos is an address; give the path alone: /home/me/photos"):
        find_source("file:///home/me/photos")


def test_a_drive_of_windows_and_a_folder_with_a_colon_are_no_addresses(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_images(tmp_path / "odd:/photos", ["1.png"])
    assert find_source("odd:/photos").path.name == "photos"
    with pytest.raises(DataError, match="does not exist"):
        find_source("C:/photos")


# --- what is an image, its content says


@pytest.mark.parametrize("name", ["x.jfif", "x.JPG", "x.jpe", "x", "x.png", "x.dat", "x.jpg.1", "x.JPEG ", "x.heic"])
def test_an_image_is_one_by_its_content_whatever_its_name_ends_in(tmp_path, name):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / name).write_bytes(file(photo(40, 40), "JPEG"))
    assert [one.name for one in check(tmp_path / "set", workers=1).kept] == [name]
    zipped(tmp_path / "set.zip", {name: file(photo(40, 40), "JPEG")})
    assert [one.name for one in check(tmp_path / "set.zip", workers=1).kept] == [name]
