"""A worker: the next batch of one pass over a packed store, through gansmith's own sampler.

python -m benchmarks.peers.own_batches STORE permutation|shuffle-buffer BATCH
"""

import statistics
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

from benchmarks.peers.serving import serve
from gansmith.data.sampler import Sampler
from gansmith.data.store import read_dataset

BUFFER = 1000
"""Of the order shuffle-buffer, as in the fashion recipes."""


PASSES = 5


def make() -> tuple[Callable[[], object], dict[str, object]]:
    store, order, batch = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    dataset = read_dataset(store)
    sampler = Sampler(count=len(dataset), batch_size=batch, seed=0, order=order, buffer=BUFFER)
    in_a_pass = len(dataset) // batch

    def first_of_pass(number: int) -> float:
        began = time.perf_counter()
        sampler.indices(number * in_a_pass * batch)
        return time.perf_counter() - began

    sampler.indices(0)
    taken = [first_of_pass(number) for number in range(1, 1 + PASSES)]
    clock = count(0)

    def step() -> object:
        return dataset.batch(sampler.indices((PASSES * in_a_pass + next(clock) % in_a_pass) * batch))

    step()
    facts = {"order_seconds": statistics.median(taken), "batches_in_a_pass": in_a_pass}
    return step, {**facts, "anonymous_mib": _anonymous_mib()}


def _anonymous_mib() -> float:
    """Memory of the process's own: the store's pages belong to the page cache, which gives them up when asked."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("RssAnon"))


if __name__ == "__main__":
    serve(make)
