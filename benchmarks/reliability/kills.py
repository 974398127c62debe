"""Kills survived of kills tried: at every call of a save and of a continuation, and at random times.

    python -m benchmarks.reliability.kills [--random N]

The work is that of `tests/faults/kills.py`, in processes of its own. Survived is: continued to its end without help, at
most one checkpoint's interval lost, and not a byte of weights, optimisers, events and images other than those of the
run that never stopped. Writes kills.json into benchmarks/results/.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from gansmith.system.machine import describe_machine
from tests.helpers import helper_command, helper_environment

RESULTS = Path(__file__).parents[1] / "results"


def cases(*arguments: str) -> list[dict]:
    with tempfile.TemporaryDirectory() as folder:
        command = [*helper_command("kills"), arguments[0], f"{folder}/runs", *arguments[1:]]
        environment = helper_environment(OMP_NUM_THREADS="1", GANSMITH_OFFLINE="1")
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--random", type=int, default=300, help="kills at random times")
    num = parser.parse_args().random
    tried = {
        "at every call of a save": cases("sweep"),
        "at every call of a run's last save": cases("sweep", "--last"),
        "at every call of a save, where renaming is refused": cases("sweep", "--refuse", "EXDEV"),
        "at every call of a continuation that sets a damaged checkpoint aside": cases("resume"),
        "at random times": cases("random", "--kills", str(num), "--seed", "1"),
    }
    kinds = {
        kind: {
            "tried": len(found),
            "survived": sum(case["survived"] for case in found),
            "most_steps_lost": max(case.get("lost", 0) for case in found),
        }
        for kind, found in tried.items()
    }
    total = {what: sum(figures[what] for figures in kinds.values()) for what in ("tried", "survived")}
    result = {"machine": describe_machine(), "steps_between_checkpoints": 4, **total, "kinds": kinds}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "kills.json").write_text(json.dumps(result, indent=1) + "\n")
    for kind, figures in kinds.items():
        sys.stdout.write(f"{figures['survived']:>4} of {figures['tried']:>4}  {kind}\n")


if __name__ == "__main__":
    main()
