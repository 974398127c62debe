"""Where and how precisely a run computes. Nothing else in the training code knows about devices or precision."""

import ctypes
import math
import time
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Literal

import torch
from torch import nn

from gansmith.errors import UsageError

DeviceChoice = Literal["auto", "cpu", "cuda", "mps"]
PrecisionChoice = Literal["auto", "fp32", "bf16"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """A device, and whether networks compute in bfloat16 (weights, losses and updates stay in float32)."""

    device: torch.device
    bf16: bool

    @property
    def precision(self) -> str:
        """fp32 or bf16."""
        return "bf16" if self.bf16 else "fp32"

    def autocast(self) -> AbstractContextManager:
        """The context in which networks are called."""
        return torch.autocast(self.device.type, torch.bfloat16) if self.bf16 else nullcontext()

    def place(self, network: nn.Module) -> nn.Module:
        """The network on the device, its kernels channels-last, as the convolutions of every backend like them."""
        # torch's stubs do not know this overload
        return network.to(self.device).to(memory_format=torch.channels_last)  # pyrefly: ignore[no-matching-overload]


SMALL_STEP = 2**25
"""Parameters times batch of dense networks up to which two threads take longer than one."""


@contextmanager
def suitable_threads(batch: int, *networks: nn.Module) -> Generator[None]:
    """One processor thread for small dense networks, as many as there were for all others.

    Their products are done in a tenth of a millisecond each, less than it takes two threads to wait for one another.
    How many there are belongs to a run's numbers: sums are rounded in another order.
    """
    parameters = [parameter for network in networks for parameter in network.parameters()]
    dense = all(parameter.dim() <= 2 for parameter in parameters)
    there = torch.get_num_threads()
    if dense and batch * sum(parameter.numel() for parameter in parameters) <= SMALL_STEP:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(there)


def make_engine(device: DeviceChoice = "auto", precision: PrecisionChoice = "auto") -> Engine:
    """The engine asked for; auto takes a GPU when there is one, and bf16 where it is faster than fp32.

    Raises UsageError when the device is not there.
    """
    _keep_freed_memory()
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    chosen = next(name for name in ("cuda", "mps", "cpu") if there[name]) if device == "auto" else device
    if not there[chosen]:
        names = ", ".join(name for name, found in there.items() if found)
        raise UsageError(f"device {chosen!r} is not there; this machine and this build of torch have: {names}.")
    bf16 = precision == "bf16" or (precision == "auto" and _computes_bf16(chosen))
    return Engine(device=torch.device(chosen), bf16=bf16)


@cache
def _keep_freed_memory() -> None:
    """Have the C library keep what tensors free, for the tensors that follow.

    glibc hands blocks of more than 128 KiB back to Linux, which clears every page anew when it is next asked for:
    2,000 pages a step of fashion-dcgan, 4 % of its time.
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


SIDE, ROUNDS, GAIN = 512, 5, 1.3
"""Of the trial products: 3 ms each; and how many times as fast they must be for bf16 to be worth its digits."""


@cache
def _multiplies_faster_in_bf16() -> bool:
    """Whether a matrix product takes less time in bf16 here: some processors have the instruction at half the rate."""
    matrices = {dtype: torch.ones(SIDE, SIDE, dtype=dtype) for dtype in (torch.float32, torch.bfloat16)}
    fastest = dict.fromkeys(matrices, math.inf)
    for _ in range(ROUNDS):
        for dtype, matrix in matrices.items():
            began = time.perf_counter()
            torch.mm(matrix, matrix)
            fastest[dtype] = min(fastest[dtype], time.perf_counter() - began)
    return fastest[torch.float32] > GAIN * fastest[torch.bfloat16]
