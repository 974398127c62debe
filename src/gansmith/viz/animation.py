"""Animations: GIF, which every program shows, and WebP, which is lossless."""

import io
from collections.abc import Sequence

from PIL import Image

SUFFIXES = (".gif", ".webp")
"""The file types that `animation` writes."""
ANIMATION_SIDE = 160
"""Approximate length in pixels of the longer side of a small image that is animated alone."""
MOST_PIXELS = 2**27
"""Pixels of all frames together, at most: they are in memory at once, with a byte or more each."""


def animation(frames: Sequence[Image.Image], milliseconds: Sequence[int], suffix: str) -> bytes:
    """A GIF or WebP file that shows each frame for its `milliseconds` and starts again at its end.

    All frames have one size and are grey, RGB or RGBA. WebP keeps every visible value. GIF keeps grey, reduces each
    frame to the 256 colours that suit it best, and lays transparent pixels over white, because a GIF knows no partial
    transparency. The same frames always give the same bytes. Equal frames in a row become one of their total time.
    """
    name = suffix[1:].lower()
    first, *others = [_for_gif(frame) for frame in frames] if name == "gif" else frames
    options = {} if name == "gif" else {"lossless": True}
    buffer = io.BytesIO()
    first.save(buffer, name, save_all=True, append_images=others, duration=list(milliseconds), loop=0, **options)
    return buffer.getvalue()


def _for_gif(frame: Image.Image) -> Image.Image:
    if frame.mode == "L":
        return frame
    if frame.mode == "RGBA":
        frame = Image.alpha_composite(Image.new("RGBA", frame.size, "white"), frame).convert("RGB")
    return frame.quantize(256)
