"""DINOv2's vision transformers, from a local file: Oquab et al. 2023, arXiv:2304.07193, ViT-S/14, B/14 or L/14."""

import re
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, interpolate, scaled_dot_product_attention

from gansmith.errors import DataError
from gansmith.features.extractor import (
    Extractor,
    InputShape,
    Output,
    describe_resize,
    hash_of,
    no_gradients,
    resized,
)
from gansmith.features.weights_file import fill, read_weights

SIDE, PATCH, PER_HEAD, OFFSET = 224, 14, 64, 0.1
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's pixels in 0..1, which the weights were trained with."""
FETCH = (
    "features 'dinov2' need a local file of weights: fetch dinov2_vits14_pretrain.pth from DINOv2's page on GitHub "
    "(facebookresearch/dinov2), save its tensors as a .safetensors file, and give that file."
)


def dinov2(shape: InputShape, weights: Path | None) -> Extractor:
    """The normed class token. Raises DataError without a file, or for one of other weights."""
    if weights is None:
        raise DataError(FETCH)
    resize = describe_resize("dinov2", shape, 3, SIDE, "bicubic antialiased")
    found = read_weights(weights)
    tensors = {name: tensor for name, tensor in found.tensors.items() if name != "mask_token"}
    network = _network_for(tensors, weights)
    fill(network, tensors, weights, "a DINOv2 transformer without registers")
    mean, deviation = (torch.tensor(values).reshape(3, 1, 1) for values in (MEAN, DEVIATION))

    def compute(images: Tensor) -> Output:
        return Output(vectors=network((resized(images, SIDE, 3) - mean) / deviation), logits=None)

    return Extractor(
        name="dinov2",
        hash=hash_of(found.hash, "DINOv2, class token"),
        width=network.width,
        classes=None,
        resize=resize,
        shape=shape,
        pixels=SIDE**2,
        compute=no_gradients(compute),
    )


def _network_for(tensors: dict[str, Tensor], path: Path) -> "Transformer":
    """A network of the size that the tensors have. Raises DataError when they are of something else."""
    depth = len([name for name in tensors if re.fullmatch(r"blocks\.\d+\.norm1\.weight", name)])
    token, places = tensors.get("cls_token"), tensors.get("pos_embed")
    if not depth or token is None or places is None or token.dim() != 3 or places.dim() != 3:
        raise DataError(f"{path} does not hold the weights of a DINOv2 transformer; its tensors have other names.")
    width, grid = token.shape[2], round((places.shape[1] - 1) ** 0.5)
    if width % PER_HEAD or grid < 1:
        raise DataError(f"{path} does not hold the weights of a DINOv2 transformer: {width} is no width of one.")
    return Transformer(width, depth, grid)


class Transformer(nn.Module):
    """[N, 3, 224, 224] -> [N, width]; layers bear the names of the published weights."""

    def __init__(self, width: int, depth: int, grid: int):
        super().__init__()
        self.width, self.grid = width, grid
        self.cls_token = nn.Parameter(torch.empty(1, 1, width))
        self.pos_embed = nn.Parameter(torch.empty(1, 1 + grid**2, width))
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, width, PATCH, PATCH)})
        self.blocks = nn.ModuleList(TransformerBlock(width) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=1e-6)

    def forward(self, images: Tensor) -> Tensor:
        """The class token after the last norm."""
        patches = self.patch_embed["proj"](images).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(images), -1, -1), patches], 1) + self.places()
        for block in self.blocks:
            x = block(x)
        return self.norm(x[:, 0])

    def places(self) -> Tensor:
        """The embedding of places, learnt on a grid of 37x37 patches, brought to this one as the authors do."""
        side = SIDE // PATCH
        if side == self.grid:
            return self.pos_embed
        learnt = self.pos_embed[:, 1:].reshape(1, self.grid, self.grid, -1).permute(0, 3, 1, 2)
        factor = (side + OFFSET) / self.grid  # their guard against a grid that comes out a patch too small
        fitted = interpolate(learnt, scale_factor=(factor, factor), mode="bicubic")
        return torch.cat([self.pos_embed[:, :1], fitted.flatten(2).transpose(1, 2)], 1)


class TransformerBlock(nn.Module):
    """[N, places, width] -> the same shape: attention, then two dense layers, each scaled and added."""

    def __init__(self, width: int):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.attn = nn.ModuleDict({"qkv": nn.Linear(width, 3 * width), "proj": nn.Linear(width, width)})
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, 4 * width), "fc2": nn.Linear(4 * width, width)})
        self.ls1 = nn.ParameterDict({"gamma": nn.Parameter(torch.empty(width))})
        self.ls2 = nn.ParameterDict({"gamma": nn.Parameter(torch.empty(width))})

    def forward(self, x: Tensor) -> Tensor:
        """Both parts, each after its norm."""
        x = x + self.ls1["gamma"] * self.attended(self.norm1(x))
        return x + self.ls2["gamma"] * self.mlp["fc2"](gelu(self.mlp["fc1"](self.norm2(x))))

    def attended(self, x: Tensor) -> Tensor:
        """Every place looks at every other, in heads of 64."""
        count, places, width = x.shape
        split = self.attn["qkv"](x).reshape(count, places, 3, width // PER_HEAD, PER_HEAD).permute(2, 0, 3, 1, 4)
        found = scaled_dot_product_attention(*split.unbind(0))
        return self.attn["proj"](found.transpose(1, 2).reshape(count, places, width))
