"""Images from a generator: the fixed grid during training, and any number of them afterwards."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from gansmith.checkpoints.load import check_size, load_network
from gansmith.checkpoints.manifest import Found, find_checkpoint
from gansmith.data.classes import Classes, classes_of, on_grid
from gansmith.engine import DeviceChoice, Engine, same_engine
from gansmith.errors import UsageError
from gansmith.generation.walk import closed_walk
from gansmith.nn.modes import eval_mode
from gansmith.pixels import to_pixels
from gansmith.recipe_file import recipe_of
from gansmith.rng import latents, stream
from gansmith.runs.run import Run, default_root, find_run, write_atomically
from gansmith.schema import Recipe
from gansmith.viz.grids import grid, png

CHUNK = 64
"""Images computed at once. Always whole chunks, so that image i is the same whatever number is asked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Draws:
    """Which latents an image's number stands for."""

    seed: int
    name: str = "sample"
    """Of the stream; "sample" for what a user asks for."""
    truncation: float = 1.0
    """The latents are multiplied by it: below 1 nearer to the law's middle, where images are more alike."""

    def chunk(self, recipe: Recipe, number: int) -> Tensor:
        """Latents [CHUNK, latents] of as many images from this number on, a multiple of `CHUNK`."""
        distribution, size = recipe.latents.distribution, recipe.latents.size
        return latents(distribution, CHUNK, size, stream(self.seed, self.name, number)).mul_(self.truncation)


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainedGenerator:
    """A generator out of a run, ready to make images."""

    G: nn.Module
    recipe: Recipe
    engine: Engine
    checkpoint: Found

    classes: Classes | None
    """What it can be asked for, if it was trained with labels."""

    def sample(self, num: int, seed: int = 0, truncation: float = 1.0, classes: Sequence[str] = ()) -> np.ndarray:
        """`num` images, uint8 (num, H, W, C), of these classes in turn. Image i depends on the seed and i only.

        Without classes named, those of a conditional generator come as `labels` says, which raises UsageError. For
        truncation see `Draws`.
        """
        return np.concatenate(list(self.chunks(num, seed, truncation, self.labels(num, classes))))

    def chunks(
        self, num: int, seed: int = 0, truncation: float = 1.0, labels: Tensor | None = None
    ) -> Iterator[np.ndarray]:
        """The same images, at most `CHUNK` at a time."""
        draws = Draws(seed=seed, truncation=truncation)
        return paint_many(self.G, self.recipe, self.engine, num, draws, labels)

    def outputs(self, num: int, seed: int = 0, labels: Tensor | None = None) -> Iterator[Tensor]:
        """The same as G gives them, before they become pixels: float [N, C, H, W], at most `CHUNK` at a time."""
        return outputs(self.G, self.recipe, self.engine, num, Draws(seed=seed), labels)

    def labels(self, num: int, classes: Sequence[str] = ()) -> Tensor | None:
        """The class of each of `num` images, int64 [num]: those named, in turn; without names, in the data's shares.

        None for a generator that knows no classes. Raises UsageError when it knows none, or not one that is named.
        """
        if self.classes is None:
            if classes:
                raise UsageError(
                    f"this run was trained without labels, so {classes[0]!r} cannot be asked for; leave it out, or "
                    "train with --labels."
                )
            return None
        if not classes:
            return self.classes.in_proportion(num)
        numbers = torch.tensor([self.classes.number_of(one) for one in classes])
        return numbers[torch.arange(num) % len(numbers)]

    def only_class(self, classes: Sequence[str]) -> int | None:
        """The number of the one class that is named, None for a generator that knows none. Raises UsageError."""
        if self.classes and len(classes) != 1:
            raise UsageError("a walk stays within one class of this run; name it once by --class.")
        labels = self.labels(1, classes)
        return None if labels is None else int(labels[0])

    def walk(
        self, numbers: Sequence[int], frames: int, seed: int = 0, truncation: float = 1.0, label: int | None = None
    ) -> Iterator[np.ndarray]:
        """From each of these images of `sample` to the next, and from the last to the first, `frames` a leg.

        uint8 (N, H, W, C), at most `CHUNK` at a time, legs times frames in all. Each leg begins with its image, to
        the last bit. Where there are classes all are of the one that `label` is the number of.
        """
        found = self._numbered(numbers, Draws(seed=seed, truncation=truncation), label)
        path = closed_walk(
            torch.stack([found[number].z for number in numbers]), frames, self.recipe.latents.distribution
        )
        for start in range(0, len(path), CHUNK):
            images = self.paint(path[start : start + CHUNK], label)
            for leg, number in enumerate(numbers):
                if 0 <= (place := leg * frames - start) < len(images):
                    images[place] = found[number].pixels
            yield images

    def _numbered(self, numbers: Sequence[int], draws: Draws, label: int | None) -> dict[int, "_Numbered"]:
        """The images of these numbers, each computed in the chunk that `sample` computes it in."""
        found = {}
        for start in {number - number % CHUNK for number in numbers}:
            z = draws.chunk(self.recipe, start)
            images = self.paint(z, label)
            for number in numbers:
                if 0 <= (place := number - start) < CHUNK:
                    found[number] = _Numbered(z=z[place], pixels=images[place].copy())
        return found

    def paint(self, z: Tensor, label: int | None = None) -> np.ndarray:
        """uint8 images (N, H, W, C) of latents z [N, latents], all of one class where there are classes."""
        labels = None if label is None else torch.full((len(z),), label)
        return paint(self.G, z, self.recipe, self.engine, labels)


