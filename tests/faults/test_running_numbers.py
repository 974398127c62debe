"""A number that is not finite is caught in its step, named, and never saved."""

import random
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.helpers.running import EVERY, STEPS, differing, info, saved

pytestmark = pytest.mark.slow

BROKEN = {
    "loss D": "loss/d became {value}",
    "loss G": "loss/g became {value}",
    "gradient D": "the gradient of loss/d for layers.0.weight of D became {value}",
    "gradient G": "the gradient of loss/g for layers.0.weight of G became {value}",
    "weight D": "layers.0.weight of D became {value}",
    "weight G": "layers.0.weight of G became {value}",
    "weight average": "layers.0.weight of the average of G became {value}",
    "statistic G": "running_var of G became {value}",
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_not_finite_is_named_in_its_step_and_not_saved(gansmith, tiny, what):
    draw = random.Random(what)
    for value in ("nan", "inf", "-inf"):
        step = draw.randrange(EVERY + 1, STEPS)
        ended = gansmith("train", tiny, break_numbers={"step": step, "what": what, "value": value})
        assert ended.code == 4, (value, step, ended.err)
        run = sorted(Path("runs").glob("0*"))[-1]
        said = ended.err.splitlines()[-1]
        assert f"{BROKEN[what].format(value='')}" in said
        assert f" in step {step}. The last checkpoint, of step {(step - 1) // EVERY * EVERY}, is as it was" in said
        assert saved(run)[-1] == (step - 1) // EVERY * EVERY
        assert (info(run)["status"], info(run)["step"]) == ("diverged", step - 1)
        for file in run.glob("checkpoints/*/*.safetensors"):
            assert all(torch.isfinite(tensor).all() for tensor in load_file(file).values())
        assert gansmith("sample", run, "-n", 2, "--out", "x.npy").code == 0


@pytest.mark.parametrize("what", ["gradient G", "weight D"])
def test_a_run_that_may_roll_back_goes_on_with_half_the_rates(gansmith, tiny, what):
    rolling = ("train", tiny, "--set", "on_divergence=roll-back")
    fault = {"break_numbers": {"step": 13, "what": what, "value": "nan"}}
    ended = gansmith(*rolling, **fault)
    assert ended.code == 0, ended.err
    assert "Back to step 10, with half the learning rates." in ended.err
    (recorded,) = info(ended.run)["roll_backs"]
    assert (recorded["to_step"], recorded["to_seen"]) == (10, 80)
    assert "became nan in step 13" in recorded["because"]
    assert "with half the learning rates" in (ended.run / "log.txt").read_text()
    untroubled = gansmith(*rolling).run
    assert "G.safetensors" in " ".join(differing(untroubled, ended.run))
    # What was rolled back is as exact as any other run, wherever it is stopped.
    for stop in (11, 17):
        again = gansmith(*rolling, **fault, get_signals={"step": stop, "signums": [9]})
        assert again.code == -9
        run = sorted(Path("runs").glob("0*"))[-1]
        more = fault if stop < 13 else {}
        assert gansmith("resume", run, **more).code == 0
        assert differing(run, ended.run) == []


def test_a_run_rolls_back_three_times_at_most(gansmith, tiny):
    fault = {"break_numbers": {"step": 13, "what": "weight G", "value": "inf", "times": 9}}
    ended = gansmith("train", tiny, "--set", "on_divergence=roll-back", **fault)
    assert ended.code == 4
    assert "Going back 3 times did not help" in ended.err
    assert [one["to_step"] for one in info(Path("runs/00001-tiny"))["roll_backs"]] == [10, 10, 10]


def test_a_run_that_stopped_for_its_numbers_can_be_told_to_roll_back(gansmith, tiny):
    fault = {"break_numbers": {"step": 3, "what": "loss D", "value": "nan"}}
    ended = gansmith("train", tiny, **fault)
    assert ended.code == 4
    assert "The beginning is as it was" in ended.err
    ended = gansmith("resume", "last", "--set", "on_divergence=roll-back", **fault)
    assert ended.code == 0, ended.err
    assert [one["to_step"] for one in info(ended.run)["roll_backs"]] == [0]
