"""A worker: gansmith's own step on pictures of noise, as `training/trial.py` takes it.

python benchmarks/peers/own_step.py mnist-dcgan "precision='fp32'" batch=64
"""

import resource
import sys
from collections.abc import Callable
from functools import partial

import torch
from serving import serve
from torch.utils.flop_counter import FlopCounterMode

from gansmith.recipes import recipe
from gansmith.rng import stream
from gansmith.training.engine import make_engine
from gansmith.training.loop import train_step
from gansmith.training.state import build


def make() -> tuple[Callable[[], object], dict[str, object]]:
    made = recipe(sys.argv[1], sys.argv[2:])
    engine = make_engine("auto", made.precision)
    data, gan = made.data, build(made, engine)
    shape = (made.batch, data.channels, data.height, data.width)
    pixels = torch.randint(0, 256, shape, dtype=torch.uint8, generator=stream(made.seed, "trial", 0))
    step = partial(train_step, gan, pixels, made, engine)
    built = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    with FlopCounterMode(display=False) as counter:
        step()
    done = {str(operation): flops for operation, flops in counter.get_flop_counts()["Global"].items()}
    return step, {
        "precision": engine.precision,
        "built_mib": built,
        "parameters": {name: _parameters(network) for name, network in (("G", gan.G), ("D", gan.D))},
        "multiply_adds_done": sum(done.values()) / 2,
        "multiply_adds_by_operation": {name: flops / 2 for name, flops in done.items()},
    }


def _parameters(network: torch.nn.Module) -> int:
    """Trainable ones and moving statistics, as Keras counts them."""
    return sum(tensor.numel() for tensor in network.state_dict().values())


if __name__ == "__main__":
    serve(make)
