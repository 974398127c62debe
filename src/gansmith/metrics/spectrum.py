"""Metrics of the power spectrum: the balance of coarse and fine detail, and checkerboard patterns from upsampling.

Power by frequency: Durall et al. 2020, arXiv:2003.01826, §3. Checkerboards: Odena et al. 2016, "Deconvolution and
Checkerboard Artifacts" (Distill, doi:10.23915/distill.00003).
"""

import numpy as np

from gansmith.errors import DataError
from gansmith.metrics.intervals import PARTS, Estimate, from_parts, on_parts

_CHUNK = 1024
"""Number of images transformed at a time: 1,024 images of 64x64x3 take 100 MB in float64."""
_FLOOR = 1e-12
"""Least power, as a share of an image's squared full range; a constant image has power 0, which has no logarithm."""


def spectrum(fake: np.ndarray, real: np.ndarray, seed: int = 0) -> dict[str, Estimate]:
    """Of fakes uint8 (n, H, W, C) against reals (m, H, W, C), which are at least 8 pixels high and wide; in decibels.

    spectrum: root mean square, over rings of equal frequency, of the difference in mean power; 0 for images that are
    alike, 10 if one kind has ten times the power everywhere.
    checkerboard: power at multiples of 1/4 of the sampling rate (a lattice of 15 frequencies without the constant one)
    relative to the neighbouring frequencies; mean over the lattice, fake minus real. About 0 for fakes with no more of
    a checkerboard than reals.

    Raises DataError for images that are not uint8, differ in shape or are too small, and for fewer than 5 of a kind.
    """
    fake_power, real_power = _power(_check_images(fake, "fake")), _power(_check_images(real, "real"))
    if fake_power.shape[1:] != real_power.shape[1:]:
        raise DataError(f"fake images are {_size(fake)} and real images {_size(real)}; resize them to one size.")
    whole = _compare(_mean(fake_power), _mean(real_power))
    parts = on_parts(lambda f, r: _compare(_mean(fake_power[f]), _mean(real_power[r])), len(fake), len(real), seed)
    distance, checkerboard = zip(whole, parts, strict=True)
    return {"spectrum": from_parts(*distance, lowest=0), "checkerboard": from_parts(*checkerboard)}


def _compare(fake: np.ndarray, real: np.ndarray) -> tuple[float, float]:
    """Distance and checkerboard for mean powers (H, W)."""
    rings = _rings(*fake.shape)
    sizes = np.bincount(rings.ravel())
    difference = np.subtract(*(_decibels(np.bincount(rings.ravel(), side.ravel()) / sizes) for side in (fake, real)))
    return float(np.sqrt(np.square(difference).mean())), _lattice_power(fake) - _lattice_power(real)


def _lattice_power(power: np.ndarray) -> float:
    """Mean power (H, W) on the lattice of 1/4 and 1/2, relative to the neighbouring frequencies, in decibels."""
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
    """The ring (H, W) of each frequency: 0 for the constant, then by distance, up to half the longer side.

    Distances are shares of the sampling rate, so the longer side has more frequencies, not higher ones.
    """
    y, x = np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None]
    side = max(height, width)
    return np.minimum(np.round(np.hypot(y, x) * side).astype(int), side // 2)


def _power(images: np.ndarray) -> np.ndarray:
    """Power per pixel of images scaled to 0..1, averaged over channels: float32 (n, H, W)."""
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


def _check_images(images: np.ndarray, kind: str) -> np.ndarray:
    if images.dtype != np.uint8 or images.ndim != 4:
        raise DataError(f"{kind} images must be uint8 (n, height, width, channels), got {images.dtype} {images.shape}.")
    if len(images) < PARTS or min(images.shape[1:3]) < 8:
        found = f"{len(images)} of {_size(images)}"
        raise DataError(f"a spectrum needs at least {PARTS} {kind} images of 8x8, got {found}.")
    return images


def _size(images: np.ndarray) -> str:
    return f"{images.shape[1]}x{images.shape[2]}"
