"""A training step of the nine classic systems: gansmith, Keras 3 on TensorFlow, PyTorch, and the machine's limit.

    python -m benchmarks.speed.step_time [--systems mnist-dcgan fashion-mlp] [--rounds 5] [--quick]
    python -m benchmarks.speed.step_time --systems auto --name step-time-auto

Every way is a process of its own (peers/) with all cores, started and warmed up first; then they take turns of half a
second, or of a step where that is longer, so that a slow moment of the machine falls on all of them. While one works
the others wait for their input; the processor time that they take meanwhile is written down. Images are noise.
`auto` has a penalty in one step of 16: its turns are of whole cycles, and its seconds are a cycle's over its steps.

The machine's limit is the multiply-adds of the step as the article writes it (arithmetic.py has the rule) divided by
the rate of the fastest large matrix product in the same rounds. gansmith's share of that rate is counted on the
multiply-adds that it really does: its fast layers need fewer.

Keras runs in .venv-bench, which `make bench` builds; `auto`, which no article has, needs none. Writes NAME.json, .md
and, where there is Keras, .png into benchmarks/results/; NAME is step-time unless it is given.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.peers.systems import CLASSIC
from benchmarks.speed.arithmetic import SYSTEMS, multiply_adds
from benchmarks.speed.step_table import draw, summary, table
from benchmarks.speed.workers import Worker, WorkerError
from gansmith.runs.run import utc_now
from gansmith.system.machine import describe_machine

RESULTS = Path(__file__).parents[1] / "results"
BENCH_PYTHON = Path(__file__).parents[2] / ".venv-bench" / "bin" / "python"
DENSE = ("fashion-mlp", "mnist-mlp")


@dataclass(frozen=True, kw_only=True)
class Way:
    """How a system may be computed, and with what."""

    name: str
    script: str
    arguments: tuple[str, ...] = ()
    python: Path | str = sys.executable


@dataclass(kw_only=True)
class Runner:
    """A way at work, and what has been measured of it."""

    way: Way
    worker: Worker
    facts: dict
    steps: int = 1
    """In a round."""
    seconds: list[float] = field(default_factory=list)
    """A step, for each round."""
    peak_mib: float = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--systems", nargs="+", default=list(CLASSIC), choices=SYSTEMS, metavar="SYSTEM")
    parser.add_argument("--ways", nargs="+", default=[], metavar="TEXT", help="only ways whose names contain one")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--turn", type=float, default=0.6, help="seconds of work in a turn, at least a step")
    parser.add_argument("--bench-python", type=Path, default=BENCH_PYTHON, help="the Python that has TensorFlow")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--name", default="step-time", help="of the files that are written")
    parser.add_argument("--quick", action="store_true", help="two short rounds: whether it runs, not how fast")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.turn = 2, 0.02
    asked = [way for system in options.systems for way in wanted(system, options)]
    if any(way.python == options.bench_python for way in asked) and not options.bench_python.exists():
        parser.error(f"{options.bench_python} is not there; run: make .venv-bench/.installed")
    began, load = utc_now(), os.getloadavg()[0]
    result = {
        "began": began,
        "load_before": load,
        "machine": describe_machine(),
        "versions": {},
        "rounds": options.rounds,
    }
    result |= {"quick": options.quick, "systems": {}}
    options.out.mkdir(parents=True, exist_ok=True)
    for system in options.systems:
        found = measure(system, options)
        result["versions"] |= found.pop("versions")
        result["systems"][system] = found
        result["summary"] = summary(result)
        (options.out / f"{options.name}.json").write_text(json.dumps(result, indent=1) + "\n")
    (options.out / f"{options.name}.md").write_text(table(result))
    draw(result, options.out / f"{options.name}.png")
    sys.stdout.write(table(result))


def ways(system: str, bench_python: Path) -> list[Way]:
    """Ours first; Keras' fp32 is the one that the articles are held to."""

    def keras(name: str, *flags: str) -> Way:
        return Way(name=name, script="keras_step.py", arguments=(system, *flags), python=bench_python)

    def pytorch(name: str, *flags: str) -> Way:
        return Way(name=name, script="torch_step.py", arguments=(system, *flags))

    last = () if system in DENSE else ("--channels-last",)
    found = [
        Way(name="gansmith auto", script="own_step.py", arguments=(system,)),
        Way(name="gansmith fp32", script="own_step.py", arguments=(system, "precision='fp32'")),
        Way(name="matmul fp32", script="matmul.py", arguments=("fp32",)),
        Way(name="matmul bf16", script="matmul.py", arguments=("bf16",)),
    ]
    if system in CLASSIC:
        found += [keras("keras fp32"), keras("keras bf16", "--bf16")]
    if system in DENSE:  # XLA's convolutions take more than ten times as long as TensorFlow's own on a processor
        found += [keras("keras fp32 xla", "--xla"), keras("keras bf16 xla", "--bf16", "--xla")]
    found += [
        pytorch("torch fp32"),
        pytorch("torch fp32 tuned", *last, "--fast-optimizer"),
        pytorch("torch bf16 tuned", *last, "--fast-optimizer", "--bf16"),
    ]
    if last:
        found.insert(-1, pytorch("torch fp32 channels-last", *last))
    return found


