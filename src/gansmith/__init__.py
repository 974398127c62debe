"""Train, measure and compare image GANs.

    import gansmith

    recipe = gansmith.recipe("demo")
    run = gansmith.train(recipe)
    images = gansmith.load(run).sample(64)    # uint8 (64, 28, 28, 1)

Nothing heavy is imported before one of these names is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from gansmith.version import __version__

__all__ = [
    "__version__",
    "build",
    "check_data",
    "compare",
    "evaluate",
    "import_keras",
    "list_runs",
    "load",
    "recipe",
    "summary",
    "train",
]

if TYPE_CHECKING:
    from gansmith.comparison.compare_runs import compare
    from gansmith.comparison.evaluate import evaluate
    from gansmith.data.check.check_data import check_data
    from gansmith.generation.generator import load
    from gansmith.interop.import_run import import_keras
    from gansmith.recipes import recipe
    from gansmith.runs.run import list_runs
    from gansmith.runs.summary import summary
    from gansmith.sessions.session import train
    from gansmith.training.state import build

_HOMES = {
    "check_data": "gansmith.data.check.check_data",
    "compare": "gansmith.comparison.compare_runs",
    "evaluate": "gansmith.comparison.evaluate",
    "import_keras": "gansmith.interop.import_run",
    "list_runs": "gansmith.runs.run",
    "summary": "gansmith.runs.summary",
    "build": "gansmith.training.state",
    "load": "gansmith.generation.generator",
    "recipe": "gansmith.recipes",
    "train": "gansmith.sessions.session",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'gansmith' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
