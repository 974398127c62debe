"""Zip and tar files that no honest program writes, byte by byte; `CASES` names each with what should come of it."""

import bz2
import gzip
import io
import lzma
import stat
import struct
import zipfile
import zlib
from dataclasses import dataclass, replace

PICTURE = b"\x89PNG image"


@dataclass(frozen=True)
class Zipped:
    """An entry of a zip file; what is None is as an honest writer has it."""

    name: bytes
    content: bytes = PICTURE
    method: int = 8
    flags: int = 0
    mode: int = 0
    size: int | None = None
    packed_size: int | None = None
    crc: int | None = None
    offset: int | None = None
    local_name: bytes | None = None
    local_magic: bytes = b"PK\3\4"


def zip_of(*entries, count=None, before=b"", after=b"", comment=b"", directory_size=None):
    body, directory = bytearray(before), bytearray()
    for entry in entries:
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = packer.compress(entry.content) + packer.flush() if entry.method == 8 else entry.content
        crc = zlib.crc32(entry.content) if entry.crc is None else entry.crc
        size = len(entry.content) if entry.size is None else entry.size
        packed_size = len(packed) if entry.packed_size is None else entry.packed_size
        common = struct.pack("<5H3L", 20, entry.flags, entry.method, 0, 0x21, crc, packed_size, size)[:24]
        local_name = entry.name if entry.local_name is None else entry.local_name
        offset = len(body) if entry.offset is None else entry.offset
        body += entry.local_magic + common + struct.pack("<2H", len(local_name), 0) + local_name + packed
        directory += b"PK\1\2" + struct.pack("<H", 0x031E) + common + struct.pack("<5H", len(entry.name), 0, 0, 0, 0)
        directory += struct.pack("<2L", entry.mode << 16, offset) + entry.name
    count = len(entries) if count is None else count
    length = len(directory) if directory_size is None else directory_size
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, length, len(body), len(comment))
    return bytes(body + directory) + end + comment + after


@dataclass(frozen=True)
class Tarred:
    """An entry of a tar file."""

    name: bytes
    content: bytes = PICTURE
    kind: bytes = b"0"
    link: bytes = b""
    size: bytes | None = None
    checksum: bytes | None = None
    prefix: bytes = b""


def tar_of(*entries, end=bytes(1024)):
    return b"".join(map(tar_entry, entries)) + end


def tar_entry(entry):
    size = b"%011o\0" % len(entry.content) if entry.size is None else entry.size
    head = entry.name.ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + size + b"%011o\0" % 0
    tail = entry.kind + entry.link.ljust(100, b"\0") + b"ustar\x0000" + bytes(80) + entry.prefix.ljust(155, b"\0")
    checksum = b"%06o\0 " % (sum(head + tail) + 8 * 32) if entry.checksum is None else entry.checksum
    return (head + checksum + tail).ljust(512, b"\0") + entry.content + bytes(-len(entry.content) % 512)


def pax(**values):
    records = b""
    for key, value in values.items():
        record = b" " + key.replace("__", ".").encode() + b"=" + value + b"\n"
        length = len(record) + 1
        while len(b"%d" % length) + len(record) != length:
            length += 1
        records += b"%d" % length + record
    return Tarred(b"pax", records, b"x")


@dataclass(frozen=True)
class Case:
    """A file's bytes, and what should be said: of the whole (`refused`), or of the one bad entry (`skipped`).

    `members` are the entries that can be read and hold PICTURE; `broken` is listed, but reading it says so.
    """

    content: bytes
    refused: str | None = None
    skipped: str | None = None
    members: tuple[str, ...] = ("good.png",)
    broken: str | None = None


