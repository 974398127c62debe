"""The small classifiers that ship with gansmith, each trained on one known dataset."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from gansmith.errors import DataError
from gansmith.features.extractor import Extractor, InputShape, Output, describe_resize, hash_of, resized
from gansmith.features.weights_file import fill, read_weights
from gansmith.system.untrusted import read_json

Norm = Callable[[int], nn.Module]
"""Makes the layer that follows a convolution or dense layer with this number of outputs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassifierConfig:
    """The architecture of a classifier: stages of convolutions, each at half the resolution of the previous stage."""

    channels: int
    side: int
    """Height and width of the images."""
    widths: tuple[int, ...]
    """Channels of each stage; the first stage keeps the resolution."""
    blocks: tuple[int, ...]
    """Number of residual blocks in each stage."""
    features: int
    classes: int


class Classifier(nn.Module):
    """[N, C, side, side] in -1..1 -> features [N, features], 0 or more; `head` maps features to logits [N, classes].

    Residual blocks: He et al. 2016, arXiv:1512.03385. The dense layer sees every position of the last map, not its
    mean, so that features change when a generator shifts its images.

    The shipped networks have no norms: each batch norm is folded into the convolution before it.
    """

    def __init__(self, config: ClassifierConfig, *, norm2d: Norm = nn.Identity, norm1d: Norm = nn.Identity):
        super().__init__()
        layers: list[nn.Module] = []
        before, side = config.channels, config.side
        for stage, (width, blocks) in enumerate(zip(config.widths, config.blocks, strict=True)):
            stride = 2 if stage else 1
            layers += [nn.Conv2d(before, width, 3, stride, 1), norm2d(width), nn.ReLU()]
            layers += [ClassifierBlock(width, norm2d) for _ in range(blocks)]
            before, side = width, -(-side // stride)
        layers += [nn.Flatten(), nn.Linear(before * side * side, config.features), norm1d(config.features), nn.ReLU()]
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(config.features, config.classes)

    def forward(self, images: Tensor) -> Tensor:
        """[N, C, side, side] -> [N, features]."""
        return self.body(images)


class ClassifierBlock(nn.Module):
    """[N, C, H, W] -> the same shape: ReLU of the input plus two convolutions of it."""

    def __init__(self, width: int, norm2d: Norm):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, 1, 1), norm2d(width), nn.ReLU(), nn.Conv2d(width, width, 3, 1, 1), norm2d(width)
        )

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, C, H, W], 0 or more."""
        return (x + self.body(x)).relu()


_GREY = ClassifierConfig(channels=1, side=28, widths=(16, 32, 64, 96), blocks=(0, 1, 1, 0), features=128, classes=10)
CLASSIFIERS: dict[str, ClassifierConfig] = {
    "mnist": _GREY,
    "fashion-mnist": _GREY,
    "notmnist": _GREY,
    "cifar10": replace(_GREY, channels=3, side=32, widths=(32, 48, 96, 192)),
}
"""The shipped networks, with about 10 million multiply-adds per grey image and 31 million per colour image."""
FOLDER = Path(__file__).parent / "weights"
"""The folder of the shipped weights and their model cards."""


def shipped_classifier(name: str, shape: InputShape) -> Extractor:
    """The network trained on the set of this name.

    Raises UsageError for colour where it sees grey only, and DataError when its file is not the one that was shipped.
    """
    config, card = CLASSIFIERS[name], model_card(name)
    resize = describe_resize(name, shape, config.channels, config.side, "bicubic antialiased")
    file = FOLDER / f"{name}.safetensors"
    tensors, sha256 = read_weights(file)
    if sha256 != card["sha256"]:
        raise DataError(
            f"{file} is not the file that came with gansmith (its SHA-256 differs); install gansmith again."
        )
    network = Classifier(config)
    fill(network, tensors, file, f"the network {name!r}")

    def compute(images: Tensor) -> Output:
        vectors = network(resized(images, config.side, config.channels) * 2 - 1)
        return Output(vectors=vectors, logits=network.head(vectors))

    return Extractor(
        name=name,
        hash=hash_of(sha256, asdict(config)),
        width=config.features,
        classes=tuple(card["classes"]),
        resize=resize,
        shape=shape,
        pixels=config.side**2,
        compute=compute,
    )


def model_card(name: str) -> dict[str, Any]:
    """The model card of a shipped network: its file's hash, classes, test accuracy, training and licences."""
    return read_json((FOLDER / f"{name}.json").resolve())
