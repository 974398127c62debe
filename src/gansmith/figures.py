"""What an article shows, drawn anew from a run: its sheets, its curves, its networks. `gansmith runs figures`.

<run>/figures/
  index.html               everything below on one page, with what is the article's and what is ours
  samples.png              the article's last sheet; samples-clipped.png without its mistake, if it made one
  samples-<step>[-epoch-<epoch>].png     the same latents on the way
  reals.png  losses.png  evolution.png  G.svg  D.svg
"""

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gansmith.engine import DeviceChoice
from gansmith.errors import DiskError
from gansmith.generation.generator import Draws, Generator, channels_last, grid_labels, load
from gansmith.pixels import Display, to_display
from gansmith.recipes import family, recipe_names
from gansmith.recipes.base import OURS, Family
from gansmith.report import cut, describe_classes, evolution_columns, evolution_rows, network_diagrams, sample_grids
from gansmith.runs.run import Run, write_atomically
from gansmith.schema import Recipe
from gansmith.viz.curves import Line, loss_curves
from gansmith.viz.evolution import evolution
from gansmith.viz.grids import png
from gansmith.viz.page import image_source, page, side_by_side
from gansmith.viz.sheets import as_seen, sheet

MISTAKES = {
    "wrapped": "G's output times 255 becomes whole numbers without clipping, so what is below 0 comes out bright",
    "doubled": "(x / 2 + 1) 255, clipped, so all that is above 0 comes out white, and black as grey",
}
"""The displays that are not right, said aloud."""

ON_THE_PAGE = 24
"""Sheets on the way that the page shows, at most; the folder holds all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A file of the folder, and what the page says of it."""

    name: str
    kind: str
    title: str
    caption: str
    content: bytes
    note: str = ""
    """What holds for all figures of the kind."""


