import numpy as np
import pytest

from gansmith.errors import DataError
from gansmith.metrics.spectrum import spectrum


def smooth_noise(number, side=32, channels=1, seed=0):
    """Images uint8 whose power falls with the square of frequency, as photographs' does."""
    white = np.random.default_rng(seed).standard_normal((number, side, side, channels))
    y, x = np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)[None]
    falling = 1 / np.maximum(np.hypot(y, x), 1 / side)[None, :, :, None]
    images = np.fft.ifft2(np.fft.fft2(white, axes=(1, 2)) * falling, axes=(1, 2)).real
    return np.clip(images / images.std() * 40 + 128, 0, 255).astype(np.uint8)


REAL = smooth_noise(200, seed=1)


def with_grid(images, strength, period):
    """The images with every so many-th pixel brighter, in both directions."""
    grid = np.zeros(images.shape[1:])
    grid[::period, ::period] = strength
    return np.clip(images + grid, 0, 255).astype(np.uint8)


def test_new_images_of_the_same_kind_are_near_and_have_no_grid():
    found = spectrum(smooth_noise(200, seed=2), REAL)
    assert found["spectrum"].value < 0.5
    assert found["checkerboard"].low < 0 < found["checkerboard"].high


@pytest.mark.parametrize("period", [2, 4])
@pytest.mark.parametrize("side", [28, 32])
def test_a_grid_stands_out_the_more_the_stronger_it_is(period, side):
    real, fake = smooth_noise(100, side, 3, seed=1), smooth_noise(100, side, 3, seed=2)
    found = [spectrum(with_grid(fake, strength, period), real)["checkerboard"] for strength in (0, 10, 20, 40)]
    values = [one.value for one in found]
    assert values == sorted(values)
    assert found[0].high < found[1].low


def test_half_the_contrast_is_six_decibels_in_every_ring_but_the_constant():
    fainter = (128 + (REAL.astype(float) - 128) / 2).round().astype(np.uint8)
    found = spectrum(fainter, REAL)["spectrum"].value
    assert found == pytest.approx(6, abs=0.5)


def test_blur_moves_the_distance_the_more_the_stronger_it_is():
    def blurred(times):
        images = REAL.astype(float)
        for _ in range(times):
            images = (images + np.roll(images, 1, 1) + np.roll(images, 1, 2)) / 3
        return images.round().astype(np.uint8)

    values = [spectrum(blurred(times), REAL)["spectrum"].value for times in range(4)]
    assert values[0] == 0
    assert values == sorted(values)


def test_black_images_have_a_distance():
    assert np.isfinite(spectrum(np.zeros_like(REAL), REAL)["spectrum"].value)


@pytest.mark.parametrize(
    ("fake", "message"),
    [
        (REAL.astype(float), "got float64"),
        (REAL[:2], "needs at least 5 fake images of 8x8, got 2 of 32x32"),
        (REAL[:, :16], "fake images are 16x32 and real images 32x32"),
    ],
)
def test_what_is_not_images_is_refused(fake, message):
    with pytest.raises(DataError) as caught:
        spectrum(fake, REAL)
    assert message in str(caught.value)
