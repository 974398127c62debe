"""Write SVHN and CelebA stand-ins, in the two sets' exact formats, from images that are at hand.

    GANSMITH_DATA=... python -m benchmarks.quality.stand_ins OUT

OUT/svhn/{train,test}_32x32.mat: MNIST's digits in one colour over blurred CIFAR-10 images. OUT/celeba/
img_align_celeba.zip: CIFAR-10's horses, enlarged to 178x218 JPEGs. They prove that the recipes read the formats and
train; they say nothing about house numbers or faces.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from gansmith.data.dataset import Request, open_dataset
from gansmith.data.images.resize import ImageShape
from tests.helpers.make_sets import svhn_mat, write_celeba_zip

TRAIN, TEST = 20_000, 1_000
SHAPE = ImageShape(channels=3, height=32, width=32)


def main() -> None:
    out, rng = Path(sys.argv[1]), np.random.default_rng(0)
    (out / "svhn").mkdir(parents=True, exist_ok=True)
    (out / "celeba").mkdir(exist_ok=True)
    grey = ImageShape(channels=1, height=32, width=32)
    digits = open_dataset(Request(name="mnist", split="train", shape=grey))
    behind = open_dataset(Request(name="cifar10", split="train", shape=SHAPE))
    for split, count in (("train", TRAIN), ("test", TEST)):
        rows = rng.integers(0, len(digits), count)
        backgrounds = rng.integers(0, len(behind), count)
        pairs = zip(rows, backgrounds, strict=True)
        images = np.stack([numbered(digits.images[d][0], behind.images[b], rng) for d, b in pairs])
        (out / "svhn" / f"{split}_32x32.mat").write_bytes(svhn_mat(images, np.asarray(digits.labels)[rows]))
    horses = open_dataset(Request(name="cifar10[horse]", split="both", shape=SHAPE))
    write_celeba_zip(out / "celeba" / "img_align_celeba.zip", (enlarged(horses.images[row]) for row in horses.rows))


def numbered(digit: np.ndarray, background: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A digit (32, 32) in a colour of its own over a blurred image (3, 32, 32)."""
    blurred = Image.fromarray(background.transpose(1, 2, 0)).filter(ImageFilter.GaussianBlur(6))
    behind = np.asarray(blurred, np.float32).transpose(2, 0, 1)
    colour = np.where(behind.mean() > 127, rng.uniform(0, 80, 3), rng.uniform(175, 255, 3))[:, None, None]
    opacity = digit.astype(np.float32) / 255
    return (behind * (1 - opacity) + colour * opacity).round().astype(np.uint8)


def enlarged(image: np.ndarray) -> np.ndarray:
    """An image (3, 32, 32) as (218, 178, 3)."""
    return np.asarray(Image.fromarray(image.transpose(1, 2, 0)).resize((178, 218), Image.Resampling.LANCZOS))


if __name__ == "__main__":
    main()
