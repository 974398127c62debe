"""One file's bytes to one image: what is used, converted and dropped, and why."""

import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gansmith.data.images.decode import decode, suffix_of
from gansmith.data.images.load import MAX_PIXELS
from gansmith.data.images.resize import ImageShape
from tests.helpers.hazards import blank
from tests.helpers.small_images import file, photo


def png_header(width, height):
    return png_of(
        [b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), b"IDAT" + zlib.compress(b"\0" * 99)]
    )


def png_of(parts):
    framed = (struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part)) for part in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


def reasons(name, content, wanted=None):
    image = decode(name, content, wanted)
    assert (image.outcome == "used") == (image.reasons == ())
    return image.outcome, *image.reasons


SQUARE = ImageShape(channels=3, height=16, width=16)


def test_a_plain_image_is_used_as_it_is():
    image = decode("a.png", file(photo(16, 16)), SQUARE)
    assert (image.outcome, image.reasons, image.mode, image.format) == ("used", (), "RGB", "PNG")
    assert np.array_equal(image.pixels, np.asarray(photo(16, 16)).transpose(2, 0, 1))


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.png", b"", "zero bytes"),
        ("a.png", b"hello, I am a text", "not an image"),
        ("a.wav", b"RIFF\x24\0\0\0WAVEfmt ", "not an image"),
        ("a.webp", b"RIFF\x24\0\0\0WEBPVP8 ", "damaged"),
        ("a.png", file(photo())[:80], "truncated"),
        ("a.png", file(photo())[:-40], "truncated"),
        ("a.jpg", file(photo(64, 64), "JPEG")[:-200], "truncated"),
        ("a.png", b"\x89PNG\r\n\x1a\n", "damaged"),
        ("a.png", file(Image.new("RGB", (1, 1))), "one pixel"),
        ("a.png", file(Image.new("RGB", (100, 7))), "smaller than 8 pixels"),
        ("a.png", png_header(30_000, 30_000), "too many pixels, up to 178,956,970 are read"),
        ("a.png", png_header(MAX_PIXELS // 1000 + 1, 1000), "too many pixels, up to 178,956,970 are read"),
        ("a.heic", b"\0\0\0\x18ftypheic", "HEIC, AVIF or video, which are not read"),
        ("a.eps", b"%!PS-Adobe-3.0 EPSF-3.0", "a format that is not read"),
        ("a.ico", file(photo(), "ICO"), "a format that is not read"),
        ("a.svg", b'<?xml version="1.0"?>\n<!-- by somebody -->\n<svg width="9"/>', "a format that is not read"),
        ("a.xml", b'<?xml version="1.0"?>\n<annotation/>', "not an image"),
    ],
)
def test_what_cannot_be_used_is_dropped_with_its_reason(name, content, reason):
    assert reasons(name, content) == ("dropped", reason)


def test_a_blank_sheet_is_used():
    assert decode("a.png", blank(4_000, 3_000)).outcome == "used"


def gif():
    return file(photo(), "GIF", save_all=True, append_images=[photo(seed=1), photo(seed=2)])


def palette(**options):
    return file(photo().quantize(16), "PNG", **options)


def with_orientation(value, format_="JPEG"):
    exif = Image.Exif()
    exif[0x0112] = value
    return file(photo(16, 32), format_, exif=exif)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.jpg", file(photo()), ["named .jpg but is PNG"]),
        ("A.JPEG", file(photo(), "JPEG"), []),
        ("a", file(photo()), ["not named as an image but is PNG"]),
        ("a.dat", file(photo()), ["not named as an image but is PNG"]),
        ("a.gif", gif(), ["animated: first frame", "palette"]),
        ("a.tif", file(photo(), "TIFF", save_all=True, append_images=[photo()]), ["pages: first page"]),
        ("a.jpg", file(photo().convert("CMYK"), "JPEG"), ["CMYK to RGB"]),
        ("a.tif", file(photo().convert("LAB"), "TIFF"), ["LAB to RGB"]),
        ("a.png", file(Image.fromarray(np.full((9, 9), 4000, np.uint16))), ["16 bits to 8, 12 of them used"]),
        ("a.png", palette(), ["palette"]),
        ("a.png", palette(transparency=0), ["palette", "transparency laid over white"]),
        ("a.png", file(photo(channels=4)), ["transparency laid over white"]),
        ("a.jpg", with_orientation(6), ["turned as its EXIF says"]),
        ("a.tif", with_orientation(6, "TIFF"), ["turned as its EXIF says"]),
        ("a.jpg", with_orientation(1), []),
        ("a.png", file(photo(), icc_profile=b"a wide one"), ["colour profile not applied"]),
        ("a.bmp", file(photo(), "BMP"), []),
        ("a.webp", file(photo(), "WEBP"), []),
        ("a.png", file(photo(channels=1).convert("1")), []),
    ],
)
def test_what_is_changed_is_said(name, content, expected):
    assert reasons(name, content) == ("converted" if expected else "used", *expected)


