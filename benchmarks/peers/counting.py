"""How many multiply-adds are done, as torch dispatches its matrix products and convolutions."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry


class Counting(TorchDispatchMode):
    """By operation. Torch's own `FlopCounterMode` refuses the gradient of a gradient."""

    def __init__(self):
        super().__init__()
        self.done: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found, named = func(*args, **(kwargs or {})), kwargs or {}
        if rule := flop_registry.get(func.overloadpacket):
            self.done[str(func.overloadpacket)] += rule(*args, **named, out_val=found) // 2
        return found


def multiply_adds_of(step: Callable[[], object], times: int) -> dict[str, float]:
    """By operation, the mean of so many steps."""
    with Counting() as counting:
        for _ in range(times):
            step()
    return {operation: done / times for operation, done in counting.done.items()}
