"""Plots over the images seen: the losses of both networks, D's accuracy, and the distance to real images."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from gansmith.viz.grids import png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

D_COLOUR = "#3b76c4"
"""Colour of D's curves."""
G_COLOUR = "#d9822b"
"""Colour of G's curves."""
REAL_COLOUR = "#2a9d6f"
"""Colour of D's accuracy on real images."""
FAKE_COLOUR = "#b0457f"
"""Colour of D's accuracy on generated images."""
ROUND_STEPS = (1, 2, 5, 10)
"""Distances of ticks, times a power of ten."""
FEWEST_WHOLE = 3
"""Length of an axis from which on its ticks are whole numbers."""
LOG_TICKS = ((10, (1, 2, 5)), (3, (1, 2, 3, 4, 6, 8)))
"""Ratio of a logarithmic axis's ends above which its ticks are at these multiples of powers of ten."""
USUAL = 0.995
"""Share of the losses that decide how high their axis is, if the others lie far above."""
SPIKE = 1.5
"""Room above those, and how far beyond that room a loss lies far above, as factors."""
MOST_MARKERS = 60
"""Values of the longest curve that has a marker for each of its values."""


def curve_panels(events: Sequence[Mapping[str, float]]) -> list[bytes]:
    """PNGs of two plots, the losses and D's accuracy: thin lines for single steps, thick ones for their running mean.

    Each event holds "seen", "loss/d", "loss/g", "accuracy/real" and "accuracy/fake".
    """
    losses, accuracies = [new_panel() for _ in range(2)]
    for axes, lines in (
        (losses, (("loss/d", "D", D_COLOUR), ("loss/g", "G", G_COLOUR))),
        (accuracies, (("accuracy/real", "on real", REAL_COLOUR), ("accuracy/fake", "on generated", FAKE_COLOUR))),
    ):
        seen = [event["seen"] for event in events]
        for name, label, colour in lines:
            values = np.array([event[name] for event in events])
            axes.plot(seen, values, color=colour, alpha=0.25, linewidth=0.8)
            axes.plot(seen, running_mean(values), color=colour, linewidth=1.8, label=label)
        axes.set_xlim(left=0)
        style(axes, "images seen")
        legend_above(axes)
    losses.set_title("Loss", loc="left")
    losses.set_ylim(bottom=0 if min(losses.get_ylim()) > -0.5 else None)
    if events:
        _cut_off_spikes(losses, np.array([[event["loss/d"], event["loss/g"]] for event in events]))
    accuracies.set_title("D is right", loc="left")
    accuracies.set_ylim(0, 1.02)
    accuracies.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    return [panel_png(axes) for axes in (losses, accuracies)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A curve with its name, its colour and its values."""

    label: str
    colour: str
    values: Sequence[float]


def loss_curves(positions: Sequence[float], lines: Sequence[Line], title: str, axis: str) -> bytes:
    """A PNG of one plot as articles print it, with lines from value to value; `axis` is the name of the x axis."""
    axes = new_panel()
    looks = {"linewidth": 1.3, "marker": "o" if len(positions) <= MOST_MARKERS else None, "markersize": 3}
    for line in lines:
        axes.plot(positions, line.values, color=line.colour, label=line.label, **looks)
    axes.set_title(title, loc="left")
    style(axes, axis)
    axes.set_ylabel("loss")
    legend_above(axes)
    return panel_png(axes)


def distance_curve(points: np.ndarray, floor: float | None, name: str) -> bytes:
    """A PNG of distances and their intervals on a logarithmic axis called `name`; the lowest distance is marked.

    `points` (n, 4) are images seen, distance, and both ends of its interval. `floor` is the distance of real images
    from one another, drawn as a line, or None.
    """
    axes = new_panel()
    seen, values, lows, highs = points.T
    smallest = max(min(values[values > 0].min(initial=1.0), floor or np.inf) / 10, 1e-12)  # a logarithmic axis has no 0
    values, lows = np.maximum(values, smallest), np.maximum(lows, smallest)
    axes.fill_between(seen, lows, highs, color=G_COLOUR, alpha=0.25, linewidth=0, label="95 % interval")
    axes.vlines(seen, lows, highs, color=G_COLOUR, linewidth=1.0)
    axes.plot(seen, values, color=G_COLOUR, linewidth=1.8, marker="o", markersize=3.5)
    best = int(values.argmin())
    axes.plot(seen[best], values[best], "o", markersize=9, color=G_COLOUR, markeredgecolor="black", label="best")
    if floor:
        axes.axhline(floor, color="#666666", linewidth=1.2, linestyle="--", label="real images")
    axes.set_xlim(left=0)
    style(axes, "images seen")
    set_logarithmic(axes)
    axes.set_ylabel(name)
    legend_above(axes)
    return panel_png(axes)


def _cut_off_spikes(axes: "Axes", values: np.ndarray) -> None:
    """End the axis above nearly all values if a few lie far beyond, which would flatten the curves, and say so."""
    top, highest = SPIKE * float(np.quantile(values, USUAL)), float(values.max())
    if 0 < SPIKE * top < highest:
        axes.set_ylim(top=top)
        axes.text(0.99, 0.97, f"single steps up to {highest:.3g}", transform=axes.transAxes, ha="right", va="top")


def new_panel() -> "Axes":
    """The axes of a plot that can be read at the width of a phone and next to another one."""
    from matplotlib.figure import Figure

    return Figure(figsize=(5, 3.6), layout="constrained", dpi=144).subplots()


def style(axes: "Axes", below: str) -> None:
    """Name the x axis, set round ticks, and draw a faint grid without a frame at the top and on the right."""
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel(below)
    for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        axis.set_major_locator(MaxNLocator(nbins=7, steps=ROUND_STEPS, integer=high - low >= FEWEST_WHOLE))
        axis.set_major_formatter(lambda value, _: short_number(value))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def legend_above(axes: "Axes") -> None:
    """A legend in one row above the plot, where it hides no value."""
    axes.legend(
        frameon=False,
        loc="lower right",
        bbox_to_anchor=(1, 1),
        ncols=3,
        borderaxespad=0.2,
        columnspacing=1,
        handlelength=1.5,
    )


def set_logarithmic(axes: "Axes") -> None:
    """Make the y axis logarithmic, with plain numbers at round values: 1, 2 and 5 times powers of ten, or closer."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

    axes.set_yscale("log")
    low, high = axes.get_ylim()
    parts = next((parts for ratio, parts in LOG_TICKS if high > ratio * low), None)
    axes.yaxis.set_major_locator(LogLocator(subs=parts) if parts else MaxNLocator(nbins=6, steps=ROUND_STEPS))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def short_number(value: float) -> str:
    """A number on an axis, such as "0.5", "800", "20k", "1.5M" and "1e+12"."""
    if abs(value) >= 1e9:
        return f"{value:g}"
    if abs(value) >= 1e6:
        return f"{value / 1e6:g}M"
    if abs(value) >= 1e4:
        return f"{value / 1e3:g}k"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:g}"


def next_to_each_other(pngs: Sequence[bytes]) -> bytes:
    """PNGs of one height in a row, as one PNG."""
    images = [Image.open(io.BytesIO(one)).convert("RGB") for one in pngs]
    row = Image.new("RGB", (sum(image.width for image in images), images[0].height))
    for number, image in enumerate(images):
        row.paste(image, (sum(before.width for before in images[:number]), 0))
    return png(row)


def panel_png(axes: "Axes") -> bytes:
    """The figure of these axes as a PNG file; the same figure always gives the same bytes."""
    from matplotlib.figure import Figure

    figure, buffer = axes.get_figure(), io.BytesIO()
    assert isinstance(figure, Figure)
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def running_mean(values: np.ndarray) -> np.ndarray:
    """Mean over a window of a fiftieth of the values, narrower towards both ends."""
    half = max(1, len(values) // 100)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    positions = np.arange(len(values))
    low, high = np.maximum(positions - half, 0), np.minimum(positions + half + 1, len(values))
    return (sums[high] - sums[low]) / (high - low)
