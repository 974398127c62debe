"""The entries of a zip file and their content. Format: PKWARE APPNOTE.TXT 6.3, sections 4.3 to 4.5.

Not the standard library's zipfile: it holds about 1 KB for each entry before one can count them, lets entries share
their bytes (the bombs of Fifield 2019, WOOT '19; CVE-2024-0450), and inflates bzip2 and LZMA without bound.

Names: bytes are UTF-8 where they can be, as most tools write them, flagged or not; else the code page of DOS if DOS or
Windows wrote them, as the format asks, and else they are kept.
"""

import codecs
import io
import re
import stat
import struct
import zlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path

import numpy as np

from gansmith.data.archives.inflate import MAX_RATIO, RATIO_SLACK, Inflated, Plain, Reader
from gansmith.data.archives.members import FoundEntry, Member
from gansmith.data.archives.names import decoded
from gansmith.errors import DataError
from gansmith.text import printable

MAGICS = (b"PK\3\4", b"PK\5\6")
"""First bytes of a zip file: of a member, or of the end of an empty file."""

_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_STORED = 0
_LZMA = 14
_COMPRESSED = {8: "deflate", 12: "bzip2", _LZMA: "LZMA", 95: "xz"}
"""The methods of compression that are read, see `inflate.KINDS`."""
_NOT_READ = {
    1: "Shrink",
    6: "Implode",
    9: "Deflate64",
    93: "Zstandard",
    94: "MP3",
    96: "JPEG",
    97: "WavPack",
    98: "PPMd",
    99: "AES encryption",
}
"""Names of methods that are not."""
_ENCRYPTED = 0x2041
"""The flags of encrypted members, and of a hidden directory."""
_ENDS_BY_MARK = 0x2
"""The flag of an LZMA member whose end is marked in its data."""
_WINDOWS = (0, 10, 11, 14)
"""Numbers of FAT, NTFS (10, and 11 in Info-ZIP's tools) and VFAT, whose names are in DOS's code page."""
_DOS_LETTERS = codecs.lookup("cp437")
_UNICODE_NAME = 0x7075
_MAX_DIRECTORY = 512 << 20
"""Largest directory that is read, in bytes: a million entries take some 150 MB."""


@dataclass(frozen=True, slots=True)
class _Raw:
    """An entry as the directory has it; `windows` is whether a tool of DOS or Windows wrote it."""

    name: bytes
    windows: bool
    size: int
    place: tuple[int, ...]
    reason: str | None


def zip_entries(file: BufferedIOBase, path: Path, max_entries: int) -> Iterator[FoundEntry]:
    """Each file of a zip file, in its directory's order. Folders are left out.

    `place` is (offset of its local header, compressed size, method, CRC-32, whether its end is marked). Raises
    DataError for a damaged directory, more than `max_entries`, entries that share bytes, or an inflated size past
    `MAX_RATIO` times the file's.
    """
    found = list(_entries_of_directory(file, path, max_entries))
    backslashes = _backslashes_separate([entry.name for entry in found])
    for entry in found:
        name = _name_of(entry, backslashes)
        if not name.endswith("/"):
            yield FoundEntry(name, entry.size, entry.place, entry.reason)
        elif entry.size:
            yield FoundEntry(name.rstrip("/"), entry.size, entry.place, "is a folder with content")


def _entries_of_directory(file: BufferedIOBase, path: Path, max_entries: int) -> Iterator[_Raw]:
    first, left, announced, modulus = _find_directory(file, path)
    _check_count(file, first, left, announced, path, max_entries)
    file.seek(first)
    spans, count, inflated = array("Q"), 0, 0
    while left:
        found, used = _read_entry(file, left, path)
        start, end = found.place[0], found.place[0] + _LOCAL.size + found.place[1]
        if end > first:
            raise DataError(f"{path} lists a file that would end at {end:,}, inside the directory; fetch it again.")
        spans.extend((start, end))
        count, left, inflated = count + 1, left - used, inflated + (0 if found.reason else found.size)
        yield found
    if count % modulus != announced:
        raise DataError(f"{path} announces {announced:,} files and lists {count:,}; fetch it again.")
    _check_spans(np.frombuffer(spans, np.uint64).reshape(-1, 2), path)
    if inflated > RATIO_SLACK + MAX_RATIO * first:
        raise DataError(f"{path} announces {inflated:,} bytes from {first:,}: a bomb, not images.")