def test_opaque_alpha_is_no_transparency():
    opaque = photo().convert("RGBA")
    assert reasons("a.png", file(opaque)) == ("used",)
    assert not decode("a.png", file(opaque)).transparent


def test_sixteen_bits_are_scaled_and_not_clipped():
    values = np.linspace(0, 65535, 256, dtype=np.uint16).reshape(16, 16)
    grey = ImageShape(channels=1, height=16, width=16)
    image = decode("a.png", file(Image.fromarray(values)), grey)
    assert np.array_equal(image.pixels[0], np.rint(values / 257).astype(np.uint8))
    tiff = decode("a.tif", file(Image.fromarray(values.astype(np.int32)), "TIFF"), grey)
    assert np.array_equal(tiff.pixels, image.pixels)
    assert "16 bits to 8" in tiff.reasons


def test_sixteen_bit_colour_is_said_although_pillow_hides_it():
    rows = b"".join(b"\0" + bytes(range(96)) for _ in range(16))
    parts = [b"IHDR" + struct.pack(">IIBBBBB", 16, 16, 16, 2, 0, 0, 0), b"IDAT" + zlib.compress(rows), b"IEND"]
    assert reasons("a.png", png_of(parts)) == ("converted", "16 bits to 8")


def test_floats_are_scaled_by_their_own_range():
    values = np.linspace(-3, 5, 256, dtype=np.float32).reshape(16, 16)
    image = decode("a.tif", file(Image.fromarray(values), "TIFF"), ImageShape(channels=1, height=16, width=16))
    assert image.reasons == ("32 bits to 8, by the range of the set",)
    assert np.array_equal(image.pixels.reshape(-1), np.arange(256))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format_", ["PNG", "TIFF"])
def test_every_exif_orientation_comes_out_upright(orientation, format_):
    undo = {
        2: "FLIP_LEFT_RIGHT",
        3: "ROTATE_180",
        4: "FLIP_TOP_BOTTOM",
        5: "TRANSPOSE",
        6: "ROTATE_90",
        7: "TRANSVERSE",
        8: "ROTATE_270",
    }
    upright = photo(16, 32)
    stored = upright if orientation == 1 else upright.transpose(Image.Transpose[undo[orientation]])
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = decode("a", file(stored, format_, exif=exif), ImageShape(channels=3, height=16, width=32))
    assert (image.width, image.height) == (32, 16)
    assert np.array_equal(image.pixels, np.asarray(upright).transpose(2, 0, 1))


def test_transparency_is_laid_over_white_or_kept():
    half = Image.new("RGBA", (16, 16), (0, 0, 0, 0))
    assert (decode("a.png", file(half), SQUARE).pixels == 255).all()
    kept = decode("a.png", file(half), ImageShape(channels=4, height=16, width=16))
    assert (kept.pixels[3] == 0).all()
    assert kept.outcome == "used"
    assert kept.transparent


def test_grey_is_seen_in_colour_files_and_one_coloured_pixel_denies_it():
    grey = photo(channels=1).convert("RGB")
    assert decode("a.png", file(grey)).grey
    grey.putpixel((5, 7), (1, 2, 3))
    assert not decode("a.png", file(grey)).grey


