"""One writer for a run, enough memory for a step, and no more of it after 20,000 of them."""

import json
import re
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from gansmith.data.store_writer import write_dataset
from tests.helpers.plain import PLAIN
from tests.helpers.running import differing, info, write_recipe

pytestmark = pytest.mark.slow


def at_work(gansmith, *arguments, **plan):
    """A process that has come to step 7 and waits there."""
    started = gansmith.start(*arguments, wait_for={"step": 7, "here": "here", "go": "go"}, **plan)
    deadline = time.monotonic() + 100
    while not Path("here").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    return started


@pytest.mark.parametrize("plan", [{}, {"without_flock": {}}], ids=["flock", "no flock"])
def test_a_second_trainer_is_refused_and_names_the_first(gansmith, tiny, plan):
    first = at_work(gansmith, "train", tiny, **plan)
    run = Path("runs/00001-tiny")
    holder = json.loads((run / ".lock").read_text())
    before = (run / "run.json").read_bytes()
    second = gansmith("resume", run, **plan)
    assert second.code == 9
    (line,) = second.err.splitlines()
    assert f"is being trained by process {first.pid} on {holder['host']}, at work since {holder['since']}" in line
    assert (run / "run.json").read_bytes() == before
    Path("go").touch()
    assert first.wait().code == 0
    assert (run / ".lock").read_text() == ""
    assert differing(run, gansmith("train", tiny).run) == []


@pytest.mark.parametrize("plan", [{}, {"without_flock": {}}], ids=["flock", "no flock"])
def test_the_lock_of_a_dead_process_is_taken_over_with_a_remark(gansmith, tiny, plan):
    gansmith("train", tiny, get_signals={"step": 13, "signums": [signal.SIGKILL]}, **plan)
    run = Path("runs/00001-tiny")
    pid = json.loads((run / ".lock").read_text())["pid"]
    ended = gansmith("resume", run, **plan)
    assert ended.code == 0, ended.err
    assert f"took over the lock of process {pid} on " in ended.err
    assert "took over" not in gansmith("resume", run, "--steps", 31, **plan).err


def test_without_flock_a_process_is_told_from_a_later_one_with_its_number(gansmith, tiny):
    gansmith("train", tiny, get_signals={"step": 13, "signums": [signal.SIGKILL]}, without_flock={})
    lock = Path("runs/00001-tiny/.lock")
    lock.write_text(json.dumps(json.loads(lock.read_text()) | {"pid": 1}))  # lives, and began at another time
    assert gansmith("resume", "last", without_flock={}).code == 0


def test_without_flock_another_host_counts_as_alive(gansmith, tiny):
    gansmith("train", tiny, get_signals={"step": 13, "signums": [signal.SIGKILL]}, without_flock={})
    lock = Path("runs/00001-tiny/.lock")
    lock.write_text(json.dumps(json.loads(lock.read_text()) | {"host": "elsewhere"}))
    ended = gansmith("resume", "last", without_flock={})
    assert ended.code == 9
    assert f"or delete {lock} if that process is gone" in ended.err


def test_a_lock_cut_at_any_byte_is_no_obstacle(gansmith, tiny):
    gansmith("train", tiny, get_signals={"step": 13, "signums": [signal.SIGKILL]})
    lock = Path("runs/00001-tiny/.lock")
    whole = lock.read_text()
    for length in (0, 1, len(whole) // 2, len(whole) - 1):
        lock.write_text(whole[:length])
        assert gansmith("resume", "last", get_signals={"step": 14, "signums": [signal.SIGKILL]}).code == -9


def test_out_of_memory_says_which_batch_fits_and_it_does(gansmith):
    file = write_recipe(PLAIN)
    write_dataset(Path("many"), np.zeros((4096, 3, 32, 32), np.uint8), None, {"name": "many", "notes": []})
    changes = ("data.name=many", "data.channels=3", "data.height=32", "data.width=32", "model.width=64")
    options = ("train", file, *(word for change in changes for word in ("--set", change)), "--steps", 1)
    memory = {"have_memory": {"more": 560 << 20}}  # 1,024 fits beside what a trial leaves free, 4,096 does not
    ended = gansmith(*options, "--set", "batch_size=4096", **memory)
    assert ended.code == 7, ended.err
    said = re.search(
        r"a step of batch_size=4,096 needs more memory than there is; by trial, a batch of ([\d,]+) fits", ended.err
    )
    assert said, ended.err
    assert info(Path("runs/00001-tiny"))["status"] == "failed"
    assert gansmith(*options, "--set", f"batch_size={said[1].replace(',', '')}", **memory).code == 0


def test_a_run_with_no_memory_left_is_still_marked_as_failed(gansmith, tiny):
    ended = gansmith("train", tiny, use_up_memory={"more": 64 << 20})
    assert ended.code == 7, ended.err
    assert info(Path("runs/00001-tiny"))["status"] == "failed"


def test_a_batch_that_does_not_fit_goes_through_in_parts(gansmith):
    file = write_recipe("fashion-mlp")
    write_dataset(Path("many"), np.zeros((16_384, 1, 28, 28), np.uint8), None, {"name": "many", "notes": []})
    options = ("train", file, "--set", "data.name=many", "--set", "model.width=600", "--set", "batch_size=16384")
    memory = {"have_memory": {"more": 500 << 20}}
    assert gansmith(*options, "--steps", 1, **memory).code == 7
    ended = gansmith(*options, "--steps", 1, "--fit-batch", **memory)
    assert ended.code == 0, ended.err
    parts = info(Path("runs/00002-tiny"))["recipe"]["microbatches"]
    assert parts > 1
    assert f"by trial, {16_384 // parts:,} of batch_size=16,384 fit at once: microbatches={parts}" in ended.err


@pytest.mark.timeout(300)  # 25 seconds on a core of its own
def test_20_000_steps_take_no_more_memory_and_no_more_files(gansmith):
    file = write_recipe("fashion-mlp")
    longer = ["precision=fp32", "batch_size=2", "model.width=2", "length.images=40000", "length.log_every=100"]
    longer += ["length.sample_every=2000", "length.checkpoint_every=2000", "validation_losses.every=2000"]
    options = [word for one in longer for word in ("--set", one)]
    ended = gansmith("train", file, *options, note_memory={"every": 500, "out": "memory.txt"})
    assert ended.code == 0, ended.err
    resident, files = np.loadtxt("memory.txt")[8:].T  # after 4,000 steps
    grown = np.polyfit(np.arange(len(resident)), resident, 1)[0] * len(resident)
    assert len(resident) == 32
    assert grown < 0.01 * resident[0], f"{grown:,.0f} bytes more, of {resident[0]:,.0f}"
    assert files.min() == files.max()
