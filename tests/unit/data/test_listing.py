"""What lies beside images is left out with the reason: a system's files, our own runs, packed datasets and samples."""

import os
import tarfile
import zipfile

import pytest

from gansmith.data.archives import archive as module
from gansmith.data.archives.archive import open_archive
from gansmith.data.archives.names import GRID, LEFT_OUT, PACKED, RUN, SAMPLED, SYSTEM
from gansmith.data.images.resize import ImageShape
from gansmith.data.open_source import OpenSource
from gansmith.data.paths import open_path
from gansmith.data.prepare import source_key
from gansmith.errors import DataError
from gansmith.viz.grids import png
from tests.helpers.forms import raw_zip
from tests.helpers.hostile_archives import PICTURE, Tarred, Zipped, pax, tar_of, zip_of
from tests.helpers.small_images import check, file, photo, prepare, write_images

SHAPE = ImageShape(channels=3, height=16, width=16)
BESIDE = [
    "@eaDir/1.png/SYNOPHOTO_THUMB_M.jpg",
    "a/@eaDir/1.jpg",
    "#recycle/1.png",
    "@Recycle/1.png",
    ".@__thumb/1.png",
    "$RECYCLE.BIN/1.png",
    "$Recycle.Bin/S-1-5/1.png",
    "RECYCLER/1.png",
    "System Volume Information/1.png",
    "lost+found/1.png",
    "LOST.DIR/1.png",
    "a/.ipynb_checkpoints/1-checkpoint.png",
    ".Trash-1000/files/1.png",
    ".thumbnails/normal/1.png",
    "a/.hidden/b/1.png",
    "a/.hidden.png",
    "__MACOSX/a/._1.png",
    "a/Thumbs.db",
    "a/DESKTOP.INI",
    "a/Icon\r",
    "a/1.png:Zone.Identifier",
    ".1.png.icloud",
]
RUN_FILES = {
    "run.json": b"{}",
    "recipe.toml": b"",
    "events.jsonl": b"",
    "reals.png": b"",
    "samples/00000100.png": b"",
    "checkpoints/00000100/G.safetensors": b"",
}


def in_form(form, folder, path):
    """The folder itself, or an archive of it."""
    if form == "folder":
        return folder
    if form == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for one in sorted(folder.rglob("*")):
                archive.write(one, one.relative_to(folder.parent))
    else:
        with tarfile.open(path, "w:gz") as archive:
            archive.add(folder, folder.name)
    return path


