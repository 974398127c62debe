"""Loading a checkpoint: every file is verified before a tensor changes, and loading runs no code."""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from gansmith.checkpoints import manifest
from gansmith.checkpoints.manifest import BAD, REPLACED, FoundCheckpoint, saved_checkpoints
from gansmith.errors import CheckpointError, DiskError
from gansmith.nn.finite import is_finite
from gansmith.runs.run import Run
from gansmith.system.atomic import move_folder, remove_folder, write_atomically


def tidy(run: Run) -> None:
    """Finish or undo what a kill cut short in the run folder. Only the run's one writer may call it.

    Raises DiskError when the file system refuses, UsageError when a folder of the run is a link.
    """
    run.remove_leftovers()
    try:
        for folder in [path for path in run.checkpoints.glob("[0-9]*") if path.is_dir() and not path.is_symlink()]:
            if manifest.is_uncommitted(folder) or not any(folder.iterdir()):
                remove_folder(folder)
        for replaced in [*run.checkpoints.glob(f"{REPLACED}*")]:
            place = replaced.with_name(replaced.name.removeprefix(REPLACED))
            if manifest.is_uncommitted(replaced) or manifest.is_whole(place):
                remove_folder(replaced)
                continue
            if place.exists():
                _rename_damaged(place)
            move_folder(replaced, place)
    except OSError as error:
        raise DiskError(f"{run.checkpoints} cannot be tidied: {error.strerror}: {error.filename}.") from error


def set_aside(run: Run, found: FoundCheckpoint) -> list[str]:
    """Rename damaged checkpoints newer than `found` to .bad-<step>-<number>; returns notes. For the one writer only."""
    saved, notes = saved_checkpoints(run), []
    for step, damage in found.damages.items():
        name = _rename_damaged(saved[step])
        notes.append(
            f"{damage} It is set aside as {name}; the {step - found.step:,} steps after step {found.step:,} are lost "
            "and done again."
        )
    write_atomically(run.checkpoints / manifest.LATEST, manifest.folder_of(run, found.step).name + "\n")
    return notes


def check_size(folder: Path, name: str, network: nn.Module) -> None:
    """Raise CheckpointError for saved weights of another size, before memory is taken for a network on "meta"."""
    file, tensors = f"{name}.safetensors", network.state_dict()
    saved = manifest.read_manifest(folder).get(file, {"bytes": 0})["bytes"]
    least = sum(tensor.nbytes for tensor in tensors.values())
    if not least <= saved <= _most_bytes(tensors):
        raise _does_not_fit(folder / file, f"it holds {saved:,} bytes, the network has {least:,}")


@torch.no_grad()
def load_tensors(folder: Path, part: str, tensors: dict[str, Tensor]) -> None:
    """Copy the tensors of the file `part`.safetensors into `tensors`.

    Raises CheckpointError before any tensor changes: for damage, numbers that are not finite, or other names or shapes.
    """
    file = folder / f"{part}.safetensors"
    size, most = manifest.read_manifest(folder).get(file.name, {"bytes": 0})["bytes"], _most_bytes(tensors)
    if size > most:
        raise _does_not_fit(file, f"it holds {size:,} bytes, and the recipe allows {most:,} at most")
    with manifest.damage_in(folder, file.name):
        try:
            saved = load(manifest.read_verified(folder, file.name, most))
        except (SafetensorError, RuntimeError, KeyError) as error:
            raise ValueError(str(error) or "it is not in the format safetensors") from error
        for name, tensor in saved.items():
            if not is_finite(tensor):
                raise ValueError(f"{name[:60]!r} holds a value that is not finite")
    if differ := sorted(saved.keys() ^ tensors.keys()):
        raise _does_not_fit(file, f"{differ[0]!r} is in one of the two only")
    for name, tensor in tensors.items():
        here, there = _shape_and_type(saved[name]), _shape_and_type(tensor)
        if here != there:
            raise _does_not_fit(file, f"{name} is {here}, the network's is {there}")
    for name, tensor in tensors.items():
        tensor.copy_(saved[name])


def _most_bytes(tensors: dict[str, Tensor]) -> int:
    """The largest file in which these tensors can have been saved: a generous header, and the values."""
    return 4096 + sum(tensor.nbytes + 256 + len(name) for name, tensor in tensors.items())


def _shape_and_type(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {[*tensor.shape]}"


def _does_not_fit(file: Path, reason: str) -> CheckpointError:
    return CheckpointError(f"{file} cannot be used with this run's recipe: {reason}.")


def _rename_damaged(folder: Path) -> str:
    """Rename a damaged checkpoint to .bad-<step>-<number>, and return the new name."""
    number = 1
    while (aside := folder.with_name(f"{BAD}{folder.name.removeprefix(REPLACED)}-{number}")).exists():
        number += 1
    try:
        move_folder(folder, aside)
    except OSError as error:
        raise DiskError(f"{folder} is damaged and cannot be set aside: {error.strerror}.") from error
    return aside.name
