"""What the images cost a training step: reading batches from the store, and the first batch of a packed set.

    GANSMITH_DATA=... python -m benchmarks.speed.batches

Writes batches.json into benchmarks/results/. Reading and stepping are interleaved, medians of 200 and 40.
"""

import json
import statistics
import sys
import time
from pathlib import Path

import gansmith
from gansmith.data.dataset import Request, open_dataset
from gansmith.engine import make_engine
from gansmith.system.machine import describe_machine
from gansmith.training.loop import make_sampler, train_step
from gansmith.training.state import build

RESULTS = Path(__file__).parents[1] / "results"
STEPS = 40
BATCHES_PER_STEP = 5
OPENINGS = 9


def main() -> None:
    recipe = gansmith.recipe("fashion-mlp")  # the cheapest step of the classic systems
    data = recipe.data
    request = Request(name=data.name, split=data.split, shape=data.shape)
    open_dataset(request)  # packs the set, if this is the first time

    openings = []
    for _ in range(OPENINGS):
        began = time.perf_counter()
        dataset = open_dataset(request)
        dataset.batch(make_sampler(recipe, dataset).indices(0))
        openings.append(time.perf_counter() - began)

    engine = make_engine("auto", recipe.precision)
    gan, sampler = build(recipe, engine), make_sampler(recipe, dataset)
    reading, stepping = [], []
    for step in range(STEPS):
        for number in range(BATCHES_PER_STEP):
            began = time.perf_counter()
            pixels = dataset.batch(sampler.indices((step * BATCHES_PER_STEP + number) * recipe.batch_size))
            reading.append(time.perf_counter() - began)
        began = time.perf_counter()
        train_step(gan, pixels, recipe, engine)["loss/g"].mean().item()
        stepping.append(time.perf_counter() - began)

    result = {
        "machine": describe_machine(),
        "recipe": recipe.name,
        "images": len(dataset),
        "first_batch_seconds": {"median": statistics.median(openings), "max": max(openings)},
        "batch_microseconds": 1e6 * statistics.median(reading),
        "step_milliseconds": 1e3 * statistics.median(stepping),
        "share_of_step": statistics.median(reading) / statistics.median(stepping),
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "batches.json").write_text(json.dumps(result, indent=1) + "\n")
    sys.stdout.write(json.dumps({key: value for key, value in result.items() if key != "machine"}, indent=1) + "\n")


if __name__ == "__main__":
    main()
