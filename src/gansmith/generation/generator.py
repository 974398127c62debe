"""A generator that makes images: of a checkpoint, or the one in training."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from gansmith.checkpoints.load import check_size, load_tensors
from gansmith.checkpoints.manifest import find_checkpoint
from gansmith.data.classes import Classes, classes_of, on_grid
from gansmith.engine import DeviceChoice, Engine, same_engine
from gansmith.errors import UsageError
from gansmith.generation.interpolation import interpolate_latents
from gansmith.generation.limits import check_frames, check_num, check_path, check_seed, check_truncation
from gansmith.networks import networks_on_meta
from gansmith.nn.modes import eval_mode
from gansmith.pixels import to_pixels
from gansmith.recipe_file import recipe_of
from gansmith.rng import latents, stream
from gansmith.runs.run import Run, find_run, write_atomically
from gansmith.schema import Recipe
from gansmith.viz.grids import grid, png

CHUNK = 64
"""Images computed at once. Every chunk is full, so that image i is the same whatever number is asked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Draws:
    """Which latents the image numbers 0, 1, 2, ... have."""

    seed: int
    name: str = "sample"
    """Name of the random stream; "sample" is the stream for users."""
    truncation: float = 1.0
    """Factor on the latents: below 1 they are nearer to the mean, and images are more alike."""

    def chunk(self, recipe: Recipe, start: int) -> Tensor:
        """Latents [CHUNK, latents] of the images from number `start` on, which is a multiple of `CHUNK`."""
        generator = stream(self.seed, self.name, start)
        return latents(recipe.latents.distribution, CHUNK, recipe.latents.size, generator).mul_(self.truncation)


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Generator:
    """A generator network that makes images: `sample` and `interpolate`."""

    G: nn.Module
    recipe: Recipe
    engine: Engine
    step: int
    """Number of training steps behind the weights."""
    notes: tuple[str, ...] = ()
    """A sentence for each newer checkpoint that is damaged."""
    classes: Classes | None = None
    """The classes of the training images, for a conditional generator that was loaded."""

    def __repr__(self) -> str:
        data, z = self.recipe.data, self.recipe.latents.size
        classes = f", {data.num_classes:,} classes" if data.num_classes else ""
        images = f"{data.height}x{data.width}x{data.channels} images"
        return f"Generator({self.recipe.name!r}, step {self.step:,}: {z} latents -> {images}{classes})"

    def __call__(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """G's outputs in eval mode for latents [N, latents], classes int64 [N]: float [N, C, H, W] in model range."""
        with torch.no_grad(), eval_mode(self.G), self.engine.autocast():
            return self.G(z.to(self.engine.device), None if labels is None else labels.to(self.engine.device))

    def images(self, z: Tensor, labels: Tensor | None = None) -> np.ndarray:
        """The same as uint8 images (N, H, W, C)."""
        return self._to_images(self(z, labels))

    def sample(self, num: int, seed: int = 0, truncation: float = 1.0, classes: Sequence[str] = ()) -> np.ndarray:
        """`num` images, uint8 (num, H, W, C). Image i depends on the seed, i, truncation and its class only.

        The images have the named classes in turn; without names, those of a conditional generator follow the shares of
        the training images. `truncation` below 1 makes images more alike. Raises UsageError as `labels` does, and for
        values that `gansmith sample` refuses.
        """
        check_num(num)
        check_seed(seed)
        check_truncation(truncation)
        draws = Draws(seed=seed, truncation=truncation)
        return np.concatenate([*self.sample_chunks(num, draws, self.labels(num, classes))])

    def sample_chunks(self, num: int, draws: Draws, labels: Tensor | None = None) -> Iterator[np.ndarray]:
        """Images 0 to num - 1 of these draws, uint8 (N, H, W, C), at most `CHUNK` at a time."""
        yield from map(self._to_images, self.sample_outputs(num, draws, labels))

    def sample_outputs(self, num: int, draws: Draws, labels: Tensor | None = None) -> Iterator[Tensor]:
        """The same as G outputs them: float [N, C, H, W] in model range. `labels` are classes, int64 [num]."""
        for start in range(0, num, CHUNK):
            chunk = None if labels is None else labels[start : start + CHUNK]
            filled = None if chunk is None else pad(chunk, (0, CHUNK - len(chunk)))
            yield self(draws.chunk(self.recipe, start), filled)[: num - start]

    def labels(self, num: int, classes: Sequence[str] = ()) -> Tensor | None:
        """The class of each of `num` images, int64 [num]: the named ones in turn, or else in the data's shares.

        None for an unconditional generator. Raises UsageError for unknown classes, all of them without labels.
        """
        if self.classes is None:
            if classes:
                raise UsageError(
                    f"this run was trained without labels, so it has no class {classes[0]!r}; leave it out, or train "
                    "with --labels."
                )
            return None
        if not classes:
            return self.classes.in_proportion(num)
        numbers = torch.tensor([self.classes.number_of(name) for name in classes])
        return numbers[torch.arange(num) % len(numbers)]

    def interpolate(
        self, numbers: Sequence[int], frames: int, seed: int = 0, truncation: float = 1.0, classes: Sequence[str] = ()
    ) -> Iterator[np.ndarray]:
        """From each of these images of `sample` to the next and from the last to the first, `frames` per segment.

        Yields uint8 images (N, H, W, C), at most `CHUNK` at a time, segments times frames in all. Each segment begins
        with its image, bit for bit. All images of a conditional generator have one class. Raises UsageError when a
        conditional generator is not given exactly one class, and as `labels` and `sample` do.
        """
        check_path(numbers)
        check_frames(frames)
        check_seed(seed)
        check_truncation(truncation)
        if self.classes and len(classes) != 1:
            raise UsageError("interpolation stays within one class of this run; name it once by --class.")
        labels = self.labels(CHUNK, classes)
        return self._interpolate(numbers, frames, Draws(seed=seed, truncation=truncation), labels)

    def _interpolate(
        self, numbers: Sequence[int], frames: int, draws: Draws, labels: Tensor | None
    ) -> Iterator[np.ndarray]:
        ends = self._numbered(numbers, draws, labels)
        z = torch.stack([ends[number][0] for number in numbers])
        path = interpolate_latents(z, frames, self.recipe.latents.distribution)
        for start in range(0, len(path), CHUNK):
            chunk = path[start : start + CHUNK]
            images = self.images(chunk, None if labels is None else labels[: len(chunk)])
            for segment, number in enumerate(numbers):
                if 0 <= (place := segment * frames - start) < len(images):
                    _, images[place] = ends[number]
            yield images

    def _numbered(
        self, numbers: Sequence[int], draws: Draws, labels: Tensor | None
    ) -> dict[int, tuple[Tensor, np.ndarray]]:
        """Latents [latents] and image (H, W, C) of these numbers, each computed in the same chunk as in `sample`."""
        found = {}
        for start in {number - number % CHUNK for number in numbers}:
            z = draws.chunk(self.recipe, start)
            images = self.images(z, labels)
            for number in numbers:
                if 0 <= (place := number - start) < CHUNK:
                    found[number] = z[place], images[place].copy()
        return found

    def _to_images(self, outputs: Tensor) -> np.ndarray:
        return channels_last(to_pixels(outputs, self.recipe.data.pixel_range))


def load(run: Run | Path | str, checkpoint: str = "last", device: DeviceChoice = "auto") -> Generator:
    """The generator of a run's checkpoint "last", "best" or a step: the EMA of its weights if the run keeps one.

    The run may be given by its path, number or name. "last" is the newest checkpoint that is whole; nothing is written.
    Raises UsageError for an unknown run, RecipeError for networks that cannot be built, and CheckpointError for a
    checkpoint that is missing, damaged or does not fit.
    """
    run = find_run(run)
    recipe = recipe_of(run)
    engine = same_engine(run.info(), device, recipe.precision)
    found = find_checkpoint(run, checkpoint)
    name = "G_ema" if recipe.ema_half_life else "G"
    check_size(found.folder, name, networks_on_meta(recipe).G)
    G = recipe.model.networks(recipe.spec).G
    load_tensors(found.folder, name, G.state_dict())
    num_classes = recipe.data.num_classes
    classes = classes_of(run.info().get("data"), num_classes) if num_classes else None
    return Generator(
        G=engine.place(G), recipe=recipe, engine=engine, step=found.step, notes=(*found.notes(),), classes=classes
    )


def save_sample_grid(run: Run, generator: Generator) -> Path:
    """Write samples/<step>.png: the same latents, and the same classes, at every step of the run. Returns the file."""
    recipe = generator.recipe
    num = recipe.grid.rows * recipe.grid.columns
    z = latents(recipe.latents.distribution, num, recipe.latents.size, stream(recipe.seed, "grid", 0))
    images = generator.images(z, grid_labels(recipe))
    file = run.samples / f"{generator.step:08}.png"
    write_atomically(file, png(grid(images, recipe.grid.columns)))
    return file


def grid_labels(recipe: Recipe) -> Tensor | None:
    """The class of each image of the recipe's grid, int64 [rows * columns]; None for an unconditional recipe."""
    classes, shape = recipe.data.num_classes, recipe.grid
    return on_grid(classes, shape.rows, shape.columns) if classes else None


def channels_last(pixels: Tensor) -> np.ndarray:
    """uint8 [N, C, H, W] -> array (N, H, W, C), the layout of images outside the networks."""
    return pixels.permute(0, 2, 3, 1).cpu().numpy()
