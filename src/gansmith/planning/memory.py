"""When memory runs out: which batch fits, found out by trying in a process of its own."""

import ctypes
import gc
import subprocess
import traceback
from collections.abc import Generator
from contextlib import contextmanager

import torch

from gansmith.engine import DeviceChoice, says_out_of_memory
from gansmith.errors import NotEnoughMemoryError
from gansmith.planning.trial_process import try_out
from gansmith.recipe_file import override
from gansmith.schema import Recipe


@contextmanager
def saying_what_fits(recipe: Recipe, device: DeviceChoice) -> Generator[None]:
    """Turn a lack of memory inside the context into NotEnoughMemoryError, which names a batch that fits."""
    try:
        yield
        return
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        give_back(error)
    raise too_large(recipe, device)


def too_large(recipe: Recipe, device: DeviceChoice) -> NotEnoughMemoryError:
    """The error to raise for a recipe of which no step can be made here, after trying what would do."""
    fitting = largest_batch(recipe, device)
    tried = (
        f"by trial, a batch of {fitting:,} fits: --set batch_size={fitting}"
        if fitting
        else "not even a batch of 1 fits"
    )
    return NotEnoughMemoryError(f"a step of batch_size={recipe.batch_size:,} needs more memory than there is; {tried}.")


def give_back(error: MemoryError | RuntimeError) -> None:
    """Let the system have what the frames that the error came through hold: what is done about it needs memory too."""
    traceback.clear_frames(error.__traceback__)
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # other C libraries than glibc have none
    if trim is not None:
        trim(0)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the error says that memory ran out: torch says it in words on the CPU."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or says_out_of_memory(str(error))


def largest_batch(recipe: Recipe, device: DeviceChoice) -> int:
    """Half the batch, or a quarter, and so on: the first of which a step can be made here; 0 when there is none."""
    microbatches, batch = recipe.microbatches, recipe.batch_size
    while batch := batch // 2 // microbatches * microbatches:
        if _fits(recipe.model_copy(update={"batch_size": batch}), device):
            return batch
    return 0


def in_parts_that_fit(recipe: Recipe, device: DeviceChoice) -> Recipe:
    """The recipe with the fewest parts of its batch of which, by trial, a step can be made here.

    Raises NotEnoughMemoryError when none fits, RecipeError when its networks normalise over the batch.
    """
    for microbatches in (
        number for number in range(recipe.microbatches, recipe.batch_size + 1) if recipe.batch_size % number == 0
    ):
        divided = override(recipe, [f"microbatches={microbatches}"])
        if _fits(divided, device):
            return divided
    raise NotEnoughMemoryError(f"not even parts of one image of batch_size={recipe.batch_size:,} fit into memory here.")


def _fits(recipe: Recipe, device: DeviceChoice) -> bool:
    try:
        return try_out("memory", recipe, device) is not None
    except (subprocess.TimeoutExpired, RuntimeError):  # whatever such a process dies of, it may be for want of memory
        return False
