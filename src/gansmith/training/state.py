"""Everything a run updates, and how it begins."""

import copy
from dataclasses import dataclass

import torch
from torch import nn

from gansmith.augment.augmenter import Augmenter, make_augmenter
from gansmith.engine import Engine, make_engine
from gansmith.networks import check_networks
from gansmith.nn.init import init_weights
from gansmith.rng import stream
from gansmith.schema import Recipe
from gansmith.training.optim import Optimizer, make_optimizer


@dataclass(kw_only=True, slots=True)
class GAN:
    """Everything a run updates. `seen` is the clock: real images shown to D so far."""

    G: nn.Module
    D: nn.Module
    G_ema: nn.Module | None
    """The average of G, when the recipe keeps one."""
    optimizer_g: Optimizer
    optimizer_d: Optimizer
    augment: Augmenter | None = None
    """What is done to the images that D sees, when the recipe asks for that."""
    seen: int = 0

    @property
    def shown(self) -> nn.Module:
        """The generator whose images are shown and shipped: the average, if there is one."""
        return self.G_ema or self.G


def build(recipe: Recipe, engine: Engine | None = None) -> GAN:
    """Networks with first weights from the recipe's seed, and their optimisers, on the engine's device.

    Without an engine, on the one that the recipe's precision gets here. Raises RecipeError as `check_networks` does.
    """
    check_networks(recipe)
    engine = engine or make_engine("auto", recipe.precision)
    with torch.random.fork_rng(devices=[]):  # torch's own first weights are drawn and thrown away
        networks = recipe.model.build(recipe.spec)
    G, D = networks.G, networks.D
    init_weights(G, stream(recipe.seed, "init/G", 0))
    init_weights(D, stream(recipe.seed, "init/D", 0))
    engine.place(G)
    engine.place(D)
    moved_by_g = [*G.parameters()]
    if recipe.objective.generator_step_trains_discriminator:
        moved_by_g += D.parameters()
    return GAN(
        G=G,
        D=D,
        G_ema=copy.deepcopy(G) if recipe.ema_half_life else None,
        optimizer_g=make_optimizer(recipe.generator_optimizer, moved_by_g),
        optimizer_d=make_optimizer(recipe.discriminator_optimizer, D.parameters()),
        augment=make_augmenter(recipe.augment, recipe.data.pixel_range),
    )
