"""Images of the same latents as training goes on: the evolution strip, and the frames of an animation."""

import math
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gansmith.viz.grids import BACKGROUND, enlargement, grid, to_pillow

PERCENTAGES = (0, 1, 2, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)
"""Percentages of the training that the strip shows, each by the nearest grid."""
MOMENTS = 60
"""Frames of the animation, at most."""
TILE_SIDE = 56
"""Approximate length in pixels of the longer side of an image in the strip."""
MARGIN = 4
"""Pixels between two images of the strip."""
HEADER = 24
"""Pixels above the images for text."""
TEXT_SIZE = 12
"""Pixels of the height of letters."""
LONGEST_NAME = 24
"""Characters of a row's name, at most."""
NARROWEST_FRAME = 180
"""Pixels of a frame's width, at least, so that its text has room."""


def is_milestone(step: int) -> bool:
    """Whether a grid is drawn at this step for the strip: at 0, and at 1, 2 and 5 times each power of ten.

    The length of the run does not matter, so a run that is made longer later has the same grids.
    """
    return step == 0 or str(step).rstrip("0") in ("1", "2", "5")


def evolution_steps(drawn: Collection[int], steps: int) -> list[int]:
    """The steps, among those with a grid, that are nearest to each of `PERCENTAGES` of `steps`, in order."""
    moments = [steps * percentage / 100 for percentage in PERCENTAGES] if drawn else []
    return sorted({min(drawn, key=lambda step: abs(step - moment)) for moment in moments})


def animation_steps(drawn: Collection[int]) -> list[int]:
    """At most `MOMENTS` of the steps with a grid, evenly spaced in log(1 + step), in order.

    The first and the last step are among them. Early grids are all chosen, later ones ever more rarely.
    """
    positions = {math.log1p(step): step for step in drawn}
    first, last = min(positions), max(positions)
    moments = [first + (last - first) * number / (MOMENTS - 1) for number in range(MOMENTS)]
    return sorted({positions[min(positions, key=lambda at: abs(at - moment))] for moment in moments})


def in_percent(step: int, steps: int) -> str:
    """The share of a run that is done at this step, such as "1.5 %"."""
    percentage = 100 * step / steps
    return f"{percentage:.{1 if percentage < 2 else 0}f} %".replace(".0 ", " ")


def evolution_frame(step: int, steps: int, images: np.ndarray, columns: int) -> Image.Image:
    """A frame of the animation: the grid of uint8 images (N, H, W, C), and above it the step and its share."""
    image = grid(images, columns)
    grey = f"rgb({BACKGROUND}, {BACKGROUND}, {BACKGROUND})"
    frame = Image.new(image.mode, (max(image.width, NARROWEST_FRAME), HEADER + image.height), grey)
    frame.paste(image, ((frame.width - image.width) // 2, HEADER))
    draw, font = ImageDraw.Draw(frame), label_font()
    draw.text((2 * MARGIN, HEADER / 2), f"step {step:,}", fill="white", font=font, anchor="lm")
    draw.text((frame.width - 2 * MARGIN, HEADER / 2), in_percent(step, steps), fill="white", font=font, anchor="rm")
    return frame


def evolution(columns: Sequence[tuple[str, np.ndarray]], rows: Sequence[str] = ()) -> Image.Image:
    """A strip: one column for each (label, uint8 images (N, H, W, C)), one row for each latent vector.

    `rows` are names to the left of the rows, if any, such as those of their classes.
    """
    num, height, width, channels = columns[0][1].shape
    zoom = enlargement(height, width, TILE_SIDE)
    tile_h, tile_w = height * zoom, width * zoom
    font = label_font()
    words = [name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…" for name in rows]
    margin = max((round(font.getlength(word)) + MARGIN for word in words), default=0)
    size = (margin + len(columns) * (tile_w + MARGIN) + MARGIN, HEADER + num * (tile_h + MARGIN))
    strip = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(strip)
    for row, word in enumerate(words):
        middle = HEADER + row * (tile_h + MARGIN) + tile_h / 2
        draw.text((margin, middle), word, fill="black", font=font, anchor="rm")
    for position, (label, images) in enumerate(columns):
        left = margin + MARGIN + position * (tile_w + MARGIN)
        draw.text((left + tile_w / 2, HEADER / 2), label, fill="black", font=font, anchor="mm")
        for row, image in enumerate(images):
            tile = to_pillow(image).resize((tile_w, tile_h), Image.Resampling.NEAREST)
            strip.paste(tile, (left, HEADER + row * (tile_h + MARGIN)), tile if channels == 4 else None)
    return strip


def label_font() -> ImageFont.FreeTypeFont:
    """DejaVu Sans from matplotlib: it has the letters of most alphabets; Pillow's own font has only ASCII."""
    import matplotlib as mpl

    return ImageFont.truetype(Path(mpl.get_data_path()) / "fonts/ttf/DejaVuSans.ttf", TEXT_SIZE)