def draw_figures(run: Run, checkpoint: str = "last", device: DeviceChoice = "auto") -> list[Path]:
    """Draw the figures into the run's folder `figures` and return the files, the page first.

    The samples come from the checkpoint, "last", "best" or a step. Everything else is what the run has kept. Raises
    CheckpointError when there is no such checkpoint, before anything is written, and DiskError.
    """
    generator = load(run, checkpoint, device)
    recipe, step = generator.recipe, generator.step
    figures = [
        *_samples(run, generator, step),
        *_reals(run, recipe),
        *_losses(run, recipe),
        *_on_the_way(run, recipe),
        *_evolution(run, recipe),
        *_networks(recipe),
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


def _samples(run: Run, generator: Generator, step: int) -> Iterator[Figure]:
    """The article's last sheet, and the right one beside it where the article's display is not right."""
    recipe, display = generator.recipe, generator.recipe.figures.display
    num = recipe.grid.rows * recipe.grid.columns
    images = torch.cat([*generator.sample_outputs(num, Draws(seed=0), grid_labels(recipe))])

    def drawn(name: str, display: Display, title: str, caption: str) -> Figure:
        pixels = channels_last(to_display(images, recipe.data.pixel_range, display))
        return Figure(name=f"{name}.png", kind=name, title=title, caption=caption, content=_sheet(pixels, recipe))

    title, caption = (
        f"Samples after {_moment(recipe, step)}",
        f"Random latents, not chosen{_look(recipe)}.{describe_classes(run, recipe)}",
    )
    if display == "clipped":
        yield drawn("samples", display, title, caption)
        return
    right = "G's range becomes 0 to 255, and what is outside is clipped."
    yield drawn("samples", display, title, f"{caption} The article's display: {MISTAKES[display]}.")
    yield drawn("samples-clipped", "clipped", "The same samples, displayed right", right)


def _on_the_way(run: Run, recipe: Recipe) -> Iterator[Figure]:
    """The run's own sample grids."""
    num = recipe.grid.rows * recipe.grid.columns
    note = f"The same latents throughout{_look(recipe)}.{describe_classes(run, recipe)}"
    if recipe.figures.display != "clipped":
        note += " Without the article's mistake: a run keeps its grids as they should be."
    for step, file in sample_grids(run).items():
        epoch = f"-epoch-{_epoch(recipe, step)}" if recipe.figures.epoch else ""
        yield Figure(
            name=f"samples-{step:08}{epoch}.png",
            kind="on the way",
            title="On the way",
            caption=_moment(recipe, step),
            content=_sheet(cut(file, num, recipe), recipe),
            note=note,
        )


def _reals(run: Run, recipe: Recipe) -> Iterator[Figure]:
    data = run.info().get("data", {})
    num = min(recipe.grid.rows * recipe.grid.columns, data.get("count", 0))
    if (run.path / "reals.png").is_file() and num:
        yield Figure(
            name="reals.png",
            kind="reals",
            title="Real images",
            caption=f"From {data['name']}, at random{_look(recipe)}.{describe_classes(run, recipe)}",
            content=_sheet(cut(run.path / "reals.png", num, recipe), recipe),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Curves:
    """The losses that are plotted: what they are, and where on the article's axis each value stands."""

    title: str
    caption: str
    positions: list[float]
    lines: list[Line]


def validation_losses(run: Run) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl that hold them, under the names of today: "held_out/d" and "held_out/g"."""
    lines = [{key.replace("evaluation/", "held_out/"): value for key, value in line.items()} for line in run.metrics()]
    return [line for line in lines if "held_out/d" in line]


def plotted_losses(run: Run, recipe: Recipe) -> Curves | None:
    """The losses that the article plots; those of the training where a run has no others yet, None if not those."""
    figures = recipe.figures
    asked = figures.losses == "validation"
    held_out = validation_losses(run) if asked else []
    prefix, rows = ("held_out", held_out) if held_out else ("loss", run.events())
    if not rows:
        return None
    caption = "The losses of single steps."
    if held_out:
        caption = f"Both networks in inference mode, on {rows[-1]['images']} real images and as many generated ones."
    elif asked:
        caption = "The losses of single steps: the article plots those on images held out, and this run has none yet."
    if not figures.epoch and figures.axis != "step":
        caption += f" The axis counts steps, whatever the article calls them: {figures.axis!r}."
    curves = (("d", "Discriminator", figures.discriminator_colour), ("g", "Generator", figures.generator_colour))
    return Curves(
        title="Losses on images kept out of the training" if held_out else "Losses in training",
        caption=caption,
        positions=[row["seen"] / (figures.epoch or recipe.batch_size) for row in rows],
        lines=[
            Line(label=label, colour=colour, values=[row[f"{prefix}/{network}"] for row in rows])
            for network, label, colour in curves
        ],
    )


def _losses(run: Run, recipe: Recipe) -> Iterator[Figure]:
    if found := plotted_losses(run, recipe):
        content = loss_curves(found.positions, found.lines, found.title, recipe.figures.axis)
        yield Figure(name="losses.png", kind="losses", title=found.title, caption=found.caption, content=content)


def _evolution(run: Run, recipe: Recipe) -> Iterator[Figure]:
    if columns := evolution_columns(run, recipe):
        shown = [(label, _seen(pixels, recipe)) for label, pixels in columns]
        strip = evolution(shown, evolution_rows(run, recipe))
        caption = "Each row is one latent vector, each column a share of the training."
        yield Figure(
            name="evolution.png", kind="evolution", title="How it learned", caption=caption, content=png(strip)
        )


def _networks(recipe: Recipe) -> Iterator[Figure]:
    for name, drawing in network_diagrams(recipe).items():
        yield Figure(name=f"{name}.svg", kind="networks", title="The networks", caption="", content=drawing.encode())


def _sheet(pixels: np.ndarray, recipe: Recipe) -> bytes:
    return png(sheet(_seen(pixels, recipe), recipe.grid.columns))


def _seen(pixels: np.ndarray, recipe: Recipe) -> np.ndarray:
    figures = recipe.figures
    return as_seen(pixels, stretch=figures.autoscale, reverse=figures.colour_map == "grey-reversed")


def _look(recipe: Recipe) -> str:
    """What the settings for images of one channel do, to follow a caption."""
    figures = recipe.figures
    said = ["each stretched from its darkest to its brightest value"] if figures.autoscale else []
    said += ["0 is white"] if figures.colour_map == "grey-reversed" else []
    return "; " + ", ".join(said) if said and recipe.data.channels == 1 else ""


def _epoch(recipe: Recipe, step: int) -> str:
    return f"{round(step * recipe.batch_size / recipe.figures.epoch, 2):g}"


def _moment(recipe: Recipe, step: int) -> str:
    epochs = f", epoch {_epoch(recipe, step)}" if recipe.figures.epoch else ""
    return f"{step:,} {'step' if step == 1 else 'steps'}{epochs}"


def _page(run: Run, recipe: Recipe, figures: Sequence[Figure]) -> str:
    known = recipe.name.partition(":")[0] in recipe_names()
    about = family(recipe.name) if known else Family(article=OURS)
    article = about.article.cited() if about.shows else ""
    by_kind: dict[str, list[Figure]] = {}
    for figure in figures:
        by_kind.setdefault(figure.kind, []).append(figure)
    sections = [
        _section(kind, group, "in the article" if kind in about.shows else "ours" if article else "")
        for kind, group in by_kind.items()
    ]
    words = f"{recipe.about}. {article}" if article else recipe.about
    return page(run.path.name, words, [f'<div class="figures">{"".join(sections)}</div>'])


def _section(kind: str, figures: Sequence[Figure], origin: str) -> str:
    first = figures[0]
    heading = f"<h2>{html.escape(first.title)}{f' <small>{origin}</small>' if origin else ''}</h2>"
    if kind == "networks":
        drawings = side_by_side(figure.content.decode() for figure in figures)
        return f'<section class="wide">{heading}{drawings}</section>'
    if kind == "on the way":
        chosen = figures[-1 :: len(figures) // -ON_THE_PAGE][::-1]
        images = "".join(f"<figure>{_image(figure)}{_caption(figure)}</figure>" for figure in chosen)
        left_out = f" {len(chosen)} of {len(figures)}; the folder holds all." if len(chosen) < len(figures) else ""
        note = f'<p class="about">{html.escape(first.note + left_out)}</p>'
        return f'<section class="wide">{heading}{note}<div class="many">{images}</div></section>'
    size = {"evolution": "wide", "losses": "chart"}.get(kind, "half")
    return f'<figure class="{size}">{heading}{_image(first)}{_caption(first)}</figure>'


def _image(figure: Figure) -> str:
    return f'<img alt="{html.escape(f"{figure.title}: {figure.caption}")}" src="{image_source(figure.content)}">'


def _caption(figure: Figure) -> str:
    return f"<figcaption>{html.escape(figure.caption)}</figcaption>"
