"""Is a plan right? What `train --budget` promises, and what the run then takes: its time and its memory.

    GANSMITH_DATA=... python -m benchmarks.speed.plan_accuracy [--quick] [--budget 60s]

For each recipe, several times: the plan for the budget, made as the command line makes it, then the planned run in a
process of its own, from its first step to its report. `time` and `memory` are the run's over the plan's, less 1; the
medians are to stay within 25 % and 20 %. The machine should have nothing else to do. Writes plan.json into
benchmarks/results/.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import gansmith
from gansmith.recipe_file import to_toml
from gansmith.runs.run import utc_now
from gansmith.system.machine import describe_machine

RESULTS = Path(__file__).parents[1] / "results"
RECIPES = ("auto", "fashion-dcgan", "demo")
ROUNDS = 3
TIME, MEMORY = 0.25, 0.20
"""By how much a plan may be off."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one round: whether it runs")
    parser.add_argument("--budget", default="60s")
    parser.add_argument("--recipes", nargs="+", default=RECIPES)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--run", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        run(options.run)
        return
    result = {"began": utc_now(), "load_before": os.getloadavg()[0], "machine": describe_machine()}
    result |= {"budget": options.budget, "may_be_off": {"time": TIME, "memory": MEMORY}, "recipes": {}}
    for name in options.recipes:
        rounds = [measured(name, options.budget) for _ in range(1 if options.quick else ROUNDS)]
        off = {what: statistics.median(one[what] for one in rounds) for what in ("time", "memory")}
        holds = abs(off["time"]) <= TIME and abs(off["memory"]) <= MEMORY
        result["recipes"][name] = {**off, "holds": holds, "rounds": rounds}
        sys.stdout.write(f"{name}: time off by {off['time']:+.1%}, memory by {off['memory']:+.1%}\n")
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "plan.json").write_text(json.dumps(result, indent=1) + "\n")


def measured(name: str, budget: str) -> dict:
    """One plan and its run."""
    began = time.monotonic()
    found = gansmith.plan(name, budget=budget)
    planning, plan = time.monotonic() - began, found.plan
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "planned.toml"
        file.write_text(to_toml(found.recipe), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.speed.plan_accuracy", "--run", file], check=True, stdout=subprocess.PIPE
        )
    truth = json.loads(done.stdout.splitlines()[-1])
    return {
        "time": truth["seconds"] / plan.seconds - 1,
        "memory": truth["peak_bytes"] / plan.costs.peak - 1,
        "planning_seconds": planning,
        "plan": plan.to_dict(),
        "truth": truth,
    }


def run(file: Path) -> None:
    """The planned run, beside its recipe."""
    recipe = gansmith.recipe(str(file))
    began = time.monotonic()
    gansmith.train(recipe, runs=file.parent)
    seconds = time.monotonic() - began
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    sys.stdout.write(json.dumps({"seconds": seconds, "peak_bytes": peak}) + "\n")


if __name__ == "__main__":
    main()
