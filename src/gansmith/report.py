"""The images and the page of a run, rebuilt at any time from its folder alone."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gansmith.errors import DataError
from gansmith.recipe_file import recipe_of, to_toml
from gansmith.runs.history import DECIDES, MOST, Evaluated, best_of, evaluations
from gansmith.runs.run import Run, write_atomically
from gansmith.schema import Figures, Recipe
from gansmith.system.untrusted import open_plain
from gansmith.text import command, duration
from gansmith.viz.curves import curve_panels, distance_curve, next_to_each_other
from gansmith.viz.evolution import evolution, evolution_steps
from gansmith.viz.grids import enlargement, grid_size, png, tiles
from gansmith.viz.page import HALF, even_width, render_page

RUNNING = "running"
"""Status in run.json of a run in training."""
REFRESH_SECONDS = 20
"""Seconds after which the page of a run in training loads itself again."""
PANELS = ("Loss", "D is right")
"""Names of the panels of the curves."""
LEAST_FILLED = 0.6
"""Share of the room next to each other that grids fill at least; otherwise they are larger, one above the other."""
BETTER = {"lower": "↓", "higher": "↑"}
"""Sign for the direction in which a metric is better."""
EVOLUTION_ROWS = 8
"""Latents in the evolution strip."""
MOST_ROWS = 16
"""Latents in the evolution strip of a conditional run, if the first row of its grid has as many images."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveNote:
    """What the page of a run in training says about itself."""

    written: str
    """The local time."""
    every: str
    """Time from one sample grid to the next; empty as long as it is unknown."""
    refresh: int = REFRESH_SECONDS


def write_report(run: Run) -> None:
    """Write curves.png, evolution.png, distance.png and report.html from what the run folder holds.

    The page of a run in training loads itself again, and says when it was written. No random number is drawn.
    """
    recipe, events, history = recipe_of(run), run.events(), evaluations(run)
    panels = curve_panels(events) if events else []
    files = {"curves.png": next_to_each_other(panels)} if panels else {}
    if len(columns := evolution_columns(run, recipe)) > 1:
        files["evolution.png"] = png(evolution(columns, evolution_rows(run, recipe)))
    if len(history) > 1:  # one point is no curve: the table of evaluations has it
        points = np.array([(one.seen, one.value, one.low, one.high) for one in history])
        files["distance.png"] = distance_curve(points, _floor(_evaluation_info(run)), "Fréchet distance")
    for name, content in files.items():
        write_atomically(run.path / name, content)
    write_atomically(run.report, _page(run, recipe, events, files, panels))


def evolution_columns(run: Run, recipe: Recipe) -> list[tuple[str, np.ndarray]]:
    """The columns of the evolution strip: each its step and the images (N, H, W, C) of then."""
    grids, num = sample_grids(run), recipe.grid.rows * recipe.grid.columns
    return [
        (f"{step:,}", read_grid(grids[step], num, recipe)[: _evolution_num(recipe)])
        for step in evolution_steps(grids, recipe.steps)
    ]


def sample_grids(run: Run) -> dict[int, Path]:
    """The files of the run's sample grids by step, in order; all grids show the same latents."""
    return dict(sorted((int(file.stem), file) for file in run.samples.glob("*.png") if file.stem.isdecimal()))


def read_grid(file: Path, num: int, recipe: Recipe) -> np.ndarray:
    """The `num` images, uint8 (num, H, W, C), of a grid that the run has written. Raises DataError for another file."""
    data, columns = recipe.data, recipe.grid.columns
    size = grid_size(num, columns, data.height, data.width)
    try:
        with open_plain(file) as opened, Image.open(opened, formats=["PNG"]) as image:
            if image.size != size or len(image.getbands()) != data.channels:
                found = f"{image.width}x{image.height} with {len(image.getbands())} channels"
                raise ValueError(f"it is {found}, not {size[0]}x{size[1]} with {data.channels}")
            return tiles(image, num, columns, data.height, data.width)
    except Exception as error:  # Pillow has many for a damaged file
        raise DataError(f"{file} is no grid of this run's images: {error}; remove it.") from error


