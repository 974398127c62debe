"""A network as a drawing: SVG text, the same bytes for the same network, readable on light and on dark paper."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from gansmith.viz.page import render_page

WIDTH = 480
"""Pixels of the whole drawing."""
MARGIN = 24
"""Pixels between the text and both edges."""
BLOCK_CENTRE = 84
"""Pixels from the left edge to the middle of every block."""
TEXT_LEFT = 180
"""Pixels from the left edge to the text next to the blocks."""
BRANCHES_LEFT = {"latents": 156, "class": 165}
"""Pixels from the left edge to the line of a side branch, by what it brings to the layers."""
HEAD = 80
"""Pixels of the title and the totals above the first block."""
LINE = 20
"""Pixels of one line of text."""
BASELINE_TO_MIDDLE = 5
"""Pixels from the baseline of a line of text up to its middle."""
GAP = 26
"""Pixels between two blocks, for the arrow."""
LARGEST_FACE = 64
"""Pixels of the largest image's longer side."""
SMALLEST_FACE = 4
"""Pixels of an image's side, at least."""
LONGEST_ROD = 104
"""Pixels of the longest vector."""
SHORTEST_ROD = 6
"""Pixels of the shortest vector."""
ROD = 7
"""Pixels of a vector's height and depth."""
DEEPEST = 44
"""Pixels of the most channels."""


@dataclass(frozen=True, slots=True)
class DrawnLayer:
    """A row of a network's table: the layer's class, its output's shape without the batch, channels last, and size."""

    kind: str
    shape: tuple[int, ...]
    parameters: int = 0
    side_input: str = ""
    """What reaches the layer beside the output of the layer before, see `BRANCHES_LEFT`."""


@dataclass(frozen=True, slots=True)
class _Block:
    """A block of the drawing, with the layers whose outputs have its shape; the strings are coordinates for SVG."""

    shape: str
    baseline: float
    layers: list[tuple[DrawnLayer, float]]
    faces: list[tuple[float, str]]
    arrow: str
    bottom: float


def diagram(title: str, layers: Sequence[DrawnLayer], trainable: int, non_trainable: int, colour: str) -> str:
    """The network from top to bottom as SVG, with a block for each shape between its layers; the input is the first.

    The latents and the class of an image reach layers on side branches: lines beside the chain, with an arrow to each.
    `trainable` parameters have gradients. A block's face grows with the image, its depth with the root of the channels.
    A vector is a rod; its length grows with the root of the vector's, up to a limit.
    """
    if any(layer.side_input == "class" for layer in layers):
        layers = [layers[0], DrawnLayer("class", layers[0].shape), *layers[1:]]
    blocks = list(_blocks(layers))
    totals = f"{trainable + non_trainable:,} parameters"
    if non_trainable:
        totals += f", {trainable:,} of them trainable"
    return render_page(
        "network.svg",
        title=title,
        name=f"{title}: {blocks[0].shape} to {blocks[-1].shape}, {totals}",
        listed="; ".join(map(_describe_layer, layers[1:])),
        branches={name: _branch(blocks, name) for name in BRANCHES_LEFT},
        totals=totals,
        blocks=blocks,
        colour=colour,
        width=WIDTH,
        height=round(blocks[-1].bottom + GAP),
        margin=MARGIN,
        text=TEXT_LEFT,
    )


def _branch(blocks: Sequence[_Block], name: str) -> str:
    """The path from the input of this name down to the layers that it reaches; empty if there are none."""
    placed = [one for block in blocks for one in block.layers]
    ends = [y - BASELINE_TO_MIDDLE for layer, y in placed if layer.side_input == name]
    starts = [y - BASELINE_TO_MIDDLE for layer, y in placed if layer.kind == name]
    if not (starts and ends):
        return ""
    x, right = BRANCHES_LEFT[name], TEXT_LEFT - 6
    arrows = "".join(
        f"M{x} {y:.1f}H{right}M{right - 4} {y - 3:.1f}L{right} {y:.1f}L{right - 4} {y + 3:.1f}" for y in ends
    )
    return f"M{right} {starts[0]:.1f}H{x}V{ends[-1]:.1f}{arrows}"


def _describe_layer(layer: DrawnLayer) -> str:
    side = f" by {layer.side_input}" if layer.side_input else ""
    return f"{layer.kind}{side} {_times(layer.shape)} {layer.parameters:,}"


def _blocks(layers: Sequence[DrawnLayer]) -> Iterator[_Block]:
    largest = max((side for layer in layers for side in layer.shape[:-1]), default=1)
    top, face_bottom = float(HEAD), 0.0
    for shape, group in groupby(layers, key=lambda layer: layer.shape):
        same = list(group)
        width, height, depth = _block_size(shape, largest)
        text = LINE * len(same)
        whole = max(text + LINE, height + depth / 2)
        face_top = top + (whole - height + depth / 2) / 2  # the block is in the middle
        baseline = top + (whole - text) / 2
        yield _Block(
            shape=_times(shape),
            baseline=baseline,
            layers=[(layer, baseline + LINE * number) for number, layer in enumerate(same, start=1)],
            faces=_faces(BLOCK_CENTRE - (width + depth) / 2, face_top, width, height, depth),
            arrow=_arrow(face_bottom, face_top - depth / 2) if face_bottom else "",
            bottom=top + whole,
        )
        face_bottom, top = face_top + height, top + whole + GAP


def _block_size(shape: tuple[int, ...], largest: int) -> tuple[float, float, float]:
    """Width, height and depth in pixels; `largest` is the longest side of any image in the network."""
    *sides, channels = shape
    if not sides:
        return min(max(channels**0.5, SHORTEST_ROD), LONGEST_ROD), ROD, ROD
    height, width = (max(side * LARGEST_FACE / largest, SMALLEST_FACE) for side in sides)
    return width, height, min(1.5 * channels**0.5 + 1, DEEPEST)


def _faces(left: float, top: float, width: float, height: float, depth: float) -> list[tuple[float, str]]:
    """Opacity and corners of a block's front, top and right side, seen from the front, above and right."""
    right, bottom, rise = left + width, top + height, depth / 2
    faces = (
        (0.2, ((left, top), (right, top), (right, bottom), (left, bottom))),
        (0.35, ((left, top), (left + depth, top - rise), (right + depth, top - rise), (right, top))),
        (0.55, ((right, top), (right + depth, top - rise), (right + depth, bottom - rise), (right, bottom))),
    )
    return [(opacity, " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)) for opacity, corners in faces]


def _arrow(start: float, end: float) -> str:
    """The path of an arrow down, 5 pixels from what is above and below it."""
    start, end = start + 5, end - 5
    head = f"M{BLOCK_CENTRE - 4} {end - 5:.1f}L{BLOCK_CENTRE} {end:.1f}L{BLOCK_CENTRE + 4} {end - 5:.1f}"
    return f"M{BLOCK_CENTRE} {start:.1f}V{end:.1f}{head}"


def _times(shape: tuple[int, ...]) -> str:
    return " × ".join(f"{side:,}" for side in shape)
