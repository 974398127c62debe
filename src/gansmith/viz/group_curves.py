"""Plots of the distances and the losses of several runs over images, and over time, one colour per group."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gansmith.viz.curves import legend_above, new_panel, panel_png, running_mean, set_logarithmic, style

COLOURS = ("#3b76c4", "#d9822b", "#2a9d6f", "#b0457f", "#7a5cc0", "#8a6d3b", "#4aa3a8", "#999999")
"""Colours of the groups, A first; the ninth group has the first colour again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunLine:
    """The evaluations of one run: the images and seconds before each, its value, and both ends of its interval."""

    group: int
    """Number of its group, from 0."""
    label: str
    images: Sequence[float]
    seconds: Sequence[float]
    values: Sequence[float]
    lows: Sequence[float]
    highs: Sequence[float]


@dataclass(frozen=True, kw_only=True, slots=True)
class LossLine:
    """The logged losses of one run: the images before each, and D's and G's loss."""

    group: int
    """Number of its group, from 0."""
    label: str
    images: Sequence[float]
    d: Sequence[float]
    g: Sequence[float]


def group_losses(lines: Sequence[LossLine]) -> list[bytes]:
    """PNGs of two plots over images, D's loss and G's, each a running mean over a fiftieth of the run."""
    both = new_panel(), new_panel()
    labelled: set[str] = set()
    for line in lines:
        colour = COLOURS[line.group % len(COLOURS)]
        label = None if line.label in labelled else line.label
        labelled.add(line.label)
        for axes, values in zip(both, (line.d, line.g), strict=True):
            means = running_mean(np.array(values, float))
            axes.plot(line.images, means, color=colour, linewidth=1.3, alpha=0.85, label=label)
    for axes, name in zip(both, ("loss of D", "loss of G"), strict=True):
        axes.set_xlim(left=0)
        style(axes, "images seen")
        axes.set_ylabel(name)
        legend_above(axes)
    return [panel_png(axes) for axes in both]


def group_curves(lines: Sequence[RunLine], name: str) -> list[bytes]:
    """PNGs of two plots on a logarithmic axis called `name`: over images, and over seconds."""
    by_images, by_seconds = new_panel(), new_panel()
    labelled: set[str] = set()
    for line in lines:
        colour = COLOURS[line.group % len(COLOURS)]
        label = None if line.label in labelled else line.label
        labelled.add(line.label)
        lows = [max(low, value / 100) for low, value in zip(line.lows, line.values, strict=True)]
        for axes, positions in ((by_images, line.images), (by_seconds, line.seconds)):
            axes.fill_between(positions, lows, line.highs, color=colour, alpha=0.15, linewidth=0)
            axes.plot(positions, line.values, color=colour, linewidth=1.6, marker="o", markersize=3, label=label)
    for axes, below in ((by_images, "images seen"), (by_seconds, "seconds of training")):
        axes.set_xlim(left=0)
        style(axes, below)
        set_logarithmic(axes)
        axes.set_ylabel(name)
        legend_above(axes)
    return [panel_png(axes) for axes in (by_images, by_seconds)]
