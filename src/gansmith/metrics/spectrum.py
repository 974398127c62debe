"""How images spread their variation over coarse and fine, and whether upsampling left its grid in them.

Power over distance from the spectrum's middle: Durall et al. 2020, arXiv:2003.01826, §3. Grids: Odena et al. 2016,
"Deconvolution and Checkerboard Artifacts" (Distill, doi:10.23915/distill.00003).
"""

from dataclasses import dataclass

import numpy as np

from gansmith.errors import DataError
from gansmith.metrics.intervals import PARTS, Estimate, from_parts, on_parts

_CHUNK = 1024
"""Images transformed at a time: 1,024 of 64x64x3 in float64 are 100 MB."""

_FLOOR = 1e-12
"""Share of an image's full range, squared, below which power counts as none: constant images have no logarithm."""


@dataclass(frozen=True, slots=True)
class Spectrum:
    """In decibels: the distance, and by how much a grid of period 2 or 4 stands out, more than in the reals."""

    distance: Estimate
    checkerboard: Estimate


def spectrum(fake: np.ndarray, real: np.ndarray, seed: int = 0) -> Spectrum:
    """Of images uint8 (n, H, W, C) and (m, H, W, C), both sides 8 pixels or longer.

    distance: root mean square, over rings of equal frequency, of the difference of the two kinds' mean power; 0 where
    they are alike, 10 where one has ten times the power everywhere.
    checkerboard: power at the frequencies 1/2 and 1/4 of the sampling rate (all 15 places of that lattice but the
    constant one), over the power of the places around each; mean over the lattice, fake less real. About 0 where fakes
    have no more of a grid than reals.

    Raises:
        DataError: Not uint8 images of one shape, or fewer than 5 of a kind.
    """
    fake_power, real_power = _power(_checked(fake, "fake")), _power(_checked(real, "real"))
    if fake_power.shape[1:] != real_power.shape[1:]:
        raise DataError(f"fake images are {_size(fake)}, real ones {_size(real)}; resize one to the other.")
    whole = _compare(_mean(fake_power), _mean(real_power))
    parts = on_parts(lambda f, r: _compare(_mean(fake_power[f]), _mean(real_power[r])), len(fake), len(real), seed)
    distance, checkerboard = zip(whole, parts, strict=True)
    return Spectrum(from_parts(*distance, lowest=0), from_parts(*checkerboard))


def _compare(fake: np.ndarray, real: np.ndarray) -> tuple[float, float]:
    """Distance and checkerboard of mean powers (H, W)."""
    rings = _rings(*fake.shape)
    sizes = np.bincount(rings.ravel())
    difference = np.subtract(*(_decibels(np.bincount(rings.ravel(), side.ravel()) / sizes) for side in (fake, real)))
    return float(np.sqrt(np.square(difference).mean())), _grid(fake) - _grid(real)


def _grid(power: np.ndarray) -> float:
    """By how many decibels the lattice of 1/4 and 1/2 stands out of its surroundings, of mean power (H, W)."""
    height, width = power.shape
    ys, xs = (np.round(np.arange(4) * side / 4).astype(int) for side in (height, width))
    steps = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]
    out = []
    for y in ys:
        for x in xs:
            if y or x:
                around = np.mean([power[(y + dy) % height, (x + dx) % width] for dy, dx in steps])
                out.append(_decibels(power[y, x]) - _decibels(around))
    return float(np.mean(out))


def _rings(height: int, width: int) -> np.ndarray:
    """Which ring (H, W) a frequency belongs to, 0..: the constant first, then by distance, up to the longer half side.

    Distances are shares of the sampling rate, so that a side that is longer counts finer, not farther.
    """
    y, x = np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None]
    side = max(height, width)
    return np.minimum(np.round(np.hypot(y, x) * side).astype(int), side // 2)


def _power(images: np.ndarray) -> np.ndarray:
    """Mean power over channels, float32 (n, H, W): of each image of full range 1, an entry is per pixel."""
    out = np.empty(images.shape[:3], np.float32)
    for start in range(0, len(images), _CHUNK):
        chunk = images[start : start + _CHUNK] / 255.0
        waves = np.fft.fft2(chunk, axes=(1, 2))
        out[start : start + _CHUNK] = (np.square(waves.real) + np.square(waves.imag)).mean(3) / chunk[0, ..., 0].size
    return out


def _mean(power: np.ndarray) -> np.ndarray:
    return power.mean(0, dtype=np.float64)


def _decibels(power: np.ndarray) -> np.ndarray:
    return 10 * np.log10(np.maximum(power, _FLOOR))


def _checked(images: np.ndarray, kind: str) -> np.ndarray:
    if images.dtype != np.uint8 or images.ndim != 4:
        raise DataError(f"{kind} images are uint8 (n, height, width, channels), got {images.dtype} {images.shape}.")
    if len(images) < PARTS or min(images.shape[1:3]) < 8:
        raise DataError(f"a spectrum needs {PARTS} {kind} images of 8x8 or more, got {len(images)} of {_size(images)}.")
    return images


def _size(images: np.ndarray) -> str:
    return f"{images.shape[1]}x{images.shape[2]}"
