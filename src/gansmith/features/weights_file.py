"""Reads weights from safetensors files, which hold numbers and no code."""

import hashlib
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from gansmith.errors import DataError
from gansmith.system.untrusted import read_plain

MOST_BYTES = 2 * 2**30
"""Largest size of a file of weights in bytes: the largest known feature networks have 1.2 GB."""
PICKLED = (b"PK\x03\x04", b"\x80")
"""The first bytes of files of `torch.save`: since 2020, and before."""


def read_weights(path: Path) -> tuple[dict[str, Tensor], str]:
    """The tensors of a safetensors file, floats as float32, and its SHA-256. Raises DataError for any other file."""
    try:
        content = read_plain(path.resolve(), MOST_BYTES)
    except FileNotFoundError as error:
        raise DataError(f"{path.absolute()} does not exist; give a .safetensors file.") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{path.absolute()} cannot be read: {error}.") from error
    if content.startswith(PICKLED):
        raise DataError(
            f"{path} is a pickled file, and reading it would run code from it; if you trust it, open it once with "
            "torch and save its tensors with safetensors.torch.save_file."
        )
    try:
        tensors = load(content)
    except (SafetensorError, ValueError, KeyError) as error:
        raise DataError(f"{path} is damaged or no safetensors file: {error}.") from error
    found = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
    return found, hashlib.sha256(content).hexdigest()


def fill(network: nn.Module, tensors: dict[str, Tensor], path: Path, kind: str) -> None:
    """Load the tensors into the network and freeze it; errors call it `kind`.

    Raises DataError when names or shapes differ from the network's, or a weight is not finite.
    """
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        first = str(error).partition("\n")[2].strip().partition("\n")[0]
        raise DataError(f"{path} does not hold the weights of {kind}: {first}") from error
    if bad := [name for name, tensor in tensors.items() if not torch.isfinite(tensor).all()]:
        raise DataError(f"{path} holds weights that are not finite, in {bad[0]}; fetch the file again.")
    network.requires_grad_(False).eval()
