"""Forks a process for each `gansmith` command it is sent: a start costs 20 ms instead of seconds.

It has imported everything and computed nothing, so a fork of it is what a process of its own would be. A request is a
line of JSON, {"arguments", "folder", "out", "plan"}, answered by the process's id; {"wait": ID} by how it ended. A plan
names one of the functions below and its arguments: what shall go wrong in that process.
"""

import fcntl
import json
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot  # noqa: F401 - imported once, before the forks
import torch

import gansmith.cli.resume
import gansmith.cli.sample
import gansmith.cli.train  # noqa: F401
from gansmith.cli.main import main
from gansmith.runs import control
from gansmith.sessions import session
from gansmith.system.processes import limit_memory
from gansmith.training import live_page, loop, steps


def before_generator_step(number, work):
    """Do `work(gan, given)` in the middle of step `number`: D has moved, G has not."""
    real = steps.generator_step

    def generator_step(gan, given, *rest):
        if given.iteration + 1 == number:
            work(gan, given)
        return real(gan, given, *rest)

    steps.generator_step = generator_step


def get_signals(step, signums):
    def work(*_):
        for signum in signums:
            os.kill(os.getpid(), signum)

    before_generator_step(step, work)


def touch(step, file):
    def work(*_):
        Path(file).touch()
        time.sleep(1.5 * control.LOOK_EVERY)

    before_generator_step(step, work)


def wait_for(step, here, go):
    """Tell that step `step` is reached by making the file `here`, and go on when `go` is there."""

    def work(*_):
        Path(here).touch()
        while not Path(go).exists():
            time.sleep(0.01)

    before_generator_step(step, work)


def break_numbers(step, what, value, times=1):
    """Put a number that is not finite into the middle of one step, the first `times` that it is made."""
    left, number = [times], float(value)
    real = steps.discriminator_step

    def discriminator_step(gan, given, objective, engine):
        if given.iteration + 1 != step or not left[0]:
            return real(gan, given, objective, engine)
        left[0] -= 1
        kind, network = what.split()
        if kind == "loss":
            return with_loss(network, number, objective, lambda: real(gan, given, objective, engine), gan, given)
        module = {"G": gan.G, "D": gan.D, "average": gan.G_ema}[network]
        if kind == "gradient":
            weight = next(module.parameters())
            weight.register_hook(
                lambda gradient: gradient.flatten().index_fill(0, torch.tensor(3), number).view_as(gradient)
            )
        else:
            tensor = next(module.parameters()) if kind == "weight" else [*module.buffers()][-1]
            with torch.no_grad():
                tensor.view(-1)[0] = number
        return real(gan, given, objective, engine)

    steps.discriminator_step = discriminator_step


def with_loss(network, number, objective, work, gan, given):
    """The step with a loss whose value is broken for one sample; G's comes after D's step."""
    whole = steps.LOSSES[objective.loss]
    field = "real" if network == "D" else "generator"

    def broken(logits, targets):
        steps.LOSSES[objective.loss] = whole
        values = getattr(whole, field)(logits, targets)
        return values * torch.ones(len(values)).index_fill(0, torch.tensor(0), number)

    steps.LOSSES[objective.loss] = replace(whole, **{field: broken})
    return work()


def without_flock():
    """The file system knows no locks."""

    def flock(file, flags):
        raise OSError(38, "Function not implemented")

    fcntl.flock = flock


def use_threads(num):
    torch.set_num_threads(num)


def have_memory(more):
    """Let this process and those it starts have so many bytes of address space beyond what it has."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit_memory(pages * os.sysconf("SC_PAGE_SIZE") + more)


def use_up_memory(more):
    """The first step takes all the memory there is, to the last kilobyte, and fails holding it."""
    have_memory(more)

    def train_step(*given):
        held, size = [], more
        while size > 1 << 10:
            try:
                held.append(bytearray(size))
            except MemoryError:
                size //= 2
        raise MemoryError(len(held))

    loop.train_step = train_step


def note_memory(every, out):
    """Append resident bytes and open files to `out` every so many steps."""
    real = loop.train_step

    def train_step(gan, batch, recipe, engine):
        if gan.seen // recipe.batch_size % every == 0:
            resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
            with Path(out).open("a") as file:
                file.write(f"{resident} {len([*Path('/proc/self/fd').iterdir()])}\n")
        return real(gan, batch, recipe, engine)

    loop.train_step = train_step


def start(request):
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        os.chdir(request["folder"])
        os.setpgid(0, 0)
        for number, stream in ((0, os.devnull), (1, request["out"] + ".out"), (2, request["out"] + ".err")):
            os.dup2(os.open(stream, os.O_RDWR | os.O_CREAT | os.O_TRUNC), number)
        if not request["report"]:  # drawing takes longer than all else, and is not compared
            session.write_report = live_page.write_report = lambda run: None
        for name, arguments in request["plan"].items():
            globals()[name](**arguments)
        sys.argv = ["gansmith", *request["arguments"]]
        code = main(request["arguments"])
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for text in sys.stdin:
        request = json.loads(text)
        answer = os.waitstatus_to_exitcode(os.waitpid(request["wait"], 0)[1]) if "wait" in request else start(request)
        print(answer, flush=True)
