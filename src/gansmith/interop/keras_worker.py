"""Reads a Keras file for another process: `python -m gansmith.interop.keras_worker < FILE`, the answer on stdout.

HDF5's library trusts the sizes that a file declares: for a 30 kB file with a few changed bytes it took 4 GB and 19
seconds to fail. So it runs in a process that limits its own memory, and the parent process limits its time. The answer
is a line of JSON, {"error"} or {"models"} with the names and shapes of every layer, and then all numbers as float32.
"""

import json
import os
import sys
from dataclasses import asdict, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO

from gansmith.errors import DataError
from gansmith.interop.hdf5 import num_bytes, open_hdf5, read_float32
from gansmith.interop.keras_layout import KerasModel, models
from gansmith.system.processes import limit_memory

if TYPE_CHECKING:
    from h5py import Dataset

MEMORY = 512 << 20
"""Limit of address space in bytes, to which four times the file's size is added; the process alone needs 120 MB."""


def main() -> None:
    """Read standard input and write the answer to standard output."""
    size = os.fstat(sys.stdin.fileno()).st_size
    limit_memory(MEMORY + 4 * size)
    write_answer(sys.stdin.buffer, size, sys.stdout.buffer)


def write_answer(file: BinaryIO, size: int, out: BinaryIO) -> None:
    """Write the models of an HDF5 file of `size` bytes to `out`, or the error."""
    try:
        with open_hdf5(file) as root:
            found = models(root)
            arrays = list(chain.from_iterable(layer.arrays for model in found for layer in model.layers))
            declared = sum(map(num_bytes, arrays))
            if declared > size:  # hard links, or overlapping arrays
                sizes = f"{declared:,} bytes of weights but has {size:,} bytes"
                raise DataError(f"it declares {sizes}; save the weights again.")
            numbers = [read_float32(array) for array in arrays]
    except DataError as error:
        out.write(json.dumps({"error": str(error)}).encode())
        return
    out.write(json.dumps({"models": [_with_shapes(model) for model in found]}).encode() + b"\n")
    for array in numbers:
        out.write(array.tobytes())


def _with_shapes(model: "KerasModel[Dataset]") -> dict[str, Any]:
    """The model as plain data for JSON, with shapes in place of arrays."""
    layers = [replace(layer, arrays=[array.shape for array in layer.arrays]) for layer in model.layers]
    return asdict(replace(model, layers=layers))


if __name__ == "__main__":
    main()
