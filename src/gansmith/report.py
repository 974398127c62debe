"""The images and the page that a run leaves behind, rebuilt at any time from its folder alone."""

import html
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from gansmith.data.classes import classes_of, on_grid
from gansmith.errors import DataError
from gansmith.recipe_file import recipe_of, to_toml
from gansmith.runs.history import DECIDES, MOST, Evaluated, best_of, evaluations
from gansmith.runs.run import Run, write_atomically
from gansmith.schema import Recipe
from gansmith.system.untrusted import open_plain
from gansmith.viz.curves import D_COLOUR, G_COLOUR, Band, curves, distance_curve
from gansmith.viz.diagram import diagram
from gansmith.viz.evolution import evolution, evolution_steps, in_percent
from gansmith.viz.grids import grid_size, png, tiles
from gansmith.viz.page import image_source, page, pairs, side_by_side

if TYPE_CHECKING:
    from gansmith.nn.summary import Summary

EVOLUTION_ROWS = 8
"""Latents shown in the evolution strip."""
MOST_ROWS = 16
"""Those of a run with classes, where the first row of the grid has as many."""


def write_report(run: Run) -> None:
    """Write curves.png, evolution.png, distance.png and report.html from what the run folder holds."""
    recipe = recipe_of(run)
    if events := run.events():
        write_atomically(run.path / "curves.png", curves(events))
    if columns := evolution_columns(run, recipe):
        write_atomically(run.path / "evolution.png", png(evolution(columns, evolution_rows(run, recipe))))
    if history := evaluations(run):
        write_atomically(run.path / "distance.png", _distances(history, _evaluated(run)))
    write_atomically(run.report, _page(run, recipe, events))


def network_diagrams(recipe: Recipe) -> dict[str, str]:
    """The drawings of G and D, as SVG."""
    from gansmith.networks import network_tables  # torch, which pages without networks do without

    spec, tables = recipe.spec, network_tables(recipe)
    image = (spec.height, spec.width, spec.channels)
    return {
        "G": diagram("Generator", "latents", (spec.latents,), tables["Generator"], G_COLOUR),
        "D": diagram("Discriminator", "image", image, tables["Discriminator"], D_COLOUR),
    }


def evolution_columns(run: Run, recipe: Recipe) -> list[tuple[str, np.ndarray]]:
    """For each moment of the strip: its share of the run and the first latents' images, cut out of its grid."""
    grids, num = sample_grids(run), recipe.grid.rows * recipe.grid.columns
    return [
        (in_percent(step, recipe.steps), cut(grids[step], num, recipe)[: _evolution_num(recipe)])
        for step in evolution_steps(grids, recipe.steps)
    ]


def sample_grids(run: Run) -> dict[int, Path]:
    """The sheets that the run has drawn of the same latents, by step, the first one first."""
    return dict(sorted((int(file.stem), file) for file in run.samples.glob("*.png") if file.stem.isdecimal()))


def cut(file: Path, num: int, recipe: Recipe) -> np.ndarray:
    """The images (num, H, W, C) of a sheet that the run has drawn of so many. Raises DataError for another file."""
    data, columns = recipe.data, recipe.grid.columns
    wanted = grid_size(num, columns, data.height, data.width)
    try:
        with open_plain(file) as opened, Image.open(opened, formats=["PNG"]) as sheet:
            if sheet.size != wanted or len(sheet.getbands()) != data.channels:
                found = f"{sheet.width}x{sheet.height} with {len(sheet.getbands())} channels"
                raise ValueError(f"it is {found}, not {wanted[0]}x{wanted[1]} with {data.channels}")
            return tiles(sheet, num, columns, data.height, data.width)
    except Exception as error:  # Pillow has many for a damaged file
        raise DataError(f"{file} is no sheet of this run's images: {error}; remove it.") from error


def evolution_rows(run: Run, recipe: Recipe) -> list[str]:
    """The names of the classes that the strip shows, row by row; none without classes."""
    num = recipe.data.num_classes
    if not num:
        return []
    names = classes_of(run.info().get("data"), num).names
    labels = on_grid(num, recipe.grid.rows, recipe.grid.columns)
    return [names[label] for label in labels[: _evolution_num(recipe)].tolist()]


def _evolution_num(recipe: Recipe) -> int:
    """Latents in the strip: with classes the whole first row of the grid, if that is not too many."""
    grid = recipe.grid
    rows = max(EVOLUTION_ROWS, min(grid.columns, MOST_ROWS)) if recipe.data.num_classes else EVOLUTION_ROWS
    return min(rows, grid.rows * grid.columns)


def describe_classes(run: Run, recipe: Recipe) -> str:
    """What the places of the grid have to do with classes, the end of a caption; nothing without classes."""
    num = recipe.data.num_classes
    if not num:
        return ""
    names = ", ".join(classes_of(run.info().get("data"), num).names)
    how = "Each column is of one class" if recipe.grid.columns >= num else "The classes come in turn"
    return f" {how}: {names}."


def _distances(history: list[Evaluated], evaluated: dict[str, Any]) -> bytes:
    band = Band(
        seen=[one.seen for one in history],
        values=[one.value for one in history],
        lows=[one.low for one in history],
        highs=[one.high for one in history],
    )
    return distance_curve(band, _floor(evaluated), "Fréchet distance")


