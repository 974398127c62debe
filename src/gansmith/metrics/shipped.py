"""The networks whose weights come with gansmith: see benchmarks/feature_networks.py for how they were trained."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor

from gansmith.errors import DataError
from gansmith.metrics.extractor import Extractor, Output, PictureShape, hash_of, no_gradients, resize_in_words, resized
from gansmith.metrics.networks import PLANS, Classifier
from gansmith.metrics.weights_file import fill, read_weights
from gansmith.plain_files import read_json

FOLDER = Path(__file__).parent / "weights"


def shipped(name: str, shape: PictureShape) -> Extractor:
    """The network trained on the set of this name.

    Raises UsageError for colour where it sees grey only, and DataError when its file is not the one that was shipped.
    """
    plan, facts = PLANS[name], card(name)
    resize = resize_in_words(name, shape, plan.channels, plan.side, "bicubic antialiased")
    file = FOLDER / f"{name}.safetensors"
    weights = read_weights(file)
    if weights.hash != facts["sha256"]:
        raise DataError(
            f"{file} is not the file that came with gansmith (its SHA-256 differs); install gansmith again."
        )
    network = Classifier(plan)
    fill(network, weights.tensors, file, f"the network {name!r}")

    def compute(images: Tensor) -> Output:
        vectors = network(resized(images, plan.side, plan.channels) * 2 - 1)
        return Output(vectors=vectors, logits=network.head(vectors))

    return Extractor(
        name=name,
        hash=hash_of(weights.hash, asdict(plan)),
        width=plan.features,
        classes=tuple(facts["classes"]),
        resize=resize,
        shape=shape,
        pixels=plan.side**2,
        compute=no_gradients(compute),
    )


def card(name: str) -> dict[str, Any]:
    """What is known of a shipped network: its file's hash, classes, test accuracy, how it was trained, licences."""
    return read_json((FOLDER / f"{name}.json").resolve())
