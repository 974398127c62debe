"""`open_path`: what lies at a path, opened as a source. A new kind of file is one more branch of it."""

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path

from gansmith.data.archives.archive import Archive, is_archive, open_archive
from gansmith.data.archives.kinds import (
    ARCHIVE_AMONG_IMAGES,
    FORMS,
    START,
    TABLE_AMONG_IMAGES,
    check_no_pointer,
    check_not_of_another_program,
    may_be_container,
    pointer_reason,
)
from gansmith.data.archives.members import Limits, Member, Skipped, too_large
from gansmith.data.archives.names import FIRST_SAMPLE, SAMPLE_SOFTWARE, SAMPLED, is_run
from gansmith.data.containers import open_archives, open_arrays, open_tables
from gansmith.data.formats.image_array import is_array_file
from gansmith.data.formats.parquet import MAGIC, open_table
from gansmith.data.hashes import file_hashes
from gansmith.data.images.decode import suffix_of
from gansmith.data.images.types import SUFFIXES, begins_as_image
from gansmith.data.open_source import Entry, OpenSource
from gansmith.errors import DataError, MissingExtraError
from gansmith.system.names import file_and_array
from gansmith.text import printable


@contextmanager
def open_path(path: Path, folders: Sequence[str] = ()) -> Generator[OpenSource]:
    """Open a folder, a zip or tar file, which is read in place, or Parquet files or arrays, whose rows are the entries.

    A folder without images may hold tables or archives, whose files are then the entries. With `folders`, only the
    files below folders of these names, in this order. Raises DataError when the path does not exist, or an archive is
    refused as a whole.
    """
    path, array = file_and_array(path)
    if not path.exists():
        raise DataError(f"{path.absolute()} does not exist; {FORMS}.")
    with ExitStack() as opened:
        if path.is_file() and _begins_as_table(path):
            source = opened.enter_context(open_tables(path, [""]))
        elif array or (path.is_file() and is_array_file(path, _start_of(path))):
            source = opened.enter_context(open_arrays(path, array))
        else:
            if path.suffix.lower() in (".pt", ".pth"):  # a zip file, today
                check_not_of_another_program(path, _start_of(path))
            archive = opened.enter_context(open_archive(path))
            if is_run([skipped.name for skipped in archive.skipped]):
                raise DataError(f"{path} is a run of gansmith, not images to train on; give the folder of its images.")
            archive = _without_samples(archive)
            _check_not_only_pointers(archive)
            if path.is_dir():
                source = opened.enter_context(_open_folder(archive))
            else:
                _check_not_nested(archive)
                source = _files_of(archive)
        yield _below(source, folders) if folders else source


def _check_not_only_pointers(archive: Archive) -> None:
    """Raise DataError when every file that is named as an image only stands for one."""
    named = [member for member in archive.members if suffix_of(member.name) in SUFFIXES]
    if named and all(one.size < START and pointer_reason(_start_in(archive, one)) for one in named):
        reason = pointer_reason(_start_in(archive, named[0]))
        raise DataError(f"{archive.path} holds no image: {printable(named[0].name)} {reason}.")


def _without_samples(archive: Archive) -> Archive:
    """The archive without folders of sampled images, if there are other images: who gives nothing else wants them."""
    first = [member for member in archive.members if member.name.rpartition("/")[2] == FIRST_SAMPLE]
    mark = f"Software\0{SAMPLE_SOFTWARE}".encode()
    folders = {member.name.rpartition("/")[0] for member in first if mark in _start_in(archive, member)}
    others = [member for member in archive.members if member.name.rpartition("/")[0] not in folders]
    if not folders or not any(suffix_of(member.name) in SUFFIXES for member in others):
        return archive
    sampled = [Skipped(one.name, SAMPLED) for one in archive.members if one.name.rpartition("/")[0] in folders]
    return replace(archive, members=others, skipped=archive.skipped + sampled)


def _start_of(file: Path) -> bytes:
    with suppress(OSError), file.open("rb") as opened:  # what cannot be read is refused as an archive
        return opened.read(START)
    return b""


