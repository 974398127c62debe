"""Runs that are killed and continued, and what they come to; run as a script, in a process of its own.

    python kills.py sweep|resume|random FOLDER [--seed S] [--kills N] [--refuse EXDEV] [--every N]    -> JSON on stdout

The script imports everything and computes nothing, so that a fork of it is a sound and cheap beginning of a process.
"sweep" kills a training at every system call of its second save, "resume" a continuation at every call before its
first step, "random" a training at random times. Each is then continued to its end and compared with a run that was
never stopped. `benchmarks/reliability/kills.py` calls this as well.
"""

import argparse
import errno
import json
import os
import random
import re
import shutil
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import matplotlib.pyplot as _  # noqa: F401 - imported once, before the forks
import torch
import torch._dynamo  # every optimiser of torch imports it

from gansmith.checkpoints.manifest import is_whole
from gansmith.cli import resume, train  # noqa: F401
from gansmith.cli.main import main
from gansmith.cli.runs import keep  # noqa: F401
from gansmith.sessions import resume as resuming
from gansmith.sessions import session
from gansmith.training import live_page, loop
from gansmith.training.evaluation import EvaluationResult

RECIPE = """
from = "demo"
batch_size = 4
precision = "fp32"
ema_half_life = 20.0

[length]
images = {images}
log_every = 4
sample_every = 16
checkpoint_every = 16

[checkpoints]
keep_last = {keep_last}

[evaluate]
every = 16

[model]
width = 4

[grid]
rows = 2
columns = 3
"""
INTERVAL = 4
"""Steps between two checkpoints, and between two evaluations."""

WORST = 12
"""The step whose evaluation is not the lowest so far."""

CALLS = ("open", "write", "fsync", "close", "rename", "replace", "mkdir", "unlink", "rmdir", "ftruncate")


class CheapEvaluator:
    """Stands in for the measuring: the tests of saving want its consequences, not its numbers."""

    count, names = 0, ("fd",)

    def __init__(self, *given):
        pass

    def note(self):
        return "evaluated at no cost"

    def evaluate(self, gan, engine, run, reporter):
        step = gan.seen // 4
        value = 100.0 if step == WORST else 50.0 - step
        run.append_metric({"step": step, "seen": gan.seen, "fd": {"value": value, "low": value - 1, "high": value + 1}})
        return EvaluationResult(is_best=step != WORST)


session.make_evaluator, resuming.check_same_evaluator = CheapEvaluator, lambda *given: None


