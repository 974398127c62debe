"""The bake-off: which recipe makes the best images in the same time on this machine, and what explains it.

    GANSMITH_DATA=... python -m benchmarks.quality.bakeoff measure  (how long a step takes)
    GANSMITH_DATA=... python -m benchmarks.quality.bakeoff train --sets fashion-mnist --seeds 0,1,2
    GANSMITH_DATA=... python -m benchmarks.quality.bakeoff train --seconds 60 --candidates article,auto
    GANSMITH_DATA=... python -m benchmarks.quality.bakeoff small  (few images: does it get worse again?)
    GANSMITH_DATA=... python -m benchmarks.quality.bakeoff modes  (how many of 1,000 stacked digits?)
    python -m benchmarks.quality.bakeoff page  (docs/bakeoff.md, of what is kept)

Time is what `measure` finds: the candidates of a set take turns in one process, and the median of the rounds counts.
With OMP_NUM_THREADS=1 it is processor time, which other work hardly changes; with more threads it is wall time, which
takes a quiet machine. `article` is always among those that are timed: its first time is the unit of later ones.
A budget of seconds becomes a number of steps by it, and each run trains exactly so many, so what else the machine does
meanwhile changes nothing. Evaluations on the way are not in the time: they are the same for all.

Every result is written as soon as it is there, into benchmarks/results/bakeoff.json. A run that is kept is not trained
again, unless its candidate's recipe has changed since, and been measured again; one that was stopped goes on. Several
processes may run the same command at once, with OMP_NUM_THREADS=1 each. Run folders and sheets of samples go below
--runs. bakeoff_contests.py has the candidates.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.pages.bakeoff_page import write_page
from benchmarks.quality.bakeoff_contests import CONTESTS, Kind, names_of
from benchmarks.quality.bakeoff_judging import judged
from benchmarks.quality.bakeoff_runs import (
    BusyError,
    FailedError,
    changed,
    claimed,
    entered,
    entry_of,
    step_times,
    trained,
)
from benchmarks.quality.bakeoff_sums import changing, read, steps_in
from gansmith.runs.run import utc_now

RESULT = Path(__file__).parents[1] / "results" / "bakeoff.json"
KINDS: dict[str, Kind] = {"train": "quality", "small": "small", "modes": "modes"}


def main() -> None:
    options = parsed()
    if options.command == "measure":
        measure(options)
    elif options.command == "page":
        write_page(options.out, options.sheets)
    else:
        sys.exit(train(options))


def parsed() -> argparse.Namespace:
    def names(text: str) -> list[str]:
        return text.split(",")

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=RESULT, help="the JSON with the results")
    commands = parser.add_subparsers(dest="command", required=True)
    for command, about in {
        "measure": "how long a step of each candidate takes",
        "train": "train and measure: distance to real images at equal time",
        "small": "the same with few images, and the distance over the run to images not trained on",
        "modes": "the same with stacked digits, and the modes over the run",
    }.items():
        one = commands.add_parser(command, help=about)
        one.add_argument("--sets", type=names, help="of bakeoff_contests.py, with commas; default all")
        one.add_argument("--candidates", type=names, help="with commas; default all of the set")
        if command == "measure":
            one.add_argument("--rounds", type=int, default=7)
            one.add_argument("--turn", type=float, default=1.0, help="seconds of work in a turn, at least a step")
        else:
            one.add_argument("--seconds", type=float, help="of each run; default the set's")
            one.add_argument("--seeds", type=names, default=["0", "1", "2"])
            one.add_argument("--runs", type=Path, default=Path("runs/bakeoff"))
    page = commands.add_parser("page", help="write docs/bakeoff.md")
    page.add_argument("--sheets", type=Path, help="folder of the sheets; those of seed 0 are copied beside the results")
    return parser.parse_args()


def chosen(options: argparse.Namespace, there: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Each contest with those of the candidates asked for that it has. Exits for names that are not there."""
    names = options.sets or there
    if unknown := set(names) - set(there):
        sys.exit(f"no set {', '.join(unknown)} for this: {', '.join(there)}")
    asked = options.candidates or {one for name in names for one in CONTESTS[name].candidates}
    if unknown := set(asked) - {one for name in names for one in CONTESTS[name].candidates}:
        sys.exit(f"no candidate {', '.join(unknown)} in {', '.join(names)}")
    for name in names:
        if candidates := [one for one in CONTESTS[name].candidates if one in asked]:
            yield name, candidates


def measure(options: argparse.Namespace) -> None:
    for name, candidates in chosen(options, list(CONTESTS)):
        note(f"{name}: {len(candidates)} candidates")
        before = read(options.out)["measured"].get(name, {})
        for candidate, found in step_times(name, candidates, options.rounds, options.turn, before):
            with changing(options.out) as kept:
                kept["measured"].setdefault(name, {})[candidate] = found
            note(
                f"  {candidate:<20} {1e3 * found['seconds_per_step']:9.2f} ms ({1e3 * found['as_found']:.2f} as found)"
            )


def train(options: argparse.Namespace) -> int:
    """Every run that is not kept, seed by seed. Returns the exit code: 1 when a training failed."""
    jobs = [
        (name, candidate, int(seed))
        for seed in options.seeds
        for name, candidates in chosen(options, names_of(KINDS[options.command]))
        for candidate in candidates
    ]
    failed = 0
    for name, candidate, seed in jobs:
        seconds = options.seconds or CONTESTS[name].seconds
        key = f"{name}/{candidate}/{seconds:g}/{seed}"
        measured = measured_now(options.out, name, candidate)
        if read(options.out)["runs"].get(key, {}).get("entry") == entry_of(measured):
            note(f"{key}: kept")
            continue
        steps = steps_in(seconds, measured["seconds_per_step"])
        note(f"{key}: {steps:,} steps")
        run_name = key.replace("/", ".")
        try:
            with claimed(run_name, options.runs):
                run = trained(run_name, entered(name, candidate, steps, seed), options.runs)
                result = {
                    "set": name,
                    "candidate": candidate,
                    "seconds": seconds,
                    "seed": seed,
                    "steps": steps,
                    "seconds_per_step": measured["seconds_per_step"],
                    "entry": entry_of(measured),
                    "ended": utc_now(),
                    **judged(name, run, options.runs / "sheets"),
                }
                with changing(options.out) as kept:
                    kept["runs"][key] = result
        except BusyError:
            note(f"{key}: another process is at it")
            continue
        except FailedError as error:
            note(f"{key}: {error}")
            failed = 1
            continue
        note(f"{key}: {describe(result)}")
    return failed


def measured_now(out: Path, name: str, candidate: str) -> dict[str, Any]:
    """What `measure` found of this candidate. Exits where it has not, or of another recipe of this name."""
    kept = read(out)["measured"].get(name, {}).get(candidate)
    command = f"python -m benchmarks.quality.bakeoff measure --sets {name}"
    if kept is None:
        sys.exit(f"{name}: the steps of {candidate!r} have not been timed; first: {command}")
    if differs := changed(kept["recipe"], entered(name, candidate)):
        sys.exit(f"{name}: {candidate!r} has changed since it was timed ({', '.join(differs)}); first: {command}")
    return kept


def describe(result: dict[str, Any]) -> str:
    """Such as "done, fd 12.3, coverage 0.81"."""
    values = result["values"]
    shown = (
        f"{name} {values[name]['value']:.4g}" for name in ("fd", "coverage", "modes", "modes-kl") if name in values
    )
    return ", ".join([result["status"], *shown])


def note(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