GOOD_ZIP, GOOD_TAR = Zipped(b"good.png"), Tarred(b"good.png")
ODD_NAMES = {
    "a parent": (b"../evil.png", "evil.png"),
    "a parent on the way": (b"a/../../evil.png", "evil.png"),
    "an absolute path": (b"/etc/cron.d/evil.png", "etc/cron.d/evil.png"),
    "a double slash": (b"//server/share/evil.png", "server/share/evil.png"),
    "a drive": (b"C:/evil.png", "C:/evil.png"),
    "a drive without a slash": (b"c:evil.png", "c:evil.png"),
    "a backslash beside a slash": (b"a/x\\evil.png", "a/x\\evil.png"),
    "a NUL": (b"evil.png\0.txt", "evil.png\0.txt"),
    "a terminal's escape": (b"\x1b[2Jevil.png", "\x1b[2Jevil.png"),
    "bytes that are not UTF-8": (b"caf\xe9.png", "caf\udce9.png"),
    "an overlong UTF-8 slash": (b"x\xc0\xafevil.png", "x\udcc0\udcafevil.png"),
    "a surrogate": (b"\xed\xa0\x80.png", "\udced\udca0\udc80.png"),
    "another case": (b"GOOD.png", "GOOD.png"),
}
"""Names that an unpacker must refuse and a reader need not, with what they are to it."""
BAD_NAMES = {
    "nothing left": (b"a/..", "it has no name"),
    "5,000 letters": (b"a" * 5000, "5,000 letters long"),
    "a double": (b"good.png", "is there again"),
    "a double in disguise": (b"./good.png", "is there again"),
    "a macOS shadow": (b"photos/._good.png", "operating system's own"),
    "a __MACOSX folder": (b"__MACOSX/good2.png", "operating system's own"),
    "a .DS_Store": (b"a/.DS_Store", "operating system's own"),
    "a Thumbs.db": (b"a/Thumbs.db", "operating system's own"),
    "a hidden folder": (b"a/.ipynb_checkpoints/b/good.png", "operating system's own"),
    "a NAS's folder": (b"@eaDir/good.jpg/SYNOPHOTO_THUMB_M.jpg", "operating system's own"),
}


def long_tarred(name):
    return [pax(path=name), Tarred(b"short")] if len(name) > 99 or b"\0" in name else [Tarred(name)]


def quoted_overlap(num):
    """Entries that all inflate the same bytes."""
    return zip_of(GOOD_ZIP, *[Zipped(b"%d" % at, b"", packed_size=14, offset=0) for at in range(num)])


def zeros(compress, megabytes):
    """A compressed tar of one file of zeros, made without holding it."""
    head = tar_entry(Tarred(b"bomb.png", b"", size=b"%011o\0" % (megabytes << 20)))
    block = bytes(1 << 20)
    packed = io.BytesIO()
    with compress(packed) as file:
        file.write(tar_entry(GOOD_TAR) + head)
        for _ in range(megabytes):
            file.write(block)
    return packed.getvalue()


def gzipped(file):
    return gzip.GzipFile(fileobj=file, mode="wb")


def zip_bomb():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("good.png", PICTURE)
        archive.writestr("bomb.png", bytes(20 << 20))
    return content.getvalue()


def many_empty(num):
    """A gzipped tar of empty files."""
    packed = io.BytesIO()
    with gzipped(packed) as file:
        for at in range(num):
            file.write(tar_entry(Tarred(b"%d.png" % at, b"")))
    return packed.getvalue()


def zip64_of_lies():
    content = zip_of(GOOD_ZIP)[:-22]
    end = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1 << 40, 1 << 40, 54, len(content) - 54)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, len(content), 1)
    return content + end + locator + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 65535, 65535, 2**32 - 1, 2**32 - 1, 0)


def cases():
    """Every case by name."""
    found = {}
    for what, (name, reason) in BAD_NAMES.items():
        found[f"zip: a name with {what}"] = Case(zip_of(GOOD_ZIP, Zipped(name)), skipped=reason)
        found[f"tar: a name with {what}"] = Case(tar_of(GOOD_TAR, *long_tarred(name)), skipped=reason)
    for what, (name, plain) in ODD_NAMES.items():
        members = ("good.png", plain)
        found[f"zip: a name with {what}"] = Case(zip_of(GOOD_ZIP, Zipped(name)), members=members)
        found[f"tar: a name with {what}"] = Case(tar_of(GOOD_TAR, *long_tarred(name)), members=members)
    return found | zip_cases() | tar_cases() | other_cases()