class Killer:
    """Counts the calls that write, while it is armed, and kills this process at one of them.

    A write has two points, before it and in the middle of it.
    """

    def __init__(self, at: int | None = None, refuse: int | None = None):
        self.at, self.points, self.armed = at, [], False
        for name in CALLS:
            setattr(os, name, self._wrapped(name, getattr(os, name), refuse))

    def _wrapped(self, name, real, refuse):
        def call(*arguments, **options):
            self._point(name)
            if name == "write" and self.armed:
                descriptor, data = arguments
                if self.at == len(self.points):
                    real(descriptor, data[: len(data) // 2])
                self._point("half of a write")
            if refuse and name in ("rename", "replace"):
                raise OSError(refuse, os.strerror(refuse))
            return real(*arguments, **options)

        return call

    def _point(self, name):
        if not self.armed:
            return
        if self.at == len(self.points):
            os.kill(os.getpid(), signal.SIGKILL)
        self.points.append(name)


def armed_in_second_save(killer):
    real, done = loop.save_checkpoint, []

    def save(*arguments):
        done.append(1)
        killer.armed = len(done) == 2
        real(*arguments)
        killer.armed = False

    loop.save_checkpoint = save


def armed_before_first_step(killer):
    real = session.train_loop

    def begin(*arguments):
        killer.armed = False
        return real(*arguments)

    session.train_loop, killer.armed = begin, True


def forked(log: Path, work, *, wait=True):
    """Do `work` in a fork; returns how it ended: an exit code, or minus the signal that ended it."""
    pid = os.fork()
    if pid == 0:
        code = 70
        try:
            descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(descriptor, 1)
            os.dup2(descriptor, 2)
            code = work()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    return ended(pid) if wait else pid


def ended(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def training(folder: Path, recipe: Path, at=None, arm=None, refuse=None):
    def work():
        # Drawing takes longer than everything else, and is not compared.
        session.write_report = live_page.write_report = lambda run: None
        killer = Killer(at, refuse) if arm or refuse else None
        if arm:
            arm(killer)
        code = main(["train", str(recipe), "--runs", str(folder), "--name", "run"])
        if killer:
            (folder / "points.json").write_text(json.dumps(killer.points))
        return code

    return work


def continuing(run: Path, at=None, arm=None, refuse=None):
    def work():
        session.write_report = live_page.write_report = lambda run: None
        killer = Killer(at, refuse) if arm or refuse else None
        if arm:
            arm(killer)
        code = main(["resume", str(run)])
        if killer:
            (run.parent / "points.json").write_text(json.dumps(killer.points))
        return code

    return work


def contents(run: Path):
    """What must not differ: weights, optimisers and clock of the end, the best, events without clocks, images."""
    newest = run / "checkpoints" / (run / "checkpoints" / "latest").read_text().strip()
    files = {file.name: file.read_bytes() for file in newest.glob("*.safetensors")}
    files |= {file.name: file.read_bytes() for file in [*(run / "samples").glob("*.png"), run / "reals.png"]}
    files |= {name: (run / name).read_bytes() for name in ("metrics.jsonl", "checkpoints/best")}
    files["kept"] = sorted(path.name for path in (run / "checkpoints").glob("[0-9]*"))
    named = (run / "checkpoints/best").read_text().strip()
    files["whole best"] = is_whole(run / "checkpoints" / named)
    lines = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    files["events"] = [{key: value for key, value in line.items() if key != "time"} for line in lines]
    return files | {"newest": newest.name}


def judged(run: Path, whole: Path, killed_at: int | None, refuse=None):
    """Continue a killed run to its end and compare it: {"survived", "lost" steps, "why" it did not survive}."""
    saved_before = last_event(run)
    code = forked(run.parent / "log.txt", continuing(run, refuse=refuse))
    log = (run / "log.txt").read_text()
    if code:
        return {"survived": False, "why": f"resume left with {code}: {log_tail(run.parent / 'log.txt')}"}
    begun = int(re.findall(r"(?:continuing at|finishing after) step ([\d,]+)", log)[-1].replace(",", ""))
    lost = max((killed_at or saved_before) - begun, 0)
    here, there = contents(run), contents(whole)
    differ = sorted(name for name in here.keys() | there.keys() if here.get(name) != there.get(name))
    left = sorted(path.name for path in run.rglob(".*") if path.name.startswith((".unfinished", ".replaced")))
    why = [*differ, *left, *([] if status(run) == "done" else [status(run)])]
    return {"survived": not why and lost <= INTERVAL, "lost": lost, "why": why}


def status(run: Path):
    return json.loads((run / "run.json").read_text())["status"]


def last_event(run: Path):
    lines = (run / "events.jsonl").read_text().splitlines()
    return len(lines)


def log_tail(file: Path):
    return file.read_text().splitlines()[-1:]


def every_nth_of_a_kind(points, every):
    """Numbers and kinds of some of the calls, so that there is one at least of each kind."""
    seen = Counter()
    for at, point in enumerate(points):
        if seen[point] % every == 0:
            yield at, point
        seen[point] += 1


def sweep(folder: Path, options):
    """One case for each call of the second save, at step 8 (of 12, or the last), which drops the first checkpoint."""
    recipe, whole = prepared(folder, images=32 if options.last else 48, keep_last=1)
    refuse = getattr(errno, options.refuse) if options.refuse else None
    tried = folder / "tried"
    assert forked(folder / "log.txt", training(tried, recipe, None, armed_in_second_save, refuse)) == 0
    points = json.loads((tried / "points.json").read_text())
    for at, point in every_nth_of_a_kind(points, options.every):
        runs = folder / f"killed-{at}"
        runs.mkdir()
        code = forked(runs / "log.txt", training(runs, recipe, at, armed_in_second_save, refuse))
        assert code == -signal.SIGKILL, (at, code, log_tail(runs / "log.txt"))
        yield {"at": at, "point": point, **judged(runs / "00001-run", whole, 2 * INTERVAL, refuse)}
        shutil.rmtree(runs)


def resumes(folder: Path, options):
    """One case for each call of a continuation that has to set a damaged checkpoint aside first."""
    recipe, whole = prepared(folder, images=48)
    first = folder / "first"
    first.mkdir()
    forked(folder / "log.txt", training(first, recipe, 0, armed_after_second_save))
    file = first / "00001-run/checkpoints/00000008/D.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    shutil.copytree(first, folder / "tried")
    tried = folder / "tried/00001-run"
    assert forked(folder / "log.txt", continuing(tried, None, armed_before_first_step)) == 0
    points = json.loads((folder / "tried/points.json").read_text())
    for at, point in every_nth_of_a_kind(points, options.every):
        runs = folder / f"killed-{at}"
        shutil.copytree(first, runs)
        code = forked(runs / "log.txt", continuing(runs / "00001-run", at, armed_before_first_step))
        assert code == -signal.SIGKILL, (at, code, log_tail(runs / "log.txt"))
        yield {"at": at, "point": point, **judged(runs / "00001-run", whole, 2 * INTERVAL)}
        shutil.rmtree(runs)


def armed_after_second_save(killer):
    """Dies at the first call after the second save: everything of that is on disk."""
    real, done = loop.save_checkpoint, []

    def save(*arguments):
        real(*arguments)
        done.append(1)
        killer.armed = len(done) == 2

    loop.save_checkpoint = save


def at_random(folder: Path, options):
    """So many kills, at random times after the first checkpoint of a run of 60 steps."""
    recipe, whole = prepared(folder, images=240)
    span = (whole / "checkpoints/latest").stat().st_mtime - (whole / "samples/00000000.png").stat().st_mtime
    draw = random.Random(options.seed)
    kills = 0
    while kills < options.kills:
        runs = folder / f"killed-{kills}"
        shutil.rmtree(runs, ignore_errors=True)
        runs.mkdir()
        run = runs / "00001-run"
        pid = forked(runs / "log.txt", training(runs, recipe), wait=False)
        while not (run / "checkpoints/latest").exists():
            time.sleep(0.001)
        time.sleep(draw.random() * span)
        os.kill(pid, signal.SIGKILL)
        if ended(pid) != -signal.SIGKILL or status(run) == "done":
            continue  # the run had ended, the process at most had not
        kills += 1
        yield {"at": last_event(run), "point": "a random time", **judged(run, whole, None)}
        shutil.rmtree(runs)


def prepared(folder: Path, images: int, keep_last: int = 3):
    """The recipe's file, and a run of it that is never stopped."""
    recipe = folder / "recipe.toml"
    recipe.write_text(RECIPE.format(images=images, keep_last=keep_last))
    assert forked(folder / "log.txt", training(folder / "whole", recipe)) == 0, log_tail(folder / "log.txt")
    return recipe, folder / "whole/00001-run"


def read_options():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["sweep", "resume", "random"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--refuse", default="")
    parser.add_argument("--last", action="store_true", help="let the save that a sweep kills be the run's last")
    parser.add_argument("--every", type=int, default=1, help="of a sweep's calls, kill at every N-th of a kind only")
    return parser.parse_args()


if __name__ == "__main__":
    torch.set_num_threads(1)
    given = read_options()
    given.folder.mkdir(exist_ok=True)
    cases = {"sweep": sweep, "resume": resumes, "random": at_random}[given.what]
    print(json.dumps([*cases(given.folder, given)]))
