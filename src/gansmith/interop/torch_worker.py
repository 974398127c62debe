"""Reads a file of torch.save for another process: `python -m gansmith.interop.torch_worker < FILE`.

The file is a pickle. It is read by torch's unpickler for weights, which knows tensors and containers and calls nothing
else, in a process that limits its own memory; the parent process limits its time. The answer on stdout is the tensors
as a safetensors file, or a line of JSON, {"error"}.
"""

import json
import os
import sys
from typing import BinaryIO

from gansmith.errors import DataError
from gansmith.system.processes import limit_memory

MEMORY = 4 << 30
"""Limit of address space in bytes, to which four times the file's size is added; torch alone maps about 2 GB."""
SWITCH = "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"
"""A variable of the environment that loosens torch's unpickler; it is removed before torch is imported."""


def main() -> None:
    """Read standard input and write the answer to standard output."""
    os.environ.pop(SWITCH, None)
    size = os.fstat(sys.stdin.fileno()).st_size
    limit_memory(MEMORY + 4 * size)
    try:
        answer = converted(sys.stdin.buffer, size)
    except DataError as error:
        answer = json.dumps({"error": str(error)}).encode()
    sys.stdout.buffer.write(answer)


def converted(file: BinaryIO, size: int) -> bytes:
    """The state dict in a file of `size` bytes, as a safetensors file. Raises DataError for any other content."""
    import torch
    from safetensors.torch import save

    try:
        found = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:
        is_code = "unsupported" in str(error).lower()  # torch names the callable that its unpickler does not know
        reason = "it holds more than tensors, and was not run" if is_code else "it is damaged"
        raise DataError(reason) from error
    if not isinstance(found, dict) or not found:
        raise DataError("it holds no state dict, a dict of tensors by name")
    bad = [name for name, one in found.items() if not (isinstance(name, str) and type(one) is torch.Tensor)]
    if bad or any(one.is_sparse or one.is_quantized or one.layout != torch.strided for one in found.values()):
        raise DataError("it holds more than plain tensors by name")
    if sum(one.numel() * one.element_size() for one in found.values()) > size:  # one storage seen in many ways
        raise DataError("its tensors are larger than the file")
    return save({name: one.detach().clone().contiguous() for name, one in found.items()})


if __name__ == "__main__":
    main()