def zip_cases():
    bad = Zipped(b"evil.png")
    return {
        "zip: a symbolic link": Case(
            zip_of(GOOD_ZIP, replace(bad, content=b"/etc/passwd", mode=stat.S_IFLNK | 0o777)), skipped="symbolic link"
        ),
        "zip: a device": Case(zip_of(GOOD_ZIP, replace(bad, mode=stat.S_IFCHR | 0o666)), skipped="a device or a pipe"),
        "zip: a pipe": Case(zip_of(GOOD_ZIP, replace(bad, mode=stat.S_IFIFO | 0o666)), skipped="a device or a pipe"),
        "zip: encrypted": Case(zip_of(GOOD_ZIP, replace(bad, flags=1)), skipped="is encrypted"),
        "zip: strongly encrypted": Case(zip_of(GOOD_ZIP, replace(bad, flags=0x40)), skipped="is encrypted"),
        "zip: a bomb of bzip2": Case(
            zip_of(GOOD_ZIP, replace(bad, method=12, content=bz2.compress(bytes(20 << 20)), size=20 << 20)),
            skipped="a bomb",
        ),
        "zip: more bzip2 than announced": Case(
            zip_of(GOOD_ZIP, replace(bad, method=12, content=bz2.compress(bytes(1 << 20)), size=30)),
            broken="is damaged",
        ),
        "zip: LZMA that asks for a gigabyte": Case(
            zip_of(GOOD_ZIP, replace(bad, method=14, content=b"\x09\x04\5\0]\0\0\0\x60" + bytes(99), size=30)),
            broken="is damaged LZMA data",
        ),
        "zip: LZMA without its properties": Case(
            zip_of(GOOD_ZIP, replace(bad, method=14, content=b"\x09\x04\5", size=30)), broken="is damaged LZMA data"
        ),
        "zip: Deflate64 inside": Case(
            zip_of(GOOD_ZIP, replace(bad, method=9, content=b"x")), skipped="is compressed with Deflate64, which is not"
        ),
        "zip: AES inside": Case(zip_of(GOOD_ZIP, replace(bad, method=99, content=b"x")), skipped="AES encryption"),
        "zip: an unknown compression": Case(zip_of(GOOD_ZIP, replace(bad, method=77)), skipped="with method 77"),
        "zip: a folder with content": Case(zip_of(GOOD_ZIP, Zipped(b"evil/")), skipped="a folder with content"),
        "zip: a bomb": Case(zip_bomb(), skipped="a bomb"),
        "zip: a size of 4 GB from 20 bytes": Case(zip_of(GOOD_ZIP, replace(bad, size=2**32 - 2)), skipped="a bomb"),
        "zip: a stored size that is a lie": Case(
            zip_of(GOOD_ZIP, replace(bad, method=0, size=1 << 30)), skipped="its sizes differ"
        ),
        "zip: more content than announced": Case(zip_of(GOOD_ZIP, replace(bad, size=3)), broken="is damaged"),
        "zip: more content after what its checksum covers": Case(
            zip_of(GOOD_ZIP, replace(bad, size=3, crc=zlib.crc32(PICTURE[:3]))), broken="is damaged"
        ),
        "zip: a bomb in parts": Case(
            zip_of(GOOD_ZIP, *[Zipped(b"%d" % at, size=15 << 20) for at in range(5)]), refused="a bomb, not images"
        ),
        "zip: less content than announced": Case(zip_of(GOOD_ZIP, replace(bad, size=99)), broken="is damaged"),
        "zip: a wrong checksum": Case(zip_of(GOOD_ZIP, replace(bad, crc=7)), broken="is damaged"),
        "zip: content that is not deflated": Case(
            zip_of(GOOD_ZIP, Zipped(b"evil.png", b"\xff" * 40, method=0, crc=0)), broken="is damaged"
        ),
        "zip: no member where it should be": Case(
            zip_of(GOOD_ZIP, replace(bad, local_magic=b"PK\7\7")), broken="is not where the directory says"
        ),
        "zip: an offset beyond the end": Case(
            zip_of(GOOD_ZIP, replace(bad, offset=2**32 - 2)), refused="inside the directory"
        ),
        "zip: a compressed size beyond the end": Case(
            zip_of(GOOD_ZIP, replace(bad, packed_size=1 << 30)), refused="inside the directory"
        ),
        "zip: a thousand files in the same bytes": Case(quoted_overlap(1000), refused="share their bytes"),
        "zip: a comment that is another zip": Case(zip_of(GOOD_ZIP, comment=zip_of(bad)[:-22]), members=("good.png",)),
        "zip: cut short": Case(zip_of(GOOD_ZIP, bad)[:-30], refused="no directory at its end"),
        "zip: something after its end": Case(zip_of(GOOD_ZIP, after=b"x"), refused="no directory at its end"),
        "zip: a program before its start": Case(b"PK\3\4" + zip_of(GOOD_ZIP), refused="does not end at"),
        "zip: a directory of zeros": Case(
            b"PK\3\4" + bytes(46) + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, 46, 4, 0),
            refused="damaged directory",
        ),
        "zip: a directory that ends too soon": Case(
            zip_of(GOOD_ZIP, directory_size=50)[:-26] + zip_of(GOOD_ZIP, directory_size=50)[-22:],
            refused="ends inside b'good'",
        ),
        "zip: more files announced than listed": Case(
            zip_of(GOOD_ZIP, count=9), refused="announces 9 files and lists 1"
        ),
        "zip: fewer files announced than listed": Case(zip_of(GOOD_ZIP, bad, count=1), refused="and lists 2"),
        "zip: a terabyte of files announced": Case(zip64_of_lies(), refused="more than 1,000,000 files"),
        "zip: the second part of three": Case(
            zip_of(GOOD_ZIP)[:-18] + struct.pack("<2H", 1, 1) + zip_of(GOOD_ZIP)[-14:], refused="in several"
        ),
    }


