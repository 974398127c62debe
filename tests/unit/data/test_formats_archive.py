import bz2
import contextlib
import gzip
import io
import lzma
import os
import subprocess
import sys
import tarfile
import textwrap
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from gansmith.data.archives import inflate, members, tar
from gansmith.data.archives.archive import open_archive
from gansmith.data.archives.inflate import Inflated, Plain
from gansmith.data.archives.members import Limits, Member, Skipped
from gansmith.errors import DataError
from tests.helpers import make_sets
from tests.helpers.hostile_archives import CASES, PICTURE, Tarred, Zipped, tar_of, zip_of

FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
FILES = {
    "a/1.png": b"one",
    "a/2.png": b"",
    "b/ü – 3.PNG": np.random.default_rng(0).bytes(300_000),
    "c.jpg": b"x" * 1000,
    "d" * 150: b"long",
}


def write_zip(path, method):
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.mkdir("a")
        for name, content in FILES.items():
            archive.writestr(name, content)


def write_tar(path, mode, form=tarfile.PAX_FORMAT):
    with tarfile.open(path, f"w:{mode}", format=form) as archive:
        folder = tarfile.TarInfo("./a")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, content in FILES.items():
            info = tarfile.TarInfo("./" + name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def write_folder(path):
    make_sets.write_folder(path, FILES)
    (path / "empty").mkdir()


WRITERS = {
    "folder": write_folder,
    "stored zip": lambda path: write_zip(path, zipfile.ZIP_STORED),
    "deflated zip": lambda path: write_zip(path, zipfile.ZIP_DEFLATED),
    "tar": lambda path: write_tar(path, ""),
    "GNU tar": lambda path: write_tar(path, "", tarfile.GNU_FORMAT),
    "ustar": lambda path: write_tar(path, "", tarfile.USTAR_FORMAT),
    "tar.gz": lambda path: write_tar(path, "gz"),
    "tar.bz2": lambda path: write_tar(path, "bz2"),
    "tar.xz": lambda path: write_tar(path, "xz"),
}


# --- what honest programs write


@pytest.mark.parametrize("kind", [kind for kind in WRITERS if kind != "ustar"])
def test_a_folder_and_every_kind_of_archive_give_the_same_members(tmp_path, kind):
    WRITERS[kind](tmp_path / "set")
    with open_archive(tmp_path / "set") as archive:
        assert {member.name: archive.read(member) for member in archive.members} == FILES
        assert [member.size for member in archive.members] == [len(FILES[member.name]) for member in archive.members]
        assert [member.name for member in archive.members] == list(FILES)
        assert archive.skipped == []


@pytest.mark.parametrize("kind", WRITERS)
def test_members_can_be_read_in_any_order_and_twice(tmp_path, monkeypatch, kind):
    monkeypatch.delitem(FILES, "d" * 150)  # ustar has no room for it
    WRITERS[kind](tmp_path / "set")
    with open_archive(tmp_path / "set") as archive:
        for member in [*archive.members[::-1], *archive.members[::2], archive.members[0]]:
            assert archive.read(member) == FILES[member.name]


@pytest.mark.parametrize("compress", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_a_tar_is_inflated_once_to_list_it_and_once_to_read_it_in_order(tmp_path, monkeypatch, compress):
    content = tar_of(*[Tarred(b"%d" % at, os.urandom(3000)) for at in range(200)])
    (tmp_path / "tar").write_bytes(compress(content))
    given_out = []
    for reader in (Plain, Inflated):
        read, skip = reader.read, reader.skip
        monkeypatch.setattr(reader, "read", lambda self, size, read=read: given_out.append(size) or read(self, size))
        monkeypatch.setattr(reader, "skip", lambda self, size, skip=skip: given_out.append(size) or skip(self, size))
    with open_archive(tmp_path / "tar") as archive:
        for member in archive.members:
            archive.read(member)
    assert sum(given_out) < 2.1 * len(content)


def test_several_streams_in_a_gzip_file_are_one_tar(tmp_path):
    content = tar_of(Tarred(b"a", b"1" * 2000), Tarred(b"b", b"2" * 2000))
    parts = [gzip.compress(content[:1500]), gzip.compress(b""), gzip.compress(content[1500:]), bytes(700)]
    (tmp_path / "tar").write_bytes(b"".join(parts))
    with open_archive(tmp_path / "tar") as archive:
        assert [archive.read(member)[:1] for member in archive.members] == [b"1", b"2"]


def test_a_zip64_archive_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 100)
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 2)
    write_zip(tmp_path / "zip", zipfile.ZIP_DEFLATED)
    assert b"PK\6\6" in (tmp_path / "zip").read_bytes()
    with open_archive(tmp_path / "zip") as archive:
        assert {member.name: archive.read(member) for member in archive.members} == FILES


