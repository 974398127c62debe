"""What a file is by its first bytes, and what would do instead, for files that are neither an image nor read."""

from pathlib import Path

from gansmith.data.archives.inflate import FILE_KINDS
from gansmith.data.archives.names import GRID, GRID_SOFTWARE
from gansmith.data.archives.tar import is_tar
from gansmith.data.images.decode import suffix_of
from gansmith.data.images.types import SUFFIXES, begins_as_image
from gansmith.errors import DataError

START = 512
"""Number of first bytes of a file that tell its kind."""
FORMS = "give a folder, a .zip, a .tar (.gz, .bz2, .xz), a .parquet file, or an array (.npy, .npz)"
"""What can be read, for error messages."""
TABLE_AMONG_IMAGES = "is a table among images; give it alone"
"""The reason for a table that lies beside images, or in an archive."""
ARRAY_AMONG_IMAGES = "is an array among images; give it alone"
"""The reason for an array that lies beside images, or in an archive."""
ARCHIVE_AMONG_IMAGES = "is an archive among images; unpack it, or give it alone"
"""The reason for an archive that lies beside images, or in another one."""

_PNG = b"\x89PNG"
_TABLE = b"PAR1"
_ARRAY = b"\x93NUMPY"
_ARCHIVE_SUFFIXES = (".zip", ".tar", ".tgz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz")
_PACKED_SUFFIXES = ("", ".gz", ".bz2", ".xz", ".zst", ".lz4", ".lz", ".7z", ".rar", ".cbz", ".cbr")
"""Suffixes of other files that are to be unpacked; a .docx or .npz, which is a zip file, too, is not."""
_TABLE_SUFFIX = ".parquet"
_POINTERS = {
    b"version https://git-lfs.github.com/spec/": ("Git LFS", "git lfs pull"),
    b"/annex/objects/": ("git-annex", "git annex get ."),
}
"""Small files that stand for large ones: the system they belong to, and the command that fetches the file itself."""
_ARCHIVES = {
    b"PK\3\4": "zip",
    b"PK\5\6": "zip",
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"7z\xbc\xaf\x27\x1c": "7-Zip",
    b"Rar!\x1a\x07": "RAR",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"\x04\x22\x4d\x18": "LZ4",
    b"LZIP": "lzip",
}
_OTHERS = {
    _TABLE: "Parquet",
    b"ARROW1": "Arrow",
    b"\x89HDF\r\n\x1a\n": "HDF5",
    b"SQLite format 3\0": "SQLite",
    b"MATLAB 5.0": "MATLAB",
    b"\x80\2": "pickle",
    b"\x80\3": "pickle",
    b"\x80\4": "pickle",
    b"\x80\5": "pickle",
}
_BY_SUFFIX = {
    ".pt": "torch",
    ".pth": "torch",
    ".pkl": "pickle",
    ".pickle": "pickle",
    ".csv": "CSV",
    ".tsv": "CSV",
    ".tfrecord": "TFRecord",
    ".tfrecords": "TFRecord",
    ".h5": "HDF5",
    ".hdf5": "HDF5",
    ".mat": "MATLAB",
}
"""What files are that their first bytes do not tell."""
_AS_ARRAY = {
    "torch": "np.save('x.npy', images.numpy())",
    "pickle": "np.save('x.npy', images)",
    "CSV": "np.save('x.npy', table.reshape(-1, H, W).astype('uint8'))",
    "TFRecord": "np.save('x.npy', np.stack(images))",
    "HDF5": "np.save('x.npy', h5py.File(FILE)['images'][:])",
    "MATLAB": "np.save('x.npy', scipy.io.loadmat(FILE)['images'])",
}
"""How the images in such a file are saved as an array."""


def is_archive_name(name: str) -> bool:
    """Whether a name is that of a zip or tar file."""
    return name.lower().endswith(_ARCHIVE_SUFFIXES)


def may_be_container(name: str) -> bool:
    """Whether a name is that of an archive or a table, which are read piece by piece and may have any size."""
    return is_archive_name(name) or name.lower().endswith(_TABLE_SUFFIX)


def pointer_reason(start: bytes) -> str | None:
    """What to do about a file with these first bytes, if it only stands for another one that was not fetched."""
    for begin, (system, command) in _POINTERS.items():
        if start.startswith(begin):
            return f"is a {system} pointer, not the file itself; run `{command}` in its repository"
    return None


def reason_not_read(name: str, start: bytes) -> str | None:
    """Why a file of this name and with these first bytes is not used: a pointer, an archive, or a grid of ours."""
    if reason := pointer_reason(start):
        return reason
    if start.startswith(_TABLE):
        return TABLE_AMONG_IMAGES
    if start.startswith(_ARRAY) or (start.startswith(b"PK\3\4") and suffix_of(name) == ".npz"):
        return ARRAY_AMONG_IMAGES
    if start.startswith(_PNG) and f"Software\0{GRID_SOFTWARE}".encode() in start:
        return GRID
    packed = start.startswith(tuple(_ARCHIVES))
    if is_archive_name(name) and (packed or is_tar(start)):
        return ARCHIVE_AMONG_IMAGES
    return "is a compressed file; unpack it" if packed and suffix_of(name) in _PACKED_SUFFIXES else None


def check_no_pointer(path: Path, start: bytes) -> None:
    """Raise DataError for a file with these first bytes that only stands for another one."""
    if reason := pointer_reason(start):
        raise DataError(f"{path} {reason}.")


def check_not_of_another_program(path: Path, start: bytes) -> None:
    """Raise DataError, with the line that saves its images as an array, for a file that is not read."""
    found = next((kind for begin, kind in _OTHERS.items() if start.startswith(begin)), None)
    kind = _BY_SUFFIX.get(suffix_of(path.name)) if found in (None, "pickle") else found
    if kind in _AS_ARRAY:
        why = "may run code when it is opened" if kind in ("pickle", "torch") else "is not read"
        what, how = f"{'an' if kind == 'HDF5' else 'a'} {kind} file", _AS_ARRAY[kind]
        raise DataError(f"{path} is {what}, which {why}; save its images, uint8 (N, H, W, C), as an array: {how}")


def no_archive(path: Path, start: bytes) -> DataError:
    """The error for a file that is no archive, by its first bytes."""
    check_no_pointer(path, start)
    check_not_of_another_program(path, start)
    if begins_as_image(start) or path.suffix.lower() in SUFFIXES:
        return DataError(f"{path} is one image; give the folder that holds it.")
    other = next((kind for begin, kind in (_ARCHIVES | _OTHERS).items() if start.startswith(begin)), None)
    what = f"a {other} file" if other else f"no known archive (it starts with {start[:6].hex() or 'nothing'})"
    if other in FILE_KINDS:
        what = f"{other} data of no known archive"
    return DataError(f"{path} is {what}; {FORMS}.")
