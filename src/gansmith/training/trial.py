"""How long a step takes here, from three of them on noise."""

import tempfile
import time
from pathlib import Path

import numpy as np

from gansmith.data.pack import Pack
from gansmith.runs import Run
from gansmith.schema import Recipe
from gansmith.training.engine import Engine
from gansmith.training.loop import Setting, make_sampler, train_step
from gansmith.training.reporting import Silent
from gansmith.training.state import build

STEPS = 3


def seconds_per_step(recipe: Recipe, engine: Engine) -> float:
    """Median time of three iterations of the recipe, after one to warm up, on pictures of noise."""
    pack = noise_pack(recipe)
    gan = build(recipe, engine)
    setting = Setting(recipe=recipe, pack=pack, engine=engine, run=Run(Path(tempfile.gettempdir())), reporter=Silent())
    sampler = make_sampler(recipe, pack)
    times = []
    for _ in range(1 + STEPS):
        began = time.perf_counter()
        values = train_step(gan, setting, sampler)
        values["loss/g"].mean().item()  # waits for the device
        times.append(time.perf_counter() - began)
    return sorted(times[1:])[STEPS // 2]


def noise_pack(recipe: Recipe) -> Pack:
    """Twice a batch of noise in the recipe's shape."""
    data = recipe.data
    shape = (2 * recipe.batch, data.channels, data.height, data.width)
    noise = np.random.default_rng(recipe.seed).integers(0, 256, shape, np.uint8)
    return Pack(images=noise, labels=None, index={"name": "noise", "remarks": []})
