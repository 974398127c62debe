"""`gansmith data check` and `gansmith data prepare`, called by `data`."""

import json
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from gansmith.cli.options import AllowDropped, Json, option
from gansmith.errors import DiskError, UsageError

if TYPE_CHECKING:
    from gansmith.data.intake import Intake

Pictures = Annotated[Positional[Path], arg(metavar="PATH", help="a folder, a .zip or a .tar of pictures")]
Workers = Annotated[int | None, option("decode processes; default one a core", metavar="N")]


def check(
    path: Pictures,
    json_: Json = False,
    page: Annotated[Path | None, option("also write the report with thumbnails", metavar="FILE.html")] = None,
    workers: Workers = None,
) -> None:
    """Report on own pictures: what is used, converted and dropped and why, duplicates, classes, and a proposal."""
    from gansmith.data.intake import check as look_at
    from gansmith.data.intake_text import report_lines

    with _progress("decoding") as progress:
        intake = look_at(path, _positive(workers), progress)
    if page is not None:
        _write_page(page, intake, workers)
    if json_:
        sys.stdout.write(json.dumps(intake.facts(), indent=1) + "\n")
    else:
        sys.stdout.write("\n".join(report_lines(intake)) + "\n")


def prepare(
    source: Annotated[Positional[Path], arg(metavar="SRC", help="a folder, a .zip or a .tar of pictures")],
    out: Annotated[Positional[Path], arg(metavar="OUT", help="the folder to be made")],
    size: Annotated[str | None, option("side, or height x width; default as check proposes", metavar="S|HxW")] = None,
    channels: Annotated[Literal[1, 3, 4] | None, option("grey, RGB or RGBA; default as check proposes")] = None,
    fit: Annotated[Literal["crop", "pad", "stretch"] | None, option("how other shapes become this one")] = None,
    box: Annotated[str | None, option("the part of each picture that is used", metavar="TOP,LEFT,HEIGHT,WIDTH")] = None,
    resample: Annotated[Literal["lanczos", "bilinear"], option("how pictures are resized")] = "lanczos",
    allow_dropped: AllowDropped = False,
    workers: Workers = None,
) -> None:
    """Pack own pictures into a store for training; a stopped one is continued. Prints the store's folder."""
    from gansmith.data.prepare import Asked, choose_shape
    from gansmith.data.prepare import prepare as pack_pictures

    asked = Asked(size=_parse_size(size), channels=channels, fit=fit, box=_parse_box(box), resample=resample)
    num = _positive(workers)
    with _progress("looking") as progress:
        wanted = choose_shape(source, asked, num, progress)
    with _progress("packing") as progress:
        pack = pack_pictures(source, out, wanted, allow_dropped=allow_dropped, workers=num, progress=progress)
    outcomes = ", ".join(f"{count:,} {outcome}" for outcome, count in pack.index["outcomes"].items())
    sys.stderr.write("".join(f"{remark}\n" for remark in pack.index["remarks"]))
    sys.stderr.write(f"{len(pack):,} pictures of {wanted.height}x{wanted.width}x{wanted.channels} ({outcomes})\n")
    sys.stdout.write(f"{out}\n")


def _parse_size(size: str | None) -> tuple[int, int] | None:
    if size is None:
        return None
    sides = size.lower().split("x")
    if not (len(sides) <= 2 and all(side.isdecimal() and 1 <= int(side) <= 4096 for side in sides)):
        raise UsageError(f"--size {size!r} is neither a side nor HEIGHTxWIDTH in 1 to 4096; try 64 or 96x64.")
    return int(sides[0]), int(sides[-1])


def _parse_box(box: str | None) -> tuple[int, ...]:
    if box is None:
        return ()
    numbers = tuple(int(part) if part.isdecimal() else -1 for part in box.strip("[]").replace(" ", "").split(","))
    if len(numbers) != 4 or min(numbers) < 0 or min(numbers[2:]) < 1:
        raise UsageError(f"--box {box!r} must be TOP,LEFT,HEIGHT,WIDTH, counted from 0, such as 34,14,150,150.")
    return numbers


def _positive(workers: int | None) -> int | None:
    if workers is not None and not 1 <= workers <= 1024:
        raise UsageError(f"--workers {workers} must be 1 to 1024.")
    return workers


def _write_page(file: Path, intake: "Intake", workers: int | None) -> None:
    from gansmith.data.intake_page import intake_page
    from gansmith.runs import write_atomically

    try:
        write_atomically(file, intake_page(intake, workers))
    except OSError as error:
        raise DiskError(f"the page cannot be written to {file}: {error.strerror}; give another --page.") from error
    sys.stderr.write(f"page: {file}\n")


@contextmanager
def _progress(what: str) -> Generator[Callable[[int, int], None]]:
    """A bar on a terminal, else a line every 10 seconds; both on stderr."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    said = time.monotonic()
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(what, total=None)

        def progress(done: int, total: int) -> None:
            nonlocal said
            bar.update(task, completed=done, total=total)
            if not console.is_terminal and time.monotonic() - said >= 10:
                said = time.monotonic()
                sys.stderr.write(f"{what}: {done:,} of {total:,} files\n")

        yield progress
