"""Stop a run any way you like, go on, and get the very same bytes."""

import math
import random
import signal
from pathlib import Path

import pytest

from gansmith.recipes import recipe_names, sets_itself
from tests.helpers.running import BATCH, EVERY, STEPS, differing, events, info, saved, write_recipe

pytestmark = pytest.mark.slow

RECIPES = recipe_names()

WAYS = {"end": 0, "SIGINT": 130, "SIGTERM": 143, "SIGKILL": -signal.SIGKILL}


@pytest.mark.parametrize("name", RECIPES)
def test_a_run_that_is_stopped_and_continued_is_the_run_that_never_stopped(gansmith, name):
    file = write_recipe(name)
    whole = gansmith("train", file)
    assert whole.code == 0, whole.err
    draw = random.Random(name)
    for way, code in WAYS.items():
        step = draw.randrange(EVERY + 1, STEPS)
        if way == "end" and sets_itself(name):  # it sets itself for so many steps: that is another run
            continue
        plan = {} if way == "end" else {"get_signals": {"step": step, "signums": [getattr(signal, way)]}}
        stopped = gansmith("train", file, "--name", way, *(("--steps", step) if way == "end" else ()), **plan)
        assert stopped.code == code, stopped.err
        (run,) = Path("runs").glob(f"*-{way}")
        assert saved(run)[-1] == (step if way != "SIGKILL" else (step - 1) // EVERY * EVERY)
        assert gansmith("resume", run, "--steps", STEPS).code == 0
        assert differing(run, whole.run) == [], f"{way} at step {step}"


def test_a_run_is_stopped_and_rolled_back_in_the_middle_of_its_schedules_and_goes_on_exactly(gansmith, tiny):
    rate = "{start = 2e-3, end = 1e-3, begin = 40, until = 200}"
    settings = (
        f"generator_optimizer.lr={rate}",
        f"discriminator_optimizer.lr={rate}",
        "generator_optimizer.beta2={start = 0.9, end = 0.99, until = 160}",
        "ema_half_life={start = 0.0, end = 100.0, until = 160}",
        "on_divergence=roll-back",
    )
    words = [word for one in settings for word in ("--set", one)]
    fault = {"break_numbers": {"step": 17, "what": "weight D", "value": "nan"}}
    whole = gansmith("train", tiny, *words, **fault)
    assert whole.code == 0, whole.err
    rates = {event["step"]: event["lr/g"] for event in events(whole.run)}
    assert (rates[3], rates[27], rates[30]) == (2e-3, 5e-4, 5e-4), "half of it once it was rolled back to step 15"
    assert rates[12] == events(whole.run)[3]["lr/d"] == pytest.approx(1e-3 + 1e-3 * math.cos(math.pi * 56 / 320) ** 2)
    gansmith("train", tiny, *words, **fault, get_signals={"step": 22, "signums": [signal.SIGKILL]})
    run = whole.run.with_name("00002-tiny")
    assert gansmith("resume", run).code == 0
    assert differing(run, whole.run) == []


def test_what_was_done_before_the_stop_is_not_done_again(gansmith):
    file = write_recipe("mnist-mlp")  # held-out losses every 6 steps, logs every 3
    whole = gansmith("train", file).run
    gansmith("train", file, get_signals={"step": 12, "signums": [signal.SIGTERM]})
    run = whole.with_name("00002-tiny")
    assert gansmith("resume", run).code == 0
    assert len((run / "metrics.jsonl").read_text().splitlines()) == 5
    assert differing(run, whole) == []


def test_a_run_that_is_stopped_again_and_again_too(gansmith, tiny):
    whole = gansmith("train", tiny).run
    draw = random.Random(0)
    steps = sorted(draw.sample(range(2, STEPS), 6))
    run = whole.with_name("00002-demo")
    for number, step in enumerate(steps):
        signum = draw.choice([signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
        verb = ("train", tiny, "--name", "demo") if number == 0 else ("resume", run)
        gansmith(*verb, get_signals={"step": step, "signums": [signum]})
    assert gansmith("resume", run).code == 0
    assert differing(run, whole) == []


def test_a_run_that_is_killed_behind_its_last_save_gets_its_ending(gansmith, tiny):
    run = gansmith("train", tiny).run
    ended, written = (run / "run.json").read_text(), events(run)
    (run / "run.json").write_text(ended.replace('"status": "done"', '"status": "running"'))
    resumed = gansmith("resume", run)
    assert resumed.code == 0, resumed.err
    assert f"every step is done; finishing after step {STEPS} of {STEPS}" in (run / "log.txt").read_text()
    assert info(run)["status"] == "done"
    assert events(run) == written
    assert gansmith("resume", run).code == 2


def test_a_run_that_is_killed_before_its_first_checkpoint_begins_again(gansmith, tiny):
    whole = gansmith("train", tiny).run
    killed = gansmith("train", tiny, get_signals={"step": 3, "signums": [signal.SIGKILL]})
    run = whole.with_name("00002-tiny")
    assert killed.code == -signal.SIGKILL
    assert saved(run) == []
    assert gansmith("resume", run).code == 0
    assert differing(run, whole) == []


def test_a_longer_run_forgets_what_only_the_end_of_the_shorter_asked_for(gansmith, tiny):
    run = gansmith("train", tiny, "--steps", 11).run
    assert events(run)[-1]["step"] == 11
    assert (run / "samples/00000011.png").exists()
    assert gansmith("resume", run, "--steps", 13).code == 0
    assert [event["step"] for event in events(run)] == [3, 6, 9, 12, 13]
    assert not (run / "samples/00000011.png").exists()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_leaves_at_once(gansmith, tiny, signum):
    whole = gansmith("train", tiny).run
    ended = gansmith("train", tiny, get_signals={"step": 13, "signums": [signum, signum]})
    run = whole.with_name("00002-tiny")
    assert ended.code == -signum
    assert saved(run) == [5, 10]
    assert gansmith("resume", run).code == 0
    assert differing(run, whole) == []


def test_sigusr1_saves_and_goes_on(gansmith, tiny):
    ended = gansmith("train", tiny, "--steps", 14, get_signals={"step": 13, "signums": [signal.SIGUSR1]})
    assert ended.code == 0
    assert saved(ended.run) == [10, 13, 14]


def test_the_control_files_save_draw_and_stop(gansmith, tiny):
    whole = gansmith("train", tiny, "--runs", "other").run
    run = Path("runs/00001-tiny")
    asked = {"touch": {"step": 13, "file": f"{run}/control/save"}}
    stopped = gansmith("train", tiny, "--steps", 14, **asked)
    assert stopped.code == 0
    assert 13 in saved(stopped.run)
    asked = {"touch": {"step": 16, "file": f"{run}/control/stop"}}
    stopped = gansmith("resume", run, "--steps", STEPS, **asked)
    assert stopped.code == 143
    assert "stopped and saved at step 16 of 30" in stopped.err
    asked = {"touch": {"step": 23, "file": f"{run}/control/sample"}}
    (run / "control/stop").touch()  # nobody is training: this asks nobody for anything
    assert gansmith("resume", run, **asked).code == 0
    assert differing(run, whole) == ["samples/00000023.png"]
    assert not [*(run / "control").iterdir()]


def test_what_came_after_the_checkpoint_is_forgotten(gansmith, tiny):
    run = Path("runs/00001-tiny")
    gansmith("train", tiny, get_signals={"step": 25, "signums": [signal.SIGKILL]})
    assert (events(run)[-1]["step"], newest_image(run)) == (24, 21)
    gansmith("resume", run, get_signals={"step": 21, "signums": [signal.SIGKILL]})
    assert (events(run)[-1]["step"], newest_image(run)) == (18, 20)


def newest_image(run):
    return max(int(file.stem) for file in run.glob("samples/*.png"))


def test_the_log_may_be_cut_anywhere_after_the_checkpoint(gansmith, tiny):
    whole = gansmith("train", tiny).run
    gansmith("train", tiny, get_signals={"step": 24, "signums": [signal.SIGKILL]})
    run = whole.with_name("00002-tiny")
    log = run / "events.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:-1]) + lines[-1][:20])
    text = (run / "log.txt").read_bytes()
    (run / "log.txt").write_bytes(text[:-4])
    assert gansmith("resume", run).code == 0
    assert differing(run, whole) == []
    assert (run / "log.txt").read_bytes()[len(text) - 4 :].startswith(b"\n")


def test_run_json_says_how_it_ended(gansmith, tiny):
    gansmith("train", tiny, get_signals={"step": 7, "signums": [signal.SIGTERM]})
    found = info(Path("runs/00001-tiny"))
    assert (found["status"], found["step"], found["seen"]) == ("stopped", 7, 7 * BATCH)
