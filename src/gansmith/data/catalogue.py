"""The sets known by name: their files, their licence, where a copy is looked for and how to get one."""

import os
from dataclasses import dataclass
from pathlib import Path

from gansmith.errors import DataError

IDX_FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownSet:
    """A set known by name. `files` maps a split to its image and label files, without '.gz'."""

    title: str
    licence: str
    files: dict[str, tuple[str, str]]
    how_to_get: str = ""
    packaged: Path | None = None
    """Where the copy that ships with gansmith, or with the operating system, lies."""
    warning: str = ""
    """Said at the start of every run that uses the set."""


SETS = {
    "fashion-10k": KnownSet(
        title="the 10,000 test pictures of Fashion-MNIST, shipped with gansmith",
        licence="MIT",
        files={"train": IDX_FILES["test"]},
        packaged=Path(__file__).parent / "fashion_10k",
        warning="fashion-10k is Fashion-MNIST's official test split: never score this run against that split.",
    ),
    "fashion-mnist": KnownSet(
        title="Fashion-MNIST: 60,000 + 10,000 grey pictures of clothes, 28x28",
        licence="MIT",
        files=IDX_FILES,
        how_to_get="the four .gz files of https://github.com/zalandoresearch/fashion-mnist",
        packaged=Path("/usr/share/dataset-fashion-mnist"),
    ),
    "mnist": KnownSet(
        title="MNIST: 60,000 + 10,000 grey handwritten digits, 28x28",
        licence="CC BY-SA 3.0",
        files=IDX_FILES,
        how_to_get="the four .gz files of https://ossci-datasets.s3.amazonaws.com/mnist",
    ),
}


def cache_folder() -> Path:
    """$GANSMITH_CACHE, or gansmith/ in the user's cache folder."""
    if given := os.environ.get("GANSMITH_CACHE"):
        return Path(given).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gansmith"


def find_set(name: str) -> Path:
    """The folder that holds a copy of the known set `name`.

    Raises DataError naming every place searched, the files that are needed and where they come from.
    """
    known = SETS[name]
    places = [cache_folder() / "sets" / name]
    if own := os.environ.get("GANSMITH_DATA"):
        places.insert(0, Path(own).expanduser() / name)
    if known.packaged:
        places.append(known.packaged)
    for place in places:
        if any(idx_file(place, stem) for pair in known.files.values() for stem in pair):
            return place
    searched = ", ".join(str(place) for place in places)
    hint = "" if own else f", or set GANSMITH_DATA to the folder that holds {name}/"
    raise DataError(f"set {name!r} is not on this machine: searched {searched}. Put {known.how_to_get} there{hint}.")


def idx_file(folder: Path, stem: str) -> Path | None:
    """The IDX file `stem` in `folder`, plain or gzipped, if it is there."""
    for file in (folder / f"{stem}.gz", folder / stem):
        if file.is_file():
            return file
    return None
