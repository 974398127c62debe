"""Evaluations on the way: what a stopped run measures, keeps and decides is what one that never stopped does."""

import json
import random
import signal
from pathlib import Path

import numpy as np
import pytest

from gansmith.data.store_writer import write_dataset
from tests.helpers.plain import PLAIN
from tests.helpers.running import BATCH, EVERY, STEPS, differing, events, info, saved, write_recipe

pytestmark = pytest.mark.slow

INTERVAL = 4
"""Steps between two evaluations: some fall on a checkpoint's step, most do not."""

IMAGES = 200
"""Random features of 28x28 are 192 wide."""


def evaluated_recipe(**more) -> Path:
    """The tiny recipe on more noise, evaluated every 4 steps."""
    pixels = np.random.default_rng(1).integers(0, 256, (2 * IMAGES, 1, 28, 28), np.uint8)
    if not Path("many").exists():
        write_dataset(Path("many"), pixels, None, {"name": "noise", "notes": []})
    file = write_recipe(PLAIN, ema_half_life=100.0)
    settings = {"every": INTERVAL * BATCH, "images": IMAGES, **more}
    lines = "\n".join(f"{key} = {value}" for key, value in settings.items())
    file.write_text(f"{file.read_text()}\n[evaluate]\n{lines}\n".replace('"store"', '"many"'))
    return file


@pytest.fixture
def evaluated():
    return evaluated_recipe()


