"""Plots of the distances of several runs over images and over time, one colour per group."""

from collections.abc import Sequence
from dataclasses import dataclass

from gansmith.viz.curves import figure_png, set_logarithmic, style

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


def group_curves(lines: Sequence[RunLine], name: str) -> bytes:
    """A PNG of two plots on a logarithmic axis called `name`: over images, and over seconds."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.8), layout="constrained", dpi=144)
    by_images, by_seconds = figure.subplots(1, 2, sharey=True)
    labelled: set[str] = set()
    for line in lines:
        colour = COLOURS[line.group % len(COLOURS)]
        label = None if line.label in labelled else line.label
        labelled.add(line.label)
        for axes, positions in ((by_images, line.images), (by_seconds, line.seconds)):
            lows = [max(low, value / 100) for low, value in zip(line.lows, line.values, strict=True)]
            axes.fill_between(positions, lows, line.highs, color=colour, alpha=0.15, linewidth=0)
            axes.plot(positions, line.values, color=colour, linewidth=1.6, marker="o", markersize=3, label=label)
    for axes, below in ((by_images, "images seen"), (by_seconds, "seconds of training")):
        style(axes, below)
        set_logarithmic(axes)
    by_images.set_ylabel(name)
    by_images.legend(frameon=False)
    return figure_png(figure)
