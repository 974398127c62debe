"""Images of more than 8 bits: all of a set are scaled alike, by the bits that the set uses (report R5)."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gansmith.data.check.text import report_lines
from gansmith.data.images.decode import decode
from gansmith.data.images.decode_set import SetDecoder
from gansmith.data.images.levels import Levels, Span, levels_of
from gansmith.data.images.pool import Decoders, Job
from gansmith.data.images.resize import ImageShape
from tests.helpers.deep_images import png16, tiff16
from tests.helpers.small_images import check, file, photo, prepare

GREY = ImageShape(channels=1, height=16, width=16)
COLOUR = ImageShape(channels=3, height=16, width=16)


def ramp(most, channels=1):
    """(16, 16, channels) from 0 to `most`; every channel is different."""
    values = np.linspace(0, most, 256).round().astype(np.uint16).reshape(16, 16)
    return np.dstack([values, values.T, values[::-1], values[:, ::-1]][:channels]).squeeze()


def packed(tmp_path, contents, shape=GREY):
    folder = tmp_path / "set"
    folder.mkdir()
    for number, content in enumerate(contents):
        (folder / f"{number:02}").write_bytes(content)
    return prepare(folder, tmp_path / "store", shape, workers=2)


@pytest.mark.parametrize(
    ("most", "white"), [(200, 255), (900, 1023), (4095, 4095), (4000, 4095), (16_000, 16_383), (40_000, 65_535)]
)
def test_white_is_the_largest_number_of_the_set_rounded_up_to_the_bits_in_use(tmp_path, most, white):
    dark = ramp(most) // 4
    dataset = packed(tmp_path, [png16(dark), png16(ramp(most)), file(photo(16, 16, 1))])
    for image, samples in zip(dataset.images, (dark, ramp(most)), strict=False):
        assert np.abs(image[0] - samples * (255 / white)).max() <= 0.5001
    assert np.array_equal(dataset.images[2, 0], np.asarray(photo(16, 16, 1)))


def colour(channels):
    return ImageShape(channels=channels, height=16, width=16)


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("most", [4095, 65_535])
def test_colour_keeps_the_lower_half_of_its_sixteen_bits(tmp_path, channels, most):
    samples = ramp(most, channels)
    if channels == 4:
        samples[..., 3] = samples[..., 3].clip(most // 8)
    dataset = packed(tmp_path, [png16(samples)], colour(channels))
    assert np.abs(dataset.images[0].transpose(1, 2, 0) - samples * (255 / most)).max() <= 0.5001


def test_grey_with_transparency_keeps_both_and_full_opacity_beside_twelve_bits(tmp_path):
    samples = np.dstack([ramp(4095), np.full((16, 16), 65_535)])
    samples[0, 0, 1] = 32_768
    dataset = packed(tmp_path, [png16(samples)], colour(4))
    red, green, blue, alpha = dataset.images[0]
    assert np.array_equal(red, green)
    assert np.array_equal(red, blue)
    assert np.abs(red - ramp(4095) * (255 / 4095)).max() <= 0.5001
    assert alpha[0, 0] == 128
    assert (alpha.reshape(-1)[1:] == 255).all()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("channels", [1, 3])
def test_tiff_of_both_byte_orders_is_scaled_like_png(tmp_path, order, channels):
    samples = ramp(4095, channels)
    dataset = packed(tmp_path, [tiff16(samples, order=order)], colour(channels))
    expected = np.atleast_3d(samples).transpose(2, 0, 1) * (255 / 4095)
    assert np.abs(dataset.images[0] - expected).max() <= 0.5001


def test_a_compressed_tiff_is_scaled_alike(tmp_path):
    dataset = packed(tmp_path, [file(Image.fromarray(ramp(4095)), "TIFF", compression="tiff_lzw")])
    assert np.abs(dataset.images[0, 0] - ramp(4095) * (255 / 4095)).max() <= 0.5001


def netpbm(samples, most, plain=False):
    channels = 3 if samples.ndim == 3 else 1
    kind = {(1, False): 5, (3, False): 6, (1, True): 2, (3, True): 3}[channels, plain]
    head = f"P{kind}\n# a comment\n16 16\n{most}\n".encode()
    numbers = " ".join(map(str, samples.reshape(-1).tolist())).encode()
    return head + (numbers if plain else samples.astype(">u2").tobytes())


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("most", [4095, 1000, 65_535])
def test_netpbm_is_scaled_by_the_white_it_announces_and_by_its_numbers_where_that_is_the_largest(
    tmp_path, most, channels, plain
):
    used = min(most, 4095)
    dataset = packed(tmp_path, [netpbm(ramp(used, channels), most, plain)], colour(channels))
    expected = np.atleast_3d(ramp(used, channels)).transpose(2, 0, 1) * (255 / used)
    assert np.abs(dataset.images[0] - expected).max() <= 0.5001


@pytest.mark.parametrize(
    ("content", "white"),
    [
        (png16(ramp(900), b"sBIT\x0c"), 4095),
        (png16(ramp(60_000), b"sBIT\x0c"), 65_535),
        (png16(ramp(900), b"sBIT\x10"), 65_535),
        (tiff16(ramp(900), max_sample=4095), 4095),
        (tiff16(ramp(900), max_sample=65_535), 1023),
    ],
)
def test_declared_bits_count_unless_a_number_is_larger(content, white):
    image = decode("", content, GREY)
    most = 60_000 if white == 65_535 and image.span.high > 900 else 900
    assert np.abs(image.pixels[0] - ramp(most) * (255 / white)).max() <= 0.5001


def test_negative_numbers_and_floats_are_scaled_by_the_range_of_the_set(tmp_path):
    low, high = ramp(1000).astype(np.int32) - 1000, ramp(500).astype(np.int32)
    whole = tiff16(low, samples_format=2), tiff16(high, samples_format=2)
    dataset = packed(tmp_path, whole)
    assert np.abs(dataset.images[0, 0] - (low + 1000) * (255 / 1500)).max() <= 0.5001
    assert np.abs(dataset.images[1, 0] - (high + 1000) * (255 / 1500)).max() <= 0.5001
    assert dataset.index["reasons"] == {
        "32 bits to 8, by the range of the set": 2,
        "not named as an image but is TIFF": 2,
    }


@pytest.mark.parametrize(("low", "high"), [(0.1, 0.8), (-3, 5), (0, 0.25)])
def test_floats_of_a_set_keep_their_brightness_to_each_other(tmp_path, low, high):
    bright = np.linspace(low, high, 256, dtype=np.float32).reshape(16, 16)
    dark = np.full((16, 16), low, np.float32)
    dark[0, 0] = np.nan
    dataset = packed(tmp_path, [file(Image.fromarray(values), "TIFF") for values in (bright, dark)])
    black, white = (0, 1) if (low, high) == (0.1, 0.8) else (low, high)
    assert np.abs(dataset.images[0, 0] - (bright - black) * (255 / (white - black))).max() <= 0.51
    assert np.unique(dataset.images[1, 0, 1:]) == pytest.approx(round((low - black) * 255 / (white - black)))


def test_white_is_zero_is_turned_round():
    image = decode("a.tif", tiff16(ramp(4095), photometric=0), GREY)
    assert np.abs(image.pixels[0] - (255 - ramp(4095) * (255 / 4095))).max() <= 0.5001


def test_a_colour_made_transparent_by_its_sixteen_bits_is():
    samples = ramp(4095)
    image = decode("a.png", png16(samples, b"tRNS" + int(samples[3, 3]).to_bytes(2, "big")), colour(4))
    assert (image.pixels[3] == np.where(samples == samples[3, 3], 0, 255)).all()


def test_the_number_of_images_and_the_bits_are_said(tmp_path):
    dataset = packed(tmp_path, [png16(ramp(4095)), png16(ramp(900))])
    assert dataset.index["reasons"]["16 bits to 8, 12 of them used"] == 2
    lines = "\n".join(report_lines(check(tmp_path / "set", workers=1)))
    assert "2  16 bits to 8, 12 of them used: 00, 01" in lines


def test_the_scale_does_not_depend_on_where_a_stopped_packing_went_on(tmp_path):
    contents = [file(photo(16, 16, 1)), png16(ramp(900)), png16(ramp(4095)), png16(ramp(100))]

    def jobs(start):
        return (Job(str(number), content) for number, content in enumerate(contents) if number >= start)

    with Decoders(2) as decoders:
        whole = list(SetDecoder(decoders, jobs, len(contents)).decode(0, GREY))
        for start in range(1, 4):
            rest = list(SetDecoder(decoders, jobs, len(contents)).decode(start, GREY))
            assert [one.pixels.tobytes() for one in rest] == [one.pixels.tobytes() for one in whole[start:]]


def test_a_folder_its_zip_and_its_tar_are_scaled_alike(tmp_path):
    ours = packed(tmp_path, [file(photo(16, 16, 1)), png16(ramp(900)), png16(ramp(4095)), png16(ramp(100))])
    for kind in ("zip", "gztar"):
        archive = shutil.make_archive(str(tmp_path / kind), kind, tmp_path / "set")
        theirs = prepare(Path(archive), tmp_path / f"{kind} store", GREY, workers=2)
        assert sorted(image.tobytes() for image in theirs.images) == sorted(image.tobytes() for image in ours.images)


def test_wide_integers_that_hold_twelve_bits_are_scaled_like_twelve_bits(tmp_path):
    values = [Image.fromarray(ramp(most).astype(np.int32)) for most in (4095, 900)]
    dataset = packed(tmp_path, [file(one, "TIFF") for one in values])
    assert np.abs(dataset.images[1, 0] - ramp(900) * (255 / 4095)).max() <= 0.5001
    assert dataset.index["reasons"]["16 bits to 8, 12 of them used"] == 2


def test_a_set_of_eight_bits_is_read_once(tmp_path):
    read = []

    def jobs(start):
        read.append(start)
        return (Job(str(number), file(photo(16, 16, 1))) for number in range(start, 5))

    with Decoders(1) as decoders:
        decoder = SetDecoder(decoders, jobs, 5)
        assert [one.outcome for one in decoder.decode(0)] == ["converted"] * 5
    assert read == [0]
    assert decoder.levels is None


def test_the_check_names_the_same_duplicates_as_the_scale_of_the_set_makes(tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    for name, most in {"dark.png": 1000, "dark too.png": 1000, "bright.png": 4000}.items():
        (folder / name).write_bytes(png16(ramp(most)))
    report = check(folder, workers=1)
    assert report.duplicates == (("dark too.png", "dark.png"),)
    assert report.levels.white == 4095
    json.dumps(report.to_dict())


def test_levels_of_nothing_are_the_format_s_own():
    assert levels_of([]) == Levels()
    assert levels_of([Span(kind="integers", low=0, high=70_000)]).integers == (0, 70_000)
    assert levels_of([Span(kind="bits", low=0, high=0)]).white == 255


def test_a_gamma_that_is_not_applied_is_said():
    def with_gamma(value):
        return decode("a.png", png16(ramp(65_535), b"gAMA" + value.to_bytes(4, "big"))).reasons

    assert with_gamma(45_455) == ("16 bits to 8",)
    assert with_gamma(100_000) == ("gamma not applied", "16 bits to 8")


def test_sixteen_bits_of_a_print_are_said():
    ink = np.dstack([ramp(65_535, 3), ramp(65_535)])
    image = decode("a.tif", tiff16(ink, photometric=5), COLOUR)
    assert set(image.reasons) == {"16 bits to 8", "CMYK to RGB"}
    assert image.pixels.shape == (3, 16, 16)


def test_measuring_stays_within_a_budget_too(monkeypatch):
    flat = [png16(np.full((600, 600), white)) for white in (100, 3000, 60_000)]
    monkeypatch.setattr("gansmith.data.images.budget.BASE", 2 * 600 * 600 - 100 * (len(flat[0]) + len(flat[1])))
    monkeypatch.setattr("gansmith.data.images.budget.FOR_EACH", 0)

    def jobs(start):
        return (Job("", content) for content in flat[start:])

    with Decoders(2) as decoders:
        decoder = SetDecoder(decoders, jobs, len(flat))
        outcomes = [one.outcome for one in decoder.decode(0, GREY)]
    assert outcomes == ["converted", "converted", "dropped"]
    assert decoder.levels.white == 4095
