"""Trains, measures, diagnoses and ships image GANs.

    import gansmith

    recipe = gansmith.recipe("demo")
    run = gansmith.train(recipe)
    images = gansmith.load(run).sample(64)    # uint8 (64, 28, 28, 1)

Nothing heavy is imported before one of these names is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from gansmith.version import __version__

__all__ = ["__version__", "build", "load", "recipe", "train", "training_steps"]

if TYPE_CHECKING:
    from gansmith.generation.generator import load
    from gansmith.recipes import recipe
    from gansmith.sessions.session import train
    from gansmith.sessions.training_steps import training_steps
    from gansmith.training.state import build

_HOMES = {
    "build": "gansmith.training.state",
    "load": "gansmith.generation.generator",
    "recipe": "gansmith.recipes",
    "train": "gansmith.sessions.session",
    "training_steps": "gansmith.sessions.training_steps",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'gansmith' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
