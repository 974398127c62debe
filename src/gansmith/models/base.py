"""What every model file offers: a frozen `Config` whose `build(spec)` returns an untrained pair of networks."""

import importlib
import pkgutil
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from torch import nn

import gansmith.models
from gansmith.errors import RecipeError, unknown
from gansmith.settings import Settings


@dataclass(frozen=True, kw_only=True, slots=True)
class Spec:
    """What a pair of networks has to fit: the pictures' shape and the number of latent variables."""

    channels: int
    height: int
    width: int
    latents: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Networks:
    """`G(z [N, latents]) -> images [N, C, H, W]` in the recipe's range; `D(images) -> logits [N]`, no sigmoid."""

    G: nn.Module
    D: nn.Module


class ModelConfig(Settings):
    """Settings of one model file; `name` is the file's name, with hyphens."""

    any_size: ClassVar[bool] = False
    """Whether the networks are meant for pictures of any size and shape: own pictures then come in theirs."""

    name: str

    @abstractmethod
    def build(self, spec: Spec) -> Networks:
        """The two networks. Their weights are set afterwards, from the run's seed.

        Raises RecipeError when they cannot be built for such pictures.
        """


def model_names() -> list[str]:
    """Names of the model files there are."""
    files = (module.name for module in pkgutil.iter_modules(gansmith.models.__path__))
    return [file.replace("_", "-") for file in files if file != "base"]


def model_config(settings: dict[str, Any]) -> ModelConfig:
    """The `Config` of the file that `settings["name"]` names, holding the rest of the settings."""
    name = settings.get("name")
    if name not in model_names():
        raise RecipeError(unknown("model", str(name), model_names()))
    return importlib.import_module(f"gansmith.models.{name.replace('-', '_')}").Config.model_validate(settings)


def whole_part(spec: Spec, model: str, parts: Literal[4, 8]) -> tuple[int, int]:
    """Height and width / `parts`, for models that double the picture so often. Raises RecipeError when not whole."""
    if spec.height % parts or spec.width % parts:
        raise RecipeError(
            f"model {model!r} doubles the picture {'twice' if parts == 4 else 'three times'}, so height and width must "
            f"be multiples of {parts}, got {spec.height}x{spec.width}."
        )
    return spec.height // parts, spec.width // parts