@dataclass(frozen=True, slots=True)
class _Numbered:
    """A latent vector [latents] and its image, uint8 (H, W, C)."""

    z: Tensor
    pixels: np.ndarray


def load(run: Run | Path | str, checkpoint: str = "last", device: DeviceChoice = "auto") -> TrainedGenerator:
    """The generator of a run's checkpoint, "last", "best" or a step: the average of its weights where there is one.

    The run may be given by its path, number or name. "last" is the newest checkpoint that is whole; nothing is written.
    Raises UsageError when the run is not found, CheckpointError when it has no such checkpoint, or one that is damaged
    or does not fit its recipe.
    """
    run = run if isinstance(run, Run) else find_run(str(run), default_root())
    recipe = recipe_of(run)
    engine = same_engine(run.info(), device, recipe.precision)
    found = find_checkpoint(run, checkpoint)
    name = "G_ema" if recipe.ema_half_life else "G"
    with torch.device("meta"):
        check_size(found.folder, name, recipe.model.build(recipe.spec).G)
    G = recipe.model.build(recipe.spec).G
    load_network(found.folder, name, G)
    num = recipe.data.num_classes
    classes = classes_of(run.info().get("data"), num) if num else None
    return TrainedGenerator(G=engine.place(G), recipe=recipe, engine=engine, checkpoint=found, classes=classes)


def outputs(
    G: nn.Module, recipe: Recipe, engine: Engine, num: int, draws: Draws, labels: Tensor | None = None
) -> Iterator[Tensor]:
    """What G makes of the first `num` latents of these draws: float [N, C, H, W], at most `CHUNK` at a time.

    `labels`, int64 [num], say of which class each is, where there are classes.
    """
    for start in range(0, num, CHUNK):
        some = None if labels is None else labels[start : start + CHUNK]
        filled = None if some is None else pad(some, (0, CHUNK - len(some)))
        yield generate(G, draws.chunk(recipe, start), engine, filled)[: num - start]


def paint_many(
    G: nn.Module, recipe: Recipe, engine: Engine, num: int, draws: Draws, labels: Tensor | None = None
) -> Iterator[np.ndarray]:
    """The same as uint8 images (N, H, W, C)."""
    for images in outputs(G, recipe, engine, num, draws, labels):
        yield channels_last(to_pixels(images, recipe.data.pixel_range))


@torch.no_grad()
def generate(G: nn.Module, z: Tensor, engine: Engine, labels: Tensor | None = None) -> Tensor:
    """What G makes of latents z [N, latents] in inference mode: float [N, C, H, W] in its own range.

    `labels` are their classes, int64 [N], where there are any.
    """
    with eval_mode(G), engine.autocast():
        return G(z.to(engine.device), None if labels is None else labels.to(engine.device))


def paint(G: nn.Module, z: Tensor, recipe: Recipe, engine: Engine, labels: Tensor | None = None) -> np.ndarray:
    """uint8 images (N, H, W, C) of latents z [N, latents] and labels as in `generate`, in inference mode."""
    return channels_last(to_pixels(generate(G, z, engine, labels), recipe.data.pixel_range))


def grid_labels(recipe: Recipe) -> Tensor | None:
    """The class of each image of the recipe's grid, int64 [rows * columns], where it has classes."""
    classes, shape = recipe.data.num_classes, recipe.grid
    return on_grid(classes, shape.rows, shape.columns) if classes else None


def channels_last(pixels: Tensor) -> np.ndarray:
    """uint8 [N, C, H, W] -> an array (N, H, W, C), as images are outside the networks."""
    return pixels.permute(0, 2, 3, 1).cpu().numpy()


def save_sample_grid(run: Run, recipe: Recipe, engine: Engine, G: nn.Module, step: int) -> None:
    """Write samples/<step>.png: the same latents, and classes, at every step of the run."""
    num = recipe.grid.rows * recipe.grid.columns
    z = latents(recipe.latents.distribution, num, recipe.latents.size, stream(recipe.seed, "grid", 0))
    sheet = grid(paint(G, z, recipe, engine, grid_labels(recipe)), recipe.grid.columns)
    write_atomically(run.samples / f"{step:08}.png", png(sheet))
