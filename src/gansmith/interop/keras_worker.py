"""Reads a Keras file for another process: `python -m gansmith.interop.keras_worker < FILE`, the answer on stdout.

HDF5's library believes what a file says of itself: with some bytes of a 30 kB file changed, it took 4 GB and 19 seconds
to find out. So it runs in a process that limits its own memory; whoever waits for it limits its time. The answer is a
line of JSON, {"error"} or {"models"} with every layer's facts and shapes, and then all numbers as float32.
"""

import json
import os
import sys
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

from gansmith.errors import DataError
from gansmith.interop.hdf5 import num_bytes, open_hdf5, read
from gansmith.interop.keras_layout import KerasModel, models
from gansmith.system.processes import limit_memory

if TYPE_CHECKING:
    from h5py import Dataset

MEMORY = 512 << 20
"""Bytes of address space, besides four times the file's: without one, the process needs 120 MB."""


def main() -> None:
    """Read standard input and answer."""
    size = os.fstat(sys.stdin.fileno()).st_size
    limit_memory(MEMORY + 4 * size)
    write_answer(sys.stdin.buffer, size, sys.stdout.buffer)


def write_answer(file: BinaryIO, size: int, out: BinaryIO) -> None:
    """Write what an HDF5 file of `size` bytes holds, or what is wrong with it."""
    try:
        with open_hdf5(file) as root:
            found = models(root)
            arrays = list(chain.from_iterable(layer.arrays for model in found for layer in model.layers))
            announced = sum(map(num_bytes, arrays))
            if announced > size:  # hard links, or arrays that lie on one another
                raise DataError(
                    f"it announces {announced:,} bytes of weights and has {size:,}; save the weights again."
                )
            numbers = [read(array) for array in arrays]
    except DataError as error:
        out.write(json.dumps({"error": str(error)}).encode())
        return
    out.write(json.dumps({"models": [_facts(model) for model in found]}).encode() + b"\n")
    for array in numbers:
        out.write(array.tobytes())


def _facts(model: "KerasModel[Dataset]") -> dict[str, object]:
    layers = [
        {
            "name": layer.name,
            "kind": layer.kind,
            "number": layer.number,
            "keras_1": layer.keras_1,
            "shapes": [array.shape for array in layer.arrays],
        }
        for layer in model.layers
    ]
    return {"name": model.name, "in_order": model.in_order, "layers": layers}


if __name__ == "__main__":
    main()