def test_a_zip_of_more_files_than_its_count_can_say_is_read_as_macos_writes_it(tmp_path):
    (tmp_path / "zip").write_bytes(zip_of(*[Zipped(b"%d" % at, b"", 0) for at in range(65_540)], count=4))
    with open_archive(tmp_path / "zip") as archive:
        assert len(archive.members) == 65_540


def test_a_celeba_zip_gives_the_jpegs_as_they_were_written(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (3, 218, 178, 3), np.uint8)
    make_sets.write_celeba_zip(tmp_path / "img_align_celeba.zip", images)
    with open_archive(tmp_path / "img_align_celeba.zip") as archive:
        assert [member.name for member in archive.members] == [f"img_align_celeba/00000{n}.jpg" for n in (1, 2, 3)]
        for member, pixels in zip(archive.members, images, strict=True):
            written = io.BytesIO()
            Image.fromarray(pixels).save(written, "JPEG", quality=95)
            decoded = np.asarray(Image.open(io.BytesIO(archive.read(member))))
            assert decoded.shape == (218, 178, 3)
            assert np.array_equal(decoded, np.asarray(Image.open(written)))


def test_every_classic_set_can_be_written_by_the_script(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (12, 3, 32, 32), np.uint8)
    make_sets.write_all(tmp_path / "sets", images, np.arange(12) % 10)
    with open_archive(tmp_path / "sets/img_align_celeba.zip") as archive:
        assert len(archive.members) == 12
    assert (tmp_path / "sets/mnist.npz").exists()


# --- folders