def _begins_as_table(file: Path) -> bool:
    return _start_of(file).startswith(MAGIC)


@contextmanager
def _open_folder(archive: Archive) -> Generator[OpenSource]:
    """The files of a folder, or of the tables or archives in it if it holds no images beside them."""
    path = archive.path
    containers = [member.name for member in archive.members if may_be_container(member.name)]
    tables = [name for name in containers if _begins_as_table(path / name)]
    archives = [name for name in containers if name not in tables and is_archive(path / name)]
    others = [member for member in archive.members if member.name not in {*tables, *archives}]
    if not containers or _holds_image(others, lambda member: _start_of(path / member.name)):
        beside = [Skipped(name, TABLE_AMONG_IMAGES) for name in tables]
        beside += [Skipped(name, ARCHIVE_AMONG_IMAGES) for name in archives]
        yield _files_of(replace(archive, members=_of_readable_size(others, beside), skipped=archive.skipped + beside))
        return
    for name in containers:
        check_no_pointer(path / name, _start_of(path / name))
    chosen, kind = (tables, "tables") if tables and _have_images(path, tables, archives) else (archives, "archives")
    passed = [(skipped.name, skipped.reason) for skipped in archive.skipped]
    passed += [(one.name, f"lies beside {kind}") for one in archive.members if one.name not in chosen]
    with (open_tables if chosen is tables else open_archives)(path, chosen, passed) as source:
        yield source


def _of_readable_size(members: Sequence[Member], skipped: list[Skipped]) -> list[Member]:
    """The members that can be read as a whole; the others are added to `skipped`. Only a container may be larger."""
    most = Limits().member_bytes
    skipped += [Skipped(one.name, reason) for one in members if (reason := too_large(one.size, most))]
    return [one for one in members if one.size <= most]


def _have_images(path: Path, tables: Sequence[str], archives: Sequence[str]) -> bool:
    """Whether tables hold images; beside archives they may describe what is in these."""
    if not archives:
        return True
    try:
        with open_table(path / tables[0]):
            return True
    except (DataError, MissingExtraError):
        return False


def _holds_image(members: Sequence[Member], start_of: Callable[[Member], bytes]) -> bool:
    """Whether one of the files is an image, by its name or its first bytes."""
    return any(suffix_of(member.name) in SUFFIXES for member in members) or any(
        begins_as_image(start_of(member)) for member in members
    )


def _check_not_nested(archive: Archive) -> None:
    """Raise DataError for an archive that holds no images but an archive or a table, which is not read in place."""
    inside = [one.name for one in (*archive.members, *archive.skipped) if may_be_container(one.name)]
    others = [member for member in archive.members if member.name not in inside]
    if inside and not _holds_image(others, lambda member: _start_in(archive, member)):
        more = f" and {len(inside) - 1:,} more" if inside[1:] else ""
        raise DataError(
            f"{archive.path} holds no images but {printable(inside[0])}{more}; unpack {archive.path.name}, and give "
            "the folder with what was in it."
        )


def _start_in(archive: Archive, member: Member) -> bytes:
    with suppress(DataError):
        return archive.read(member)[:START]
    return b""


def _files_of(archive: Archive) -> OpenSource:
    members = {member.name: member for member in archive.members}
    names = list(members) if archive.path.is_dir() else [""]
    return OpenSource(
        path=archive.path,
        entries=tuple(Entry(member.name, member.size) for member in archive.members),
        passed=tuple((skipped.name, skipped.reason) for skipped in archive.skipped),
        read=lambda entry: archive.read(members[entry.name]),
        hashes=cache(lambda: file_hashes(archive.path, names)),
    )


def _below(source: OpenSource, folders: Sequence[str]) -> OpenSource:
    def folder_of(entry: Entry) -> str:
        return next((folder for folder in entry.name.split("/")[:-1] if folder in folders), "")

    entries = [entry for entry in source.entries if folder_of(entry)]
    return replace(source, entries=tuple(sorted(entries, key=lambda entry: folders.index(folder_of(entry)))))