def measured(run: Path) -> dict[int, float]:
    """Step -> Fréchet distance."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return {line["step"]: line["fd"]["value"] for line in lines}


def best(run: Path) -> int:
    return int((run / "checkpoints/best").read_text())


def lowest(run: Path) -> int:
    values = measured(run)
    return min(values, key=values.get)


def test_the_best_is_named_kept_and_can_be_sampled(gansmith, evaluated):
    ended = gansmith("train", evaluated)
    run = ended.run
    assert [*measured(run)] == [*range(INTERVAL, STEPS + 1, INTERVAL)]
    assert best(run) == lowest(run)
    assert best(run) in saved(run)
    assert set(saved(run)[-3:]) <= set(saved(run))
    assert len(saved(run)) <= 4
    assert info(run)["evaluate"]["protocol"]["fake"] == IMAGES
    assert info(run)["evaluate"]["floor"]["fd"]["value"] > 0
    assert f"step {best(run)}: Fréchet distance" in ended.err
    for which in ("best", best(run)):
        assert gansmith("sample", run, "--checkpoint", which, "-n", 4, "--out", f"{which}.npy").code == 0
    assert Path("best.npy").read_bytes() == Path(f"{best(run)}.npy").read_bytes()
    assert f"step {best(run):>9,}  ok, the best" in gansmith("runs", "verify", run).out
    shown = json.loads(gansmith("runs", "show", run, "--json").out)["best"]
    assert (shown["step"], shown["fd"]) == (best(run), measured(run)[best(run)])
    assert gansmith("runs", "prune", run, "--keep-last", 1).code == 0
    assert set(saved(run)) == {best(run), STEPS}


def test_stopped_anywhere_and_continued_it_measures_and_keeps_the_same(gansmith, evaluated):
    whole = gansmith("train", evaluated).run
    draw = random.Random(7)
    ways = [(signal.SIGKILL, INTERVAL * 3 + 1), (signal.SIGTERM, INTERVAL * 4), (signal.SIGKILL, INTERVAL * 5)]
    ways += [(signal.SIGINT, draw.randrange(2, STEPS)), (signal.SIGKILL, draw.randrange(2, STEPS))]
    for number, (signum, step) in enumerate(ways):
        name = f"stopped-{number}"
        gansmith("train", evaluated, "--name", name, get_signals={"step": step, "signums": [signum]})
        (run,) = Path("runs").glob(f"*-{name}")
        assert gansmith("resume", run).code == 0
        assert differing(run, whole) == [], f"{signum} at step {step}"
        assert best(run) in saved(run)


def test_a_shorter_run_that_is_made_longer_measures_and_keeps_the_same(gansmith, evaluated):
    whole = gansmith("train", evaluated).run
    run = gansmith("train", evaluated, "--steps", 13).run
    assert [*measured(run)] == [4, 8, 12]
    assert gansmith("resume", run, "--steps", STEPS).code == 0
    assert differing(run, whole) == []


def test_a_best_after_the_checkpoint_that_is_continued_is_forgotten_and_found_again(gansmith, evaluated):
    whole = gansmith("train", evaluated).run
    gansmith("train", evaluated, get_signals={"step": 26, "signums": [signal.SIGKILL]})
    run = whole.with_name("00002-tiny")
    named = best(run)
    for step in saved(run):
        if step >= named:
            file = run / f"checkpoints/{step:08}/G.safetensors"
            file.write_bytes(file.read_bytes()[:-1])
    left = [step for step in saved(run) if step < named]
    ended = gansmith("resume", run, get_signals={"step": named, "signums": [signal.SIGTERM]})
    assert (ended.code == 143) == bool(left), ended.err
    if left:
        assert gansmith("resume", run).code == 0
        assert differing(run, whole) == []


def test_images_held_out_are_not_trained_on_and_the_protocol_says_so(gansmith):
    run = gansmith("train", evaluated_recipe(validation=IMAGES)).run
    assert info(run)["data"]["count"] == IMAGES
    assert info(run)["evaluate"]["protocol"]["split"] == "validation"
    assert best(run) == lowest(run)


def test_a_set_too_small_for_its_features_is_trained_on_all_the_same(gansmith):
    file = write_recipe(PLAIN, ema_half_life=100.0)
    file.write_text(file.read_text() + f"\n[evaluate]\nevery = {BATCH}\n")
    ended = gansmith("train", file, "--steps", 3)
    assert ended.code == 0, ended.err
    assert "not evaluated: 100 images are too few" in ended.err
    assert not (ended.run / "metrics.jsonl").exists()


def test_a_plateau_ends_a_run_which_says_why_and_can_be_overruled(gansmith):
    still = ("--set", "generator_optimizer.lr=1e-9")
    whole = gansmith("train", evaluated_recipe(), *still, "--name", "whole").run
    ended = gansmith("train", evaluated_recipe(patience=2), *still, "--name", "patient")
    run = ended.run
    assert ended.code == 0, ended.err
    assert info(run)["status"] == "plateau"
    assert info(run)["step"] == saved(run)[-1] == 3 * INTERVAL
    assert "no gain beyond noise in 2 evaluations since step" in info(run)["reason"]
    assert info(run)["reason"] in ended.err
    again = gansmith("resume", run)
    assert again.code == 2
    assert "--set evaluate.patience=0" in again.err
    assert gansmith("resume", run, "--set", "evaluate.patience=0").code == 0
    assert info(run)["status"] == "done"
    assert differing(run, whole) == []


def test_evaluations_may_come_and_go_and_their_images_may_not_change(gansmith, evaluated):
    gansmith("train", evaluated, get_signals={"step": 13, "signums": [signal.SIGTERM]})
    run = Path("runs/00001-tiny")
    refused = gansmith("resume", run, "--set", "evaluate.images=210")
    assert refused.code == 2
    assert "evaluate.images was 200 and is now 210" in refused.err
    rarer = gansmith("resume", run, "--set", f"evaluate.every={8 * BATCH}", "--steps", 18)
    assert rarer.code == 0, rarer.err
    assert [*measured(run)] == [4, 8, 12, 16]
    without = gansmith("resume", run, "--set", "evaluate.every=0", "--steps", 20)
    assert without.code == 0, without.err
    other = ("--set", f"evaluate.every={4 * BATCH}", "--set", "evaluate.images=210", "--steps", 24)
    refused = gansmith("resume", run, *other)
    assert refused.code == 2
    assert "cannot be evaluated as before: fake was 200 and is now 210" in refused.err
    assert EVERY == 5


def test_a_run_whose_augmentation_looks_at_images_held_out_goes_on_exactly(gansmith):
    file = evaluated_recipe(validation=2 * IMAGES - 10)
    ada = '[augment]\noperations = ["translate"]\ntarget = 0.05\nspeed = 400\nsignal = "validation"\n'
    file.write_text(file.read_text() + ada)
    whole = gansmith("train", file).run
    lines = events(whole)
    assert [line["step"] for line in lines if "augment/overfitting" in line] == [12, 24]
    assert max(line["augment/probability"] for line in lines) > 0.2  # ten images are soon known by heart
    for step in (13, 18):
        gansmith("train", file, "--name", f"at-{step}", get_signals={"step": step, "signums": [signal.SIGKILL]})
        (run,) = Path("runs").glob(f"*-at-{step}")
        assert gansmith("resume", run).code == 0
        assert differing(run, whole) == []
    refused = gansmith("resume", whole, "--set", "augment.signal=signs", "--steps", STEPS + 4)
    assert refused.code == 2
    assert "augment.signal was 'validation' and is now 'signs'" in refused.err
