"""Animations: GIF, which every program shows, WebP, which is lossless, and MP4, which is small."""

import io
from collections.abc import Sequence

from PIL import Image

from gansmith.viz.grids import on_white
from gansmith.viz.video import check_video_support, video

SUFFIXES = (".gif", ".webp", ".mp4")
"""The file types that `animation` writes."""
ANIMATION_SIDE = 160
"""Approximate length in pixels of the longer side of a small image that is animated alone."""
MOST_PIXELS = 2**27
"""Pixels of all frames together, at most: they are in memory at once, with a byte or more each."""


def animation(frames: Sequence[Image.Image], milliseconds: Sequence[int], suffix: str) -> bytes:
    """A file of this suffix that shows each frame for its `milliseconds`; GIF and WebP start again at their end.

    All frames have one size and are grey, RGB or RGBA. WebP keeps every visible value. GIF keeps grey, reduces each
    frame to the 256 colours that suit it best, and lays transparent pixels over white, because a GIF knows no partial
    transparency. The same frames always give the same bytes. Equal frames in a row become one of their total time.
    For MP4 see `video`, which may raise MissingExtraError.
    """
    name = suffix[1:].lower()
    if name == "mp4":
        return video(frames, milliseconds)
    first, *others = [_for_gif(frame) for frame in frames] if name == "gif" else frames
    options = {} if name == "gif" else {"lossless": True}
    buffer = io.BytesIO()
    first.save(buffer, name, save_all=True, append_images=others, duration=list(milliseconds), loop=0, **options)
    return buffer.getvalue()


def check_animation(suffix: str) -> None:
    """Raise MissingExtraError when a package for files of this suffix is not installed."""
    if suffix.lower() == ".mp4":
        check_video_support()


def _for_gif(frame: Image.Image) -> Image.Image:
    return frame if frame.mode == "L" else on_white(frame).quantize(256)
