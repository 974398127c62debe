"""Everything that training changes: how it begins, and how it goes to a checkpoint and back.

This is why resume is exact: a checkpoint holds weights, EMA, optimiser state, augmentation state and the clock `seen`;
learning rates, the order of images and every random draw are functions of the recipe and that clock.
"""

import copy
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from gansmith.augment.augmenter import Augmenter, make_augmenter
from gansmith.checkpoints.load import load_tensors
from gansmith.checkpoints.manifest import read_manifest, read_state
from gansmith.checkpoints.save import NamedTensors, save_tensors
from gansmith.engine import Engine, make_engine
from gansmith.generation.generator import Generator
from gansmith.networks import check_networks
from gansmith.nn.init import init_weights
from gansmith.rng import stream
from gansmith.runs.run import Run
from gansmith.schema import Recipe
from gansmith.training.optim import Optimizer, make_optimizer

EMA_FILE = "G_ema"
"""Checkpoint file of the EMA of G, in runs that keep one."""
AUGMENT_FILE = "augment"
"""Checkpoint file of the augmentation's probability, in runs that adapt it."""


@dataclass(kw_only=True, slots=True, repr=False)
class GAN:
    """Everything that training changes. `seen` is the clock: real images shown to D so far."""

    G: nn.Module
    D: nn.Module
    G_ema: nn.Module | None
    """Exponential moving average of G's weights, when the recipe keeps one."""
    optimizer_g: Optimizer
    optimizer_d: Optimizer
    augment: Augmenter | None = None
    """Augments every image that D sees, when the recipe asks for it."""
    seen: int = 0

    def __repr__(self) -> str:
        sizes = {key: sum(each.numel() for each in network.parameters()) for key, network in networks_of(self).items()}
        counts = [f"{name}: {size:,} parameters" for name, size in sizes.items()]
        return f"GAN({', '.join(counts)}, seen: {self.seen:,} images)"


def build(recipe: Recipe, engine: Engine | None = None) -> GAN:
    """The networks and optimisers before the first step, on the engine's device; weights follow the recipe's seed.

    The default engine is `make_engine("auto", recipe.precision)`. Raises RecipeError as `check_networks` does.
    """
    check_networks(recipe)
    engine = engine or make_engine("auto", recipe.precision)
    networks = recipe.model.networks(recipe.spec)
    G, D = networks.G, networks.D
    for name, network in {"G": G, "D": D}.items():
        init_weights(network, stream(recipe.seed, f"init/{name}", 0))
        engine.place(network)
    trained_by_g = [*G.parameters()]
    if recipe.objective.generator_step_trains_discriminator:
        trained_by_g += D.parameters()
    return GAN(
        G=G,
        D=D,
        G_ema=copy.deepcopy(G) if recipe.ema_half_life else None,
        optimizer_g=make_optimizer(recipe.generator_optimizer, trained_by_g),
        optimizer_d=make_optimizer(recipe.discriminator_optimizer, D.parameters()),
        augment=make_augmenter(recipe.augment, recipe.data.pixel_range),
    )


def generator_of(gan: GAN, recipe: Recipe, engine: Engine) -> Generator:
    """The generator whose images are shown, evaluated and shipped: with the weights of the EMA, when there is one."""
    return Generator(G=gan.G_ema or gan.G, recipe=recipe, engine=engine, step=gan.seen // recipe.batch_size)


def networks_of(gan: GAN) -> dict[str, nn.Module]:
    """G, D and, when there is one, G_ema, by these names."""
    return {"G": gan.G, "D": gan.D} | ({} if gan.G_ema is None else {EMA_FILE: gan.G_ema})


def tensors_of(gan: GAN) -> NamedTensors:
    """Everything that a checkpoint keeps, by file and name, not copied; optimisers have "<parameter>.<statistic>"."""
    tensors = {name: network.state_dict() for name, network in networks_of(gan).items()}
    if gan.augment is not None and gan.augment.settings.target:
        tensors[AUGMENT_FILE] = {"state": gan.augment.state}
    for name, optimizer in {"optimizer_g": gan.optimizer_g, "optimizer_d": gan.optimizer_d}.items():
        statistics = optimizer.state.items()
        tensors[name] = {f"{i}.{key}": tensor for key, state in statistics for i, tensor in enumerate(state)}
    return tensors


def save_checkpoint(run: Run, gan: GAN, recipe: Recipe) -> None:
    """Save the whole state under its step's number, see `save_tensors`, which names the errors."""
    save_tensors(run, tensors_of(gan), recipe, gan.seen)


def load_checkpoint(folder: Path, gan: GAN, *, forking: bool = False) -> None:
    """Restore the whole state exactly. Raises CheckpointError when a file is damaged or does not fit.

    A forked run may add an EMA, which then starts from G's weights, or an adaptive augmentation, which starts at 0.
    """
    saved = read_manifest(folder)
    added = {part for part in (AUGMENT_FILE, EMA_FILE) if forking and f"{part}.safetensors" not in saved}
    for part, tensors in tensors_of(gan).items():
        if part not in added:
            load_tensors(folder, part, tensors)
    if gan.G_ema is not None and EMA_FILE in added:
        gan.G_ema.load_state_dict(gan.G.state_dict())
    gan.seen = read_state(folder)["seen"]