def tar_cases():
    bad = Tarred(b"evil.png")
    sparse = {"GNU__sparse__major": b"1", "GNU__sparse__size": b"99999999999999"}
    linked = {
        "a symbolic link": (b"2", "a symbolic link"),
        "a hard link": (b"1", "a hard link"),
        "a character device": (b"3", "a device"),
        "a block device": (b"4", "a device"),
        "a pipe": (b"6", "a pipe"),
        "an unknown kind": (b"~", "the unknown kind b'~'"),
    }
    found = {
        f"tar: {what}": Case(tar_of(GOOD_TAR, replace(bad, kind=kind, content=b"", link=b"/etc")), skipped=reason)
        for what, (kind, reason) in linked.items()
    }
    return found | {
        "tar: a link and then a file through it": Case(
            tar_of(GOOD_TAR, Tarred(b"a", b"", b"2", b"/tmp"), Tarred(b"a/inside.png")),
            skipped="a symbolic link",
            members=("good.png", "a/inside.png"),
        ),
        "tar: a GNU sparse file": Case(tar_of(GOOD_TAR, replace(bad, kind=b"S")), skipped="a sparse file"),
        "tar: a pax sparse file": Case(tar_of(GOOD_TAR, pax(**sparse), bad), skipped="a sparse file"),
        "tar: a long name of 8 GB": Case(
            tar_of(GOOD_TAR, Tarred(b"x", b"", b"L", size=b"77777777777\0")),
            refused="announces a name of 8,589,934,591",
        ),
        "tar: a pax header of 8 GB": Case(
            tar_of(GOOD_TAR, Tarred(b"x", b"", b"x", size=b"77777777777\0")),
            refused="announces a name of 8,589,934,591",
        ),
        "tar: a pax header of digits": Case(
            tar_of(GOOD_TAR, Tarred(b"x", b"9" * 60_000, b"x"), bad), refused="a damaged pax header"
        ),
        "tar: a pax record of no length": Case(
            tar_of(GOOD_TAR, Tarred(b"x", b"0 path=evil\n", b"x"), bad), refused="a damaged pax header"
        ),
        "tar: a pax record longer than its header": Case(
            tar_of(GOOD_TAR, Tarred(b"x", b"99 path=evil.png\n", b"x"), bad), refused="a damaged pax header"
        ),
        "tar: a hard link that says a size": Case(
            tar_of(GOOD_TAR, Tarred(b"evil.png", b"", b"1", size=b"00000000014\0"), Tarred(b"after.png")),
            skipped="a hard link",
            members=("good.png", "after.png"),
        ),
        "tar: a pax path that leads out": Case(
            tar_of(GOOD_TAR, pax(path=b"../../evil.png"), Tarred(b"fine.png")), members=("good.png", "evil.png")
        ),
        "tar: a GNU long name that leads out": Case(
            tar_of(GOOD_TAR, Tarred(b"x", b"../../evil.png\0", b"L"), Tarred(b"fine.png")),
            members=("good.png", "evil.png"),
        ),
        "tar: a prefix that leads out": Case(
            tar_of(GOOD_TAR, replace(bad, prefix=b"..")), members=("good.png", "evil.png")
        ),
        "tar: a link to what lies outside": Case(
            tar_of(GOOD_TAR, replace(bad, kind=b"2", content=b"", link=b"../../etc/passwd")), skipped="a symbolic link"
        ),
        "tar: links in a circle": Case(
            tar_of(GOOD_TAR, replace(bad, kind=b"2", content=b"", link=b"evil.png")), skipped="a symbolic link"
        ),
        "tar: a pax size of a googol": Case(
            tar_of(GOOD_TAR, pax(size=b"9" * 19), bad), refused="ends inside 'evil.png'"
        ),
        "tar: headers that only announce headers": Case(
            tar_of(*[Tarred(b"x", b"", b"L")] * 2000, GOOD_TAR), members=(), skipped="it has no name"
        ),
        "tar: a size in base 256 past the end": Case(
            tar_of(GOOD_TAR, replace(bad, size=b"\x80" + b"\xff" * 11)), refused="ends inside 'evil.png'"
        ),
        "tar: a negative size": Case(tar_of(GOOD_TAR, replace(bad, size=b"\xff" * 12)), refused="which is no number"),
        "tar: a size with an underscore": Case(
            tar_of(GOOD_TAR, replace(bad, size=b"0000000_001\0")), refused="which is no number"
        ),
        "tar: a size with a minus": Case(tar_of(GOOD_TAR, replace(bad, size=b"-0000000001\0")), refused="no number"),
        "tar: a wrong checksum": Case(tar_of(GOOD_TAR, replace(bad, checksum=b"0000000\0")), refused="damaged header"),
        "tar: cut short in a file": Case(tar_of(GOOD_TAR, bad, end=b"")[:-505], refused="ends inside 'evil.png'"),
        "tar: cut short in a header": Case(tar_of(GOOD_TAR, bad)[:1300], refused="ends inside a header"),
        "tar: rubbish after a file": Case(
            tar_of(GOOD_TAR, end=b"rubbish" * 100), refused="damaged header at byte 1,024"
        ),
        "tar: another tar after its end": Case(tar_of(GOOD_TAR) + tar_of(bad), members=("good.png",)),
    }


