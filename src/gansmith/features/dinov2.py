"""DINOv2 vision transformers (ViT-S/14, B/14 or L/14) from a local file: Oquab et al. 2023, arXiv:2304.07193."""

import re
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, interpolate, scaled_dot_product_attention

from gansmith.errors import DataError
from gansmith.features.extractor import Extractor, InputShape, Output, describe_resize, hash_of, resized
from gansmith.features.weights_file import fill, read_weights

SIDE = 224
"""Height and width of the images that the network sees."""
PATCH = 14
"""Height and width of a patch."""
PER_HEAD = 64
"""Channels of an attention head."""
OFFSET = 0.1
"""Added by the authors to the size of the grid, so that rounding makes no grid smaller."""
MEAN = (0.485, 0.456, 0.406)
"""Mean of ImageNet's pixels in 0..1 by channel, with which the weights were trained."""
DEVIATION = (0.229, 0.224, 0.225)
"""Standard deviation of ImageNet's pixels in 0..1 by channel, with which the weights were trained."""

FETCH = (
    "features 'dinov2' need their published weights: run gansmith features get dinov2, or give them as a "
    ".safetensors file with --weights."
)
"""The error for a missing file of weights."""


def dinov2(shape: InputShape, weights: Path | None) -> Extractor:
    """An extractor of the normalised class token. Raises DataError without a file, or for a file of other weights."""
    if weights is None:
        raise DataError(FETCH)
    resize = describe_resize("dinov2", shape, 3, SIDE, "bicubic antialiased")
    tensors, sha256 = read_weights(weights)
    tensors.pop("mask_token", None)
    network = _network_for(tensors, weights)
    fill(network, tensors, weights, "a DINOv2 transformer without registers")
    mean, deviation = (torch.tensor(values).reshape(3, 1, 1) for values in (MEAN, DEVIATION))

    def compute(images: Tensor) -> Output:
        return Output(vectors=network((resized(images, SIDE, 3) - mean) / deviation))

    return Extractor(
        name="dinov2",
        hash=hash_of(sha256, "DINOv2, class token"),
        width=network.width,
        resize=resize,
        shape=shape,
        pixels=SIDE**2,
        compute=compute,
    )


def _network_for(tensors: dict[str, Tensor], path: Path) -> "Transformer":
    """A network of the tensors' size. Raises DataError when they do not belong to a DINOv2 transformer."""
    depth = len([name for name in tensors if re.fullmatch(r"blocks\.\d+\.norm1\.weight", name)])
    token, places = tensors.get("cls_token"), tensors.get("pos_embed")
    if not depth or token is None or places is None or token.dim() != 3 or places.dim() != 3:
        raise DataError(f"{path} does not hold the weights of a DINOv2 transformer; its tensors have other names.")
    width, grid = token.shape[2], round((places.shape[1] - 1) ** 0.5)
    if width % PER_HEAD or grid < 1:
        raise DataError(f"{path} does not hold the weights of a DINOv2 transformer: the width {width} does not exist.")
    return Transformer(width, depth, grid)


class Transformer(nn.Module):
    """[N, 3, 224, 224] -> [N, width]; layers have the names of the published weights."""

    def __init__(self, width: int, depth: int, grid: int):
        super().__init__()
        self.width, self.grid = width, grid
        self.cls_token = nn.Parameter(torch.empty(1, 1, width))
        self.pos_embed = nn.Parameter(torch.empty(1, 1 + grid**2, width))
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, width, PATCH, PATCH)})
        self.blocks = nn.ModuleList(TransformerBlock(width) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=1e-6)

    def forward(self, images: Tensor) -> Tensor:
        """[N, 3, 224, 224] -> the class token after the last norm, [N, width]."""
        patches = self.patch_embed["proj"](images).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(images), -1, -1), patches], 1) + self.positions()
        for block in self.blocks:
            x = block(x)
        return self.norm(x[:, 0])

    def positions(self) -> Tensor:
        """The position embedding, learnt on a grid of 37x37 patches, interpolated to this grid as the authors do."""
        side = SIDE // PATCH
        if side == self.grid:
            return self.pos_embed
        learnt = self.pos_embed[:, 1:].reshape(1, self.grid, self.grid, -1).permute(0, 3, 1, 2)
        factor = (side + OFFSET) / self.grid
        resized_grid = interpolate(learnt, scale_factor=(factor, factor), mode="bicubic")
        return torch.cat([self.pos_embed[:, :1], resized_grid.flatten(2).transpose(1, 2)], 1)


class TransformerBlock(nn.Module):
    """[N, positions, width] -> the same shape: attention, then two dense layers, each scaled and added."""

    def __init__(self, width: int):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.attn = nn.ModuleDict({"qkv": nn.Linear(width, 3 * width), "proj": nn.Linear(width, width)})
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, 4 * width), "fc2": nn.Linear(4 * width, width)})
        self.ls1 = nn.ParameterDict({"gamma": nn.Parameter(torch.empty(width))})
        self.ls2 = nn.ParameterDict({"gamma": nn.Parameter(torch.empty(width))})

    def forward(self, x: Tensor) -> Tensor:
        """[N, positions, width] -> [N, positions, width]."""
        x = x + self.ls1["gamma"] * self.attention(self.norm1(x))
        return x + self.ls2["gamma"] * self.mlp["fc2"](gelu(self.mlp["fc1"](self.norm2(x))))

    def attention(self, x: Tensor) -> Tensor:
        """Attention between all positions, in heads of 64 channels."""
        count, places, width = x.shape
        split = self.attn["qkv"](x).reshape(count, places, 3, width // PER_HEAD, PER_HEAD).permute(2, 0, 3, 1, 4)
        found = scaled_dot_product_attention(*split.unbind(0))
        return self.attn["proj"](found.transpose(1, 2).reshape(count, places, width))
