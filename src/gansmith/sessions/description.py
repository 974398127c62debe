"""What a run folder tells about its run: recipe, run.json and a grid of real images."""

import sys
from collections.abc import Sequence
from itertools import cycle
from typing import Any

import torch

from gansmith.data.store import Dataset
from gansmith.engine import Engine
from gansmith.generation.generator import grid_labels
from gansmith.recipe_file import to_toml
from gansmith.rng import stream
from gansmith.runs.run import Run, utc_now
from gansmith.schema import Recipe
from gansmith.system.atomic import write_atomically
from gansmith.system.machine import describe_machine
from gansmith.training.loop import Setup
from gansmith.viz.grids import grid, png

MACHINE = ("processor", "gansmith", "torch", "threads")
"""Properties of the machine on which the last bits of a result depend, besides device and precision."""


def setting(engine: Engine) -> dict[str, Any]:
    """What the last bits of the results depend on, for run.json."""
    machine = describe_machine() | {"threads": torch.get_num_threads()}
    return {"device": str(engine.device), "precision": engine.precision, "machine": machine}


def notes_on_setting(run: Run, engine: Engine) -> list[str]:
    """A sentence when the run goes on with another device, precision or machine, so that the last bits may differ."""
    info, now = run.info(), setting(engine)
    machine = info.get("machine") if isinstance(info.get("machine"), dict) else {}
    pairs = [(key, info.get(key), now[key]) for key in ("device", "precision")]
    pairs += [(key, machine.get(key), now["machine"][key]) for key in MACHINE]
    differing = [f"{key} {new}, not {old}" for key, old, new in pairs if old is not None and old != new]
    return [f"from here on with {', '.join(differing)}: the last bits may differ"] if differing else []


def write_description(setup: Setup, notes: Sequence[str], **more: Any) -> None:
    """Write the run's recipe, run.json and grid of real images, before its first step."""
    run, recipe, dataset = setup.run, setup.recipe, setup.datasets.train
    write_atomically(run.recipe_file, to_toml(recipe))
    run.update(
        name=run.path.name,
        status="running",
        started=utc_now(),
        command=sys.argv,
        data={**dataset.index, "count": len(dataset)},
        notes=notes,
        data_notes=setup.datasets.notes,
        recipe=recipe.model_dump(mode="json"),
        **setting(setup.engine),
        **more,
    )
    reals = dataset.batch(_rows_of_reals_grid(recipe, dataset)).permute(0, 2, 3, 1).numpy()
    write_atomically(run.path / "reals.png", png(grid(reals, recipe.grid.columns)))


def packed_dataset_key(run: Run) -> str:
    """The key of the packed dataset of own images that the run was trained on; "" for a known dataset."""
    data = run.info().get("data")
    key = data.get("source_key") if isinstance(data, dict) else None
    return key if isinstance(key, str) else ""


def _rows_of_reals_grid(recipe: Recipe, dataset: Dataset) -> torch.Tensor:
    """Rows of the grid of real images, drawn at random; each is of the class that the sample grid has at its place."""
    num = min(recipe.grid.rows * recipe.grid.columns, len(dataset))
    order = torch.randperm(len(dataset), generator=stream(recipe.seed, "reals", 0))
    wanted, labels = grid_labels(recipe), dataset.labels_at(order)
    if wanted is None or labels is None:
        return order[:num]
    of_class = {label: cycle(order[labels == label].tolist()) for label in wanted.unique().tolist()}
    return torch.tensor([next(of_class[label]) for label in wanted[:num].tolist()])