def other_cases():
    tar = tar_of(GOOD_TAR, Tarred(b"other.png"))
    bomb = gzip.compress(zeros(gzipped, 40))
    return {
        "tar.gz: cut short": Case(gzip.compress(tar)[:-30], refused="ends inside its gzip data"),
        "tar.gz: damaged": Case(
            gzip.compress(tar)[:20] + b"\0\xff\0" + gzip.compress(tar)[23:], refused="damaged gzip"
        ),
        "tar.gz: a wrong checksum": Case(
            gzip.compress(tar_of(GOOD_TAR, end=b""))[:-8] + bytes(8), refused="damaged gzip"
        ),
        "tar.gz: 40 MB of zeros": Case(zeros(gzipped, 40), refused="over 100 times as many"),
        "tar.bz2: 40 MB of zeros": Case(zeros(lambda f: bz2.BZ2File(f, "wb"), 40), refused="over 100 times as many"),
        "tar.xz: 40 MB of zeros": Case(
            zeros(lambda f: lzma.LZMAFile(f, "wb", preset=0), 40), refused="over 100 times as many"
        ),
        "tar.xz: a dictionary of 1 GB": Case(xz_with_large_dictionary(tar), refused="Memory usage limit"),
        "tar.gz.gz: a bomb in a bomb": Case(bomb, refused="no known archive"),
        "tar.gz: 20,000 empty streams": Case(gzip.compress(b"") * 20_000, refused="over 10,000 gzip streams"),
        "tar.gz: 12,000 empty files": Case(many_empty(12_000), refused="files in its first"),
        "an empty file": Case(b"", refused="starts with nothing"),
        "7-Zip": Case(b"7z\xbc\xaf\x27\x1c" + bytes(600), refused="is a 7-Zip file"),
        "RAR": Case(b"Rar!\x1a\x07\x01\x00" + bytes(600), refused="is a RAR file"),
        "an image": Case(b"\x89PNG\r\n\x1a\n" + bytes(600), refused="is one image; give the folder that holds it"),
        "a megabyte of ones": Case(b"\xff" * (1 << 20), refused="no known archive"),
    }


def xz_with_large_dictionary(content):
    """An xz file whose block header asks for a dictionary of 1.5 GB."""
    packed = bytearray(lzma.compress(content, preset=0))
    at = packed.index(b"\x21\x01", 12) + 2
    packed[at] = 37
    header = 12
    length = (packed[header] + 1) * 4
    packed[header + length - 4 : header + length] = struct.pack("<L", zlib.crc32(packed[header : header + length - 4]))
    return bytes(packed)


CASES = cases()
