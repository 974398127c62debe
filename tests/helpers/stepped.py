"""One step in float64, so that two ways of taking it can be held against each other."""

from dataclasses import replace

import torch

from gansmith.engine import make_engine
from gansmith.schema import Recipe
from gansmith.training.batch import Batch
from gansmith.training.optim import make_optimizer
from gansmith.training.state import build
from gansmith.training.steps import discriminator_step, generator_step


def stepped_in_float64(recipe: Recipe, batch: Batch) -> dict[str, torch.Tensor]:
    """What a step of each network reports, and both networks' weights and buffers after it."""
    engine = make_engine("cpu", "fp32")
    gan = build(recipe, engine)
    gan.G.double()
    gan.D.double()
    gan.optimizer_g = make_optimizer(recipe.generator_optimizer, gan.optimizer_g.parameters)
    gan.optimizer_d = make_optimizer(recipe.discriminator_optimizer, gan.optimizer_d.parameters)
    batch = replace(batch, **{name: getattr(batch, name).double() for name in ("real", "z_d", "z_g")})
    values = discriminator_step(gan, batch, recipe.objective, engine)
    values |= generator_step(gan, batch, recipe.objective, engine)
    return {**values, **gan.G.state_dict(), **{f"D {key}": value for key, value in gan.D.state_dict().items()}}


def assert_close(found: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> None:
    """Hold every number against its counterpart, to 1e-9."""
    assert found.keys() == wanted.keys()
    for key, value in wanted.items():
        torch.testing.assert_close(found[key], value, rtol=1e-9, atol=1e-9, msg=key)
