"""The feature networks by name, and which of them suits which dataset."""

from collections.abc import Callable
from pathlib import Path

from gansmith.errors import UsageError, unknown
from gansmith.features.classifiers import CLASSIFIERS, shipped_classifier
from gansmith.features.dinov2 import dinov2
from gansmith.features.extractor import Extractor, InputShape
from gansmith.features.inception import inception
from gansmith.features.random_network import random_network

FROM_FILE: dict[str, Callable[[InputShape, Path | None], Extractor]] = {"dinov2": dinov2, "inception": inception}
"""Networks whose weights are not shipped and come from a local file."""
NAMES = (*CLASSIFIERS, "random", *FROM_FILE)
"""Every feature network by its name on the command line and in recipes."""
SIMILAR_SETS = {"fashion-10k": "fashion-mnist", "notmnist-large": "notmnist"}
"""Datasets that use the network of another dataset, because their images are of the same kind."""


def load_extractor(name: str, *, channels: int, height: int, width: int, weights: Path | None = None) -> Extractor:
    """The feature network `name` for images of this shape; `weights` is the local file that "dinov2" and co. need.

    Raises UsageError for an unknown name, for images that the network does not accept, and for weights given to a
    network that needs none; DataError when the weights are missing, damaged, or belong to another network.
    """
    shape = InputShape(channels=channels, height=height, width=width)
    if name in FROM_FILE:
        return FROM_FILE[name](shape, weights)
    if name not in NAMES:
        raise UsageError(unknown("features", name, NAMES))
    if weights:
        raise UsageError(f"features {name!r} come with gansmith and take no weights; leave out {weights}.")
    return random_network(shape) if name == "random" else shipped_classifier(name, shape)


def default_features(data_name: str) -> str:
    """The name of the network for a dataset: its own where one is shipped, "random" for every other dataset."""
    name = data_name.partition("[")[0]
    return name if name in CLASSIFIERS else SIMILAR_SETS.get(name, "random")


def default_extractor(data_name: str, *, channels: int, height: int, width: int) -> Extractor:
    """The network of `default_features`, or the random network where that one does not accept these images."""
    try:
        return load_extractor(default_features(data_name), channels=channels, height=height, width=width)
    except UsageError:
        return load_extractor("random", channels=channels, height=height, width=width)
