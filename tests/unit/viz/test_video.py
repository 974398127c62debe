"""MP4 files, read back by the package that writes them."""

import io

import numpy as np
import pytest
from PIL import Image

from gansmith.errors import MissingExtraError
from gansmith.viz import video as module
from gansmith.viz.animation import animation
from gansmith.viz.grids import to_pillow
from gansmith.viz.video import FRAMES_PER_SECOND, video


def read_back(content):
    """The frames, uint8 (N, H, W, 3)."""
    import av

    with av.open(io.BytesIO(content)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.average_rate) == ("h264", FRAMES_PER_SECOND)
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(stream)])


def smooth(channels, height=24, width=32):
    ramp = np.linspace(0, 255, height)[:, None] * np.linspace(0, 1, width)
    images = np.stack([np.roll(ramp, 5 * number, 1) for number in range(3)])
    return images[..., None].repeat(channels, 3).astype(np.uint8)


@pytest.mark.slow
@pytest.mark.parametrize(("height", "width"), [(24, 32), (25, 31), (1, 1)])
def test_frames_come_back_nearly_as_they_were_for_as_long_as_they_were_asked_for(height, width):
    images = smooth(3, height, width)
    found = read_back(video([to_pillow(image) for image in images], [50, 100, 2000]))
    assert found.shape == (1 + 2 + 40, height + height % 2, width + width % 2, 3)
    shown = found[:, :height, :width].astype(int)
    assert np.abs(shown - images[[0, 1, 1, *[2] * 40]]).mean() < 4


@pytest.mark.slow
def test_times_between_the_steps_of_a_video_are_right_in_all():
    frames = [to_pillow(image) for image in smooth(1).repeat(10, 0)]
    assert len(read_back(video(frames, [266] * 30))) == round(30 * 266 / 50)
    assert len(read_back(video(frames, [1] * 30))) == 30, "every frame is shown"


@pytest.mark.slow
def test_transparent_pixels_lie_on_white_and_grey_stays_grey():
    clear = Image.new("RGBA", (16, 16), (0, 0, 0, 0))
    assert read_back(animation([clear], [50], ".mp4")).min() >= 250
    grey = read_back(animation([Image.new("L", (16, 16), 100)], [50], ".MP4"))
    assert np.abs(grey.astype(int) - 100).max() <= 3


def test_without_the_package_the_command_that_installs_it_is_told(monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'gansmith\[video\]'"):
        animation([Image.new("L", (2, 2))], [50], ".mp4")