def test_colour_made_grey_is_said():
    assert reasons("a.png", file(photo()), ImageShape(channels=1, height=24, width=24)) == (
        "converted",
        "colour to grey",
    )


def test_the_hash_is_of_pixels_and_not_of_the_file():
    grey = photo(channels=1)
    same = [decode("a", file(grey, format_)) for format_ in ("PNG", "BMP", "TIFF", "PPM")]
    same.append(decode("a", file(grey.convert("RGB"))))
    assert len({image.sha256 for image in same}) == 1
    assert decode("a", file(photo(seed=1))).sha256 != decode("a", file(photo(seed=2))).sha256
    flipped = np.zeros((8, 16), np.uint8)
    assert decode("a", file(Image.fromarray(flipped))).sha256 != decode("a", file(Image.fromarray(flipped.T))).sha256


def test_the_difference_hash_survives_recompression_and_tells_others_apart():
    first = decode("a", file(photo(64, 64))).difference_hash
    again = decode("a", file(photo(64, 64), "JPEG", quality=60)).difference_hash
    other = decode("a", file(photo(64, 64, seed=3))).difference_hash
    assert (first ^ again).bit_count() <= 3
    assert (first ^ other).bit_count() > 10


def test_the_difference_hash_of_a_ramp_is_known():
    ramp = np.tile(np.linspace(250, 30, 90).astype(np.uint8), (80, 1))
    assert decode("a", file(Image.fromarray(ramp))).difference_hash == 2**64 - 1
    assert decode("a", file(Image.fromarray(ramp[:, ::-1].copy()))).difference_hash == 0


@pytest.mark.parametrize(
    ("fit", "size", "expected"),
    [
        ("crop", (16, 48), "cropped"),
        ("pad", (16, 48), "padded"),
        ("stretch", (16, 48), "stretched"),
        ("crop", (8, 8), "enlarged"),
        ("crop", (32, 32), None),
    ],
)
def test_fitting_says_what_it_did(fit, size, expected):
    found = decode("a.png", file(photo(*size)), ImageShape(channels=3, height=16, width=16, resize=fit))
    assert found.pixels.shape == (3, 16, 16)
    assert found.reasons == ((expected,) if expected else ())


def test_a_crop_keeps_the_centre_and_padding_keeps_everything():
    stripes = np.zeros((16, 48), np.uint8)
    stripes[:, 16:32] = 200
    grey = {"channels": 1, "height": 16, "width": 16}
    assert (decode("a", file(Image.fromarray(stripes)), ImageShape(**grey)).pixels == 200).all()
    padded = decode("a", file(Image.fromarray(stripes)), ImageShape(**grey, resize="pad")).pixels[0]
    assert (padded[[0, -1]] == 255).all()
    assert np.abs(padded[8, [0, 8, 15]].astype(int) - [0, 200, 0]).max() < 5


def test_resizing_is_antialiased():
    checks = np.indices((64, 64)).sum(0) % 2 * 255
    small = decode(
        "a", file(Image.fromarray(checks.astype(np.uint8))), ImageShape(channels=1, height=8, width=8)
    ).pixels
    assert np.abs(small.astype(int) - 128).max() < 12


@pytest.mark.parametrize("bad", [{"channels": 2}, {"height": 0}, {"width": 5000}, {"resize": "squash"}])
def test_a_shape_that_makes_no_sense_is_refused(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        ImageShape(**{"channels": 3, "height": 8, "width": 8, **bad})


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_bytes_never_raise(data):
    format_ = data.draw(st.sampled_from(["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"]))
    content = bytearray(file(photo(), format_))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    image = decode("a", bytes(content[: data.draw(st.integers(0, len(content)))]), SQUARE)
    assert (image.pixels is None) == (image.outcome == "dropped")


def test_suffixes():
    assert [suffix_of(name) for name in ("a/B.PNG", "a.b/c", ".png", "x.tar.gz")] == [".png", "", "", ".gz"]


def test_decoding_does_not_import_torch():
    code = "import sys, gansmith.data.images.worker; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
