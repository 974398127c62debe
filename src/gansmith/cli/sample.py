"""`gansmith sample`."""

import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from gansmith.cli.options import Device, Runs, WhichRun, call, option
from gansmith.errors import DiskError, UsageError

if TYPE_CHECKING:
    import numpy as np

    from gansmith.training.sampling import TrainedGenerator

GRID_LIMIT = 4096
"""Pictures on one sheet, at most: more belong into a .npy file or a folder."""


def main(arguments: Sequence[str]) -> None:
    """Read the options and make pictures."""
    call(sample, "gansmith sample", arguments)


def sample(
    run: WhichRun,
    out: Annotated[Path, option("where the pictures go, and in which form", metavar="FILE.png|FILE.npy|FOLDER")],
    num: Annotated[int, option("number of pictures", aliases=["-n"], metavar="N")] = 64,
    seed: Annotated[int, option("picture i depends on the seed and on i only", metavar="S")] = 0,
    checkpoint: Annotated[str, option("which state of the run", metavar="last|best|STEP")] = "last",
    runs: Runs = None,
    device: Device = "auto",
) -> None:
    """Make pictures with a run's generator: one sheet, an array uint8 (N, H, W, C), or a PNG file each."""
    from gansmith.cli.console import progress_bar
    from gansmith.runs import default_root, find_run
    from gansmith.training.sampling import load

    write = _writer(out, num)
    if num < 1:
        raise UsageError(f"-n {num}: at least one picture must be asked for.")
    if seed < 0:
        raise UsageError(f"--seed {seed}: seeds are 0 or more.")
    generator = load(find_run(run, runs or default_root()), checkpoint, device)
    for remark in generator.checkpoint.remarks():
        sys.stderr.write(f"{remark}\n")
    with progress_bar("sampling", num) as bar:

        def counted() -> Iterable["np.ndarray"]:
            for chunk in generator.chunks(num, seed):
                yield chunk
                bar.advance(bar.task_ids[0], len(chunk))

        try:
            write(out, num, generator, counted())
        except OSError as error:
            raise DiskError(f"{out} cannot be written: {error.strerror or error}.") from error
    sys.stdout.write(f"{out}\n")


Writer = Callable[[Path, int, "TrainedGenerator", Iterable["np.ndarray"]], None]


def _writer(out: Path, num: int) -> Writer:
    """How to write what `out` names. Raises UsageError for a suffix that means nothing here."""
    if out.suffix == ".png":
        if num > GRID_LIMIT:
            raise UsageError(
                f"{num:,} pictures do not fit one sheet (limit {GRID_LIMIT:,}); give a .npy file or a folder."
            )
        return _write_grid
    if out.suffix == ".npy":
        return _write_array
    if out.suffix and not out.is_dir():
        raise UsageError(f"--out {out}: unknown suffix {out.suffix!r}; give FILE.png, FILE.npy or a folder's name.")
    return _write_folder


def _write_grid(out: Path, num: int, generator: "TrainedGenerator", chunks: Iterable["np.ndarray"]) -> None:
    import numpy as np

    from gansmith.runs import write_atomically
    from gansmith.viz.grids import grid, png

    out.parent.mkdir(parents=True, exist_ok=True)
    columns = generator.recipe.grid.columns if num % generator.recipe.grid.columns == 0 else round(num**0.5) or 1
    write_atomically(out, png(grid(np.concatenate(list(chunks)), columns)))


def _write_array(out: Path, num: int, generator: "TrainedGenerator", chunks: Iterable["np.ndarray"]) -> None:
    import numpy as np

    data = generator.recipe.data
    shape = (num, data.height, data.width, data.channels)
    out.parent.mkdir(parents=True, exist_ok=True)
    needed, free = num * data.height * data.width * data.channels, shutil.disk_usage(out.parent).free
    if needed > free:
        raise DiskError(f"{out} needs {needed:,} bytes and {free:,} are free there; ask for fewer pictures.")
    unfinished = out.with_name(f".{out.name}.unfinished")
    try:
        array = np.lib.format.open_memmap(unfinished, "w+", np.uint8, shape)
        start = 0
        for chunk in chunks:
            array[start : start + len(chunk)] = chunk
            start += len(chunk)
        array.flush()
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)


def _write_folder(out: Path, num: int, generator: "TrainedGenerator", chunks: Iterable["np.ndarray"]) -> None:
    from gansmith.viz.grids import picture, png

    out.mkdir(parents=True, exist_ok=True)
    number = 0
    for chunk in chunks:
        for pixels in chunk:
            (out / f"{number:06}.png").write_bytes(png(picture(pixels)))
            number += 1
