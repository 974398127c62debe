"""`gansmith runs verify`, `prune` and `rm`: checkpoints and runs on disk."""

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from gansmith.checkpoints import manifest
from gansmith.cli.options import Json, Runs, WhichRun, option
from gansmith.cli.output import print_json, print_lines
from gansmith.errors import CheckpointError, DiskError, UsageError
from gansmith.runs.lock import only_writer
from gansmith.runs.run import Run, default_root, find_run, list_runs
from gansmith.system.atomic import remove_folder
from gansmith.text import command


def verify(run: WhichRun = "last", runs: Runs = None, json_: Json = False) -> None:
    """Check every checkpoint of a run against its manifest, byte by byte; nothing is changed."""
    found = find_run(run, runs)
    damages = {step: _damage(folder) for step, folder in manifest.saved_checkpoints(found).items()}
    best = manifest.named_best(found)
    if json_:
        print_json({"path": str(found.path), "damages": damages, "best": best})
    else:
        print_lines(
            f"step {step:>9,}  {damage or 'ok'}{', the best' if step == best else ''}"
            for step, damage in damages.items()
        )
    num = sum(damage is not None for damage in damages.values())
    if num:
        raise CheckpointError(f"{num} of the {len(damages)} checkpoints of {found.path} are damaged.")
    if not damages:
        raise CheckpointError(f"{found.path} holds no checkpoint.")
    if best is not None and best not in damages:
        raise CheckpointError(
            f"{found.checkpoints / 'best'} names step {best:,}, which does not exist; to repair that: "
            f"{command('resume', found.path)}"
        )


def prune(
    run: WhichRun = "last",
    *,
    keep_last: Annotated[int, option("number of newest intact checkpoints to keep", metavar="K")],
    dry_run: Annotated[bool, option("show what would be removed, and remove nothing")] = False,
    runs: Runs = None,
) -> None:
    """Remove a run's older checkpoints, also those its recipe keeps for good; the best and damaged ones stay."""
    if keep_last < 1:
        raise UsageError(f"--keep-last {keep_last}: at least one checkpoint must stay.")
    found = find_run(run, runs)
    with only_writer(found):
        saved = manifest.saved_checkpoints(found)
        intact = {step: folder for step, folder in saved.items() if _damage(folder) is None}
        for step in [*intact][:-keep_last]:
            if step == manifest.named_best(found):
                continue
            size = folder_size(intact[step])
            if not dry_run:
                _remove(intact[step])
            print_lines([f"{'would remove' if dry_run else 'removed'} step {step:,}: {size:,} bytes"])


def remove(
    run: Annotated[Positional[str], arg(metavar="RUN", help="the run's whole name, such as 00001-demo, or its path")],
    runs: Runs = None,
) -> None:
    """Remove a run and all its files. Its number is not used again."""
    root = runs or default_root()
    found = _find_by_whole_name(run, root)
    if found.path.is_symlink():
        raise UsageError(f"{found.path} is a link; remove the link itself, or the run where it is.")
    with only_writer(found):
        num, size = sum(file.is_file() for file in found.path.rglob("*")), folder_size(found.path)
        _remove(found.path)
    print_lines([f"removed {found.path}: {num:,} files, {size:,} bytes"])


def folder_size(folder: Path) -> int:
    """Bytes of all files in a folder and its subfolders."""
    return sum(file.lstat().st_size for file in folder.rglob("*") if file.is_file())


def _damage(folder: Path) -> str | None:
    """What is wrong with a checkpoint; None for an intact one."""
    try:
        manifest.verify(folder)
    except manifest.DamagedError as error:
        return str(error)
    return None


def _find_by_whole_name(given: str, root: Path) -> Run:
    """The run with this whole name or path: a number, a recipe's name or "last" is too easily another run."""
    names = [run.path.name for run in list_runs(root)]
    if given in names:
        return Run(root / given)
    path = Path(given)
    if (path / "run.json").is_file() and "-" in path.name:
        return Run(path)
    others = f"; {root} holds {', '.join(names[-5:])}" if names else ""
    raise UsageError(f"give the whole name or path of the run to remove, such as 00001-demo, not {given!r}{others}.")


def _remove(folder: Path) -> None:
    try:
        remove_folder(folder)
    except OSError as error:
        raise DiskError(f"{folder} cannot be removed: {error}.") from error