def wanted(system: str, options: argparse.Namespace) -> list[Way]:
    """The ways of a system that were asked for."""
    found = ways(system, options.bench_python)
    return [way for way in found if not options.ways or any(text in way.name for text in options.ways)]


def measure(system: str, options: argparse.Namespace) -> dict:
    """All ways of one system in turns."""
    asked = wanted(system, options)
    note(f"{system}: starting {len(asked)} processes")
    runners: list[Runner] = []
    try:
        done = multiply_adds_done(system)
        for way in asked:
            worker = Worker(way.script, way.arguments, way.python)
            runners.append(Runner(way=way, worker=worker, facts={}))
        for runner in runners:
            runner.facts = runner.worker.hello()
        check_parameters(system, runners)
        for runner in runners:
            warm_up(runner, options.turn)
        idle = [take_turns(runners, number, options.rounds) for number in range(options.rounds)]
    except WorkerError as error:
        sys.exit(f"{system}: {error}")
    finally:
        for runner in runners:
            runner.worker.stop()
    return {
        "batch": SYSTEMS[system].batch_size,
        "multiply_adds": multiply_adds(system),
        **done,
        "largest_idle_share": max(idle),
        "ways": {runner.way.name: described(runner) for runner in runners},
        "versions": {name: text for runner in runners for name, text in runner.facts.get("versions", {}).items()},
    }


def multiply_adds_done(system: str) -> dict:
    """What gansmith's own step does, counted in a process that is not measured."""
    worker = Worker("own_step.py", (system, "--count"))
    try:
        return {name: fact for name, fact in worker.hello().items() if name.startswith("multiply_adds")}
    finally:
        worker.stop()


def check_parameters(system: str, runners: Sequence[Runner]) -> None:
    """Every way has networks of the same size."""
    counts = {runner.way.name: runner.facts["parameters"] for runner in runners if "parameters" in runner.facts}
    if len({tuple(sorted(of.items())) for of in counts.values()}) > 1:
        sys.exit(f"{system}: the networks differ in their numbers of parameters: {counts}")


def warm_up(runner: Runner, turn: float) -> None:
    """A cycle for what happens once, some to see how long a step takes, then the number of steps for a turn.

    Any steps in a row that are whole cycles have the penalty as often, wherever they begin.
    """
    cycle = runner.facts.get("cycle", 1)
    runner.worker.run(cycle)
    took = runner.worker.run(cycle)["seconds"] / cycle
    if took * cycle < turn:
        number = steps_of(turn / 2, took, cycle)
        took = runner.worker.run(number)["seconds"] / number
    runner.steps = steps_of(turn, took, cycle)
    note(f"  {runner.way.name:<26} {1e3 * took:9.2f} ms, {runner.steps} steps in a turn")


def steps_of(turn: float, took: float, cycle: int) -> int:
    """Steps that take about a turn, in whole cycles, at least one."""
    return max(round(turn / took / cycle), 1) * cycle


def take_turns(runners: Sequence[Runner], number: int, rounds: int) -> float:
    """One round. Returns the largest share of a core that all waiting processes took together during a turn."""
    shift = number * len(runners) // rounds  # nobody always follows the same one
    largest = 0.0
    for runner in [*runners[shift:], *runners[:shift]]:
        waiting = [other.worker for other in runners if other is not runner]
        used, began = sum(worker.processor_seconds() for worker in waiting), time.perf_counter()
        answer = runner.worker.run(runner.steps)
        share = (sum(worker.processor_seconds() for worker in waiting) - used) / (time.perf_counter() - began)
        largest = max(largest, share)
        runner.seconds.append(answer["seconds"] / runner.steps)
        runner.peak_mib = answer["peak_mib"]
    return largest


def described(runner: Runner) -> dict:
    low, middle, high = statistics.quantiles(runner.seconds, n=4, method="inclusive")
    facts = {name: fact for name, fact in runner.facts.items() if name not in ("versions", "peak_mib")}
    return {
        "seconds": middle,
        "quartiles": [low, high],
        "rounds": len(runner.seconds),
        "steps_in_a_round": runner.steps,
        "peak_mib": runner.peak_mib,
        **facts,
    }


def note(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    main()
