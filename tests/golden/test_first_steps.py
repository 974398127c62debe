"""The first eight steps of every recipe, narrow: a refactor reproduces them, a change of the numbers explains them.

In float64, where processors that round otherwise agree to many digits. `python tests/golden/test_first_steps.py` writes
the file anew.
"""

import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gansmith import recipe
from gansmith.data.store import Dataset
from gansmith.engine import make_engine
from gansmith.recipes import recipe_names
from gansmith.training.batch import make_batch
from gansmith.training.datasets import make_sampler
from gansmith.training.optim import make_optimizer
from gansmith.training.state import build
from gansmith.training.steps import train_step

STORED = Path(__file__).with_name("first_steps.json")


def in_float64(value):
    """Tensors of numbers in float64, those in a table or in the targets too; everything else as it is."""
    if isinstance(value, torch.Tensor):
        return value.double() if value.is_floating_point() else value
    return {name: in_float64(one) for name, one in value.items()} if isinstance(value, dict) else value


def drawn_in_float64(*arguments):
    given = make_batch(*arguments)
    targets = {one.name: in_float64(getattr(given.targets, one.name)) for one in fields(given.targets)}
    drawn = {one.name: in_float64(getattr(given, one.name)) for one in fields(given)}
    return replace(given, **drawn | {"targets": replace(given.targets, **targets)})


def first_losses(name):
    small = recipe(name, ["model.width=16", "batch_size=8"])
    data = small.data
    pixels = np.random.default_rng(0).integers(0, 256, (2000, data.channels, data.height, data.width), np.uint8)
    pixels[:, :, :8] = 0
    engine = make_engine("cpu", "fp32")
    gan = build(small, engine)
    for network in (gan.G, gan.D, gan.G_ema):
        if network is not None:
            network.double()
    gan.optimizer_g = make_optimizer(small.generator_optimizer, gan.optimizer_g.parameters)
    gan.optimizer_d = make_optimizer(small.discriminator_optimizer, gan.optimizer_d.parameters)
    dataset = Dataset(images=pixels, labels=None, index={})
    sampler, steps = make_sampler(small, dataset), []
    for _ in range(8):
        batch = drawn_in_float64(small, gan.seen, dataset.batch(sampler.indices(gan.seen)), engine)
        steps.append(train_step(gan, batch, small, engine))
    return {name: [round(step[name].mean().item(), 9) for step in steps] for name in ("loss/d", "loss/g")}


@pytest.mark.parametrize("name", recipe_names())
def test_the_first_steps_are_those_on_file(name):
    stored = json.loads(STORED.read_text())[name]
    for loss, values in first_losses(name).items():
        np.testing.assert_allclose(values, stored[loss], rtol=1e-6, err_msg=loss)


if __name__ == "__main__":
    torch.set_num_threads(1)  # as every test has it: sums are rounded in another order with more
    STORED.write_text(json.dumps({name: first_losses(name) for name in recipe_names()}, indent=1) + "\n")
