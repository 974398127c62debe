"""Saving: a checkpoint is written beside the others, brought to disk, and published in one rename.

Files in safetensors and JSON: loading them runs no code. See `gansmith.checkpoints.manifest` for what lies where, and
`gansmith.checkpoints.load` for the way back. Learning rates, the order of the images and every random draw follow
from the recipe and the clock, so the clock is all of them that is saved.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from safetensors.torch import save
from torch import Tensor, nn

from gansmith.checkpoints.manifest import (
    BEST,
    FORMAT,
    LATEST,
    MANIFEST,
    REPLACED,
    STATE,
    fingerprint,
    folder_of,
    manifest_text,
    named_best,
    saved_checkpoints,
)
from gansmith.errors import DiskError, DivergedError
from gansmith.recipe_file import to_toml
from gansmith.runs.history import DECIDES, best_of, evaluations
from gansmith.runs.run import Run
from gansmith.schema import Checkpoints, Recipe
from gansmith.system.atomic import (
    cannot_write,
    move_folder,
    remove_folder,
    sync_folder,
    unfinished_name,
    write_atomically,
)
from gansmith.system.atomic import write_new as write_durably
from gansmith.system.machine import versions
from gansmith.training.optim import Optimizer, all_finite
from gansmith.training.state import GAN

MARGIN = 2**20
"""Bytes that must be free beyond the tensors: for the texts, and for what else the run writes."""

AUGMENT = "augment"
"""The part with what controls the augmentation, of the runs in which something does."""
AVERAGE = "G_ema"
"""The part with the average of G, of the runs that have one."""

Parts = dict[str, dict[str, Tensor]]
"""File name without suffix -> tensor name -> tensor."""


def save_checkpoint(run: Run, gan: GAN, recipe: Recipe) -> None:
    """Write the whole state under its step's number, point `latest` and `best` anew, then drop those not to be kept.

    What the run has logged is brought to disk before. Raises DivergedError when a value is not finite, and DiskError
    when there is no room; either way the checkpoints before it stay as they are.
    """
    _save(run, parts_of(gan), recipe, gan.seen)


def save_networks(run: Run, networks: dict[str, nn.Module], recipe: Recipe) -> None:
    """A checkpoint of step 0 with networks (G, D, G_ema) alone: enough for sampling. Raises as `save_checkpoint`."""
    _save(run, {name: network.state_dict() for name, network in networks.items()}, recipe, seen=0)


def parts_of(gan: GAN) -> Parts:
    """Everything that a checkpoint keeps: the very tensors that the run updates."""
    networks = {"G": gan.G, "D": gan.D} | ({} if gan.G_ema is None else {AVERAGE: gan.G_ema})
    parts = {name: network.state_dict() for name, network in networks.items()}
    if gan.augment is not None and gan.augment.settings.target:
        parts[AUGMENT] = {"state": gan.augment.state}
    return parts | {
        "optimizer_g": optimizer_tensors(gan.optimizer_g),
        "optimizer_d": optimizer_tensors(gan.optimizer_d),
    }


def optimizer_tensors(optimizer: Optimizer) -> dict[str, Tensor]:
    """What the optimiser remembers under "<parameter's number>.<slot>"; its settings are in the recipe."""
    return {f"{i}.{slot}": tensor for slot, tensors in optimizer.slots.items() for i, tensor in enumerate(tensors)}


def _save(run: Run, parts: Parts, recipe: Recipe, seen: int) -> None:
    step = seen // recipe.batch_size
    check_finite(run, parts, seen)
    folder = folder_of(run, step)
    needed = MARGIN + sum(tensor.nbytes for tensors in parts.values() for tensor in tensors.values())
    try:
        _check_room(folder, needed)
        run.sync_logs()
        unfinished = unfinished_name(folder)
        unfinished.mkdir()
        try:
            _write_files(unfinished, _contents(parts, _state(run, recipe, step, seen)))
            _publish(unfinished, folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        write_atomically(run.checkpoints / LATEST, folder.name + "\n")
        settle(run, recipe)
    except OSError as error:
        raise cannot_write(f"the checkpoint of step {step:,}, {folder},", run.checkpoints, needed, error) from error


def settle(run: Run, recipe: Recipe) -> None:
    """What follows when a checkpoint is published: `best` is pointed anew, and those that are not to be kept go.

    A run that was killed just before this is its run again after it. Only the run's one writer may do so. Raises
    DiskError.
    """
    point_at_best(run)
    saved = saved_checkpoints(run)
    keep = steps_kept([*saved], recipe.batch_size, recipe.checkpoints) | {named_best(run)}
    for folder in [folder for step, folder in saved.items() if step not in keep]:
        try:
            remove_folder(folder)
        except OSError as error:
            raise DiskError(f"{folder} cannot be removed: {error.strerror}.") from error


def point_at_best(run: Run) -> None:
    """Have `best` name the checkpoint whose evaluation was the lowest, of those that metrics.jsonl holds and are saved.

    Each lowest one is saved at once and kept, so the lowest of all is there, unless a disk damaged it. Only the run's
    one writer may do so. Raises DiskError.
    """
    saved, file = saved_checkpoints(run), run.checkpoints / BEST
    best = best_of([one for one in evaluations(run) if one.step in saved])
    if best and best.step != named_best(run):
        write_atomically(file, folder_of(run, best.step).name + "\n")
    elif best is None and (file.exists() or file.is_symlink()):
        try:
            file.unlink()
        except OSError as error:
            raise DiskError(f"{file} cannot be removed: {error.strerror}.") from error


def check_finite(run: Run, parts: Parts, seen: int) -> None:
    """Raise DivergedError naming the first tensor that holds a value that is not finite."""
    for part, tensors in parts.items():
        for name, tensor in tensors.items():
            if not is_finite(tensor):
                raise DivergedError(
                    f"{name} of {part} is not finite after {seen:,} images, and no checkpoint of that was written; "
                    f"the last good one is in {run.checkpoints}. Lower the learning rates."
                )


def is_finite(tensor: Tensor) -> bool:
    """Whether every value is finite; whole numbers are."""
    return not tensor.is_floating_point() or all_finite([tensor])


def _check_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder.parent).free
    if needed > free:
        raise DiskError(
            f"the checkpoint {folder} needs {needed:,} bytes and {free:,} are free there; those before it stay. "
            "Free some space, then: gansmith resume."
        )


def _state(run: Run, recipe: Recipe, step: int, seen: int) -> bytes:
    best = best_of(evaluations(run))
    state = {
        "format": FORMAT,
        "step": step,
        "seen": seen,
        "best": best and {"step": best.step, "seen": best.seen, DECIDES: best.value},
        "recipe": hashlib.sha256(to_toml(recipe).encode()).hexdigest(),
        **versions(),
    }
    return (json.dumps(state, indent=1) + "\n").encode()


def _contents(parts: Parts, state: bytes) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file, one at a time in memory."""
    for part, tensors in parts.items():
        yield f"{part}.safetensors", save({name: tensor.detach().contiguous() for name, tensor in tensors.items()})
    yield STATE, state


def _write_files(folder: Path, contents: Iterator[tuple[str, bytes]]) -> None:
    """Each file, then the manifest, then the folder: on disk one after the other."""
    manifest = {}
    for name, content in contents:
        write_durably(folder / name, content)
        manifest[name] = fingerprint(content)
    write_durably(folder / MANIFEST, manifest_text(manifest).encode())
    sync_folder(folder)


def _publish(unfinished: Path, folder: Path) -> None:
    """Give the checkpoint its name; one that has it already counts, under another, until the new one is there."""
    replaced = folder.with_name(f"{REPLACED}{folder.name}")
    if folder.exists():
        if replaced.exists():
            remove_folder(replaced)
        move_folder(folder, replaced)
    move_folder(unfinished, folder)
    if replaced.exists():
        remove_folder(replaced)


def steps_kept(steps: list[int], batch_size: int, policy: Checkpoints) -> set[int]:
    """Which of these steps, in order, the policy keeps: the last ones, and the first after each multiple of images."""
    firsts: dict[int, int] = {}
    for step in steps if policy.keep_every else ():
        firsts.setdefault(step * batch_size // policy.keep_every, step)
    firsts.pop(0, None)
    return {*steps[-policy.keep_last :], *firsts.values()}
