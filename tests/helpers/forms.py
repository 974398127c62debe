"""One tree of awkward files, and the forms in which people give it: folder, zips of many tools, tars, Parquet."""

import io
import shutil
import struct
import subprocess
import tarfile
import zipfile
import zlib
from pathlib import Path

from tests.helpers.small_images import file, photo

TOP = "my photos"


def tree() -> dict[str, bytes]:
    """Name -> content of sixty files: names, suffixes and neighbours that people and their systems have."""
    images = [file(photo(20, 20, seed=number)) for number in range(64)]
    jpeg = file(photo(20, 20, seed=90), "JPEG", quality=95)
    of_classes = [
        *(f"cat/{number}.png" for number in range(1, 9)),
        *(f"Köter/{number}.png" for number in range(1, 9)),
        *(f"Café crème/{number}.png" for number in range(1, 7)),
    ]
    names = [
        "cat/ä ö ü ß.png",
        "cat/Überall – lang.png",
        "cat/100%.png",
        "cat/a & b; $HOME 'quoted'.png",
        "cat/no suffix",
        "cat/..two dots.png".replace("..", "x.."),
        "cat/CAPITALS.PNG",
        "cat/capitals.png",
        "cat/dots.in.the.name.png",
        "cat/trailing.png.bak",
        "Köter/deep/er/still.png",
        "Köter/写真.png",
        "Köter/снимок.png",
        "Köter/emoji 🐕.png",
        "Köter/e\u0301 decomposed.png",
        "Café crème/" + "long " * 30 + "name.png",
        "Café crème/wrong suffix.jpg",
        "Café crème/#1.png",
        "Café crème/[brackets](and more){}.png",
        "Café crème/-dash first.png",
    ]
    found = dict(zip([*of_classes, *names], images, strict=False))
    return found | {
        "cat/phone.jfif": jpeg,
        "cat/UPPER.JPEG": jpeg,
        "cat/empty.png": b"",
        "cat/cut.png": images[60][:300],
        "cat/404.jpg": b"<html>404</html>",
        "cat/pointer.png": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n",
        "cat/more.zip": b"PK\5\6" + bytes(18),
        "cat/notes.txt": b"taken in May",
        "cat/.hidden.png": images[61],
        "cat/._1.png": b"\0\5\x16\7",
        "cat/.ipynb_checkpoints/1-checkpoint.png": images[61],
        "cat/@eaDir/1.png/SYNOPHOTO_THUMB_M.jpg": jpeg,
        "Köter/#recycle/old.png": images[62],
        "Köter/Thumbs.db": b"\xd0\xcf\x11\xe0",
        "Köter/desktop.ini": b"[x]",
        "lost+found/lost.png": images[62],
        "$RECYCLE.BIN/gone.png": images[62],
        "System Volume Information/x": b"x",
        ".git/objects/ab": b"x",
        ".DS_Store": b"Bud1",
        "runs/00001-auto/run.json": b"{}",
        "runs/00001-auto/recipe.toml": b"",
        "runs/00001-auto/samples/00000100.png": images[63],
        "packed/index.json": b"{}",
        "packed/images.npy": b"\x93NUMPY",
        "README.md": b"# Photos",
    }