def test_in_a_folder_links_to_files_are_followed_and_everything_else_is_named(tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    (tmp_path / "elsewhere.png").write_bytes(PICTURE)
    (folder / "linked.png").symlink_to(tmp_path / "elsewhere.png")
    (folder / "circle").symlink_to(folder)
    (folder / "broken.png").symlink_to("nowhere")
    (folder / "self.png").symlink_to("self.png")
    os.mkfifo(folder / "pipe.png")
    (folder / "A.png").write_bytes(PICTURE)
    (folder / "a.png").write_bytes(PICTURE)
    (folder / ".DS_Store").write_bytes(b"")
    (tmp_path / "set" / os.fsdecode(b"caf\xe9.png")).write_bytes(PICTURE)
    with open_archive(folder) as archive:
        assert [(member.name, archive.read(member)) for member in archive.members] == [
            ("A.png", PICTURE),
            ("a.png", PICTURE),
            (os.fsdecode(b"caf\xe9.png"), PICTURE),
            ("linked.png", PICTURE),
        ]
        assert sorted(archive.skipped, key=lambda file: file.name) == [
            Skipped(".DS_Store", "is a hidden file or an operating system's own"),
            Skipped("broken.png", "is a broken link"),
            Skipped("circle", "is a link to a folder that is read already or lies above"),
            Skipped("pipe.png", "is a device or a pipe"),
            Skipped("self.png", "cannot be read (Too many levels of symbolic links)"),
        ]


def test_a_file_that_changes_or_goes_after_listing_is_a_data_error(tmp_path):
    make_sets.write_folder(tmp_path, {"a.png": b"1", "b.png": b"2"})
    with open_archive(tmp_path) as archive:
        (tmp_path / "a.png").write_bytes(b"longer")
        (tmp_path / "b.png").unlink()
        with pytest.raises(DataError, match=r"a\.png is no longer 1 bytes"):
            archive.read(archive.members[0])
        with pytest.raises(DataError, match=r"b\.png cannot be read \(No such file"):
            archive.read(archive.members[1])


def test_a_missing_archive_is_a_data_error(tmp_path):
    with pytest.raises(DataError, match="cannot be read"), open_archive(tmp_path / "nothing.zip"):
        pass


# --- limits


def test_there_are_at_least_sixty_hostile_archives():
    assert len(CASES) >= 60


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_archive_is_refused_or_its_bad_file_is_skipped_with_the_reason(tmp_path, name):
    case = CASES[name]
    path = tmp_path / "hostile"
    path.write_bytes(case.content)
    if case.refused:
        with pytest.raises(DataError) as caught, open_archive(path):
            pass
        assert case.refused in str(caught.value)
        assert str(path) in str(caught.value)
        assert str(caught.value).isprintable()
    else:
        with open_archive(path) as archive:
            listed = [member for member in archive.members if not (case.broken and member.name == "evil.png")]
            assert [member.name for member in listed] == list(case.members)
            assert all(archive.read(member) == PICTURE for member in listed)
            assert [case.skipped in file.reason for file in archive.skipped] == [True] * bool(case.skipped)
            assert all(file.name.isprintable() for file in archive.skipped)
            for member in archive.members:
                if member not in listed:
                    with pytest.raises(DataError, match=f"evil.png {case.broken}"):
                        archive.read(member)
            assert len(archive.members) == len(listed) + bool(case.broken)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == case.content


def test_reading_every_hostile_archive_writes_nothing_and_stays_small(tmp_path):
    for number, case in enumerate(CASES.values()):
        (tmp_path / f"{number:03}").write_bytes(case.content)
    script = """
        import os, sys
        from pathlib import Path
        from gansmith.data.archives.archive import open_archive
        from gansmith.errors import DataError

        def watch(event, arguments):
            if event == "open":
                path, mode, flags = arguments
                if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                    seen.append((event, str(path)))
            elif event.split(".")[0] in ("exec", "compile", "import", "subprocess", "socket", "shutil", "ctypes") or (
                event.startswith("os.") and event not in ("os.listdir", "os.scandir", "os.walk", "os.fwalk")
            ):
                seen.append((event, str(arguments)))

        seen = []
        paths = sorted(Path(sys.argv[1]).iterdir())
        sys.addaudithook(watch)
        for path in paths:
            try:
                with open_archive(path) as archive:
                    for member in archive.members:
                        try:
                            archive.read(member)
                        except DataError:
                            pass
            except DataError:
                pass
        written = list(seen)
        status = Path("/proc/self/status")  # ru_maxrss would be no less than that of the process that started this one
        peak = int(status.read_text().partition("VmHWM:")[2].split()[0]) >> 10 if status.exists() else 0
        sys.stdout.write(f"{written} {peak < 300 or peak}")
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)]
    before = sorted(tmp_path.iterdir())
    assert subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout == "[] True"
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(("write", "entry"), [(zip_of, Zipped), (tar_of, Tarred)])
def test_counts_and_sizes_are_limited_as_the_caller_says(tmp_path, write, entry):
    path = tmp_path / "archive"
    path.write_bytes(write(*[entry(b"%d" % at, b"12345") for at in range(4)], entry(b"large", b"1234567")))
    with open_archive(path, Limits(member_bytes=5)) as archive:
        assert len(archive.members) == 4
        assert archive.skipped == [Skipped("large", "is 7 bytes; up to 5 are read")]
    with pytest.raises(DataError, match="holds more than 4 files; split it"), open_archive(path, Limits(members=4)):
        pass
    with (
        pytest.raises(DataError, match="announces more than 20 bytes of files"),
        open_archive(path, Limits(total_bytes=20)),
    ):
        pass


def test_endless_names_are_refused(tmp_path, monkeypatch):
    (tmp_path / "tar").write_bytes(tar_of(*[Tarred(b".%04d" % at) for at in range(20)]))
    monkeypatch.setattr(members, "MAX_NAMES", 50)
    with pytest.raises(DataError, match="more than 50 bytes of file names"), open_archive(tmp_path / "tar"):
        pass


def test_a_directory_of_too_many_entries_is_refused_before_any_is_kept(tmp_path, monkeypatch):
    (tmp_path / "zip").write_bytes(zip_of(*[Zipped(b"%d" % at, b"", 0) for at in range(100)], count=1))
    monkeypatch.setattr("gansmith.data.archives.zip._read_entry", None)  # reading one would fail
    with pytest.raises(DataError, match="more than 99 files"), open_archive(tmp_path / "zip", Limits(members=99)):
        pass


def test_a_tar_of_endless_headers_is_refused(tmp_path):
    path = tmp_path / "tar"
    path.write_bytes(tar_of(*[Tarred(b"folder/", b"", b"5")] * 50))
    with pytest.raises(DataError, match="more than 30 files"), path.open("rb") as file:
        list(tar.tar_entries(Plain(file), path, 30))


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_a_compressed_file_of_zeros_is_inflated_no_further_than_the_slack(tmp_path, monkeypatch, compress):
    monkeypatch.setattr(inflate, "RATIO_SLACK", 1 << 20)
    (tmp_path / "zeros").write_bytes(compress(bytes(4 << 20)))
    with (tmp_path / "zeros").open("rb") as file:
        reader = inflate.open_reader(file, "zeros")
        with pytest.raises(DataError, match="over 100 times as many"):
            reader.skip(1 << 40)
    assert reader.position <= 1 << 20


@pytest.mark.parametrize("compress", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_a_reader_gives_what_there_is_and_takes_no_memory_for_more(tmp_path, compress):
    padding = b"" if compress is bytes else bytes(200_000)  # compressed files may end in zeros
    (tmp_path / "file").write_bytes(compress(b"content") + padding)
    with (tmp_path / "file").open("rb") as file:
        reader = inflate.open_reader(file, "file")
        reader.skip(3)
        assert reader.read(1 << 60) == b"tent"
        assert reader.read(1) == b""
        assert reader.position == 7


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lambda content: lzma.compress(content, preset=0)])
def test_one_byte_of_a_bomb_costs_less_than_two_megabytes(tmp_path, compress):
    (tmp_path / "zeros").write_bytes(compress(bytes(8 << 20)))
    with (tmp_path / "zeros").open("rb") as file:
        reader = inflate.open_reader(file, "zeros")
        tracemalloc.start()
        try:
            reader.read(1)
            assert tracemalloc.get_traced_memory()[1] < 2 << 20
        finally:
            tracemalloc.stop()


# --- fuzzing


@FUZZ
@given(content=st.binary(max_size=300), start=st.sampled_from([b"", b"PK\3\4", b"\x1f\x8b\x08\0", b"BZh9"]))
def test_any_bytes_are_an_archive_or_a_data_error(tmp_path, content, start):
    for whole in (start + content, tar_of(end=content.ljust(512, b"\0")), gzip.compress(content)):
        (tmp_path / "fuzz").write_bytes(whole)
        with contextlib.suppress(DataError), open_archive(tmp_path / "fuzz") as archive:
            assert all(len(archive.read(member)) == member.size for member in archive.members)


MUTATED = {
    "zip": zip_of(Zipped(b"a.png"), Zipped(b"b/", b"", 0), Zipped(b"b/c.png", b"content" * 9)),
    "tar": tar_of(Tarred(b"a.png"), Tarred(b"b/", b"", b"5"), Tarred(b"x", b"b/c.png\0", b"L"), Tarred(b"b")),
}
MUTATED["tar.gz"] = gzip.compress(MUTATED["tar"])


@FUZZ
@given(
    kind=st.sampled_from(sorted(MUTATED)),
    where=st.floats(0, 1, exclude_max=True),
    what=st.binary(max_size=4),
    cut=st.integers(0, 4),
)
def test_a_mutated_archive_is_an_archive_or_a_data_error(tmp_path, kind, where, what, cut):
    content = MUTATED[kind]
    at = int(where * len(content))
    (tmp_path / "fuzz").write_bytes(content[:at] + what + content[at + cut :])
    with contextlib.suppress(DataError), open_archive(tmp_path / "fuzz") as archive:
        for member in archive.members:
            assert isinstance(member, Member)
            with contextlib.suppress(DataError):
                assert len(archive.read(member)) == member.size


@FUZZ
@given(header=st.binary(min_size=100, max_size=512), kind=st.sampled_from([bytes([k]) for k in b"\x000123567LKxgS~"]))
def test_any_tar_header_with_a_true_checksum_is_an_entry_or_a_data_error(tmp_path, header, kind):
    block = bytearray(header.ljust(512, b"\0"))
    block[156:157] = kind
    block[148:156] = b"%06o\0 " % (sum(block) - sum(block[148:156]) + 8 * 32)
    (tmp_path / "fuzz").write_bytes(bytes(block) + header + tar_of(Tarred(b"last")))
    with contextlib.suppress(DataError), open_archive(tmp_path / "fuzz") as archive:
        assert all(len(archive.read(member)) == member.size for member in archive.members)
