"""The datasets known by name: titles, licences, citations, and the layouts of their copies. Data only."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from gansmith.data.datasets.files import (
    CELEBA_ALIGNED,
    CIFAR_BINARY,
    CIFAR_PYTHON,
    FASHION_REMOTE,
    IDX_FILES,
    MNIST_REMOTE,
    NOTMNIST_LARGE,
    NOTMNIST_SMALL,
    SVHN_REMOTE,
    RemoteFile,
)

Format = Literal["idx", "npz", "images", "cifar-binary", "cifar-python", "svhn-mat"]
"""How a copy is read; "images" is a folder or an archive of image files, with a folder for each class if any."""
Split = Literal["train", "test", "extra", "both"]
"""The part of a known set that is used; "both" is train, then test."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """One way in which a copy of a set may lie in a folder."""

    format: Format
    files: Mapping[str, tuple[str, ...]]
    """The files or folders of each split; ".gz" may follow any name, "." is the folder itself."""
    within: tuple[str, ...] = (".",)
    """Sub-folders to look in."""
    needs: tuple[str, ...] = ()
    """Names that must exist, too, if `files` alone would match any folder."""
    loose: bool = False
    """Whether the file names are unique to this set, so that the files may also lie directly in $GANSMITH_DATA."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownSet:
    """A set known by name; its first layout is the one that is downloaded."""

    title: str
    licence: str
    citation: str
    homepage: str
    layouts: tuple[Layout, ...]
    remote: tuple[RemoteFile, ...] = ()
    how_to_get: str = ""
    """The files to fetch by hand, and their source."""
    made_of: str = ""
    """The dataset whose files these images are made of, see `gansmith.data.datasets.stacked`."""
    on_request: tuple[str, ...] = ()
    """Splits that are downloaded only when asked for."""
    classes: tuple[str, ...] = ()
    """The class names in the order of the labels, if the files do not contain them."""
    packaged: Path | None = None
    """The folder of the copy that ships with gansmith or with the operating system."""
    warning: str = ""
    """A note for the user at the start of every run on the set."""

    @property
    def splits(self) -> tuple[str, ...]:
        """The names of the set's splits."""
        return tuple(self.layouts[0].files)


def _both(file: str) -> dict[str, tuple[str, ...]]:
    """One file that holds both splits."""
    return {"train": (file,), "test": (file,)}


def _cifar_batches(suffix: str) -> dict[str, tuple[str, ...]]:
    train = tuple(f"data_batch_{number}{suffix}" for number in range(1, 6))
    return {"train": train, "test": (f"test_batch{suffix}",)}


def _notmnist(part: str, file: RemoteFile, count: str) -> KnownSet:
    homepage = "https://yaroslavvb.blogspot.com/2011/09/notmnist-dataset.html"
    return KnownSet(
        title=f"notMNIST, the {part} set: {count} grey letters A to J in many typefaces, 28x28",
        licence="none stated by its author; the glyphs are of fonts found on the web",
        citation="Bulatov 2011, notMNIST dataset, blog post",
        homepage=homepage,
        layouts=(
            Layout(format="images", files={"train": (file.name,)}, loose=True),
            Layout(
                format="images", files={"train": (".",)}, within=(".", f"notMNIST_{part}"), needs=tuple("ABCDEFGHIJ")
            ),
        ),
        remote=(file,),
        how_to_get=f"{file.name}, described at {homepage},",
    )


_MNIST = KnownSet(
    title="MNIST: 60,000 + 10,000 grey handwritten digits, 28x28",
    licence="CC BY-SA 3.0",
    citation="LeCun, Bottou, Bengio & Haffner 1998, Proceedings of the IEEE 86(11)",
    homepage="https://yann.lecun.com/exdb/mnist/",
    layouts=(
        Layout(format="idx", files=IDX_FILES),
        Layout(format="npz", files=_both("mnist.npz"), loose=True),
    ),
    remote=MNIST_REMOTE,
    how_to_get="the four .gz files of https://ossci-datasets.s3.amazonaws.com/mnist",
)

_CLOTHES = ("T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")

