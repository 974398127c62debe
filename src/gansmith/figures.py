"""The figures that an article shows, drawn from a run: its samples, curves and networks. `gansmith runs figures`.

<run>/figures/
  index.html               all figures on one page, which states the figures that the article has
  samples.png              the article's last grid; samples-clipped.png without its mistake, if it made one
  samples-<step>[-epoch-<epoch>].png     the same latents during training
  reals.png  losses.png  evolution.png  G.svg  D.svg
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gansmith.errors import DiskError
from gansmith.report import (
    describe_classes,
    evolution_columns,
    evolution_rows,
    read_grid,
    sample_grids,
)
from gansmith.runs.run import Run, write_atomically
from gansmith.schema import Recipe
from gansmith.viz.curves import Line, loss_curves
from gansmith.viz.evolution import evolution
from gansmith.viz.figure_grids import apply_colour_map, figure_grid
from gansmith.viz.grids import png
from gansmith.viz.page import render_page

if TYPE_CHECKING:
    from gansmith.engine import DeviceChoice
    from gansmith.generation.generator import Generator
    from gansmith.pixels import Display

MISTAKES = {
    "wrapped": "G's output times 255 becomes whole numbers without clipping, so values below 0 come out bright",
    "doubled": "(x / 2 + 1) 255, clipped, so all values above 0 come out white, and black as grey",
}
"""What articles do wrong when they display samples, in words."""

GRIDS_SHOWN = 24
"""Grids of the training that the page shows, at most; the folder holds all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A file of the folder, with its heading and its caption on the page."""

    name: str
    kind: str
    title: str
    caption: str
    content: bytes
    note: str = ""
    """What holds for all figures of the kind."""


def draw_figures(run: Run, checkpoint: str = "last", device: "DeviceChoice" = "auto") -> list[Path]:
    """Draw the figures into the run's folder `figures` and return the files, the page first.

    The samples come from the checkpoint: "last", "best" or a step. Everything else comes from the run folder. Raises
    CheckpointError for a checkpoint that the run does not have, before anything is written. Raises DiskError when the
    figures cannot be written.
    """
    from gansmith.generation.generator import load
    from gansmith.networks import network_diagrams

    generator = load(run, checkpoint, device)
    recipe, step = generator.recipe, generator.step
    figures = [
        *_samples(run, generator, step),
        *_reals(run, recipe),
        *_losses(run, recipe),
        *_during_training(run, recipe),
        *_evolution(run, recipe),
        *(
            Figure(name=f"{name}.svg", kind="networks", title="The networks", caption="", content=drawing.encode())
            for name, drawing in network_diagrams(recipe).items()
        ),
    ]
    run.check_no_links()
    folder = run.path / "figures"
    files = {"index.html": _page(run, recipe, figures), **{figure.name: figure.content for figure in figures}}
    try:
        folder.mkdir(exist_ok=True)
        for name, content in files.items():
            write_atomically(folder / name, content)
    except OSError as error:
        raise DiskError(f"the figures cannot be written to {folder}: {error.strerror}.") from error
    return [folder / name for name in files]


def _samples(run: Run, generator: "Generator", step: int) -> Iterator[Figure]:
    """The article's last grid, and the correct one next to it where the article's display is wrong."""
    import torch

    from gansmith.generation.generator import Draws, channels_last, grid_labels
    from gansmith.pixels import to_display

    recipe, display = generator.recipe, generator.recipe.figures.display
    num = recipe.grid.rows * recipe.grid.columns
    images = torch.cat([*generator.sample_outputs(num, Draws(seed=0), grid_labels(recipe))])

    def drawn(name: str, display: "Display", title: str, caption: str) -> Figure:
        pixels = channels_last(to_display(images, recipe.data.pixel_range, display))
        return Figure(name=f"{name}.png", kind=name, title=title, caption=caption, content=_grid(pixels, recipe))

    title = f"Samples after {_describe_step(recipe, step)}"
    caption = f"Random latents, not selected{_describe_colours(recipe)}.{describe_classes(run, recipe)}"
    if display == "clipped":
        yield drawn("samples", display, title, caption)
        return
    correct = "G's range becomes 0 to 255, and values outside it are clipped."
    yield drawn("samples", display, title, f"{caption} The article's display: {MISTAKES[display]}.")
    yield drawn("samples-clipped", "clipped", "The same samples, displayed correctly", correct)


def _during_training(run: Run, recipe: Recipe) -> Iterator[Figure]:
    """The run's own sample grids."""
    num = recipe.grid.rows * recipe.grid.columns
    note = f"The same latents throughout{_describe_colours(recipe)}.{describe_classes(run, recipe)}"
    if recipe.figures.display != "clipped":
        note += " Without the article's mistake: a run keeps its grids as they should be."
    for step, file in sample_grids(run).items():
        epoch = f"-epoch-{_epoch(recipe, step)}" if recipe.figures.epoch else ""
        name, caption = f"samples-{step:08}{epoch}.png", _describe_step(recipe, step)
        content = _grid(read_grid(file, num, recipe), recipe)
        yield Figure(name=name, kind="on the way", title="During training", caption=caption, content=content, note=note)


