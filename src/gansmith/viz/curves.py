"""Plots over the images seen: the losses of both networks, D's accuracy, and the distance to real images."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

D_COLOUR = "#3b76c4"
"""Colour of D's curves."""
G_COLOUR = "#d9822b"
"""Colour of G's curves."""
REAL_COLOUR = "#2a9d6f"
"""Colour of D's accuracy on real images."""
FAKE_COLOUR = "#b0457f"
"""Colour of D's accuracy on generated images."""
MOST_MARKERS = 60
"""Values of the longest curve that has a marker for each of its values."""


def curves(events: Sequence[Mapping[str, float]]) -> bytes:
    """A PNG of two plots: thin lines for single steps, thick ones for their running mean over a fiftieth of the run.

    Each event holds "seen", "loss/d", "loss/g", "accuracy/real" and "accuracy/fake".
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.6), layout="constrained", dpi=144)
    losses, accuracies = figure.subplots(1, 2)
    seen = np.array([event["seen"] for event in events]) / 1000
    for axes, lines in (
        (losses, (("loss/d", "D", D_COLOUR), ("loss/g", "G", G_COLOUR))),
        (accuracies, (("accuracy/real", "on real", REAL_COLOUR), ("accuracy/fake", "on generated", FAKE_COLOUR))),
    ):
        for name, label, colour in lines:
            values = np.array([event[name] for event in events])
            axes.plot(seen, values, color=colour, alpha=0.25, linewidth=0.8)
            axes.plot(seen, running_mean(values), color=colour, linewidth=1.8, label=label)
        style(axes, "images seen, thousands")
        axes.legend(frameon=False)
    losses.set_title("Loss", loc="left")
    losses.set_ylim(bottom=0 if min(losses.get_ylim()) > -0.5 else None)
    accuracies.set_title("D's share of right answers", loc="left")
    accuracies.set_ylim(0, 1.02)
    return figure_png(figure)


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A curve with its name, its colour and its values."""

    label: str
    colour: str
    values: Sequence[float]


def loss_curves(positions: Sequence[float], lines: Sequence[Line], title: str, axis: str) -> bytes:
    """A PNG of one plot as articles print it, with lines from value to value; `axis` is the name of the x axis."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(7.2, 4.4), layout="constrained", dpi=144)
    axes = figure.subplots()
    looks = {"linewidth": 1.3, "marker": "o" if len(positions) <= MOST_MARKERS else None, "markersize": 3}
    for line in lines:
        axes.plot(positions, line.values, color=line.colour, label=line.label, **looks)
    axes.set_title(title, loc="left")
    style(axes, axis)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel("loss")
    axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0.2)
    return figure_png(figure)


def distance_curve(points: np.ndarray, floor: float | None, name: str) -> bytes:
    """A PNG of distances and their intervals on a logarithmic axis called `name`; the lowest distance is marked.

    `points` (n, 4) are images seen, distance, and both ends of its interval. `floor` is the distance of real images
    from one another, drawn as a line, or None.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.6), layout="constrained", dpi=144)
    axes = figure.subplots()
    seen, values, lows, highs = points.T
    seen = seen / 1000
    smallest = max(min(values[values > 0].min(initial=1.0), floor or np.inf) / 10, 1e-12)  # a logarithmic axis has no 0
    values, lows = np.maximum(values, smallest), np.maximum(lows, smallest)
    axes.fill_between(seen, lows, highs, color=G_COLOUR, alpha=0.25, linewidth=0, label="95 % interval")
    axes.vlines(seen, lows, highs, color=G_COLOUR, linewidth=1.0)
    axes.plot(seen, values, color=G_COLOUR, linewidth=1.8, marker="o", markersize=3.5)
    best = int(values.argmin())
    axes.plot(seen[best], values[best], "o", markersize=9, color=G_COLOUR, markeredgecolor="black", label="best")
    if floor:
        axes.axhline(floor, color="#666666", linewidth=1.2, linestyle="--", label="real images")
    set_logarithmic(axes)
    axes.set_xlim(left=0)
    axes.set_ylabel(name)
    style(axes, "images seen, thousands")
    axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=3, borderaxespad=0.2)
    return figure_png(figure)


def style(axes: "Axes", below: str) -> None:
    """Name the x axis, and draw a faint grid without a frame at the top and on the right."""
    axes.set_xlabel(below)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def set_logarithmic(axes: "Axes") -> None:
    """Make the y axis logarithmic, with plain numbers at 1, 2 and 5 times each power of ten."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def figure_png(figure: "Figure") -> bytes:
    """The figure as a PNG file; the same figure always gives the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def running_mean(values: np.ndarray) -> np.ndarray:
    """Mean over a window of a fiftieth of the values, narrower towards both ends."""
    half = max(1, len(values) // 100)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    positions = np.arange(len(values))
    low, high = np.maximum(positions - half, 0), np.minimum(positions + half + 1, len(values))
    return (sums[high] - sums[low]) / (high - low)
