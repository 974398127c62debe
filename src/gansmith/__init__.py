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

__all__ = ["__version__", "build", "load", "recipe", "train"]

if TYPE_CHECKING:
    from gansmith.generation.generator import load
    from gansmith.recipes import recipe
    from gansmith.sessions.session import train
    from gansmith.training.state import build

_HOMES = {
    "build": "gansmith.training.state",
    "load": "gansmith.generation.generator",
    "recipe": "gansmith.recipes",
    "train": "gansmith.sessions.session",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'gansmith' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
