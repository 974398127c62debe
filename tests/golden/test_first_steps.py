"""The first eight steps of every recipe, narrow: a refactor reproduces them, a change of the numbers explains them.

`python tests/golden/test_first_steps.py` writes the file anew.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from gansmith.data.pack import Pack
from gansmith.recipes import recipe, recipe_names
from gansmith.training.engine import make_engine
from gansmith.training.loop import make_sampler, train_step
from gansmith.training.state import build

STORED = Path(__file__).with_name("first_steps.json")


def first_losses(name):
    small = recipe(name, ["model.width=16", "batch=8"])
    data = small.data
    pixels = np.random.default_rng(0).integers(0, 256, (2000, data.channels, data.height, data.width), np.uint8)
    pixels[:, :, :8] = 0
    engine = make_engine("cpu", "fp32")
    gan = build(small, engine)
    pack = Pack(images=pixels, labels=None, index={})
    sampler = make_sampler(small, pack)
    steps = [train_step(gan, pack.batch(sampler.indices(gan.seen)), small, engine) for _ in range(8)]
    return {name: [round(step[name].mean().item(), 6) for step in steps] for name in ("loss/d", "loss/g")}


@pytest.mark.parametrize("name", recipe_names())
def test_the_first_steps_are_those_on_file(name):
    stored = json.loads(STORED.read_text())[name]
    for loss, values in first_losses(name).items():
        # Other processors round float32 differently; what a changed draw, order or rate does is far larger.
        np.testing.assert_allclose(values, stored[loss], rtol=2e-3, err_msg=loss)


if __name__ == "__main__":
    torch.set_num_threads(1)  # as every test has it: sums are rounded in another order with more
    STORED.write_text(json.dumps({name: first_losses(name) for name in recipe_names()}, indent=1) + "\n")
