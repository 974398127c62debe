"""How long a step takes here, and whether one can be made at all: on pictures of noise."""

import statistics
import time

import torch
from torch import Tensor

from gansmith.rng import stream
from gansmith.schema import Recipe
from gansmith.training.engine import Engine, suitable_threads
from gansmith.training.loop import train_step
from gansmith.training.state import build

STEPS = 3


def seconds_per_step(recipe: Recipe, engine: Engine) -> float:
    """Median time of three iterations of the recipe, after one to warm up; a lazy penalty adds its share."""
    gan, pixels = build(recipe, engine), _noise(recipe)
    every = recipe.objective.penalty_every

    def seconds(iteration: int) -> float:
        gan.seen, began = iteration * recipe.batch, time.perf_counter()
        train_step(gan, pixels, recipe, engine)["loss/g"].mean().item()  # reading a value waits for the device
        return time.perf_counter() - began

    with suitable_threads(recipe.batch, gan.G, gan.D):
        seconds(0)
        usual = statistics.median(seconds(1 + number * every) for number in range(STEPS))
        return usual if every == 1 else usual + (seconds(every) - usual) / every


def two_steps(recipe: Recipe, engine: Engine) -> None:
    """Two iterations: the optimisers' state is made in the first. Raises what torch raises without the memory."""
    gan, pixels = build(recipe, engine), _noise(recipe)
    for _ in range(2):
        train_step(gan, pixels, recipe, engine)["loss/g"].mean().item()


def _noise(recipe: Recipe) -> Tensor:
    """Pixels of a batch, uint8 [N, C, H, W]."""
    data = recipe.data
    shape = (recipe.batch, data.channels, data.height, data.width)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=stream(recipe.seed, "trial", 0))
