"""A worker: gansmith's own step on images of noise, as `planning/trial.py` takes it.

    python -m benchmarks.peers.own_step [--count] mnist-dcgan "precision='fp32'" batch_size=64

With --count it says first how many multiply-adds a step does; counting takes memory, so it is not for measuring. A lazy
penalty comes in one step of a cycle, and what is counted is the mean of a cycle.
"""

import argparse
import resource
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

import torch

from benchmarks.peers.serving import serve
from gansmith.engine import make_engine, suitable_threads
from gansmith.recipes import recipe
from gansmith.rng import stream
from gansmith.training.loop import train_step
from gansmith.training.state import build


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("recipe")
    parser.add_argument("changes", nargs="*")
    parser.add_argument("--count", action="store_true")
    options = parser.parse_args()
    serve(partial(make, options))


def make(options: argparse.Namespace) -> tuple[Callable[[], object], dict[str, object]]:
    made = recipe(options.recipe, options.changes)
    engine = make_engine("auto", made.precision)
    data, gan = made.data, build(made, engine)
    shape = (made.batch_size, data.channels, data.height, data.width)
    pixels = torch.randint(0, 256, shape, dtype=torch.uint8, generator=stream(made.seed, "trial", 0))
    for_good = ExitStack()
    for_good.enter_context(suitable_threads(made.batch_size, gan.G, gan.D))
    step = partial(train_step, gan, pixels, made, engine)
    cycle = made.objective.penalty_every
    return step, {
        "precision": engine.precision,
        "cycle": cycle,
        "built_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "parameters": {name: _parameters(network) for name, network in (("G", gan.G), ("D", gan.D))},
        **(multiply_adds_done(step, cycle) if options.count else {}),
    }


def multiply_adds_done(step: Callable[[], object], cycle: int) -> dict[str, object]:
    """The mean of so many steps."""
    from benchmarks.peers.counting import multiply_adds_of

    done = multiply_adds_of(step, cycle)
    return {"multiply_adds_done": sum(done.values()), "multiply_adds_by_operation": done}


def _parameters(network: torch.nn.Module) -> int:
    """Trainable ones and moving statistics, as Keras counts them."""
    return sum(tensor.numel() for tensor in network.state_dict().values())


if __name__ == "__main__":
    main()
