"""Inception v3 as the Fréchet Inception Distance (FID) uses it: Szegedy et al. 2015, arXiv:1512.00567.

The port of TensorFlow's 2015 graph differs from torchvision's network: average pooling excludes the padding, the last
block uses maximum pooling, and images are resized without antialiasing (Heusel et al. 2017, arXiv:1706.08500).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, max_pool2d

from gansmith.errors import DataError
from gansmith.features.extractor import Extractor, InputShape, Output, describe_resize, hash_of
from gansmith.features.weights_file import fill, read_weights

SIDE = 299
"""Height and width of the images that the network sees."""
WIDTH = 2048
"""Number of values in a feature vector."""

FETCH = (
    "features 'inception' need their published weights: run gansmith features get inception, or give them as a "
    ".safetensors file with --weights."
)
"""The error for a missing file of weights."""

Pool = Literal["average", "maximum", "strided"]
Kernel = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Step:
    """A convolution of a block, named as its weights are; it has padding unless it has a stride."""

    name: str
    out: int
    kernel: Kernel = (1, 1)
    stride: int = 1


Branch = tuple[tuple[Step, ...], ...]
"""A sequence of steps, each with one convolution or two parallel ones."""


def inception(shape: InputShape, weights: Path | None) -> Extractor:
    """An extractor of the 2,048 means before the last layer.

    Raises DataError without a file, or for a file of other weights.
    """
    if weights is None:
        raise DataError(FETCH)
    resize = describe_resize("inception", shape, 3, SIDE, "bilinear as TensorFlow 1, not antialiased,")
    tensors, sha256 = read_weights(weights)
    network = Inception()
    used = {name: tensor for name, tensor in tensors.items() if not name.startswith(("fc.", "AuxLogits."))}
    fill(network, used, weights, "the Inception of the Fréchet Inception Distance")

    def compute(images: Tensor) -> Output:
        scaled = (tensorflow_resized(images.float(), SIDE) - 128) / 128
        return Output(vectors=network(scaled.expand(-1, 3, -1, -1)))

    return Extractor(
        name="inception",
        hash=hash_of(sha256, "Inception v3, FID"),
        width=WIDTH,
        resize=resize,
        shape=shape,
        pixels=SIDE**2,
        compute=compute,
    )


def tensorflow_resized(images: Tensor, side: int) -> Tensor:
    """[N, C, H, W] -> [N, C, side, side]: TensorFlow 1's bilinear resizing, which aligns the top left pixels."""
    for axis in (2, 3):
        size = images.shape[axis]
        at = torch.arange(side, dtype=torch.float32) * (size / side)
        low = at.floor().long()
        share = (at - low).reshape((-1, 1) if axis == 2 else (-1,))
        above = images.index_select(axis, (low + 1).clamp(max=size - 1))
        below = images.index_select(axis, low)
        images = below + (above - below) * share
    return images


class Inception(nn.Module):
    """[N, 3, 299, 299] in -1..1 -> [N, 2048]; layers have the names of the published weights."""

    def __init__(self) -> None:
        super().__init__()
        for name, before, out, kernel, stride, padding in (
            ("Conv2d_1a_3x3", 3, 32, 3, 2, 0),
            ("Conv2d_2a_3x3", 32, 32, 3, 1, 0),
            ("Conv2d_2b_3x3", 32, 64, 3, 1, 1),
            ("Conv2d_3b_1x1", 64, 80, 1, 1, 0),
            ("Conv2d_4a_3x3", 80, 192, 3, 1, 0),
        ):
            self.add_module(name, Convolution(before, out, (kernel, kernel), stride, (padding, padding)))
        before = 192
        self.blocks = []
        for name, (pool, branches, pooled) in BLOCKS.items():
            self.add_module(name, InceptionBlock(before, branches, pool, pooled))
            self.blocks.append(name)
            before = sum(step.out for branch in branches for step in branch[-1]) + (pooled or before)

    def forward(self, images: Tensor) -> Tensor:
        """[N, 3, 299, 299] -> [N, 2048]."""
        layer = self.get_submodule
        x = images
        for name in ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "", "Conv2d_3b_1x1", "Conv2d_4a_3x3", ""):
            x = layer(name)(x) if name else max_pool2d(x, 3, 2)
        for name in self.blocks:
            x = layer(name)(x)
        return x.mean((2, 3))


