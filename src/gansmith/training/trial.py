"""How long a step takes here, from three of them on noise."""

import statistics
import time

import torch

from gansmith.rng import stream
from gansmith.schema import Recipe
from gansmith.training.engine import Engine
from gansmith.training.loop import train_step
from gansmith.training.state import build

STEPS = 3


def seconds_per_step(recipe: Recipe, engine: Engine) -> float:
    """Median time of three iterations of the recipe, after one to warm up, on pictures of noise."""
    data, gan = recipe.data, build(recipe, engine)
    shape = (recipe.batch, data.channels, data.height, data.width)
    pixels = torch.randint(0, 256, shape, dtype=torch.uint8, generator=stream(recipe.seed, "trial", 0))
    times = []
    for _ in range(1 + STEPS):
        began = time.perf_counter()
        train_step(gan, pixels, recipe, engine)["loss/g"].mean().item()  # reading a value waits for the device
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:])
