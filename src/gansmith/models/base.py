"""The base of every model file: a frozen `Config` whose `build(spec)` returns an untrained pair of networks."""

import importlib
import pkgutil
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import gansmith.models
from gansmith import nn
from gansmith.config import Settings
from gansmith.errors import RecipeError, unknown
from gansmith.lazy import LazyModule

if TYPE_CHECKING:
    import torch
else:
    torch = LazyModule("torch")

SMALLEST = 8
"""Pixels of the shorter side of an image, at least, for models that support any size."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Spec:
    """The images, latents and classes that a pair of networks is built for."""

    channels: int
    height: int
    width: int
    latents: int
    num_classes: int = 0
    """Number of classes of conditional networks; 0 for networks without labels."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Networks:
    """`G(z [N, latents]) -> images [N, C, H, W]`; `D(images) -> logits [N]`, no sigmoid.

    With classes, `G(z, labels)` and `D(images, labels)`, labels int64 [N] from 0 on.
    """

    G: "nn.Module"
    D: "nn.Module"


class ModelConfig(Settings):
    """Settings of one model file; `name` is the file's name, with hyphens."""

    any_size: ClassVar[bool] = False
    """Whether the networks support images of any size and aspect ratio, in -1..1; own images then keep theirs."""

    is_conditional: ClassVar[bool] = False
    """Whether the networks can be conditional: they take the class of each image."""

    name: str

    @abstractmethod
    def build(self, spec: Spec) -> Networks:
        """The two networks; their weights are set afterwards, from the run's seed.

        Raises RecipeError when they cannot be built for such images. Models without `is_conditional` ignore classes.
        """

    def networks(self, spec: Spec) -> Networks:
        """The two networks. Raises RecipeError when they cannot be built for such images, or with classes."""
        self.check_conditional(spec.num_classes)
        with torch.random.fork_rng(devices=[]):  # torch draws weights of its own here, which are replaced
            return self.build(spec)

    def check_conditional(self, num_classes: int) -> None:
        """Raise RecipeError when there are classes, and the networks are not conditional."""
        if num_classes and not self.is_conditional:
            able = [name for name in model_names() if model_config({"name": name}).is_conditional]
            raise RecipeError(
                f"model {self.name!r} is not conditional; set model.name to one that is ({', '.join(able)}), or train "
                "without labels: data.num_classes=0."
            )


def model_names() -> list[str]:
    """Names of the model files there are."""
    files = (module.name for module in pkgutil.iter_modules(gansmith.models.__path__))
    return [file.replace("_", "-") for file in files if file != "base"]


def model_config(settings: dict[str, Any]) -> ModelConfig:
    """The `Config` of the model that `settings["name"]` names, with the other settings."""
    name = settings.get("name")
    if name not in model_names():
        raise RecipeError(unknown("model", str(name), model_names()))
    return importlib.import_module(f"gansmith.models.{name.replace('-', '_')}").Config.model_validate(settings)


def whole_part(spec: Spec, model: str, parts: Literal[4, 8]) -> tuple[int, int]:
    """Height and width divided by `parts`, for models that double the image. Raises RecipeError if not whole."""
    if spec.height % parts or spec.width % parts:
        raise RecipeError(
            f"model {model!r} doubles the image {'twice' if parts == 4 else 'three times'}, so height and width must "
            f"be multiples of {parts}, got {spec.height}x{spec.width}."
        )
    return spec.height // parts, spec.width // parts


def image_sizes(spec: Spec, model: str, largest: int) -> list[tuple[int, int]]:
    """Heights and widths of the images inside a model that supports any size, from the smallest to the full size.

    Each is half of the next, rounded up, and there are at least two; the first has at most `largest` pixels on its
    shorter side. Raises RecipeError for images that are too small.
    """
    sizes = [(spec.height, spec.width)]
    if min(sizes[0]) < SMALLEST:
        raise RecipeError(
            f"model {model!r} takes images of {SMALLEST} pixels a side or more, got {spec.height}x{spec.width}."
        )
    while len(sizes) == 1 or min(sizes[0]) > largest:
        height, width = sizes[0]
        sizes.insert(0, (-(-height // 2), -(-width // 2)))
    return sizes