def _evaluated(run: Run) -> dict[str, Any]:
    """What run.json says of the evaluations: their protocol and their floor."""
    kept = run.info().get("evaluate")
    return kept if isinstance(kept, dict) else {}


def _floor(evaluated: dict[str, Any]) -> float | None:
    value = evaluated
    for key in ("floor", DECIDES, "value"):
        value = value.get(key) if isinstance(value, dict) else None
    return float(value) if isinstance(value, int | float) and 0 < value < MOST else None


def _about_distances(history: list[Evaluated], evaluated: dict[str, Any]) -> str:
    """What the curve of distances is of, in words; nothing without one."""
    best = best_of(history)
    if best is None:
        return ""
    protocol = evaluated.get("protocol")
    said = f"Best at step {best.step:,}: {best.describe()}."
    if (floor := _floor(evaluated)) is not None:
        said += f" As many other real images come to {floor:.4g}: nearer than that is chance."
    if isinstance(protocol, dict):
        said += (
            f" {protocol.get('fake')} of the generator's images against {protocol.get('real')} of "
            f"{protocol.get('reference')}, {protocol.get('split')} split, features {protocol.get('features')}. "
            "Good for comparing the states of this run; for numbers to quote: gansmith evaluate."
        )
    return said


def _page(run: Run, recipe: Recipe, events: list[dict[str, Any]]) -> str:
    info = run.info()
    last = events[-1] if events else {}
    samples, by_class = sorted(run.samples.glob("*.png")), describe_classes(run, recipe)
    sections = [
        _figure(
            "What the generator makes now",
            samples[-1] if samples else None,
            f"Random latents, not chosen.{by_class}",
            "half",
        ),
        _figure("Real images", run.path / "reals.png", f"From {_described(info)}.{by_class}", "half"),
        _figure(
            "How it learned",
            run.path / "evolution.png",
            "Each row is one latent vector, each column a share of the training.",
            "wide",
        ),
        _figure(
            "How far from real images",
            run.path / "distance.png",
            _about_distances(evaluations(run), _evaluated(run)),
            "wide",
        ),
        _figure(
            "Curves",
            run.path / "curves.png",
            "Faint: single steps; strong: their running mean. The losses of a GAN do not say how good the images "
            "are; D near 50 % right on both kinds means that it can hardly tell them apart.",
            "wide",
        ),
    ]
    from gansmith.networks import network_tables

    tables = "".join(_network_table(name, table) for name, table in network_tables(recipe).items())
    body = [
        _facts(info, recipe, last),
        f'<div class="figures">{"".join(sections)}</div>',
        f"<h2>The networks</h2>\n{side_by_side(network_diagrams(recipe).values())}",
        f'<details><summary>The networks as tables</summary><div class="tables">{tables}</div></details>',
        f"<details><summary>The recipe</summary><pre>{html.escape(to_toml(recipe, comments=True))}</pre></details>",
        f"<details open><summary>The machine</summary>{pairs(info.get('machine', {}))}</details>",
    ]
    return page(run.path.name, recipe.about, body)


def _described(info: dict[str, Any]) -> str:
    data = info.get("data", {})
    return f"{data.get('name', 'the data')}, {data.get('count', 0):,} images"


def _facts(info: dict[str, Any], recipe: Recipe, last: dict[str, Any]) -> str:
    clock = last.get("time", {})
    facts = {
        "status": info.get("status", ""),
        **({"ended because": reason} if (reason := info.get("reason")) else {}),
        "steps": f"{last.get('step', 0):,} of {recipe.steps:,}",
        "images seen": f"{last.get('seen', 0):,}",
        "training time": f"{clock.get('seconds', 0):,.0f} s",
        "speed": f"{clock.get('images_per_second', 0):,.0f} images/s",
        "device": f"{info.get('device', '')}, {info.get('precision', '')}",
        "seed": recipe.seed,
        "started": info.get("started", ""),
    }
    hint = f"figures as an article prints them: gansmith runs figures {info.get('name', '')}"
    notes = "".join(f"<li>{html.escape(note)}</li>" for note in (*info.get("notes", []), hint))
    return f"{pairs(facts)}<ul>{notes}</ul>"


def _figure(title: str, file: Path | None, caption: str, size: str) -> str:
    if file is None or not file.is_file():
        return ""
    return (
        f'<figure class="{size}"><h2>{title}</h2><img alt="{title}" src="{image_source(file.read_bytes())}">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )


def _network_table(name: str, table: "Summary") -> str:
    rows = "".join(
        f"<tr><td>{layer.kind}</td><td>{' × '.join(map(str, layer.shape))}</td><td>{layer.parameters:,}</td></tr>"
        for layer in table.layers
    )
    totals = f"{table.total:,} parameters: {table.trainable:,} trainable, {table.non_trainable:,} not"
    return (
        f"<div><h3>{name}</h3><table><thead><tr><th>layer</th><th>output</th><th>parameters</th></tr></thead>"
        f"<tbody>{rows}</tbody><tfoot><tr><td colspan=3>{totals}</td></tr></tfoot></table></div>"
    )
