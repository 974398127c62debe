"""How the same latents looked as training went on."""

import math
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gansmith.viz.grids import BACKGROUND, enlargement, grid, to_pillow

PERCENTAGES = (0, 1, 2, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)
"""Shares of the training at which the strip shows the images, or as near as a grid was drawn."""

MOMENTS = 60
"""Frames of the animation, at most."""

_SIDE = 56
_GAP = 4
_HEADER = 24
_TEXT = 12
"""Height of the letters."""
_LONGEST = 24
"""Characters of a row's name."""
_LEAST_WIDTH = 180
"""Of a frame, so that its words have room."""


def is_milestone(step: int) -> bool:
    """Whether a grid is drawn at this step for the strip: 0, and 1, 2 and 5 times each power of ten.

    It does not depend on the length of the run, so a run that is made longer later has the same grids.
    """
    return step == 0 or str(step).rstrip("0") in ("1", "2", "5")


def evolution_steps(drawn: Collection[int], steps: int) -> list[int]:
    """Of the steps that have a grid, those nearest to each percentage of `steps`, in order."""
    wanted = [steps * percentage / 100 for percentage in PERCENTAGES] if drawn else []
    return sorted({min(drawn, key=lambda step: abs(step - moment)) for moment in wanted})


def animation_steps(drawn: Collection[int]) -> list[int]:
    """Of the steps that have a grid, those nearest to moments that lie evenly in log(1 + step), in order.

    The first and the last are among them, `MOMENTS` at most: in the beginning every grid, later fewer and fewer.
    """
    positions = {math.log1p(step): step for step in drawn}
    first, last = min(positions), max(positions)
    moments = [first + (last - first) * number / (MOMENTS - 1) for number in range(MOMENTS)]
    return sorted({positions[min(positions, key=lambda at: abs(at - moment))] for moment in moments})


def in_percent(step: int, steps: int) -> str:
    """Which share of a run lies behind this step."""
    percentage = 100 * step / steps
    return f"{percentage:.{1 if percentage < 2 else 0}f} %".replace(".0 ", " ")


def evolution_frame(step: int, steps: int, images: np.ndarray, columns: int) -> Image.Image:
    """A frame of the animation: the sheet of uint8 images (N, H, W, C), and above it the step and its share."""
    sheet = grid(images, columns)
    grey = f"rgb({BACKGROUND}, {BACKGROUND}, {BACKGROUND})"
    frame = Image.new(sheet.mode, (max(sheet.width, _LEAST_WIDTH), _HEADER + sheet.height), grey)
    frame.paste(sheet, ((frame.width - sheet.width) // 2, _HEADER))
    draw, font = ImageDraw.Draw(frame), _font()
    draw.text((2 * _GAP, _HEADER / 2), f"step {step:,}", fill="white", font=font, anchor="lm")
    draw.text((frame.width - 2 * _GAP, _HEADER / 2), in_percent(step, steps), fill="white", font=font, anchor="rm")
    return frame


def evolution(columns: Sequence[tuple[str, np.ndarray]], rows: Sequence[str] = ()) -> Image.Image:
    """A strip: one column for each (label, uint8 images (N, H, W, C)), one row for each latent vector.

    `rows` are words to stand before the rows, if any, such as the names of their classes.
    """
    num, height, width, channels = columns[0][1].shape
    zoom = enlargement(height, width, _SIDE)
    tile_h, tile_w = height * zoom, width * zoom
    font = _font()
    words = [name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…" for name in rows]
    margin = max((round(font.getlength(word)) + _GAP for word in words), default=0)
    size = (margin + len(columns) * (tile_w + _GAP) + _GAP, _HEADER + num * (tile_h + _GAP))
    strip = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(strip)
    for row, word in enumerate(words):
        middle = _HEADER + row * (tile_h + _GAP) + tile_h / 2
        draw.text((margin, middle), word, fill="black", font=font, anchor="rm")
    for position, (label, images) in enumerate(columns):
        left = margin + _GAP + position * (tile_w + _GAP)
        draw.text((left + tile_w / 2, _HEADER / 2), label, fill="black", font=font, anchor="mm")
        for row, image in enumerate(images):
            tile = to_pillow(image).resize((tile_w, tile_h), Image.Resampling.NEAREST)
            strip.paste(tile, (left, _HEADER + row * (tile_h + _GAP)), tile if channels == 4 else None)
    return strip


def _font() -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which matplotlib brings: it has the letters of most alphabets, and Pillow's own only ASCII."""
    import matplotlib as mpl

    return ImageFont.truetype(Path(mpl.get_data_path()) / "fonts/ttf/DejaVuSans.ttf", _TEXT)
