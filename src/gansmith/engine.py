"""Device and precision of a run. No other module of the training knows about them."""

import ctypes
import math
import re
import time
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

import torch
from torch import nn

from gansmith.errors import UsageError
from gansmith.system.machine import describe_machine

DeviceChoice = Literal["auto", "cpu", "cuda", "mps"]
PrecisionChoice = Literal["auto", "fp32", "bf16"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """A device, and whether networks compute in bfloat16; weights, losses and updates stay in float32."""

    device: torch.device
    bf16: bool

    @property
    def precision(self) -> str:
        """Name of the precision: fp32 or bf16."""
        return "bf16" if self.bf16 else "fp32"

    def autocast(self) -> AbstractContextManager:
        """The context in which networks are called."""
        return torch.autocast(self.device.type, torch.bfloat16) if self.bf16 else nullcontext()

    def place(self, network: nn.Module) -> nn.Module:
        """The network on the device, with channels-last kernels: every backend convolves fastest so."""
        # torch's stubs do not know this overload
        return network.to(self.device).to(memory_format=torch.channels_last)  # pyrefly: ignore[no-matching-overload]


SMALL_STEP = 2**25
"""Parameters times batch size up to which dense networks are faster on one thread than on two."""


@contextmanager
def suitable_threads(batch_size: int, *networks: nn.Module) -> Generator[None]:
    """Compute small dense networks on one processor thread, and leave the number of threads for all others.

    A small matrix product takes 0.1 ms, less than two threads need to wait for each other. The number of threads is
    part of a run's numbers, because it decides the order in which sums are rounded.
    """
    parameters = [parameter for network in networks for parameter in network.parameters()]
    dense = all(parameter.dim() <= 2 for parameter in parameters)
    small = dense and batch_size * sum(parameter.numel() for parameter in parameters) <= SMALL_STEP
    with threads(1 if small else torch.get_num_threads()):
        yield


@contextmanager
def threads(num: int) -> Generator[None]:
    """Compute on `num` processor threads inside the context."""
    before = torch.get_num_threads()
    torch.set_num_threads(num)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def make_engine(device: DeviceChoice = "auto", precision: PrecisionChoice = "auto") -> Engine:
    """The engine; "auto" is a GPU if there is one, and bf16 if it is faster. Raises UsageError for a missing device."""
    _keep_freed_memory()
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    chosen = next(name for name in ("cuda", "mps", "cpu") if available[name]) if device == "auto" else device
    if not available[chosen]:
        names = ", ".join(name for name, found in available.items() if found)
        raise UsageError(f"device {chosen!r} is not available; this machine and this build of torch have: {names}.")
    bf16 = precision == "bf16" or (precision == "auto" and _computes_bf16(chosen))
    return Engine(device=torch.device(chosen), bf16=bf16)


def same_engine(info: Mapping[str, Any], device: DeviceChoice, precision: PrecisionChoice) -> Engine:
    """The engine that continues a run with run.json `info`: on the same kind of processor, with the same precision.

    Precision "auto" depends on a timing, which may differ on a busy machine and would change the run's numbers.
    """
    engine, machine = make_engine(device, precision), info.get("machine")
    before = (info.get("device"), machine.get("processor") if isinstance(machine, dict) else None)
    if precision == "auto" and before == (str(engine.device), describe_machine()["processor"]):
        return replace(engine, bf16=info.get("precision") == "bf16")
    return engine


@cache
def _keep_freed_memory() -> None:
    """Make the C library keep the memory that tensors free, for the next tensors.

    glibc returns blocks of more than 128 KiB to Linux, which clears every page again before it hands it out: 2,000
    pages a step of fashion-dcgan, 4 % of its time.
    """
    mmap_threshold, trim_threshold, most = -3, -1, 2**31 - 1  # of <malloc.h>
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none
    if set_option is not None:
        set_option(mmap_threshold, most)
        set_option(trim_threshold, most)


def _computes_bf16(device: str) -> bool:
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device == "cpu" and torch.cpu._is_avx512_bf16_supported() and _multiplies_faster_in_bf16()


SIZE = 512
"""Rows and columns of the matrices in the timed products, which take some milliseconds each."""
ROUNDS = 5
"""Number of timed products of each precision."""
MIN_SPEEDUP = 1.3
"""Speed of bf16, relative to fp32, from which on "auto" chooses it in spite of its fewer digits."""


@cache
def _multiplies_faster_in_bf16() -> bool:
    """Whether a matrix product is faster in bf16 on this processor; some have the instruction at half the rate.

    Timed on one thread, because several threads wait for each other on a busy machine.
    """
    matrices = {dtype: torch.ones(SIZE, SIZE, dtype=dtype) for dtype in (torch.float32, torch.bfloat16)}
    fastest = dict.fromkeys(matrices, math.inf)
    with threads(1):
        for _ in range(ROUNDS):
            for dtype, matrix in matrices.items():
                began = time.perf_counter()
                torch.mm(matrix, matrix)
                fastest[dtype] = min(fastest[dtype], time.perf_counter() - began)
    return fastest[torch.float32] > MIN_SPEEDUP * fastest[torch.bfloat16]


_OUT_OF_MEMORY = re.compile(
    r"(can't|cannot) allocate memory|could not allocate|bad_alloc|memoryerror|out of memory|not enough memory|"
    "failed to map segment",
    re.IGNORECASE,
)


def says_out_of_memory(text: str) -> bool:
    """Whether the text of an error is about a lack of memory; on a processor torch raises plain RuntimeErrors."""
    return bool(_OUT_OF_MEMORY.search(text))
