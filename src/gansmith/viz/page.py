"""HTML pages and drawings from the package's templates: one self-contained file each, without scripts or links."""

import base64
import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment

HALF = 552
"""Pixels that a page has for a grid next to another one."""
ALONE = 720
"""Pixels that a page has for a grid of its own."""
WHOLE = 1120
"""Pixels that a page has for an image of full width."""
LONG_NUMBER = re.compile(r"\d+\.\d{12,}(e-?\d+)?")
"""A floating-point number whose last digits are rounding errors."""


def render_page(template: str, **values: object) -> str:
    """The text of a template, such as "run.html", with these values; every value is escaped.

    Raises jinja2.UndefinedError for a value that the template names and nobody gives.
    """
    return _environment().get_template(template).render(values, HALF=HALF, ALONE=ALONE, WHOLE=WHOLE)


def image_source(png: bytes) -> str:
    """A PNG as the `src` of an image."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def own_width(png: bytes) -> int:
    """The width in pixels that a PNG's header states; at least 1, also where the bytes are no PNG."""
    return max(int.from_bytes(png[16:20], "big"), 1)


def even_width(png: bytes, room: int, zoom: int = 1) -> int:
    """The width at which a grid is shown in `room` pixels, so that all gaps between its images have the same width.

    `zoom` is the factor by which the grid's pixels are enlarged already. Each of them takes a whole number of pixels of
    the page; where even one is too many, a whole number of them share one.
    """
    own = own_width(png) // zoom
    return own * (room // own) if own <= room else max(own // -(-own // room), 1)


def rounded(text: str) -> str:
    """Text with its long numbers cut to six significant digits: 7.500000000000001e-05 becomes 7.5e-05."""
    return LONG_NUMBER.sub(lambda found: f"{float(found[0]):.6g}", text)


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("gansmith"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "commas": "{:,}".format,
        "even_width": even_width,
        "own_width": own_width,
        "rounded": rounded,
        "source": image_source,
    }
    return environment
