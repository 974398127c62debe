"""Large flat images are used and bombs stay bounded (report R12); nothing beside the pixels spoils a PNG (R13)."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from gansmith.data.images import budget, load
from gansmith.data.images.budget import OVER_BUDGET, Budget
from gansmith.data.images.decode import decode
from gansmith.data.images.decode_set import SetDecoder
from gansmith.data.images.pool import Decoders, Job
from gansmith.data.images.resize import ImageShape
from tests.helpers.deep_images import png_of
from tests.helpers.hazards import blank
from tests.helpers.small_images import file, photo, prepare

SMALL = ImageShape(channels=3, height=16, width=16)


def plan(side=3000):
    image = Image.new("RGB", (side * 4 // 3, side), "white")
    image.paste("black", (500, 500, 600, 2500))
    return file(image)


def test_a_floor_plan_is_used():
    content = plan()
    assert len(content) < 200_000
    assert decode("a.png", content, SMALL).reasons == ("cropped",)


def outcomes(contents, num_files=None, workers=1):
    def jobs(start):
        return (Job("", content) for content in contents[start:])

    with Decoders(workers) as decoders:
        return [one.reasons for one in SetDecoder(decoders, jobs, num_files or len(contents)).decode(0, SMALL)]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_set_holds_so_many_pixels_in_few_bytes_and_no_more(monkeypatch, workers):
    """Each of these has 3,145,728 bytes decoded in 3,000: 2.8 million beyond the ratio."""
    monkeypatch.setattr(budget, "BASE", 6_000_000)
    monkeypatch.setattr(budget, "FOR_EACH", 1_000_000)
    flat = [blank(1024, 1024)] * 9
    found = outcomes(flat, workers=workers)
    assert found == [()] * 5 + [(OVER_BUDGET,)] * 4


def test_what_is_tried_in_vain_costs_as_much(monkeypatch):
    monkeypatch.setattr(budget, "BASE", 6_000_000)
    monkeypatch.setattr(budget, "FOR_EACH", 0)
    broken = blank(1024, 1024)[:-200]
    assert outcomes([broken] * 4, workers=2) == [("truncated",)] * 2 + [(OVER_BUDGET,)] * 2


def test_what_costs_nothing_is_used_however_little_is_left(monkeypatch):
    monkeypatch.setattr(budget, "BASE", 0)
    monkeypatch.setattr(budget, "FOR_EACH", 0)
    assert outcomes([blank(1024, 1024), file(photo(64, 64))]) == [(OVER_BUDGET,), ()]


def test_a_stopped_packing_goes_on_with_what_was_left(tmp_path, monkeypatch):
    monkeypatch.setattr(budget, "BASE", 6_000_000)
    monkeypatch.setattr(budget, "FOR_EACH", 0)
    monkeypatch.setattr("gansmith.data.store_writer._EVERY", 1)
    folder = tmp_path / "set"
    folder.mkdir()
    for number in range(4):
        (folder / f"{number}.png").write_bytes(blank(1024, 1024))
    prepare(folder, tmp_path / "whole", SMALL, allow_dropped=True, workers=1)

    def stop(done, _):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(folder, tmp_path / "parts", SMALL, allow_dropped=True, workers=1, progress=stop)
    assert len(prepare(folder, tmp_path / "parts", SMALL, allow_dropped=True, workers=1)) == 2
    for name in ("files.jsonl", "index.json", "images.npy"):
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_the_largest_set_has_a_budget_that_does_not_grow_any_more():
    assert Budget(10**9).left == Budget(10**6).left == budget.MOST
    assert Budget(10).left < budget.MOST


def test_beyond_a_size_images_are_read_smaller_and_it_is_said(monkeypatch):
    monkeypatch.setattr(load, "READ_WHOLE", 10_000)
    monkeypatch.setattr(load, "MAX_PIXELS", 50_000)
    monkeypatch.setattr(load, "MAX_JPEG_PIXELS", 500_000)
    image = photo(150, 200)
    png, jpeg = (decode("", file(image, kind), SMALL) for kind in ("PNG", "JPEG"))
    assert (png.width, png.height) == (jpeg.width, jpeg.height) == (200, 150)
    plain = np.asarray(image.crop((25, 0, 175, 150)).resize((16, 16), Image.Resampling.LANCZOS)).transpose(2, 0, 1)
    for one in (png, jpeg):
        assert "over 10,000 pixels, so read at 1/2 of the size" in one.reasons
        assert np.abs(one.pixels.astype(int) - plain).max() < 12
    assert "over 10,000 pixels, so read at 1/8 of the size" in decode("", file(photo(600, 800), "JPEG"), SMALL).reasons
    assert decode("", file(photo(600, 800)), SMALL).reasons == ("too many pixels, up to 50,000 are read",)
    boxed = ImageShape(channels=3, height=16, width=16, box=(0, 0, 100, 100))
    assert decode("", file(image), boxed).reasons == ("too many pixels, up to 10,000 are read where a box is cut out",)


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA"])
def test_every_kind_of_image_is_read_smaller(monkeypatch, mode):
    monkeypatch.setattr(load, "READ_WHOLE", 10_000)
    found = decode("", file(photo(150, 200).convert(mode)), SMALL)
    assert "over 10,000 pixels, so read at 1/2 of the size" in found.reasons
    plain = decode("", file(photo(75, 100)), SMALL)
    assert mode not in ("P", "RGB", "RGBA") or np.abs(found.pixels.astype(int) - plain.pixels).max() < 60


@pytest.mark.slow
def test_a_jpeg_of_101_million_pixels_is_used():
    content = file(Image.new("RGB", (10_100, 10_000), (200, 60, 20)), "JPEG")
    with Decoders(1) as decoders:
        (found,) = decoders.decode([Job("a.jpg", content)], SMALL)
    assert found.reasons == ("over 89,478,485 pixels, so read at 1/2 of the size", "cropped")
    assert np.abs(found.pixels[:, 8, 8].astype(int) - [200, 60, 20]).max() <= 3


# --- what lies beside the pixels


def chunks_of(content):
    at, found = 8, []
    while at < len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        found.append(content[at + 4 : at + 8 + length])
        at += length + 12
    return found


def with_chunk(chunk, before=b"IDAT"):
    found = chunks_of(file(photo()))
    at = next(number for number, one in enumerate(found) if one.startswith(before))
    return png_of([*found[:at], chunk, *found[at:]])


def long_text(compressed):
    text = PngImagePlugin.PngInfo()
    text.add_text("workflow", "x" * (2 << 20), zip=compressed)
    return file(photo(), pnginfo=text)


def bad_sum(content, kind):
    at = content.index(kind)
    (length,) = struct.unpack(">I", content[at - 4 : at])
    return content[: at + 4 + length] + b"oops" + content[at + 8 + length :]


MANY_TEXTS = png_of(
    [chunks_of(file(photo()))[0], *[b"tEXtkey\0" + b"y" * 1_000_000] * 70, *chunks_of(file(photo()))[1:]]
)
BESIDE = {
    "a long text": long_text(False),
    "a long compressed text": long_text(True),
    "many texts": MANY_TEXTS,
    "a text after the pixels": with_chunk(b"zTXtkey\0\0" + zlib.compress(bytes(2 << 20)), b"IEND"),
    "a text that is not deflated": with_chunk(b"zTXtkey\0\0nonsense"),
    "a bad sum before the pixels": bad_sum(with_chunk(b"tIME\x07\xea\x01\x01\0\0\0"), b"tIME"),
    "a bad sum after the pixels": bad_sum(with_chunk(b"tEXta\0b", b"IEND"), b"tEXt"),
    "no end": file(photo())[:-12],
    "half an end": file(photo())[:-5],
    "garbage behind": file(photo()) + b"garbage" * 999,
    "a cut text behind": with_chunk(b"tEXta\0" + b"b" * 5000, b"IEND")[:-2000],
    "a palette too short to be one": with_chunk(b"sPLT"),
}


@pytest.mark.parametrize("content", BESIDE.values(), ids=BESIDE)
def test_a_png_is_used_whatever_lies_beside_its_pixels(content):
    found = decode("a.png", content, ImageShape(channels=3, height=24, width=24))
    assert (found.outcome, found.reasons) == ("used", ())
    assert np.array_equal(found.pixels, np.asarray(photo()).transpose(2, 0, 1))


def test_a_long_profile_is_used_and_said_not_to_be_applied():
    content = with_chunk(b"iCCPwide\0\0" + zlib.compress(bytes(2 << 20)))
    assert decode("a.png", content).reasons == ("colour profile not applied",)


def test_damaged_pixels_stay_damaged():
    content = file(photo())
    at = content.index(b"IDAT") + 40
    assert decode("a.png", content[:at] + bytes(40) + content[at + 40 :]).outcome == "dropped"
    assert decode("a.png", file(photo())[:-40]).reasons == ("truncated",)


def test_the_first_frame_of_an_animation_with_a_long_text_is_used_and_said():
    text = PngImagePlugin.PngInfo()
    text.add_text("a", "x" * (2 << 20))
    content = file(photo(), save_all=True, append_images=[photo(seed=1)], pnginfo=text)
    assert decode("a.png", content).reasons == ("animated: first frame",)


def test_a_jpeg_of_a_phone_with_more_behind_it_is_used():
    jpeg = file(photo(64, 64), "JPEG")
    assert decode("a.jpg", jpeg + b"\0garbage" * 500).reasons == ()
    buffer = io.BytesIO()
    photo(64, 64).save(buffer, "MPO", save_all=True, append_images=[photo(32, 32)])
    assert decode("a.jpg", buffer.getvalue()).reasons == ()


def test_later_pages_of_a_tiff_may_be_damaged():
    content = file(photo(), "TIFF", save_all=True, append_images=[photo(seed=1)])
    assert decode("a.tif", content[: len(content) - 200], SMALL).reasons == ("pages: first page",)
