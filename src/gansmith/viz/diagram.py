"""A network as a drawing: SVG text, the same bytes for the same network, readable on light and on dark paper."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

WIDTH = 440
_MIDDLE, _TEXT, _RIGHT = 84, 168, WIDTH - 24
"""Where the blocks are centred, where the text begins, and where the counts end."""
_LINE, _GAP, _HEAD = 20, 26, 80
_LARGEST_FACE, _LONGEST, _DEEPEST = 64, 104, 44
"""Pixels of the largest image's longer side; of the longest vector; of the most channels."""


class Layer(Protocol):
    """What a row of a network's table says."""

    @property
    def kind(self) -> str:
        """What the layer is."""
        ...

    @property
    def shape(self) -> tuple[int, ...]:
        """Its output's shape without the batch: (features,), or (height, width, channels)."""
        ...

    @property
    def parameters(self) -> int:
        """How many it has."""
        ...


class Network(Protocol):
    """A network's table."""

    @property
    def layers(self) -> Sequence[Layer]:
        """In the order in which they compute."""
        ...

    @property
    def trainable(self) -> int:
        """Parameters that gradients move."""
        ...

    @property
    def non_trainable(self) -> int:
        """The others."""
        ...


@dataclass(frozen=True, slots=True)
class _Stage:
    """Layers in a row whose outputs have the same shape, as (kind, parameters); its block's size in pixels."""

    shape: tuple[int, ...]
    lines: list[tuple[str, str]]

    def block(self, largest: int) -> tuple[float, float, float]:
        """Width, height and depth; `largest` is the longest side of any image in the network."""
        *sides, channels = self.shape
        if not sides:
            return min(max(channels**0.5, 6), _LONGEST), 7, 7
        high, wide = (max(side * _LARGEST_FACE / largest, 4) for side in sides)
        return wide, high, min(1.5 * channels**0.5 + 1, _DEEPEST)


def diagram(title: str, source: str, shape: tuple[int, ...], network: Network, colour: str) -> str:
    """The network from top to bottom, a block for each shape of what flows through it.

    `source` says what goes in, of `shape`, channels last. A block's face grows with the image, its depth with the
    root of the channels; a vector is a rod, as long as the root of its length, up to a limit.
    """
    stages = _stages(source, shape, network.layers)
    body, height = _drawn(stages, colour)
    totals = f"{network.trainable + network.non_trainable:,} parameters"
    if network.non_trainable:
        totals += f", {network.trainable:,} of them trainable"
    name = f"{title}: {_times(stages[0].shape)} to {_times(stages[-1].shape)}, {totals}"
    listed = "; ".join(f"{layer.kind} {_times(layer.shape)} {layer.parameters:,}" for layer in network.layers)
    return _SVG.format(
        width=WIDTH,
        height=height,
        inner_width=WIDTH - 1,
        inner_height=height - 1,
        name=html.escape(name),
        listed=html.escape(listed),
        title=html.escape(title),
        totals=html.escape(totals),
        body="\n".join(body),
    )


def _stages(source: str, shape: tuple[int, ...], layers: Sequence[Layer]) -> list[_Stage]:
    stages = [_Stage(shape, [(source, "")])]
    for same, group in groupby(layers, key=lambda layer: layer.shape):
        stages.append(_Stage(same, [(one.kind, f"{one.parameters:,}" if one.parameters else "") for one in group]))
    return stages


def _drawn(stages: list[_Stage], colour: str) -> tuple[list[str], int]:
    """The SVG of all stages, and the height that they take."""
    largest = max((side for stage in stages for side in stage.shape[:-1]), default=1)
    parts, top, bottom = [], _HEAD, 0.0
    for stage in stages:
        wide, high, deep = stage.block(largest)
        text = _LINE * len(stage.lines)
        height = max(text + _LINE, high + deep / 2)
        face = top + (height - high + deep / 2) / 2  # where the front's upper edge is: the block is in the middle
        if stage is not stages[0]:
            parts.append(_arrow(bottom, face - deep / 2))
        parts.append(_block(_MIDDLE - (wide + deep) / 2, face, wide, high, deep, colour))
        parts += _words(stage, top + (height - text) / 2)
        bottom, top = face + high, top + height + _GAP
    return parts, round(top)


def _block(left: float, top: float, wide: float, high: float, deep: float, colour: str) -> str:
    """The front, the top and the right side, seen from the front, above and right."""
    right, bottom, rise = left + wide, top + high, deep / 2
    faces = (
        (0.2, ((left, top), (right, top), (right, bottom), (left, bottom))),
        (0.35, ((left, top), (left + deep, top - rise), (right + deep, top - rise), (right, top))),
        (0.55, ((right, top), (right + deep, top - rise), (right + deep, bottom - rise), (right, bottom))),
    )
    drawn = (
        f'<polygon fill-opacity="{shade}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in corners)}"/>'
        for shade, corners in faces
    )
    return f'<g fill="{colour}" stroke="{colour}" stroke-linejoin="round">{"".join(drawn)}</g>'


def _arrow(start: float, end: float) -> str:
    start, end = start + 5, end - 5
    return (
        f'<path class="network-arrow" d="M{_MIDDLE} {start:.1f}V{end:.1f}'
        f'M{_MIDDLE - 4} {end - 5:.1f}L{_MIDDLE} {end:.1f}L{_MIDDLE + 4} {end - 5:.1f}"/>'
    )


def _words(stage: _Stage, baseline: float) -> list[str]:
    """The shape, and under it a line for each layer: its kind and its number of parameters."""
    words = [f'<text class="network-ink" font-weight="600" x="{_TEXT}" y="{baseline:.1f}">{_times(stage.shape)}</text>']
    for number, (kind, count) in enumerate(stage.lines, start=1):
        y = f"{baseline + _LINE * number:.1f}"
        words.append(f'<text class="network-ink" x="{_TEXT}" y="{y}">{html.escape(kind)}</text>')
        if count:
            words.append(f'<text class="network-soft" text-anchor="end" x="{_RIGHT}" y="{y}">{count}</text>')
    return words


def _times(shape: tuple[int, ...]) -> str:
    return " × ".join(f"{side:,}" for side in shape)


_SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" class="network" role="img" width="{width}" height="{height}" \
viewBox="0 0 {width} {height}" font-family="system-ui, sans-serif" font-size="14">
<title>{name}</title>
<desc>{listed}</desc>
<style>
.network-paper {{ fill: #ffffff; stroke: #d5d9de; }}
.network-ink {{ fill: #1f2328; }}
.network-soft {{ fill: #59626c; font-variant-numeric: tabular-nums; }}
.network-arrow {{ fill: none; stroke: #8a929b; stroke-width: 1.5; }}
@media (prefers-color-scheme: dark) {{
.network-paper {{ fill: #1b1e22; stroke: #3a4048; }}
.network-ink {{ fill: #e8eaed; }}
.network-soft {{ fill: #a3acb6; }}
}}
</style>
<rect class="network-paper" x="0.5" y="0.5" width="{inner_width}" height="{inner_height}" rx="6"/>
<text class="network-ink" font-size="17" font-weight="600" x="24" y="32">{title}</text>
<text class="network-soft" x="24" y="54">{totals}</text>
{body}
</svg>
"""
