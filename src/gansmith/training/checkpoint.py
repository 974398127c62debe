"""Checkpoints: safetensors and JSON with a manifest of hashes, in one folder a step; loading runs no code.

checkpoints/00000500/G.safetensors  D.  G_ema.  optimizer_g.  optimizer_d.safetensors
                     state.json     the clock and the versions
                     manifest.json  size and SHA-256 of every other file, written last
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from gansmith.errors import CheckpointError, DiskError
from gansmith.runs import Run, write_atomically
from gansmith.training.optim import Updater
from gansmith.training.state import GAN
from gansmith.version import __version__

KEPT = 3
"""Checkpoints kept in a run folder: the newest ones."""


def save_checkpoint(run: Run, gan: GAN, step: int) -> None:
    """Write the whole state under the step's number, then point `latest` at it, then drop the oldest.

    Raises DiskError when there is no room; the checkpoints before it stay as they are.
    """
    _save(run, _parts(gan), step, gan.seen)


def save_networks(run: Run, networks: dict[str, nn.Module]) -> None:
    """A checkpoint of step 0 with networks (G, D, G_ema) alone: enough for sampling. Raises DiskError."""
    _save(run, {name: _tensors(network) for name, network in networks.items()}, step=0, seen=0)


def _save(run: Run, parts: dict[str, dict[str, Tensor]], step: int, seen: int) -> None:
    folder = run.checkpoints / f"{step:08}"
    try:
        unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=run.checkpoints))
        try:
            for name, tensors in parts.items():
                save_file(tensors, unfinished / f"{name}.safetensors")
            state = {"format": 1, "step": step, "seen": seen, "gansmith": __version__, "torch": torch.__version__}
            (unfinished / "state.json").write_text(json.dumps(state, indent=1) + "\n")
            manifest = {file.name: _fingerprint(file) for file in sorted(unfinished.iterdir())}
            (unfinished / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
            unfinished.chmod(0o755)
            if folder.exists():
                shutil.rmtree(folder)
            unfinished.rename(folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        write_atomically(run.checkpoints / "latest", folder.name + "\n")
    except OSError as error:
        raise DiskError(f"the checkpoint of step {step:,} cannot be written to {folder}: {error.strerror}.") from error
    for old in saved_steps(run)[:-KEPT]:
        shutil.rmtree(run.checkpoints / f"{old:08}")


def saved_steps(run: Run) -> list[int]:
    """Steps that have a checkpoint, in order."""
    return sorted(int(path.parent.name) for path in run.checkpoints.glob("*/manifest.json"))


def find_checkpoint(run: Run, which: str = "last") -> Path:
    """The folder of a checkpoint: "last" or a step. Raises CheckpointError naming those there are."""
    steps = saved_steps(run)
    if not steps:
        raise CheckpointError(f"{run.path} holds no checkpoint; the first is written at the run's first interval.")
    if which == "last":
        return run.checkpoints / f"{steps[-1]:08}"
    if which.isdecimal() and int(which) in steps:
        return run.checkpoints / f"{int(which):08}"
    raise CheckpointError(f"{run.path} has no checkpoint {which!r}; it has {', '.join(map(str, steps))}, or 'last'.")


def load_network(folder: Path, name: str, network: nn.Module) -> None:
    """Put the weights saved as `name` (G, D or G_ema) into `network`. Raises CheckpointError when they do not fit."""
    _restore(folder, name, lambda tensors: network.load_state_dict(tensors))


def load_checkpoint(folder: Path, gan: GAN) -> None:
    """Put the whole state back, exactly. Raises CheckpointError when a file is missing, altered or does not fit."""
    for name, fingerprint in _json(folder / "manifest.json").items():
        file = folder / Path(name).name
        if not file.is_file() or _fingerprint(file) != fingerprint:
            raise CheckpointError(f"{file} is missing or altered; sample or resume another checkpoint of this run.")
    load_network(folder, "G", gan.G)
    load_network(folder, "D", gan.D)
    if gan.G_ema is not None:
        load_network(folder, "G_ema", gan.G_ema)
    for name, updater in (("optimizer_g", gan.update_g), ("optimizer_d", gan.update_d)):
        _restore(folder, name, lambda tensors, updater=updater: _fill_slots(updater, tensors))
    gan.seen = _json(folder / "state.json")["seen"]


def _parts(gan: GAN) -> dict[str, dict[str, Tensor]]:
    networks = {"G": gan.G, "D": gan.D} | ({} if gan.G_ema is None else {"G_ema": gan.G_ema})
    parts = {name: _tensors(network) for name, network in networks.items()}
    return parts | {"optimizer_g": _slots(gan.update_g), "optimizer_d": _slots(gan.update_d)}


def _tensors(network: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.contiguous() for name, tensor in network.state_dict().items()}


def _slots(updater: Updater) -> dict[str, Tensor]:
    """What the optimiser remembers under "<parameter's number>.<slot>"; its settings are in the recipe."""
    return {f"{i}.{slot}": t.contiguous() for slot, tensors in updater.slots.items() for i, t in enumerate(tensors)}


def _fill_slots(updater: Updater, saved: dict[str, Tensor]) -> None:
    for slot, tensors in updater.slots.items():
        for number, tensor in enumerate(tensors):
            if saved[f"{number}.{slot}"].shape != tensor.shape:
                raise ValueError(f"{number}.{slot} is for a parameter of another shape")
            tensor.copy_(saved[f"{number}.{slot}"])


def _restore(folder: Path, name: str, put: Callable[[dict[str, Tensor]], object]) -> None:
    file = folder / f"{name}.safetensors"
    try:
        put(load_file(file))
    except (OSError, SafetensorError, RuntimeError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(f"{file} cannot be used with this run's recipe: {reason}") from error


def _json(file: Path) -> dict:
    try:
        return json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{file} cannot be read: {error}.") from error


def _fingerprint(file: Path) -> dict[str, int | str]:
    with file.open("rb") as opened:
        return {"bytes": file.stat().st_size, "sha256": hashlib.file_digest(opened, "sha256").hexdigest()}
