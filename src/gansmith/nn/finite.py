"""Whether every number in tensors is finite, at the pace of the memory."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor


@torch.no_grad()
def all_finite(tensors: Sequence[Tensor]) -> bool:
    """Whether every number in these tensors is finite.

    A tensor with a number that is not finite has a sum that is not finite, and sums are computed at the pace of the
    memory. A sum may also overflow, so where one is not finite the single numbers are tested. On a processor the sums
    are read one by one, which is faster than any operation that joins them; on other devices each reading waits for
    the device, so there is one.
    """
    sums = [tensor.sum() for tensor in tensors]
    total = sum(each.item() for each in sums) if sums[0].is_cpu else torch.stack(sums).sum().item()
    return math.isfinite(total) or all(torch.isfinite(tensor).all().item() for tensor in tensors)


def is_finite(tensor: Tensor) -> bool:
    """Whether every number in the tensor is finite; whole numbers are."""
    return not tensor.is_floating_point() or all_finite([tensor])
