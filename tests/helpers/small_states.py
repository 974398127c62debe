"""A state small enough to be saved a thousand times, and what lies in its run folder."""

import torch

from gansmith.checkpoints.save import save_checkpoint
from gansmith.engine import make_engine
from gansmith.recipes import recipe
from gansmith.runs.run import create_run
from gansmith.schema import Recipe
from gansmith.training.loop import train_step
from gansmith.training.state import GAN, build
from tests.helpers.plain import PLAIN

CHANGES = ("batch_size=4", "model.width=4", "latents.size=8", "ema_half_life=20.0", "precision=fp32")


def small_recipe(*changes) -> Recipe:
    return recipe(PLAIN, [*CHANGES, *changes])


def stepped(made: Recipe, gan: GAN, steps: int) -> GAN:
    """The state some steps of noise later."""
    shape = (made.batch_size, made.data.channels, made.data.height, made.data.width)
    for _ in range(steps):
        noise = torch.Generator().manual_seed(gan.seen)
        train_step(gan, torch.randint(0, 256, shape, dtype=torch.uint8, generator=noise), made, make_engine("cpu"))
    return gan


def saved_run(root, steps=(1, 2, 3), made=None):
    """A run with a checkpoint after each of these steps, and its state."""
    made = made or small_recipe()
    run, gan = create_run(root, "small"), build(made, make_engine("cpu", "fp32"))
    (run.path / "recipe.toml").write_text(text_of(made))
    run.update(status="stopped", name=run.path.name)
    for step in steps:
        stepped(made, gan, step - gan.seen // made.batch_size)
        save_checkpoint(run, gan, made)
    return run, gan


def text_of(made: Recipe) -> str:
    from gansmith.recipe_file import to_toml

    return to_toml(made)


def tree(folder):
    """Everything in a folder: path -> content, None for folders."""
    paths = sorted(folder.rglob("*"))
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in paths}
