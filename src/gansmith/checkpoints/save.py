"""Saving a checkpoint: the files are written under another name, brought to disk, and published in one rename.

Files are safetensors and JSON: loading them runs no code. Learning rates, the order of the images and every random
draw follow from the recipe and the clock, so of all these only the clock is saved.
"""

import hashlib
import json
import shutil
from pathlib import Path

from safetensors.torch import save
from torch import Tensor

from gansmith.checkpoints import manifest
from gansmith.checkpoints.manifest import REPLACED, folder_of, named_best, saved_checkpoints
from gansmith.errors import DiskError, DivergedError
from gansmith.nn.finite import is_finite
from gansmith.recipe_file import to_toml
from gansmith.runs.history import DECIDES, best_of, evaluations
from gansmith.runs.run import Run
from gansmith.schema import Checkpoints, Recipe
from gansmith.system import atomic
from gansmith.system.machine import versions
from gansmith.text import command

MARGIN = 2**20
"""Bytes that must be free beyond the tensors: for the texts, and for what else the run writes."""
NamedTensors = dict[str, dict[str, Tensor]]
"""File name without suffix -> tensor name -> tensor."""


def save_tensors(run: Run, tensors: NamedTensors, recipe: Recipe, seen: int) -> None:
    """Write a checkpoint of the step at the clock `seen`, update `latest` and `best`, and remove checkpoints not kept.

    The logs of the run are brought to disk first. Raises DivergedError when a value is not finite, and DiskError when
    there is no room; the earlier checkpoints stay as they are either way.
    """
    step = seen // recipe.batch_size
    for part, named in tensors.items():
        if broken := [name for name, tensor in named.items() if not is_finite(tensor)]:
            raise DivergedError(
                f"{broken[0]} of {part} is not finite after {seen:,} images, so no checkpoint was written; "
                f"the last good one is in {run.checkpoints}. Lower the learning rates."
            )
    folder = folder_of(run, step)
    what = f"the checkpoint of step {step:,}, {folder},"
    needed = MARGIN + sum(tensor.nbytes for named in tensors.values() for tensor in named.values())
    try:
        if needed > (free := shutil.disk_usage(run.checkpoints).free):
            raise DiskError(
                f"the checkpoint {folder} needs {needed:,} bytes and {free:,} are free there; earlier checkpoints "
                f"stay. Free some space, then: {command('resume', run.path)}"
            )
        run.sync_logs()
        unfinished = atomic.unfinished_name(folder)
        unfinished.mkdir()
        try:
            _write_files(unfinished, tensors, _state_json(run, recipe, step, seen))
            _publish(unfinished, folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        atomic.write_atomically(run.checkpoints / manifest.LATEST, folder.name + "\n")
        apply_keep_policy(run, recipe)
    except OSError as error:
        raise atomic.cannot_write(what, run.checkpoints, needed, error) from error


def apply_keep_policy(run: Run, recipe: Recipe) -> None:
    """Update `best` after a checkpoint is published, and remove the checkpoints that the policy does not keep.

    Doing it again changes nothing, so a run that was killed before it only does it later. Only the run's one writer may
    call it. Raises DiskError.
    """
    point_at_best(run)
    saved = saved_checkpoints(run)
    keep = steps_kept([*saved], recipe.batch_size, recipe.checkpoints) | {named_best(run)}
    for folder in [folder for step, folder in saved.items() if step not in keep]:
        try:
            atomic.remove_folder(folder)
        except OSError as error:
            raise DiskError(f"{folder} cannot be removed: {error.strerror}.") from error


def point_at_best(run: Run) -> None:
    """Make `best` name the saved checkpoint with the lowest evaluation in metrics.jsonl; without one, remove `best`.

    A state with a new lowest evaluation is saved at once and kept, so the lowest of all exists unless a disk damaged
    it. Only the run's one writer may call it. Raises DiskError.
    """
    saved, file = saved_checkpoints(run), run.checkpoints / manifest.BEST
    best = best_of([one for one in evaluations(run) if one.step in saved])
    if best and best.step != named_best(run):
        atomic.write_atomically(file, folder_of(run, best.step).name + "\n")
    elif best is None and (file.exists() or file.is_symlink()):
        try:
            file.unlink()
        except OSError as error:
            raise DiskError(f"{file} cannot be removed: {error.strerror}.") from error


def _state_json(run: Run, recipe: Recipe, step: int, seen: int) -> bytes:
    best = best_of(evaluations(run))
    state = {
        "format": manifest.FORMAT,
        "step": step,
        "seen": seen,
        "best": best and {"step": best.step, "seen": best.seen, DECIDES: best.value},
        "recipe": hashlib.sha256(to_toml(recipe).encode()).hexdigest(),
        **versions(),
    }
    return (json.dumps(state, indent=1) + "\n").encode()


def _write_files(folder: Path, tensors: NamedTensors, state: bytes) -> None:
    """Write the files, then the manifest, then sync the folder: each is on disk before the next begins."""
    files = {}

    def write(name: str, content: bytes) -> None:
        atomic.write_new(folder / name, content)
        files[name] = manifest.fingerprint(content)

    for part, named in tensors.items():  # one file is in memory at a time
        write(f"{part}.safetensors", save({name: tensor.detach().contiguous() for name, tensor in named.items()}))
    write(manifest.STATE, state)
    atomic.write_new(folder / manifest.MANIFEST, manifest.manifest_text(files).encode())
    atomic.sync_folder(folder)


def _publish(unfinished: Path, folder: Path) -> None:
    """Give the checkpoint its name. An older checkpoint of the same step stays valid, renamed, until then."""
    replaced = folder.with_name(f"{REPLACED}{folder.name}")
    if folder.exists():
        if replaced.exists():
            atomic.remove_folder(replaced)
        atomic.move_folder(folder, replaced)
    atomic.move_folder(unfinished, folder)
    if replaced.exists():
        atomic.remove_folder(replaced)


def steps_kept(steps: list[int], batch_size: int, policy: Checkpoints) -> set[int]:
    """The steps that the policy keeps: the last ones, and the first after each multiple of `keep_every` images."""
    firsts: dict[int, int] = {}
    for step in steps if policy.keep_every else ():
        firsts.setdefault(step * batch_size // policy.keep_every, step)
    firsts.pop(0, None)
    return {*steps[-policy.keep_last :], *firsts.values()}