def _backslashes_separate(names: list[bytes]) -> bool:
    """Whether backslashes stand between folders throughout: some tools of Windows write no "/" at all.

    In Chinese and Japanese code pages, a letter of two bytes may end in that of a backslash; it begins over 127.
    """
    return not any(b"/" in name for name in names) and any(re.search(rb"[\x00-\x7f]\\", name) for name in names)


def _name_of(entry: _Raw, backslashes: bool) -> str:
    name = decoded(entry.name)
    is_utf8 = name.isascii() or not any("\udc80" <= letter <= "\udcff" for letter in name)
    if entry.windows and not is_utf8:
        name = _DOS_LETTERS.decode(entry.name)[0]
    return name.replace("\\", "/") if backslashes or (entry.windows and is_utf8) else name


def read_zip_member(file: BufferedIOBase, path: Path, member: Member) -> bytes:
    """A member's content, checked against its size and its CRC-32. Raises DataError when they disagree."""
    reader = open_zip_member(file, path, member)
    content = bytes(reader.read(member.size + 1))
    if len(content) != member.size or zlib.crc32(content) != member.place[3]:
        raise DataError(f"{path}: {printable(member.name)} is damaged; fetch the archive again.")
    return content


def open_zip_member(file: BufferedIOBase, path: Path, member: Member) -> Reader:
    """A reader of a member's content from its start; only the compression itself is checked."""
    offset, num_bytes, method, _, ends_by_mark = member.place
    file.seek(offset)
    header = file.read(_LOCAL.size)
    if len(header) < _LOCAL.size or header[:4] != MAGICS[0]:
        raise DataError(
            f"{path}: {printable(member.name)} is not where the directory says (byte {offset:,}); fetch it again."
        )
    file.seek(sum(_LOCAL.unpack(header)[-2:]), io.SEEK_CUR)  # its name and extra field, again
    if method == _STORED:
        return Plain(io.BytesIO(file.read(min(num_bytes, member.size + 1))))
    name, start = f"{path}: {printable(member.name)}", b""
    if method == _LZMA:
        start = _lzma_header(file.read(min(num_bytes, 9)), None if ends_by_mark else member.size, name)
        num_bytes -= 9
    return Inflated(file, _COMPRESSED[method], name, num_bytes, start)


def _lzma_header(head: bytes, size: int | None, name: str) -> bytes:
    """The header of an .lzma file, from that of a zip's member: version, length 5, five bytes of properties."""
    if len(head) < 9 or head[2:4] != b"\5\0":
        raise DataError(f"{name} is damaged LZMA data; fetch it again.")
    return head[4:] + struct.pack("<Q", 2**64 - 1 if size is None else size)


def _find_directory(file: BufferedIOBase, path: Path) -> tuple[int, int, int, int]:
    """Where the directory starts, its size, the announced count, and the modulus of that count.

    Some writers put more than 65,535 files without zip64.
    """
    size = file.seek(0, io.SEEK_END)
    tail_start = max(0, size - _END.size - 0xFFFF)
    file.seek(tail_start)
    tail = file.read()
    at = tail.rfind(b"PK\5\6")
    while at >= 0 and (at + _END.size > len(tail) or at + _END.size + _END.unpack_from(tail, at)[-1] != len(tail)):
        at = tail.rfind(b"PK\5\6", 0, at)
    if at < 0:
        raise DataError(f"{path} has no directory at its end; it is cut short or no zip file, fetch it again.")
    _, disk, first_disk, _, count, length, start, _ = _END.unpack_from(tail, at)
    end, modulus = tail_start + at, 1 << 16
    locator = tail[max(0, at - _LOCATOR.size) : at]
    if locator[:4] == b"PK\6\7" and len(locator) == _LOCATOR.size:
        end, modulus = _LOCATOR.unpack(locator)[2], 1 << 64
        file.seek(min(end, size))
        record = file.read(_END64.size)
        if record[:4] != b"PK\6\6" or len(record) < _END64.size:
            raise DataError(f"{path} has a damaged zip64 directory; fetch it again.")
        _, _, _, _, disk, first_disk, _, count, length, start = _END64.unpack(record)
    if disk or first_disk:
        raise DataError(f"{path} is one part of a zip file in several; join them first.")
    if start + length != end:
        raise DataError(f"{path} has a directory of {length:,} bytes at {start:,} that does not end at {end:,}.")
    if length > _MAX_DIRECTORY:
        raise DataError(f"{path} has a directory of {length:,} bytes; up to {_MAX_DIRECTORY:,} are read: split it.")
    return start, length, count, modulus


