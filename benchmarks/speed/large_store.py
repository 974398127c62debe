"""What a store larger than memory costs a training step, emulated at its worst: nothing of it is ever in memory.

    GANSMITH_DATA=... python -m benchmarks.speed.large_store [RECIPE] [--gib 2]

A store of 2 GiB is filled with copies of the recipe's own images. For a cold batch the whole of it is first thrown
out of the page cache (madvise and posix_fadvise, DONTNEED, not timed), so that every image comes from the disk, as if
the store were endlessly larger than memory. A real one is partly in memory: its cost lies between cold and warm. What
the disk itself keeps, or the host of a virtual machine, is not thrown out. A warm batch is the cold one read again.
`unasked` is a cold batch as NumPy's memory map reads it by itself, without asking the disk for all of it first. Cold
and warm steps take turns, each timed with its batch; medians of 30 steps, and of 5 batches for `unasked`. Writes
large-store-RECIPE.json into benchmarks/results/. Needs Linux, and the disk space in the temporary folder ($TMPDIR).
"""

import argparse
import json
import mmap
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

import gansmith
from gansmith.data.dataset import Request, open_dataset
from gansmith.data.images.resize import ImageShape
from gansmith.data.sampler import Sampler
from gansmith.data.store import FORMAT, Dataset, read_dataset
from gansmith.engine import make_engine
from gansmith.schema import Recipe
from gansmith.system.machine import describe_machine
from gansmith.training.loop import train_step
from gansmith.training.state import build

RESULTS = Path(__file__).parents[1] / "results"
STEPS, UNASKED = 30, 5
BLOCK = 64 << 20


def write_store(folder: Path, some: Dataset, num_bytes: int) -> Dataset:
    """A store of so many bytes: the images of `some`, again and again."""
    block = np.concatenate([some.batch(torch.arange(len(some))).numpy()] * (1 + BLOCK // some.images.nbytes))
    count = num_bytes // block[0].nbytes
    images = np.lib.format.open_memmap(folder / "images.npy", "w+", np.uint8, (count, *block.shape[1:]))
    for start in range(0, count, len(block)):
        images[start : start + len(block)] = block[: count - start]
    images.flush()
    index = {"format": FORMAT, "count": count, "shape": list(block.shape[1:]), "name": "copies", "notes": []}
    (folder / "index.json").write_text(json.dumps(index))
    dataset = read_dataset(folder)
    assert dataset is not None
    return dataset


def forget(dataset: Dataset, folder: Path) -> None:
    """Throw the store out of the page cache: first out of this process, which would keep it there."""
    pages = dataset.images.base
    assert isinstance(pages, mmap.mmap)
    pages.madvise(mmap.MADV_DONTNEED)
    file = os.open(folder / "images.npy", os.O_RDONLY)
    try:
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(file)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("recipe", nargs="?", default="fashion-dcgan")
    parser.add_argument("--gib", type=int, default=2)
    options = parser.parse_args()
    recipe = gansmith.recipe(options.recipe)
    data = recipe.data
    shape = ImageShape(channels=data.channels, height=data.height, width=data.width)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        dataset = write_store(
            folder, open_dataset(Request(name=data.name, split=data.split, shape=shape)), options.gib << 30
        )
        result = measure(dataset, folder, recipe)
    RESULTS.mkdir(exist_ok=True)
    whole = {"machine": describe_machine(), **result}
    (RESULTS / f"large-store-{recipe.name}.json").write_text(json.dumps(whole, indent=1) + "\n")
    sys.stdout.write(json.dumps(result, indent=1) + "\n")


def measure(dataset: Dataset, folder: Path, recipe: Recipe) -> dict[str, object]:
    sampler = Sampler(count=len(dataset), batch_size=recipe.batch_size, seed=recipe.seed, order="with-replacement")
    engine = make_engine("auto", recipe.precision)
    gan = build(recipe, engine)

    reading: dict[str, list[float]] = {"cold": [], "warm": [], "unasked": []}
    stepping: dict[str, list[float]] = {"cold": [], "warm": []}
    for number in range(STEPS + 1):
        indices = sampler.indices(number * recipe.batch_size)
        forget(dataset, folder)
        for kind in stepping:
            began = time.perf_counter()
            pixels = dataset.batch(indices)
            read = time.perf_counter()
            train_step(gan, pixels, recipe, engine)["loss/g"].mean().item()
            if number:  # the first step prepares what later ones reuse
                reading[kind].append(read - began)
                stepping[kind].append(time.perf_counter() - began)
    for number in range(UNASKED):
        rows = sampler.indices((STEPS + 1 + number) * recipe.batch_size).numpy()
        forget(dataset, folder)
        began = time.perf_counter()
        dataset.images[rows].sum()
        reading["unasked"].append(time.perf_counter() - began)
    return {
        "recipe": recipe.name,
        "store_gib": dataset.images.nbytes / 2**30,
        "batch": recipe.batch_size,
        "batch_milliseconds": {kind: spread(times) for kind, times in reading.items()},
        "step_with_batch_milliseconds": {kind: spread(times) for kind, times in stepping.items()},
        "cold_batch_share_of_step": statistics.median(reading["cold"]) / statistics.median(stepping["warm"]),
    }


def spread(times: list[float]) -> dict[str, float]:
    return {"median": 1e3 * statistics.median(times), "min": 1e3 * min(times), "max": 1e3 * max(times)}


if __name__ == "__main__":
    main()
