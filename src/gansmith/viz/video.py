"""MP4 videos: H.264 in steps of a twentieth of a second, which every player and browser shows."""

import io
from collections.abc import Sequence
from importlib.util import find_spec
from itertools import pairwise

import numpy as np
from PIL import Image

from gansmith.errors import MissingExtraError
from gansmith.viz.grids import on_white

FRAMES_PER_SECOND = 20
"""Rate of every video. Some players know no other than a constant rate."""
QUALITY = "12"
"""x264's constant rate factor: lower is better, and below about 17 no difference is seen."""


def check_video_support() -> None:
    """Raise MissingExtraError when the package that writes videos is not installed."""
    if find_spec("av") is None:
        raise MissingExtraError("MP4 files need an extra package: pip install 'gansmith[video]'.")


def video(frames: Sequence[Image.Image], milliseconds: Sequence[int]) -> bytes:
    """An MP4 file that shows each frame for its `milliseconds`, to the nearest twentieth of a second in all.

    Transparent pixels lie on white. H.264 stores colours at half the size and needs even sides: an odd side repeats its
    last pixels. Raises MissingExtraError without the extra `video`.
    """
    check_video_support()
    import av  # an extra

    ends = np.round(np.cumsum([0, *milliseconds]) * FRAMES_PER_SECOND / 1000).astype(int)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND, options={"crf": QUALITY})
        stream.width, stream.height = (side + side % 2 for side in frames[0].size)
        stream.pix_fmt = "yuv420p"
        for frame, (start, end) in zip(frames, pairwise(ends), strict=True):
            pixels = _even(np.asarray(on_white(frame)))
            for _ in range(start, max(end, start + 1)):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return buffer.getvalue()


def _even(pixels: np.ndarray) -> np.ndarray:
    height, width = pixels.shape[:2]
    return np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