SETS = {
    "fashion-10k": KnownSet(
        title="the 10,000 test images of Fashion-MNIST, shipped with gansmith",
        licence="MIT",
        citation="Xiao, Rasul & Vollgraf 2017, arXiv:1708.07747",
        homepage="https://github.com/zalandoresearch/fashion-mnist",
        layouts=(Layout(format="idx", files={"train": IDX_FILES["test"]}),),
        remote=tuple(replace(file, splits=("train",)) for file in FASHION_REMOTE if file.splits == ("test",)),
        how_to_get="the two t10k .gz files of https://github.com/zalandoresearch/fashion-mnist",
        classes=_CLOTHES,
        packaged=Path(__file__).parent / "fashion_10k",
        warning="fashion-10k is Fashion-MNIST's official test split: never score this run against that split.",
    ),
    "fashion-mnist": KnownSet(
        title="Fashion-MNIST: 60,000 + 10,000 grey images of clothes, 28x28",
        licence="MIT",
        citation="Xiao, Rasul & Vollgraf 2017, arXiv:1708.07747",
        homepage="https://github.com/zalandoresearch/fashion-mnist",
        layouts=(Layout(format="idx", files=IDX_FILES),),
        remote=FASHION_REMOTE,
        how_to_get="the four .gz files of https://github.com/zalandoresearch/fashion-mnist",
        classes=_CLOTHES,
        packaged=Path("/usr/share/dataset-fashion-mnist"),
    ),
    "mnist": _MNIST,
    "stacked-mnist": replace(
        _MNIST,
        title="Stacked MNIST: 128,000 + 26,000 images of three MNIST digits, one in each colour, 28x28",
        citation="Lin, Khetan, Fanti & Oh 2018 (PacGAN), arXiv:1712.04086; digits of LeCun et al. 1998",
        made_of="mnist",
    ),
    "notmnist": _notmnist("small", NOTMNIST_SMALL, "18,724"),
    "notmnist-large": _notmnist("large", NOTMNIST_LARGE, "about 529,000"),
    "svhn": KnownSet(
        title="SVHN, cropped: 73,257 + 26,032 (+ 531,131 extra) house numbers in colour, 32x32",
        licence="for non-commercial use only",
        citation="Netzer, Wang, Coates, Bissacco, Wu & Ng 2011, NIPS Workshop on Deep Learning",
        homepage="https://ufldl.stanford.edu/housenumbers",
        layouts=(Layout(format="svhn-mat", files={file.splits[0]: (file.name,) for file in SVHN_REMOTE}, loose=True),),
        remote=SVHN_REMOTE,
        on_request=("extra",),
        how_to_get="train_32x32.mat and test_32x32.mat of https://ufldl.stanford.edu/housenumbers",
    ),
    "celeba": KnownSet(
        title="CelebA, aligned and cropped: 202,599 faces in colour, 178x218",
        licence="for non-commercial research only, see the agreement on its page",
        citation="Liu, Luo, Wang & Tang 2015, ICCV, arXiv:1411.7766",
        homepage="https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
        layouts=(
            Layout(format="images", files={"train": ("img_align_celeba.zip",)}, loose=True),
            Layout(format="images", files={"train": (".",)}, within=(".", "img_align_celeba"), needs=("000001.jpg",)),
        ),
        remote=(CELEBA_ALIGNED,),
        how_to_get="img_align_celeba.zip ('Align&Cropped Images', 1.4 GB, only with a browser) from the links at "
        "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html, or its unpacked folder img_align_celeba,",
    ),
    "cifar10": KnownSet(
        title="CIFAR-10: 50,000 + 10,000 colour images of ten kinds of things, 32x32",
        licence="none stated by its authors, who ask to be cited",
        citation="Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images, University of Toronto",
        homepage="https://www.cs.toronto.edu/~kriz/cifar.html",
        layouts=(
            Layout(format="cifar-binary", files=_both(CIFAR_BINARY.name), loose=True),
            Layout(format="cifar-python", files=_both(CIFAR_PYTHON.name), loose=True),
            Layout(format="cifar-binary", files=_cifar_batches(".bin"), within=(".", "cifar-10-batches-bin")),
            Layout(format="cifar-python", files=_cifar_batches(""), within=(".", "cifar-10-batches-py")),
            Layout(format="images", files=_both("cifar-10-images.tar"), loose=True),
            Layout(format="images", files={"train": ("train",), "test": ("test",)}, within=(".", "cifar-10-images")),
        ),
        remote=(CIFAR_BINARY, CIFAR_PYTHON),
        how_to_get="cifar-10-binary.tar.gz (or cifar-10-python.tar.gz) of https://www.cs.toronto.edu/~kriz/cifar.html",
    ),
}


def cache_folder() -> Path:
    """$GANSMITH_CACHE, or gansmith/ in the user's cache folder."""
    if given := os.environ.get("GANSMITH_CACHE"):
        return Path(given).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gansmith"
