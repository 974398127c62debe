"""When memory runs out: the batch that fits, found by trials in a process of their own."""

import ctypes
import gc
import subprocess
import traceback
from collections.abc import Generator
from contextlib import contextmanager

import torch

from gansmith.engine import DeviceChoice, says_out_of_memory
from gansmith.errors import NotEnoughMemoryError
from gansmith.networks import check_networks
from gansmith.planning.trial_process import try_out
from gansmith.recipe_file import override
from gansmith.schema import Recipe


@contextmanager
def saying_what_fits(recipe: Recipe, device: DeviceChoice) -> Generator[None]:
    """Turn a lack of memory inside the context into NotEnoughMemoryError, which names a batch size that fits."""
    try:
        yield
        return
    except (MemoryError, RuntimeError, ImportError) as error:  # a library may not fit any more, either
        if not (isinstance(error, MemoryError | torch.OutOfMemoryError) or says_out_of_memory(str(error))):
            raise  # of another kind; on the CPU, torch tells only by its text
        give_back(error)
    raise too_large(recipe, device)


def too_large(recipe: Recipe, device: DeviceChoice) -> NotEnoughMemoryError:
    """The error for a recipe whose step needs more memory than there is; it names a batch size that fits, by trial."""
    fitting = largest_batch(recipe, device)
    tried = "not even a batch of 1 fits"
    if fitting:
        tried = f"by trial, a batch of {fitting:,} fits: --set batch_size={fitting}"
    return NotEnoughMemoryError(f"a step of batch_size={recipe.batch_size:,} needs more memory than there is; {tried}.")


def give_back(error: Exception) -> None:
    """Free what the frames of the error's traceback hold, since handling the error needs memory too."""
    traceback.clear_frames(error.__traceback__)
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # other C libraries than glibc have none
    if trim is not None:
        trim(0)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def largest_batch(recipe: Recipe, device: DeviceChoice) -> int:
    """The first of half the batch size, a quarter, and so on, for which a step fits into memory; 0 if none does."""
    microbatches, batch = recipe.microbatches, recipe.batch_size
    while batch := batch // 2 // microbatches * microbatches:
        if _fits(recipe.model_copy(update={"batch_size": batch}), device):
            return batch
    return 0


def fit_microbatches(recipe: Recipe, device: DeviceChoice) -> Recipe:
    """The recipe with the fewest microbatches with which, by trial, there is memory for a step here.

    Raises NotEnoughMemoryError when none fits, RecipeError when its networks have batch norm.
    """
    for microbatches in (
        number for number in range(recipe.microbatches, recipe.batch_size + 1) if recipe.batch_size % number == 0
    ):
        check_networks(recipe.model_copy(update={"microbatches": microbatches}))
        divided = override(recipe, [f"microbatches={microbatches}"])
        if _fits(divided, device):
            return divided
    raise NotEnoughMemoryError(
        f"not even microbatches of one image (batch_size={recipe.batch_size:,}) fit into memory here; take a smaller "
        "model or smaller images."
    )


def about_microbatches(recipe: Recipe) -> str:
    """A sentence on a recipe that `fit_microbatches` has split."""
    size = recipe.batch_size // recipe.microbatches
    return f"by trial, {size:,} of batch_size={recipe.batch_size:,} fit at once: microbatches={recipe.microbatches}"


def _fits(recipe: Recipe, device: DeviceChoice) -> bool:
    try:
        return try_out("memory", recipe, device) is not None
    except (subprocess.TimeoutExpired, RuntimeError):  # whatever such a process dies of may be a lack of memory
        return False
