"""How the same latents looked as training went on."""

from collections.abc import Collection, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gansmith.viz.grids import enlargement, picture

PERCENTAGES = (0, 1, 2, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)
"""Shares of the training at which the strip shows the pictures, or as near as a grid was drawn."""

_SIDE = 56
_GAP = 4
_HEADER = 24


def is_milestone(step: int) -> bool:
    """Whether a grid is drawn at this step for the strip: 0, and 1, 2 and 5 times each power of ten.

    It does not depend on the length of the run, so a run that is made longer later has the same grids.
    """
    return step == 0 or str(step).rstrip("0") in ("1", "2", "5")


def evolution_steps(drawn: Collection[int], steps: int) -> list[int]:
    """Of the steps that have a grid, those nearest to each percentage of `steps`, in order."""
    wanted = [steps * percentage / 100 for percentage in PERCENTAGES] if drawn else []
    return sorted({min(drawn, key=lambda step: abs(step - moment)) for moment in wanted})


def evolution(columns: Sequence[tuple[str, np.ndarray]]) -> Image.Image:
    """A strip: one column for each (label, uint8 images (N, H, W, C)), one row for each latent vector."""
    num, height, width, channels = columns[0][1].shape
    zoom = enlargement(height, width, _SIDE)
    tile_h, tile_w = height * zoom, width * zoom
    strip = Image.new("RGB", (len(columns) * (tile_w + _GAP) + _GAP, _HEADER + num * (tile_h + _GAP)), "white")
    draw, font = ImageDraw.Draw(strip), ImageFont.load_default(14)
    for position, (label, images) in enumerate(columns):
        left = _GAP + position * (tile_w + _GAP)
        draw.text((left + tile_w / 2, _HEADER / 2), label, fill="black", font=font, anchor="mm")
        for row, image in enumerate(images):
            tile = picture(image).resize((tile_w, tile_h), Image.Resampling.NEAREST)
            strip.paste(tile, (left, _HEADER + row * (tile_h + _GAP)), tile if channels == 4 else None)
    return strip
