"""`gansmith runs verify`, `prune` and `rm`: what runs keep on disk, and whether it is whole."""

import json
import sys
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from gansmith.checkpoints.manifest import DamagedError, named_best, saved_checkpoints
from gansmith.checkpoints.manifest import verify as verify_checkpoint
from gansmith.cli.options import Json, Runs, WhichRun, option
from gansmith.errors import CheckpointError, DiskError, UsageError
from gansmith.runs.lock import only_writer
from gansmith.runs.run import Run, default_root, find_run, list_runs
from gansmith.system.atomic import remove_folder


def verify(run: WhichRun = "last", runs: Runs = None, json_: Json = False) -> None:
    """Check every checkpoint of a run against its manifest, byte by byte; nothing is changed."""
    found = find_run(run, runs or default_root())
    damages = {step: _damage(folder) for step, folder in saved_checkpoints(found).items()}
    best = named_best(found)
    if json_:
        sys.stdout.write(json.dumps({"path": str(found.path), "damages": damages, "best": best}, indent=1) + "\n")
    for step, damage in {} if json_ else damages.items():
        sys.stdout.write(f"step {step:>9,}  {damage or 'ok'}{', the best' if step == best else ''}\n")
    num = sum(damage is not None for damage in damages.values())
    if num:
        raise CheckpointError(f"{num} of the {len(damages)} checkpoints of {found.path} are damaged.")
    if not damages:
        raise CheckpointError(f"{found.path} holds no checkpoint.")
    if best is not None and best not in damages:
        raise CheckpointError(
            f"{found.checkpoints / 'best'} names step {best:,}, which is not there; a gansmith resume puts that right."
        )


def _damage(folder: Path) -> str | None:
    try:
        verify_checkpoint(folder)
    except DamagedError as error:
        return str(error)
    return None


def prune(
    run: WhichRun = "last",
    *,
    keep_last: Annotated[int, option("checkpoints that stay: the newest that are whole", metavar="K")],
    dry_run: Annotated[bool, option("note what would be removed, and remove nothing")] = False,
    runs: Runs = None,
) -> None:
    """Remove a run's older checkpoints, those kept for good by its recipe included; the best and damaged ones stay."""
    if keep_last < 1:
        raise UsageError(f"--keep-last {keep_last}: at least one checkpoint must stay.")
    found = find_run(run, runs or default_root())
    with only_writer(found):
        whole = {step: folder for step, folder in saved_checkpoints(found).items() if _damage(folder) is None}
        for step in [step for step in [*whole][:-keep_last] if step != named_best(found)]:
            size = _bytes_in(whole[step])
            if not dry_run:
                _remove(whole[step])
            sys.stdout.write(f"{'would remove' if dry_run else 'removed'} step {step:,}: {size:,} bytes\n")


def remove(
    run: Annotated[Positional[str], arg(metavar="RUN", help="the run's whole name, such as 00001-demo, or its path")],
    runs: Runs = None,
) -> None:
    """Remove a run with all it holds. Its number is not given out again."""
    root = runs or default_root()
    found = _exactly(run, root)
    if found.path.is_symlink():
        raise UsageError(f"{found.path} is a link; remove the link itself, or the run where it is.")
    with only_writer(found):
        num, size = sum(file.is_file() for file in found.path.rglob("*")), _bytes_in(found.path)
        _remove(found.path)
    sys.stdout.write(f"removed {found.path}: {num:,} files, {size:,} bytes\n")


def _exactly(wanted: str, root: Path) -> Run:
    """The run of this very name or path: a number, a recipe's name or "last" is too easily another one."""
    names = [run.path.name for run in list_runs(root)]
    if wanted in names:
        return Run(root / wanted)
    if (Path(wanted) / "run.json").is_file() and len(Path(wanted).name.split("-", 1)) == 2:
        return Run(Path(wanted))
    there = f"; {root} holds {', '.join(names[-5:])}" if names else ""
    raise UsageError(f"to remove a run its whole name or path is needed, such as 00001-demo, got {wanted!r}{there}.")


def _remove(folder: Path) -> None:
    try:
        remove_folder(folder)
    except OSError as error:
        raise DiskError(f"{folder} cannot be removed: {error}.") from error


def _bytes_in(folder: Path) -> int:
    return sum(file.lstat().st_size for file in folder.rglob("*") if file.is_file())
