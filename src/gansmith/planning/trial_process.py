"""A trial in a process of its own, which may be killed for want of memory, and is not the one that asks.

`python -m gansmith.planning.trial_process TASK DEVICE` reads a recipe as TOML and writes what it found as JSON.
"""

import json
import subprocess
import sys
from dataclasses import asdict
from typing import Any, Literal

import torch

from gansmith import errors
from gansmith.engine import DeviceChoice, Engine, make_engine, says_out_of_memory
from gansmith.errors import GansmithError
from gansmith.planning.trial import at_worst_case, costs, two_steps
from gansmith.recipe_file import from_values, read_toml, to_toml
from gansmith.schema import Recipe
from gansmith.system.machine import available_memory
from gansmith.system.processes import worker_command, worker_environment
from gansmith.training.datasets import access_for, open_all
from gansmith.training.log import Silent

Task = Literal["memory", "costs"]
"""memory: two steps on noise; costs: the steps on the recipe's images, and all that is done on the way."""

SECONDS = 300
"""That a trial may take: one that needs longer has begun to swap, or the machine has no time for it."""


def try_out(task: Task, recipe: Recipe, device: DeviceChoice) -> dict[str, Any] | None:
    """What the process found; None where it was killed, or had not the memory.

    Raises what it raised of `gansmith.errors`, subprocess.TimeoutExpired, and RuntimeError for anything else.
    """
    command = worker_command("gansmith.planning.trial_process", task, device)
    environment = worker_environment(torch.get_num_threads())
    precision = make_engine(device, recipe.precision).precision  # what auto comes to is timed, there it might differ
    given = to_toml(recipe.model_copy(update={"precision": precision})).encode()
    done = subprocess.run(  # noqa: S603 - our own module
        command, input=given, capture_output=True, timeout=SECONDS, env=environment, check=False
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        if done.returncode < 0 or says_out_of_memory(said):
            return None
        raise RuntimeError(f"a trial of some steps failed: {said.splitlines()[-1] if said else 'it said nothing'}")
    answer = json.loads(done.stdout.splitlines()[-1])
    if error := answer.get("error"):
        raise getattr(errors, error["kind"])(error["text"])
    return answer


def _find_out(task: Task, recipe: Recipe, engine: Engine) -> dict[str, Any]:
    about = {"device": str(engine.device), "precision": engine.precision, "available": _available(engine)}
    if task == "memory":
        return about | {"peak": two_steps(recipe, engine)}
    images = open_all(recipe, access_for(Silent(), offline=True, allow_dropped=True))
    return about | asdict(costs(recipe, engine, images))


def _available(engine: Engine) -> int:
    return torch.cuda.mem_get_info()[0] if engine.device.type == "cuda" else available_memory()


def main(task: Task, device: DeviceChoice) -> None:
    """Try the recipe on stdin."""
    recipe = at_worst_case(from_values(read_toml(sys.stdin.read(), "stdin")))
    try:
        answer = _find_out(task, recipe, make_engine(device, recipe.precision))
    except GansmithError as error:
        answer = {"error": {"kind": type(error).__name__, "text": str(error)}}
    sys.stdout.write(f"{json.dumps(answer)}\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])  # pyrefly: ignore[bad-argument-type]
