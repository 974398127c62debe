"""Where and how precisely a run computes. Nothing else in the training code knows about devices or precision."""

import ctypes
import math
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
def suitable_threads(batch_size: int, *networks: nn.Module) -> Generator[None]:
    """One processor thread for small dense networks, as many as there were for all others.

    Their products are done in a tenth of a millisecond each, less than it takes two threads to wait for one another.
    How many there are belongs to a run's numbers: sums are rounded in another order.
    """
    parameters = [parameter for network in networks for parameter in network.parameters()]
    dense = all(parameter.dim() <= 2 for parameter in parameters)
    small = dense and batch_size * sum(parameter.numel() for parameter in parameters) <= SMALL_STEP
    with threads(1 if small else torch.get_num_threads()):
        yield


@contextmanager
def threads(num: int) -> Generator[None]:
    """So many processor threads inside the context."""
    there = torch.get_num_threads()
    torch.set_num_threads(num)
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


def same_engine(info: Mapping[str, Any], device: DeviceChoice, precision: PrecisionChoice) -> Engine:
    """The engine to go on with after what run.json says, `info`: what auto found there holds, on such a processor.

    It is found by timing, which on a busy machine might come out otherwise, and the run's bytes with it.
    """
    engine, machine = make_engine(device, precision), info.get("machine")
    before = (info.get("device"), machine.get("processor") if isinstance(machine, dict) else None)
    if precision == "auto" and before == (str(engine.device), describe_machine()["processor"]):
        return replace(engine, bf16=info.get("precision") == "bf16")
    return engine


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
"""Of the trial products, some milliseconds each; and how many times as fast bf16 must be to be worth its digits."""


@cache
def _multiplies_faster_in_bf16() -> bool:
    """Whether a matrix product takes less time in bf16 here: some processors have the instruction at half the rate.

    On one thread, for several wait for one another where the machine has other work.
    """
    matrices = {dtype: torch.ones(SIDE, SIDE, dtype=dtype) for dtype in (torch.float32, torch.bfloat16)}
    fastest = dict.fromkeys(matrices, math.inf)
    with threads(1):
        for _ in range(ROUNDS):
            for dtype, matrix in matrices.items():
                began = time.perf_counter()
                torch.mm(matrix, matrix)
                fastest[dtype] = min(fastest[dtype], time.perf_counter() - began)
    return fastest[torch.float32] > GAIN * fastest[torch.bfloat16]


_SIGNS = (
    "can't allocate memory",
    "cannot allocate memory",
    "could not allocate",
    "bad_alloc",
    "memoryerror",
    "out of memory",
    "not enough memory",
    "failed to map segment",
)


def says_out_of_memory(text: str) -> bool:
    """Whether an error's text says that memory ran out: torch on a processor, and the system, say it in words."""
    return any(sign in text.lower() for sign in _SIGNS)
