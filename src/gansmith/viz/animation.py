"""Images that move: GIF for anywhere, WebP without loss."""

import io
from collections.abc import Sequence

from PIL import Image

SUFFIXES = (".gif", ".webp")

SIDE = 160
"""Pixels of the longer side of an image that moves alone, roughly, if it is small."""

MOST_PIXELS = 2**27
"""In all frames of an animation together: they are in memory at once, a byte or more each."""


def animation(frames: Sequence[Image.Image], milliseconds: Sequence[int], suffix: str) -> bytes:
    """A GIF or WebP file of frames of one size, grey, RGB or RGBA, each shown for so long; begins anew at its end.

    WebP keeps every value that is seen. GIF keeps grey, has the 256 colours that suit each frame best, and puts white
    behind what is transparent: its pixels are transparent or not, nothing between. The same frames always give the
    same bytes; a frame that repeats the one before is shown as one, for as long as both.
    """
    form = suffix[1:].lower()
    first, *others = [_for_gif(frame) for frame in frames] if form == "gif" else frames
    how = {} if form == "gif" else {"lossless": True}
    buffer = io.BytesIO()
    first.save(buffer, form, save_all=True, append_images=others, duration=list(milliseconds), loop=0, **how)
    return buffer.getvalue()


def _for_gif(frame: Image.Image) -> Image.Image:
    if frame.mode == "L":
        return frame
    if frame.mode == "RGBA":
        frame = Image.alpha_composite(Image.new("RGBA", frame.size, "white"), frame).convert("RGB")
    return frame.quantize(256)