def evolution_rows(run: Run, recipe: Recipe) -> list[str]:
    """The class of each row of the evolution strip; an empty list for an unconditional run."""
    from gansmith.data.classes import classes_of, on_grid

    num = recipe.data.num_classes
    if not num:
        return []
    names = classes_of(run.info().get("data"), num).names
    labels = on_grid(num, recipe.grid.rows, recipe.grid.columns)
    return [names[label] for label in labels[: _evolution_num(recipe)].tolist()]


def _evolution_num(recipe: Recipe) -> int:
    """Latents in the evolution strip: of a conditional run the whole first row of the grid, up to `MOST_ROWS`."""
    grid = recipe.grid
    rows = max(EVOLUTION_ROWS, min(grid.columns, MOST_ROWS)) if recipe.data.num_classes else EVOLUTION_ROWS
    return min(rows, grid.rows * grid.columns)


def describe_classes(run: Run, recipe: Recipe) -> str:
    """The end of a grid's caption: which image is of which class; empty for an unconditional run."""
    from gansmith.data.classes import classes_of

    num = recipe.data.num_classes
    if not num:
        return ""
    names = ", ".join(classes_of(run.info().get("data"), num).names)
    order = "Each column is of one class" if recipe.grid.columns >= num else "The classes come in turn"
    return f" {order}: {names}."


def _evaluation_info(run: Run) -> dict[str, Any]:
    """What run.json holds about the evaluations: their protocol and their reference scores."""
    kept = run.info().get("evaluate")
    return kept if isinstance(kept, dict) else {}


def _floor(evaluated: dict[str, Any]) -> float | None:
    """The distance that real images have from one another, if run.json holds it."""
    value = evaluated
    for key in ("floor", DECIDES, "value"):
        value = value.get(key) if isinstance(value, dict) else None
    return float(value) if isinstance(value, int | float) and 0 < value < MOST else None


def _describe_distances(history: list[Evaluated], evaluated: dict[str, Any]) -> str:
    """The caption of the plot of distances; empty without an evaluation."""
    best = best_of(history)
    if best is None:
        return ""
    sentences = [f"Best: step {best.step:,}, FD {best.value:.4g} (95 % interval {best.low:.4g} to {best.high:.4g})."]
    if (floor := _floor(evaluated)) is not None:
        sentences.append(f"Real images score {floor:.4g}, which is as good as it gets with so many images.")
    protocol = evaluated.get("protocol")
    if isinstance(protocol, dict):
        sentences.append(
            f"Each evaluation compares {protocol.get('fake')} generated images with {protocol.get('real')} images of "
            f"{protocol.get('reference')}, {protocol.get('split')} split, by the features {protocol.get('features')}. "
            "Compare only states of this run by it; for numbers to publish: gansmith evaluate."
        )
    return " ".join(sentences)


def _page(run: Run, recipe: Recipe, events: list[dict[str, Any]], files: dict[str, bytes], panels: list[bytes]) -> str:
    from gansmith.networks import network_diagrams, network_tables  # torch, which pages without networks do without

    info, grids, data = run.info(), sample_grids(run), recipe.data
    dataset, sampled = info.get("data", {}), max(grids, default=0)
    last = events[-1] if events else {}
    samples, zoom = _content(grids[sampled]) if grids else None, enlargement(data.height, data.width)
    is_large = samples is not None and even_width(samples, HALF, zoom) < LEAST_FILLED * HALF
    return render_page(
        "run.html",
        title=run.path.name,
        command=command("resume", run.path),
        about=recipe.about,
        live=_live_note(info, recipe, last),
        recipe=recipe,
        recipe_text=to_toml(recipe, comments=True),
        summary=_summary(info, recipe, last),
        notes=_notes(info, recipe),
        classes=describe_classes(run, recipe),
        dataset=f"{dataset.get('name', 'the data')}, {dataset.get('count', 0):,} images",
        distances=_describe_distances(evaluations(run), _evaluation_info(run)),
        measures=_measures(run),
        samples=samples,
        sampled=sampled,
        reals=_content(run.path / "reals.png"),
        zoom=zoom,
        grid_size="wide" if is_large else "half",
        evolution=files.get("evolution.png"),
        distance=files.get("distance.png"),
        panels=dict(zip(PANELS, panels, strict=False)),
        drawings=network_diagrams(recipe).values(),
        tables=network_tables(recipe),
        machine=_machine(info),
    )


def _content(file: Path) -> bytes | None:
    return file.read_bytes() if file.is_file() else None