def write(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


@pytest.fixture
def photos(tmp_path):
    return write_images(tmp_path / "photos", ["1.png", "2.png", "a/3.png"])


each_form = pytest.mark.parametrize("form", ["folder", "zip", "tar"])


def dropped(report):
    return {one.name.removeprefix("photos/"): one.reasons[0] for one in report.files if one.outcome == "dropped"}


# --- systems


@each_form
@pytest.mark.parametrize("name", BESIDE)
def test_what_systems_put_beside_images_is_no_image_and_is_counted(photos, tmp_path, form, name):
    write(photos, {name: file(photo(40, 40, seed=9))})
    report = check(in_form(form, photos, tmp_path / "photos.archive"), workers=1)
    assert len(report.kept) == 3
    assert dropped(report) == {name: SYSTEM}
    assert not any(one.lost for one in report.files)


@each_form
def test_names_that_only_look_like_a_systems_are_images(photos, tmp_path, form):
    names = ["recycle/1.png", "#1/1.png", "@home/1.png", "lost and found/1.png", "$5.png", "Thumbs.db.png", "x.y/1.png"]
    write(photos, {name: file(photo(40, 40, seed=number)) for number, name in enumerate(names)})
    assert len(check(in_form(form, photos, tmp_path / "photos.archive"), workers=1).kept) == 10


def test_a_file_servers_snapshots_are_not_even_listed(photos):
    write(photos, {"#snapshot/daily/1.png": b"", ".zfs/snapshot/2.png": b""})
    with open_path(photos) as source:
        assert [name for name, _ in source.passed] == ["#snapshot", ".zfs"]


def test_links_to_folders_below_hidden_ones_are_not_followed(photos, tmp_path):
    write_images(tmp_path / "elsewhere", ["4.png"])
    (photos / ".git").mkdir()
    (photos / ".git/link").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    with open_path(photos) as source:
        assert len(source.entries) == 3
        assert source.passed == ((".git/link", SYSTEM),)


@pytest.mark.parametrize("form", ["zip", "tar"])
def test_an_archive_of_a_hidden_folder_is_read_as_the_folder(tmp_path, form):
    folder = write_images(tmp_path / ".photos", ["1.png", ".hidden/2.png"])
    for path in (folder, in_form(form, folder, tmp_path / "archive")):
        with open_path(path) as source:
            assert [entry.name.removeprefix(".photos/") for entry in source.entries] == ["1.png"]


# --- our own files


@each_form
def test_runs_among_images_are_left_out(photos, tmp_path, form):
    grid = file(photo(40, 40, seed=9))
    for run in ("runs/00001-auto", "odd place/00002-x"):
        write(photos, {f"{run}/{name}": grid if name.endswith(".png") else one for name, one in RUN_FILES.items()})
    report = check(in_form(form, photos, tmp_path / "photos.archive"), workers=1)
    assert len(report.kept) == 3
    assert list(dropped(report).values()) == [RUN] * 12
    assert not any(one.lost for one in report.files)


@each_form
def test_a_run_json_of_another_program_leaves_nothing_out(photos, tmp_path, form):
    write(photos, {"run.json": b"{}", "a/run.json": b"{}", "index.json": b"{}", "a/images.npy": b""})
    report = check(in_form(form, photos, tmp_path / "photos.archive"), workers=1)
    assert len(report.kept) == 3
    assert set(dropped(report).values()) == {"not an image", "zero bytes"}


@each_form
def test_a_packed_dataset_among_images_is_left_out(photos, tmp_path, form):
    prepare(write_images(tmp_path / "others", ["1.png"]), photos / "packed", SHAPE, workers=1)
    report = check(in_form(form, photos, tmp_path / "photos.archive"), workers=1)
    assert len(report.kept) == 3
    assert dropped(report) == {f"packed/{name}": PACKED for name in ("files.jsonl", "images.npy", "index.json")}


@each_form
def test_sampled_images_are_left_out_among_others_and_read_alone(photos, tmp_path, form):
    for number in range(3):
        write(photos, {f"made/{number:06}.png": png(photo(40, 40, seed=number + 9), "gansmith sample")})
    report = check(in_form(form, photos, tmp_path / "photos.archive"), workers=1)
    assert len(report.kept) == 3
    assert dropped(report) == {f"made/{number:06}.png": SAMPLED for number in range(3)}
    assert not any(one.lost for one in report.files)
    assert len(check(in_form(form, photos / "made", tmp_path / "made.archive"), workers=1).kept) == 3


@each_form
def test_a_grid_among_images_is_left_out(photos, tmp_path, form):
    write(photos, {"grid.png": png(photo(400, 400, seed=9), "gansmith grid")})
    report = check(in_form(form, photos, tmp_path / "photos.archive"), workers=1)
    assert dropped(report) == {"grid.png": GRID}
    assert not any(one.lost for one in report.files)


@each_form
def test_a_persons_own_numbered_images_are_no_samples(photos, tmp_path, form):
    write(photos, {"numbered/000000.png": png(photo(40, 40, seed=9))})
    assert len(check(in_form(form, photos, tmp_path / "photos.archive"), workers=1).kept) == 4


def test_a_run_given_as_images_is_refused(tmp_path):
    write(tmp_path / "00001-auto", RUN_FILES)
    with pytest.raises(DataError, match="is a run of gansmith, not images"), open_path(tmp_path / "00001-auto"):
        pass


def test_what_is_left_out_may_come_and_go_without_packing_again(photos):
    def key():
        with open_path(photos) as source:
            return source_key(source, SHAPE)

    before = key()
    write(photos, {f"runs/00001-auto/{name}": content for name, content in RUN_FILES.items()})
    write(photos, {".DS_Store": b"1", "Thumbs.db": b"2"})
    assert key() == before
    (photos / "broken.png").symlink_to("nowhere")
    assert key() != before


def test_every_reason_to_leave_out_is_no_loss():
    assert {SYSTEM, RUN, PACKED, SAMPLED, GRID} == LEFT_OUT


# --- names of every coding


def listed(path):
    with open_archive(path) as archive:
        return [member.name for member in archive.members], [(one.name, one.reason) for one in archive.skipped]


@pytest.mark.parametrize(
    ("names", "system", "expected"),
    [
        ([b"a\\1.png", b"b\\2.png"], 0, ["a/1.png", "b/2.png"]),
        ([b"a\\1.png", b"b\\2.png"], 3, ["a/1.png", "b/2.png"]),
        ([b"top/a\\1.png", b"top/2.png"], 0, ["top/a/1.png", "top/2.png"]),
        ([b"top/a\\1.png", b"top/2.png"], 3, ["top/a\\1.png", "top/2.png"]),
        ([b"K\x94ter/\x81.png"], 0, ["Köter/ü.png"]),
        ([b"K\x94ter\\\x81.png"], 0, ["Köter/ü.png"]),
        ([b"Caf\x82\\1.png", b"x\\2.png"], 0, ["Café/1.png", "x/2.png"]),
        ([b"\x95\x5c.png", b"x/1.png"], 0, ["ò\\.png", "x/1.png"]),
        ([b"\x95\x5c.png", b"1.png"], 0, ["ò\\.png", "1.png"]),
        ([b"\xe9.png", b"a/1.png"], 3, ["\udce9.png", "a/1.png"]),
        (["ü/写.png".encode()], 0, ["ü/写.png"]),
        (["ü/写.png".encode()], 3, ["ü/写.png"]),
    ],
)
def test_names_in_a_zip_are_what_they_were_on_the_machine_that_wrote_it(tmp_path, names, system, expected):
    raw_zip(tmp_path / "x.zip", [(name, b"%d" % at, b"") for at, name in enumerate(names)], system)
    assert listed(tmp_path / "x.zip") == (expected, [])


def test_a_stale_field_with_another_name_is_not_believed(tmp_path):
    field = b"\x75\x70" + (5 + len(b"b.png")).to_bytes(2, "little") + b"\1\0\0\0\0b.png"
    raw_zip(tmp_path / "x.zip", [(b"a.png", b"1", field)], system=3)
    assert listed(tmp_path / "x.zip")[0] == ["a.png"]


def test_of_two_files_with_one_name_the_last_is_read_as_if_unpacked(tmp_path):
    for write_archive, entry in ((zip_of, Zipped), (tar_of, Tarred)):
        (tmp_path / "x").write_bytes(write_archive(entry(b"a.png", b"old"), entry(b"b.png"), entry(b"./a.png", b"new")))
        with open_archive(tmp_path / "x") as archive:
            assert {one.name: archive.read(one) for one in archive.members} == {"a.png": b"new", "b.png": PICTURE}
            assert [one.reason for one in archive.skipped] == ["its name is there again, later on"]


def test_case_clashes_and_control_characters_are_names_like_others(tmp_path):
    names = [b"A.png", b"a.png", b"line\nbreak.png", b"tab\t.png"]
    (tmp_path / "x").write_bytes(tar_of(*map(Tarred, names)))
    assert listed(tmp_path / "x") == ([os.fsdecode(name) for name in names], [])


# --- links in a tar


def test_links_to_files_of_the_tar_are_read_as_in_its_folder(tmp_path):
    folder = write_images(tmp_path / "photos", ["a/1.png", "2.png"])
    os.link(folder / "a/1.png", folder / "hard.png")
    (folder / "a/soft.png").symlink_to("../2.png")
    (folder / "to soft.png").symlink_to("a/soft.png")
    (folder / "out.png").symlink_to("/etc/hostname")
    with tarfile.open(tmp_path / "photos.tar.gz", "w:gz") as tar:
        tar.add(folder, "photos")
    (folder / "out.png").unlink()
    with open_path(folder) as ours, open_path(tmp_path / "photos.tar.gz") as source:
        names = {entry.name: ours.read(entry) for entry in ours.entries}
        assert {one.name.removeprefix("photos/"): source.read(one) for one in source.entries} == names
        assert source.passed == (("photos/out.png", "is a symbolic link"),)


def test_long_names_of_links_are_read(tmp_path):
    target = "folder/" + "x" * 150 + ".png"
    hard = [Tarred(b"link", target.encode() + b"\0", b"K"), Tarred(b"hard.png", b"", b"1", link=b"cut off")]
    soft = [pax(linkpath=target.encode()), Tarred(b"soft.png", b"", b"2", link=b"cut off")]
    (tmp_path / "x.tar").write_bytes(tar_of(pax(path=target.encode()), Tarred(b"short"), *hard, *soft))
    assert listed(tmp_path / "x.tar") == ([target, "hard.png", "soft.png"], [])


def test_many_links_to_one_file_inflate_it_once(tmp_path, monkeypatch):
    links = [Tarred(b"%d.png" % at, b"", b"1", b"0.png") for at in range(1, 50)]
    (tmp_path / "x").write_bytes(tar_of(Tarred(b"0.png"), Tarred(b"z.png"), *links))
    opened = []
    real = module.open_reader
    monkeypatch.setattr(module, "open_reader", lambda *given: opened.append(given) or real(*given))
    with open_archive(tmp_path / "x") as archive:
        assert [archive.read(member) for member in archive.members] == [PICTURE] * 51
    assert len(opened) == 3, "to see that it is a tar, to list it and to read it"


def test_an_open_source_of_any_kind_has_every_file_once(photos):
    with open_path(photos) as source:
        assert isinstance(source, OpenSource)
        assert len({entry.name for entry in source.entries}) == len(source.entries)