class InceptionBlock(nn.Module):
    """Parallel branches and a pooling branch, which has a convolution to `pooled` channels unless that is 0."""

    def __init__(self, before: int, branches: tuple[Branch, ...], pool: Pool, pooled: int):
        super().__init__()
        self.branches, self.pool, self.pooled = branches, pool, pooled
        for branch in branches:
            channels = before
            for steps in branch:
                for step in steps:
                    padding = (0, 0) if step.stride > 1 else (step.kernel[0] // 2, step.kernel[1] // 2)
                    convolution = Convolution(channels, step.out, step.kernel, step.stride, padding)
                    self.add_module(step.name, convolution)
                channels = sum(step.out for step in steps)
        if pooled:
            self.branch_pool = Convolution(before, pooled, (1, 1), 1, (0, 0))

    def forward(self, x: Tensor) -> Tensor:
        """The concatenated channels of the branches; the pooling branch is last."""
        layer, found = self.get_submodule, []
        for branch in self.branches:
            y = x
            for steps in branch:
                y = torch.cat([layer(step.name)(y) for step in steps], 1)
            found.append(y)
        pooled = _pooled(x, self.pool)
        return torch.cat([*found, self.branch_pool(pooled) if self.pooled else pooled], 1)


class Convolution(nn.Module):
    """Convolution, batch norm, ReLU."""

    def __init__(self, before: int, out: int, kernel: Kernel, stride: int, padding: Kernel):
        super().__init__()
        self.conv = nn.Conv2d(before, out, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(out, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, out, H', W'], 0 or more."""
        return self.bn(self.conv(x)).relu()


def _pooled(x: Tensor, pool: Pool) -> Tensor:
    if pool == "average":
        return avg_pool2d(x, 3, 1, 1, count_include_pad=False)
    return max_pool2d(x, 3, 1, 1) if pool == "maximum" else max_pool2d(x, 3, 2)


def _chain(*steps: Step) -> Branch:
    return tuple((step,) for step in steps)


def _block_35(pooled: int) -> tuple[Pool, tuple[Branch, ...], int]:
    """A block on maps of 35x35."""
    fives = _chain(Step("branch5x5_1", 48), Step("branch5x5_2", 64, (5, 5)))
    threes = _chain(Step("branch3x3dbl_1", 64), Step("branch3x3dbl_2", 96, (3, 3)), Step("branch3x3dbl_3", 96, (3, 3)))
    return "average", (_chain(Step("branch1x1", 64)), fives, threes), pooled


def _block_17(inner: int) -> tuple[Pool, tuple[Branch, ...], int]:
    """A block on maps of 17x17."""
    wide, tall, name = (1, 7), (7, 1), "branch7x7dbl"
    once = _chain(Step("branch7x7_1", inner), Step("branch7x7_2", inner, wide), Step("branch7x7_3", 192, tall))
    twice = _chain(
        Step(f"{name}_1", inner),
        Step(f"{name}_2", inner, tall),
        Step(f"{name}_3", inner, wide),
        Step(f"{name}_4", inner, tall),
        Step(f"{name}_5", 192, wide),
    )
    return "average", (_chain(Step("branch1x1", 192)), once, twice), 192


def _block_8(pool: Pool) -> tuple[Pool, tuple[Branch, ...], int]:
    """A block on maps of 8x8."""

    def crossed(name: str) -> tuple[Step, ...]:
        return (Step(f"{name}a", 384, (1, 3)), Step(f"{name}b", 384, (3, 1)))

    once = ((Step("branch3x3_1", 384),), crossed("branch3x3_2"))
    twice = ((Step("branch3x3dbl_1", 448),), (Step("branch3x3dbl_2", 384, (3, 3)),), crossed("branch3x3dbl_3"))
    return pool, (_chain(Step("branch1x1", 320)), once, twice), 192


_TO_17: tuple[Branch, ...] = (
    _chain(Step("branch3x3", 384, (3, 3), 2)),
    _chain(Step("branch3x3dbl_1", 64), Step("branch3x3dbl_2", 96, (3, 3)), Step("branch3x3dbl_3", 96, (3, 3), 2)),
)

_TO_8: tuple[Branch, ...] = (
    _chain(Step("branch3x3_1", 192), Step("branch3x3_2", 320, (3, 3), 2)),
    _chain(
        Step("branch7x7x3_1", 192),
        Step("branch7x7x3_2", 192, (1, 7)),
        Step("branch7x7x3_3", 192, (7, 1)),
        Step("branch7x7x3_4", 192, (3, 3), 2),
    ),
)

BLOCKS: dict[str, tuple[Pool, tuple[Branch, ...], int]] = {
    "Mixed_5b": _block_35(32),
    "Mixed_5c": _block_35(64),
    "Mixed_5d": _block_35(64),
    "Mixed_6a": ("strided", _TO_17, 0),
    "Mixed_6b": _block_17(128),
    "Mixed_6c": _block_17(160),
    "Mixed_6d": _block_17(160),
    "Mixed_6e": _block_17(192),
    "Mixed_7a": ("strided", _TO_8, 0),
    "Mixed_7b": _block_8("average"),
    "Mixed_7c": _block_8("maximum"),
}
