"""Features of which tests know everything: means over blocks of pixels, and a count of the images looked at."""

import numpy as np

from gansmith.features.extractor import Extractor, InputShape, Output

SIDE, BLOCKS = 8, 2


class Counting:
    """An extractor of 8x8 grey images, 4 features wide, two classes by brightness, that counts its calls."""

    def __init__(self, hash_="0" * 64, resize="none", classes=("dark", "bright")):
        self.calls = 0
        self.extractor = Extractor(
            name="blocks",
            hash=hash_,
            width=BLOCKS**2,
            classes=classes,
            resize=resize,
            shape=InputShape(channels=1, height=SIDE, width=SIDE),
            pixels=SIDE**2,
            compute=self._compute,
        )

    def _compute(self, images):
        self.calls += 1
        vectors = images.float().unflatten(2, (BLOCKS, -1)).unflatten(4, (BLOCKS, -1)).mean((1, 3, 5)).flatten(1)
        bright = vectors.mean(1, keepdim=True) / 32 - 4
        return Output(vectors=vectors, logits=bright * bright.new_tensor([-1.0, 1.0]))


def grey(num, seed=0, low=0, high=256):
    """Images uint8 (num, 8, 8, 1) whose blocks differ."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(low, high, (num, BLOCKS, BLOCKS, 1))
    fine = rng.integers(-20, 21, (num, SIDE, SIDE, 1))
    return np.clip(coarse.repeat(SIDE // BLOCKS, 1).repeat(SIDE // BLOCKS, 2) + fine, 0, 255).astype(np.uint8)