def _summary(info: dict[str, Any], recipe: Recipe, last: dict[str, Any]) -> dict[str, object]:
    """Name and value of what stands at the head of the page. `last` is the last logged step."""
    clock, count = last.get("time", {}), info.get("data", {}).get("count", 0)
    at = last if info.get("status") == RUNNING or "seen" not in info else info  # the last step is not always logged
    step, seen = at.get("step", 0), at.get("seen", 0)
    return {
        "status": info.get("status", ""),
        **({"ended because": reason} if (reason := info.get("reason")) else {}),
        "steps": f"{step:,} of {recipe.steps:,}",
        "images seen": f"{seen:,}",
        **({"epochs": f"{seen / count:.3g}"} if count else {}),
        "training time": duration(clock.get("seconds", 0)),
        **({"time left": left} if (left := _time_left(info, recipe, last)) else {}),
        "speed": f"{clock.get('images_per_second', 0):,.0f} images/s",
        "device": f"{info.get('device', '')}, {info.get('precision', '')}",
        "seed": recipe.seed,
        "started": info.get("started", ""),
    }


def _live_note(info: dict[str, Any], recipe: Recipe, last: dict[str, Any]) -> LiveNote | None:
    """What the page says about itself while the run is in training."""
    if info.get("status") != RUNNING:
        return None
    rate = last.get("time", {}).get("images_per_second", 0)
    every = duration(max(recipe.length.sample_every / rate, 1)) if rate else ""
    return LiveNote(written=time.strftime("%H:%M:%S %Z on %Y-%m-%d"), every=every)


def _time_left(info: dict[str, Any], recipe: Recipe, last: dict[str, Any]) -> str:
    """How long a run in training still takes at the rate of the last logged step; empty for any other run."""
    rate = last.get("time", {}).get("images_per_second", 0)
    if info.get("status") != RUNNING or not rate:
        return ""
    return f"about {duration((recipe.steps - last['step']) * recipe.batch_size / rate)}"


def _notes(info: dict[str, Any], recipe: Recipe) -> dict[str, list[str]]:
    """The run's notes by heading: on the plan, which come first, on the data, and all others.

    How to draw the article's figures is among them if the recipe comes from an article.
    """
    notes, about_data = info.get("notes", []), info.get("data_notes", [])
    num_planned = next((place for place, note in enumerate(notes) if note in about_data), 0)
    others = [note for note in notes[num_planned:] if note not in about_data]
    if recipe.figures != Figures():
        others.append(f"figures in the layout of the article: {command('runs', 'figures', info.get('name', ''))}")
    planned = [note.removeprefix("plan: ") for note in notes[:num_planned]]
    return {"Plan": planned, "Data": [note for note in notes if note in about_data], "Notes": others}


def _measures(run: Run) -> dict[str, Any]:
    """The best and the last evaluation as a table: the steps, and each metric with a value and an interval for each."""
    from gansmith.evaluation.table import METRICS

    best, lines = best_of(evaluations(run)), [line for line in run.metrics() if isinstance(line.get(DECIDES), dict)]
    if best is None:
        return {}
    shown = [next(line for line in lines if line["step"] == best.step), lines[-1]]
    if shown[0] is shown[1]:
        del shown[0]
    heads = {"best" if line["step"] == best.step else "last": line["step"] for line in shown}
    rows = {
        name: {
            "about": metric.about,
            "better": BETTER.get(metric.better, ""),
            "cells": [_cell(line.get(name)) for line in shown],
        }
        for name, metric in METRICS.items()
        if any(name in line for line in shown)
    }
    return {"heads": heads, "rows": rows}


def _cell(measured: object) -> dict[str, str]:
    """The value and the interval of a metric, in words; empty for what is no measurement."""
    ends = [measured.get(end) for end in ("value", "low", "high")] if isinstance(measured, dict) else []
    if not (ends and all(isinstance(end, int | float) for end in ends)):
        return {"value": "", "interval": ""}
    value, low, high = ends
    return {"value": f"{value:.4g}", "interval": f"{low:.3g} to {high:.3g}"}


def _machine(info: dict[str, Any]) -> dict[str, object]:
    """What run.json holds about the machine, with the memory in words."""
    machine = dict(info.get("machine", {}))
    if "memory_gib" in machine:
        machine["memory"] = f"{machine.pop('memory_gib')} GiB"
    return machine
