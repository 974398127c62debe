"""The worker's side of a measurement: do so many steps when asked to, and say how long they took.

On standard input comes a line with a number of steps; on standard output goes a line of JSON for each, the first before
anything is asked. Between two requests the process waits for its input. `workers.py` is the other side.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Callable


def serve(make: Callable[[], tuple[Callable[[], object], dict[str, object]]]) -> None:
    """Answer requests until the input ends. `make` returns what a step is, and what the parent should know of it."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a framework prints must not get between the answers
    step, facts = make()
    _answer(answers, facts)
    for line in sys.stdin:
        began = time.perf_counter()
        for _ in range(int(line)):
            step()
        _answer(answers, {"seconds": time.perf_counter() - began})


def _answer(answers, facts: dict[str, object]) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    answers.write(json.dumps({**facts, "peak_mib": peak}) + "\n")
    answers.flush()