def write_folder(path: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def info_zip(path: Path, files: dict[str, bytes]) -> None:
    """By the program `zip`; where there is none, with the names that it writes on Windows, and a field for Unicode."""
    if shutil.which("zip"):
        folder = write_folder(path.parent / "for zip" / TOP, files)
        command = ["zip", "-q", "-r", str(path), TOP]
        subprocess.run(command, cwd=folder.parent, check=True, stdin=subprocess.DEVNULL)
        path.with_name(f"{path.name}.zip").rename(path) if not path.exists() else None
    else:
        unicode_zip(path, files)


def python_zip(path: Path, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(f"{TOP}/{name}", content)


def python_zip_of(method: int):
    def write(path: Path, files: dict[str, bytes]) -> None:
        with zipfile.ZipFile(path, "w", method) as archive:
            for name, content in files.items():
                archive.writestr(name, content)

    return write


def raw_zip(path: Path, entries: list[tuple[bytes, bytes, bytes]], system: int) -> None:
    """(name, content, extra field) as they are, without a flag for UTF-8, stored."""
    body, directory = bytearray(), bytearray()
    for name, content, extra in entries:
        fields = struct.pack("<5H3L2H", 20, 0, 0, 0, 0x21, zlib.crc32(content), *[len(content)] * 2, len(name), 0)
        directory += b"PK\1\2" + struct.pack("<H", system << 8 | 20) + fields[:-2] + struct.pack("<H", len(extra))
        directory += struct.pack("<3H2L", 0, 0, 0, 0, len(body)) + name + extra
        body += b"PK\3\4" + fields + name + content
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, len(entries), len(entries), len(directory), len(body), 0)
    path.write_bytes(bytes(body + directory) + end)


def windows_zip(path: Path, files: dict[str, bytes]) -> None:
    """Backslashes between folders, entries for folders, names in UTF-8 without a flag."""
    folders = {f"{TOP}\\" + name.rpartition("/")[0].replace("/", "\\") + "\\" for name in files if "/" in name}
    entries = [(folder.encode(), b"", b"") for folder in sorted(folders)]
    entries += [(f"{TOP}/{name}".replace("/", "\\").encode(), content, b"") for name, content in files.items()]
    raw_zip(path, entries, system=0)


def windows_zip_of_python(path: Path, files: dict[str, bytes]) -> None:
    """Backslashes from a script on Linux, which says that Unix wrote them."""
    raw_zip(path, [(name.replace("/", "\\").encode(), content, b"") for name, content in files.items()], system=3)


def dos_zip(path: Path, files: dict[str, bytes]) -> None:
    """Names in code page 437 where it has their letters."""

    def raw(name: str) -> bytes:
        try:
            return name.encode("cp437")
        except UnicodeEncodeError:
            return name.encode()

    raw_zip(path, [(raw(f"{TOP}/{name}"), content, b"") for name, content in files.items()], system=0)


def unicode_zip(path: Path, files: dict[str, bytes]) -> None:
    """A name in ASCII with Info-ZIP's extra field for the one in Unicode, behind another field."""
    entries = []
    for number, (name, content) in enumerate(files.items()):
        plain, full = f"{TOP}/#{number}.dat".encode(), f"{TOP}/{name}".encode()
        field = struct.pack("<BL", 1, zlib.crc32(plain)) + full
        entries.append((plain, content, b"UT\5\0\3abcd" + struct.pack("<2H", 0x7075, len(field)) + field))
    raw_zip(path, entries, system=3)


def mac_zip(path: Path, files: dict[str, bytes]) -> None:
    """With the shadow of each file below __MACOSX, and names in UTF-8 without a flag."""
    entries = [(f"{TOP}/{name}".encode(), content, b"") for name, content in files.items()]
    shadows = [(f"__MACOSX/{TOP}/._{name.rpartition('/')[2]}".encode(), b"\0\5\x16\7", b"") for name in list(files)[:1]]
    raw_zip(path, [*entries, *shadows], system=3)


def tar_of(mode: str, form: int = tarfile.PAX_FORMAT, top: str = f"{TOP}/"):
    def write(path: Path, files: dict[str, bytes]) -> None:
        with tarfile.open(path, f"w:{mode}", format=form) as archive:
            for name, content in files.items():
                info = tarfile.TarInfo(top + name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))

    return write


FORMS = {
    "folder": write_folder,
    "zip of Info-ZIP": info_zip,
    "zip of Python": python_zip,
    "zip of Python, stored": python_zip_of(zipfile.ZIP_STORED),
    "zip of Python, bzip2": python_zip_of(zipfile.ZIP_BZIP2),
    "zip of Python, LZMA": python_zip_of(zipfile.ZIP_LZMA),
    "zip of Windows": windows_zip,
    "zip with backslashes": windows_zip_of_python,
    "zip of DOS": dos_zip,
    "zip with Unicode names beside": unicode_zip,
    "zip of a Mac": mac_zip,
    "tar": tar_of(""),
    "tar.gz": tar_of("gz"),
    "tar.gz of GNU": tar_of("gz", tarfile.GNU_FORMAT, "./"),
    "tar.xz": tar_of("xz", top=""),
    "tar with absolute names": tar_of("", top=f"/home/me/{TOP}/"),
    "tar with names that lead out": tar_of("", top=f"../{TOP}/"),
}
"""Every form, by name, with the function that writes `files` in it to `path`."""
