"""Train, measure and compare image GANs.

    import gansmith

    run = gansmith.train("demo")
    images = gansmith.load(run).sample(64)    # uint8 (64, 28, 28, 1)

    planned = gansmith.plan("auto", data="photos", budget="10m")
    run = gansmith.train(planned)

Nothing heavy is imported before one of these names is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from gansmith.version import __version__

if TYPE_CHECKING:
    from gansmith.comparison.compare_runs import compare
    from gansmith.comparison.evaluate import evaluate
    from gansmith.data.check.check_data import check_data
    from gansmith.generation.generator import load
    from gansmith.interop.feature_weights import get_features, list_features
    from gansmith.interop.import_run import import_keras
    from gansmith.planning.public import plan, recipe
    from gansmith.runs.run import list_runs
    from gansmith.runs.summary import summary
    from gansmith.sessions.resume import resume
    from gansmith.sessions.session import train, training_steps
    from gansmith.training.state import build

__all__ = [
    "__version__",
    "build",
    "check_data",
    "compare",
    "evaluate",
    "get_features",
    "import_keras",
    "list_features",
    "list_runs",
    "load",
    "plan",
    "recipe",
    "resume",
    "summary",
    "train",
    "training_steps",
]

_HOMES = {
    "check_data": "gansmith.data.check.check_data",
    "compare": "gansmith.comparison.compare_runs",
    "evaluate": "gansmith.comparison.evaluate",
    "get_features": "gansmith.interop.feature_weights",
    "list_features": "gansmith.interop.feature_weights",
    "import_keras": "gansmith.interop.import_run",
    "list_runs": "gansmith.runs.run",
    "summary": "gansmith.runs.summary",
    "build": "gansmith.training.state",
    "load": "gansmith.generation.generator",
    "plan": "gansmith.planning.public",
    "recipe": "gansmith.planning.public",
    "resume": "gansmith.sessions.resume",
    "train": "gansmith.sessions.session",
    "training_steps": "gansmith.sessions.session",
}
"""The module of each public name. A new name has a line here, one in `__all__` and one under TYPE_CHECKING."""


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'gansmith' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
