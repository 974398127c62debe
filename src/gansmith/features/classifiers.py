"""The small classifiers that ship with gansmith, trained on one known dataset each."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from gansmith.errors import DataError
from gansmith.features.extractor import Extractor, InputShape, Output, describe_resize, hash_of, no_gradients, resized
from gansmith.features.weights_file import fill, read_weights
from gansmith.system.untrusted import read_json

Norm = Callable[[int], nn.Module]
"""What follows a convolution or a dense layer of so many outputs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassifierConfig:
    """The shape of a classifier: stages of convolutions, each at half the resolution of the one before."""

    channels: int
    side: int
    """Of the square images."""
    widths: tuple[int, ...]
    """Channels of each stage; the first keeps the resolution."""
    blocks: tuple[int, ...]
    """ResidualBlock blocks of each stage."""
    features: int
    classes: int


class Classifier(nn.Module):
    """[N, C, side, side] in -1..1 -> features [N, features], not negative; `head` makes logits [N, classes] of them.

    ResidualBlock blocks after He et al. 2016, arXiv:1512.03385. The last map is not averaged over its places before the
    dense layer, so that features tell where things are: a generator that shifts its images is to be noticed.

    Without norms it is what is shipped: batch norm is folded into the convolution before it, see `folded`.
    """

    def __init__(self, config: ClassifierConfig, *, norm2d: Norm = nn.Identity, norm1d: Norm = nn.Identity):
        super().__init__()
        layers: list[nn.Module] = []
        before, side = config.channels, config.side
        for stage, (width, blocks) in enumerate(zip(config.widths, config.blocks, strict=True)):
            stride = 2 if stage else 1
            layers += [nn.Conv2d(before, width, 3, stride, 1), norm2d(width), nn.ReLU()]
            layers += [ResidualBlock(width, norm2d) for _ in range(blocks)]
            before, side = width, -(-side // stride)
        layers += [nn.Flatten(), nn.Linear(before * side * side, config.features), norm1d(config.features), nn.ReLU()]
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(config.features, config.classes)

    def forward(self, images: Tensor) -> Tensor:
        """[N, C, side, side] -> [N, features]."""
        return self.body(images)


class ResidualBlock(nn.Module):
    """[N, C, H, W] -> the same shape: two convolutions and what came in."""

    def __init__(self, width: int, norm2d: Norm):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, 1, 1),
            norm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, 1, 1),
            norm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        """ReLU of the sum."""
        return (x + self.body(x)).relu()


def _grey(classes: int) -> ClassifierConfig:
    return ClassifierConfig(
        channels=1, side=28, widths=(16, 32, 64, 96), blocks=(0, 1, 1, 0), features=128, classes=classes
    )


CLASSIFIERS: dict[str, ClassifierConfig] = {
    "mnist": _grey(10),
    "fashion-mnist": _grey(10),
    "notmnist": _grey(10),
    "cifar10": ClassifierConfig(
        channels=3, side=32, widths=(32, 48, 96, 192), blocks=(0, 1, 1, 0), features=128, classes=10
    ),
}
"""The networks that are shipped: about 10 million multiply-adds a grey image, 31 a coloured one."""


FOLDER = Path(__file__).parent / "weights"


def shipped_classifier(name: str, shape: InputShape) -> Extractor:
    """The network trained on the set of this name.

    Raises UsageError for colour where it sees grey only, and DataError when its file is not the one that was shipped.
    """
    config, facts = CLASSIFIERS[name], model_card(name)
    resize = describe_resize(name, shape, config.channels, config.side, "bicubic antialiased")
    file = FOLDER / f"{name}.safetensors"
    weights = read_weights(file)
    if weights.hash != facts["sha256"]:
        raise DataError(
            f"{file} is not the file that came with gansmith (its SHA-256 differs); install gansmith again."
        )
    network = Classifier(config)
    fill(network, weights.tensors, file, f"the network {name!r}")

    def compute(images: Tensor) -> Output:
        vectors = network(resized(images, config.side, config.channels) * 2 - 1)
        return Output(vectors=vectors, logits=network.head(vectors))

    return Extractor(
        name=name,
        hash=hash_of(weights.hash, asdict(config)),
        width=config.features,
        classes=tuple(facts["classes"]),
        resize=resize,
        shape=shape,
        pixels=config.side**2,
        compute=no_gradients(compute),
    )


def model_card(name: str) -> dict[str, Any]:
    """What is known of a shipped network: its file's hash, classes, test accuracy, how it was trained, licences."""
    return read_json((FOLDER / f"{name}.json").resolve())