def _reals(run: Run, recipe: Recipe) -> Iterator[Figure]:
    data = run.info().get("data", {})
    num = min(recipe.grid.rows * recipe.grid.columns, data.get("count", 0))
    file = run.path / "reals.png"
    if file.is_file() and num:
        caption = f"From {data['name']}, at random{_describe_colours(recipe)}.{describe_classes(run, recipe)}"
        content = _grid(read_grid(file, num, recipe), recipe)
        yield Figure(name=file.name, kind="reals", title="Real images", caption=caption, content=content)


@dataclass(frozen=True, kw_only=True, slots=True)
class LossPlot:
    """The losses that are plotted: their title, their caption, and the position of each value on the article's axis."""

    title: str
    caption: str
    positions: list[float]
    lines: list[Line]


def plotted_losses(run: Run, recipe: Recipe) -> LossPlot | None:
    """The losses that the article plots, or the training losses of a run that has no validation losses yet.

    None for a run that has logged no losses.
    """
    figures = recipe.figures
    asked, validation = figures.losses == "validation", []
    if asked:  # earlier versions logged "evaluation/d" for today's "held_out/d"
        renamed = [{key.replace("evaluation/", "held_out/"): line[key] for key in line} for line in run.metrics()]
        validation = [line for line in renamed if "held_out/d" in line]
    prefix, rows = ("held_out", validation) if validation else ("loss", run.events())
    if not rows:
        return None
    caption = "The losses of single steps."
    if validation:
        caption = f"Both networks in inference mode, on {rows[-1]['images']} real images and as many generated ones."
    elif asked:
        caption = "The losses of single steps: the article plots validation losses, and this run has none yet."
    if not figures.epoch and figures.axis != "step":
        caption += f" The axis counts steps, whatever the article calls them: {figures.axis!r}."
    curves = (("d", "Discriminator", figures.discriminator_colour), ("g", "Generator", figures.generator_colour))
    lines = [
        Line(label=label, colour=colour, values=[row[f"{prefix}/{d_or_g}"] for row in rows])
        for d_or_g, label, colour in curves
    ]
    positions = [row["seen"] / (figures.epoch or recipe.batch_size) for row in rows]
    title = "Validation losses" if validation else "Training losses"
    return LossPlot(title=title, caption=caption, positions=positions, lines=lines)


def _losses(run: Run, recipe: Recipe) -> Iterator[Figure]:
    if found := plotted_losses(run, recipe):
        content = loss_curves(found.positions, found.lines, found.title, recipe.figures.axis)
        yield Figure(name="losses.png", kind="losses", title=found.title, caption=found.caption, content=content)


def _evolution(run: Run, recipe: Recipe) -> Iterator[Figure]:
    if columns := evolution_columns(run, recipe):
        coloured = [(label, _coloured(pixels, recipe)) for label, pixels in columns]
        content = png(evolution(coloured, evolution_rows(run, recipe)))
        title = "Evolution during training"
        caption = "Each row is one latent vector, each column a step of the training."
        yield Figure(name="evolution.png", kind="evolution", title=title, caption=caption, content=content)


def _grid(pixels: np.ndarray, recipe: Recipe) -> bytes:
    return png(figure_grid(_coloured(pixels, recipe), recipe.grid.columns))


def _coloured(pixels: np.ndarray, recipe: Recipe) -> np.ndarray:
    figures = recipe.figures
    return apply_colour_map(pixels, stretch=figures.autoscale, reverse=figures.colour_map == "grey-reversed")


def _describe_colours(recipe: Recipe) -> str:
    """The part of a caption that states how images of one channel are shown; empty for other images."""
    figures = recipe.figures
    words = ["each stretched from its darkest to its brightest value"] if figures.autoscale else []
    words += ["0 is white"] if figures.colour_map == "grey-reversed" else []
    return "; " + ", ".join(words) if words and recipe.data.channels == 1 else ""


def _epoch(recipe: Recipe, step: int) -> str:
    return f"{round(step * recipe.batch_size / recipe.figures.epoch, 2):g}"


def _describe_step(recipe: Recipe, step: int) -> str:
    epochs = f", epoch {_epoch(recipe, step)}" if recipe.figures.epoch else ""
    return f"{step:,} {'step' if step == 1 else 'steps'}{epochs}"


def _page(run: Run, recipe: Recipe, figures: Sequence[Figure]) -> str:
    from gansmith.recipes import family, recipe_names
    from gansmith.recipes.base import OURS, Family

    known = recipe.name.partition(":")[0] in recipe_names()
    about = family(recipe.name) if known else Family(article=OURS)
    article = about.article.cited() if about.shows else ""
    by_kind: dict[str, list[Figure]] = {}
    for figure in figures:
        by_kind.setdefault(figure.kind, []).append(figure)
    grids = by_kind.get("on the way", [])
    return render_page(
        "figures.html",
        title=run.path.name,
        about=f"{recipe.about}. {article}" if article else recipe.about,
        figures=by_kind,
        kinds_in_article=about.shows,
        grids=grids[-1 :: len(grids) // -GRIDS_SHOWN][::-1] if grids else [],  # evenly spaced, the last one among them
        drawings=[figure.content.decode() for figure in by_kind["networks"]],
    )
