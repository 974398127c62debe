"""The published weights of feature networks that do not ship with gansmith: where they are, and where ours are kept."""

from dataclasses import dataclass
from pathlib import Path

from gansmith.data.datasets.catalog import cache_folder


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedWeights:
    """A file of weights as its authors publish it."""

    file: str
    url: str
    sha256_prefix: str
    """The first digits of its SHA-256, which PyTorch's convention puts into the file's name; "" where none is known."""
    about: str
    licence: str
    megabytes: int
    """Its approximate size."""


PUBLISHED = {
    "inception": PublishedWeights(
        file="pt_inception-2015-12-05-6726825d.pth",
        url="https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth",
        sha256_prefix="6726825d",
        about="Inception v3 of 2015, the network of the Fréchet Inception Distance (FID)",
        licence="Apache 2.0 (TensorFlow's weights, converted by pytorch-fid); trained on ImageNet",
        megabytes=96,
    ),
    "dinov2": PublishedWeights(
        file="dinov2_vitl14_pretrain.pth",
        url="https://dl.fbaipublicfiles.com/dinov2/dinov2_vitl14/dinov2_vitl14_pretrain.pth",
        sha256_prefix="",
        about="DINOv2 ViT-L/14, the network of FD-DINOv2 (Stein et al. 2023, arXiv:2306.04675)",
        licence="Apache 2.0 (Meta)",
        megabytes=1217,
    ),
}
"""Every such network by its name."""


def weights_path(name: str) -> Path:
    """Where the converted weights of this network are kept."""
    return cache_folder() / "features" / f"{name}.safetensors"


def stored_weights(name: str, given: Path | None = None) -> Path | None:
    """The given file; else the converted weights of this network, if `gansmith features get` has fetched them."""
    if given is None and name in PUBLISHED and weights_path(name).is_file():
        return weights_path(name)
    return given
