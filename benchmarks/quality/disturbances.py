"""Real images made worse in known ways, each at several strengths: what `sensitivity.py` measures."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageFilter

from gansmith.models.base import Spec
from gansmith.models.fashion_mlp import Config
from gansmith.nn.init import init_weights
from gansmith.pixels import to_pixels
from gansmith.rng import latents, stream

NUM = 2000
"""Images that are disturbed, and real ones they are compared with."""
TRAINED_ON = 6000
"""Images that copies are planted from, and looked for among."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """Three disjoint parts of a set: images uint8 (n, H, W, C), and the class of each (n,)."""

    images: np.ndarray
    labels: np.ndarray
    """Of the images that are disturbed: all that are neither `real` nor `train`, in random order."""
    real: np.ndarray
    train: np.ndarray


@dataclass(frozen=True, kw_only=True, slots=True)
class Disturbance:
    """A way of being worse, the measures meant to notice it, and which way each of them moves."""

    strengths: tuple[float, ...]
    """From weak to strong; 0, the undisturbed images, is measured besides."""
    unit: str
    by: Callable[[Drawn, float], np.ndarray]
    meant: dict[str, int]
    """Name of a measure -> 1 if it rises with the strength, -1 if it falls."""


def draw(images: np.ndarray, labels: np.ndarray) -> Drawn:
    """The parts, at random, always the same."""
    order = torch.randperm(len(images), generator=stream(0, "sensitivity", len(images))).numpy()
    real, train, rest = order[:NUM], order[NUM : NUM + TRAINED_ON], order[NUM + TRAINED_ON :]
    return Drawn(images=images[rest], labels=labels[rest], real=images[real], train=images[train])


def _random(name: str, shape: tuple[int, ...]) -> np.ndarray:
    return torch.rand(shape, generator=stream(0, f"sensitivity/{name}", 0)).numpy()


def blur(drawn: Drawn, sigma: float) -> np.ndarray:
    """Gaussian, of `sigma` pixels; of images of one channel."""
    by = ImageFilter.GaussianBlur(sigma)
    return np.stack([np.asarray(Image.fromarray(image[..., 0]).filter(by))[..., None] for image in drawn.images[:NUM]])


def noise(drawn: Drawn, deviation: float) -> np.ndarray:
    """Gaussian, added to each pixel."""
    images = drawn.images[:NUM]
    draws = torch.randn(images.shape, generator=stream(0, "sensitivity/noise", 0)).numpy()
    return (images + deviation * draws).round().clip(0, 255).astype(np.uint8)


def salt_and_pepper(drawn: Drawn, percent: float) -> np.ndarray:
    """So many of the pixels become 0 or 255; those of a smaller share are among those of a larger one."""
    images = drawn.images[:NUM].copy()
    chance, white = _random("salt", images.shape), _random("pepper", images.shape) < 0.5
    images[chance < percent / 100] = 0
    images[(chance < percent / 100) & white] = 255
    return images


def shift(drawn: Drawn, pixels: float) -> np.ndarray:
    """To the right; what comes in from the left is black."""
    images = drawn.images[:NUM]
    moved = np.zeros_like(images)
    moved[:, :, int(pixels) :] = images[:, :, : images.shape[2] - int(pixels)]
    return moved


def dropped_classes(drawn: Drawn, number: float) -> np.ndarray:
    """Of the classes left, as many images whatever their number: no more than the smallest class has."""
    names, counts = np.unique(drawn.labels, return_counts=True)
    rows = np.flatnonzero(np.isin(drawn.labels, names[int(number) :]))
    return drawn.images[rows[: min(NUM, *counts)]]


def copies(drawn: Drawn, percent: float) -> np.ndarray:
    """So many of the images are replaced by ones that were trained on."""
    images, number = drawn.images[:NUM].copy(), round(NUM * percent / 100)
    images[:number] = drawn.train[:number]
    return images


def duplicates(drawn: Drawn, times: float) -> np.ndarray:
    """Each image stands so many times in a sample of the same size."""
    return np.repeat(drawn.images[: round(NUM / max(times, 1))], max(int(times), 1), axis=0)[:NUM]


DISTURBANCES = {
    "blur": Disturbance(
        strengths=(0.5, 1, 1.5, 2),
        unit="pixels",
        by=blur,
        meant={"fd": 1, "kid": 1, "spectrum": 1, "coverage": -1},
    ),
    "noise": Disturbance(
        strengths=(8, 16, 32, 64),
        unit="of 255",
        by=noise,
        meant={"fd": 1, "kid": 1, "spectrum": 1, "precision": -1, "coverage": -1},
    ),
    "salt and pepper": Disturbance(
        strengths=(1, 2, 5, 10),
        unit="% of the pixels",
        by=salt_and_pepper,
        meant={"fd": 1, "kid": 1, "spectrum": 1, "precision": -1, "coverage": -1},
    ),
    "shift": Disturbance(
        strengths=(1, 2, 4, 6),
        unit="pixels",
        by=shift,
        meant={"fd": 1, "kid": 1, "coverage": -1},
    ),
    "dropped classes": Disturbance(
        strengths=(1, 3, 5, 9),
        unit="of 10",
        by=dropped_classes,
        meant={"fd": 1, "kid": 1, "class-kl": 1, "recall": -1, "coverage": -1, "diversity": -1},
    ),
    "planted copies": Disturbance(
        strengths=(1, 10),
        unit="%",
        by=copies,
        meant={"near-copies": 1, "authenticity": -1, "ct": -1},
    ),
    "duplicates": Disturbance(
        strengths=(2, 5, 20, 100),
        unit="times",
        by=duplicates,
        meant={"fd": 1, "recall": -1, "coverage": -1},
    ),
}


def collapsed_generator(image: np.ndarray) -> Callable[[int], np.ndarray]:
    """A generator of `fashion-mlp` that makes one image (H, W, 1), and hardly anything else, of all latents.

    Its last layer has the image for its bias and a hundredth of its first weights.
    """
    height, width, channels = image.shape
    G = Config().build(Spec(channels=channels, height=height, width=width, latents=30)).G.eval()
    init_weights(G, stream(0, "collapsed", 0))
    last = [layer for layer in G.modules() if isinstance(layer, torch.nn.Linear)][-1]
    wanted = torch.from_numpy(image.transpose(2, 0, 1).reshape(-1) / 255).float().clamp(0.01, 0.99)
    with torch.no_grad():
        last.weight.mul_(0.01)
        last.bias.copy_(wanted.logit())

    @torch.no_grad()
    def sample(num: int) -> np.ndarray:
        z = latents("normal", num, 30, stream(0, "collapsed/latents", 0))
        return to_pixels(G(z), "0..1").permute(0, 2, 3, 1).numpy()

    return sample


def undisturbed(drawn: Drawn, name: str) -> np.ndarray:
    """What strength 0 of a disturbance is: the same images as they are, and as many."""
    if name == "dropped classes":
        return dropped_classes(drawn, 0)
    return drawn.images[:NUM]