def _check_count(file: BufferedIOBase, start: int, size: int, announced: int, path: Path, max_entries: int) -> None:
    """Refuse too many entries before any is kept, counting the directory itself: the announced number may be a lie."""
    count, left = 0, size if size > max_entries * _ENTRY.size else 0
    file.seek(start)
    while left and (part := file.read(min(left, 1 << 20))):
        count, left = count + part.count(b"PK\1\2"), left - len(part)
    if max(count, announced) > max_entries:
        raise DataError(f"{path} holds more than {max_entries:,} files; split it into several.")


def _read_entry(file: BufferedIOBase, left: int, path: Path) -> tuple[_Raw, int]:
    fixed = file.read(min(left, _ENTRY.size))
    if len(fixed) < _ENTRY.size or fixed[:4] != b"PK\1\2":
        raise DataError(f"{path} has a damaged directory {left:,} bytes before its end; fetch it again.")
    (_, made_by, _, flags, method, _, _, crc, packed, size, *lengths, _, _, attributes, offset) = _ENTRY.unpack(fixed)
    variable = file.read(min(left - len(fixed), sum(lengths)))
    name, extra = variable[: lengths[0]], variable[lengths[0] : lengths[0] + lengths[1]]
    used = _ENTRY.size + sum(lengths)
    if len(variable) < sum(lengths):
        raise DataError(f"{path} has a directory that ends inside {name[:80]!r}; fetch it again.")
    if 0xFFFFFFFF in (size, packed, offset):
        size, packed, offset = _zip64(extra, [size, packed, offset])
    place = offset, packed, method, crc, flags & _ENDS_BY_MARK
    reason = _reason(flags, method, attributes, size, packed)
    return _Raw(_unicode_name(extra, name) or name, made_by >> 8 in _WINDOWS, size, place, reason), used


def _unicode_name(extra: bytes, name: bytes) -> bytes | None:
    """The name in UTF-8 that Info-ZIP's tools put beside one in another coding; None without one, or a stale one."""
    found = _extra_field(extra, _UNICODE_NAME)
    if found and len(found) > 5 and found[0] == 1 and struct.unpack_from("<L", found, 1)[0] == zlib.crc32(name):
        return found[5:]
    return None


def _zip64(extra: bytes, numbers: list[int]) -> list[int]:
    """The 64-bit values of the numbers that are larger than 32 bits."""
    if (values := _extra_field(extra, 1)) is None:
        return numbers
    large = iter(struct.unpack_from(f"<{len(values) // 8}Q", values))
    return [next(large, number) if number == 0xFFFFFFFF else number for number in numbers]


def _extra_field(extra: bytes, wanted: int) -> bytes | None:
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<2H", extra)
        if kind == wanted:
            return extra[4 : 4 + length]
        extra = extra[4 + length :]
    return None


def _reason(flags: int, method: int, attributes: int, size: int, packed: int) -> str | None:
    if flags & _ENCRYPTED:
        return "is encrypted"
    kind = stat.S_IFMT(attributes >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a symbolic link" if kind == stat.S_IFLNK else "is a device or a pipe"
    if method != _STORED and method not in _COMPRESSED:
        return f"is compressed with {_NOT_READ.get(method, f'method {method}')}, which is not read; unpack the archive"
    if method == _STORED and size != packed:
        return f"is stored, yet its sizes differ ({packed:,} and {size:,})"
    if size > RATIO_SLACK and size > MAX_RATIO * packed:
        return f"would inflate {packed:,} bytes to {size:,}: a bomb"
    return None


def _check_spans(spans: np.ndarray, path: Path) -> None:
    """Refuse entries that share bytes; `spans` is (N, 2), where each starts and ends."""
    ordered = spans[np.argsort(spans[:, 0], kind="stable")]
    shared = np.flatnonzero(ordered[1:, 0] < ordered[:-1, 1])
    if len(shared):
        raise DataError(f"{path} holds files that share their bytes, at {ordered[shared[0] + 1, 0]:,}: a bomb.")
