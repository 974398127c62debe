"""A worker: the fastest matrix product of this machine, whose rate is the limit that steps are held against.

    python -m benchmarks.peers.matmul fp32|bf16

A step is one product of the shape that is fastest here.
"""

import sys
import time
from collections.abc import Callable
from functools import partial

import torch

from benchmarks.peers.serving import serve

SIDES = (1024, 2048, 3072)
TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def make() -> tuple[Callable[[], object], dict[str, object]]:
    found = {}
    for side in SIDES:
        for transposed in (False, True):
            a, b = (torch.randn(side, side, dtype=torch.float32).to(TYPES[sys.argv[1]]) for _ in range(2))
            product = partial(torch.mm, a, b.T if transposed else b, out=torch.empty_like(a))
            product()
            began = time.perf_counter()
            product()
            found[side**3 / (time.perf_counter() - began)] = (side, transposed, product)
    side, transposed, product = found[max(found)]
    return product, {"side": side, "second_transposed": transposed, "multiply_adds": side**3}


if __name__ == "__main__":
    serve(make)
