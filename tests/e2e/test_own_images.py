"""`gansmith train --data FOLDER`: a folder of anybody's photographs, and nothing else said."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gansmith.planning import memory, plan
from gansmith.recipe_file import recipe_of
from gansmith.runs.run import Run
from tests.helpers.small_images import file, photo, write_images

SECONDS = {"step": 0.01, "log": 0.001, "evaluation": 0.2, "grid": 0.02, "checkpoint": 0.03, "once": 1.0}


def mixed(num, folder="photos"):
    """Photographs of many sizes, upright and across."""
    rng = np.random.default_rng(0)
    Path(folder).mkdir()
    for number in range(num):
        height, width = (int(side) for side in rng.integers(40, 90, 2))
        (Path(folder) / f"{number}.jpg").write_bytes(file(photo(height, width, seed=number), "JPEG"))
    return folder


@pytest.fixture
def tried(monkeypatch):
    """A trial that answers at once; returns what was asked."""
    asked = []

    def try_out(task, recipe, device, _datasets=None, _reporter=None):
        asked.append((task, recipe, device))
        about = {"device": "cpu", "precision": "fp32", "available": 1000 << 20}
        if task == "memory":
            return about | {"peak": (200 + recipe.batch_size) << 20}
        return about | {"peak": 300 << 20, "seconds": SECONDS}

    monkeypatch.setattr(plan, "try_out", try_out)
    return asked


@pytest.mark.slow
def test_300_rectangles_of_many_sizes_get_a_plan_a_run_and_samples(gansmith, tried):
    result = gansmith("train", "--data", mixed(300), "--budget", "640-images", "--set", "model.width=8")
    assert result.code == 0, result.err
    made, info = recipe_of(Run(result.run)), json.loads((result.run / "run.json").read_text())
    assert (info["status"], info["data"]["count"], made.steps) == ("done", 300, 20)
    assert (made.data.channels, made.data.height, made.data.width, made.data.resize) == (3, 40, 40, "pad")
    assert made.augment.operations == ("colour", "translate", "cutout")
    for part in (
        "image size, from the images: 40x40 RGB, pad",
        "batch size 32: small batches give many updates",
        "augmentation is on (colour, translate, cutout): 300 images are few, and D would overfit; flips are off",
        "plan: 300 images, 40x40 RGB; thin-dcgan with ",
        "plan: 20 steps of 32 images, 640 images in all, 2.13 epochs",
        "plan: 10 ms per step, measured here (cpu, fp32), and ",
        "plan: 300 MiB of memory at most, of 1,000 MiB free; memory would allow a batch of all 300 images",
    ):
        assert part in result.err
        assert any(part in note for note in info["notes"]), part
    assert "model.width" not in [note.partition(":")[0] for note in info["notes"]]
    assert "thin-dcgan, width" not in result.err, "a width that was set is not explained"
    with Image.open(sorted((result.run / "samples").iterdir())[-1]) as grid:
        assert min(grid.size) >= 8 * 40
    assert gansmith("sample", "last", "-n", 3, "--out", "x.npy").code == 0
    assert np.load("x.npy").shape == (3, 40, 40, 3)


def test_the_trial_is_of_the_images_and_of_what_was_set(gansmith, tried):
    rate = ("--set", "generator_optimizer.lr=1e-4")
    result = gansmith("train", "--data", mixed(20), "--budget", "5m", *rate, "--dry-run")
    assert result.code == 0, result.err
    (_, first, device), *_ = tried
    assert device == "auto"
    assert [(task, recipe.batch_size) for task, recipe, _ in tried] == [("costs", 16), ("memory", 16), ("memory", 32)]
    assert (first.generator_optimizer.lr, first.data.name) == (1e-4, str(Path("photos").resolve()))
    assert (first.data.height, first.data.width) == (32, 32)
    assert "images have at most 32 pixels on the shorter side: with less than 20 minutes on a CPU" in result.out
    assert "batch size 16: there are only 20 images" in result.out
    assert not Path("runs").exists()


def test_a_dry_run_as_json_has_the_recipe_the_plan_and_the_reasons(gansmith, tried):
    facts = json.loads(gansmith("train", "--data", mixed(20), "--budget", "1h", "--dry-run", "--json").out)
    assert facts["recipe"]["length"]["images"] == facts["plan"]["images"]
    assert 0.9 * 3600 < facts["plan"]["seconds"] <= 3600
    assert any(note.startswith("plan: ") for note in facts["notes"])


def test_a_budget_works_for_the_articles_too_and_keeps_what_was_set(gansmith, tried):
    options = ("--data", mixed(40), "--budget", "30s", "--dry-run", "--json")
    facts = json.loads(gansmith("train", "fashion-dcgan", *options, "--set", "length.log_every=64").out)
    length = facts["recipe"]["length"]
    assert 25 < facts["plan"]["seconds"] <= 30
    assert (facts["recipe"]["data"]["height"], length["log_every"]) == (28, 64)
    assert length["images"] // length["sample_every"] == 5


@pytest.mark.parametrize("recipe", ["auto", "fashion-dcgan"])
def test_a_plan_counts_what_is_trained_on_and_not_what_is_held_out(gansmith, tried, recipe):
    held_out = ("--set", "evaluate.validation=20", "--set", "evaluate.every=640", "--set", "batch_size=16")
    options = ("train", recipe, "--data", mixed(40), "--budget", "1h", *held_out, "--dry-run", "--json")
    facts = json.loads(gansmith(*options).out)
    assert facts["plan"]["dataset_images"] == 20


def test_a_recipe_that_sets_itself_does_so_from_what_is_left_to_train_on(gansmith, tried):
    held_out = ("--set", "evaluate.validation=20")
    result = gansmith("train", "--data", mixed(40), "--budget", "1h", *held_out, "--dry-run")
    assert result.code == 0, result.err
    assert "batch size 16: there are only 20 images" in result.out


def test_a_batch_larger_than_the_set_is_refused_before_it_is_tried_out(gansmith, tried):
    result = gansmith("train", "fashion-mlp", "--data", mixed(20), "--budget", "1h", "--set", "batch_size=32")
    assert (result.code, tried) == (3, [])
    assert "a batch of 32 cannot be drawn from 20 images" in result.err


@pytest.mark.parametrize("length", ["--budget 1h", "--steps 3", ""])
def test_a_batch_goes_through_in_parts_before_a_plan_is_made_of_it(gansmith, tried, monkeypatch, length):
    monkeypatch.setattr(memory, "_fits", lambda recipe, _device: recipe.batch_size // recipe.microbatches <= 8)
    residual = ("--set", 'model={name="residual", width=8}', "--set", "objective.generator_reuses_images=false")
    result = gansmith("train", "--data", mixed(40), *residual, *length.split(), "--fit-batch", "--dry-run")
    assert result.code == 0, result.err
    assert "\nmicrobatches = 4\n" in result.out
    assert "by trial, 8 of batch_size=32 fit at once: microbatches=4" in result.out
    assert all(recipe.microbatches == 4 for _, recipe, _ in tried)


@pytest.mark.parametrize(("seconds", "long"), [(0.01, False), (1.0, True)])
def test_a_long_run_that_nobody_asked_for_says_what_is_shorter(gansmith, tried, monkeypatch, seconds, long):
    monkeypatch.setitem(SECONDS, "step", seconds)
    said = gansmith("train", "--data", mixed(20), "--dry-run").out
    assert ("for a first look in less time: --budget 10m" in said) == long
    assert "for a first look" not in gansmith("train", "--data", "photos", "--budget", "9h", "--dry-run").out


def test_steps_take_no_trial(gansmith, monkeypatch):
    monkeypatch.setattr(plan, "try_out", None)
    result = gansmith("train", "--data", mixed(20), "--steps", 3, "--dry-run")
    assert result.code == 0, result.err
    assert "images = 48\n" in result.out
    assert "plan:" not in result.out
    result = gansmith("train", "auto", "--data", "photos", "--set", "length.images=160", "--dry-run")
    assert "\nimages = 160\n" in result.out


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (
            "--budget soon",
            2,
            "--budget 'soon' is not understood; give a time such as 90s, 10m, 2h or 1.5h, or a",
        ),
        ("--budget 1s", 2, "--budget 1s is too short: here a step takes 10 ms, and evaluations, grids, "),
        ("--budget 1h --steps 9", 2, "--budget 1h and --steps 9 both say how long the run is; give one of them."),
        (
            "--budget 1h --set length.images=9",
            2,
            "--budget 1h and --set length.images=9 both set the length of the run",
        ),
        ('--steps 2 --set augment.operations=["rotate"]', 2, "'rotate' needs images as high as wide, got 32x48"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(gansmith, tried, arguments, code, part):
    Path("photos").mkdir()
    for number in range(9):
        (Path("photos") / f"{number}.png").write_bytes(file(photo(32, 48, seed=number)))
    result = gansmith("train", "--data", "photos", *arguments.split())
    assert result.code == code, result.err
    assert part in result.err.splitlines()[-1]
    assert not Path("runs").exists()


def test_too_few_images_and_a_folder_in_the_recipes_place(gansmith):
    mixed(7)
    few = gansmith("train", "--data", "photos", "--steps", 2)
    assert (few.code, "photos has 7 images that can be used; 8 are the least" in few.err) == (3, True)
    assert "Timing a few steps" not in gansmith("train", "--data", "photos", "--dry-run").err
    place = gansmith("train", "photos")
    assert place.code == 2
    assert "photos is a path and no recipe; to train on its images: gansmith train --data photos" in place.err


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("height", "width"), [(64, 64), (96, 64)])
@pytest.mark.parametrize("name", ["auto", "demo"])
def test_larger_images_of_any_kind_train_sample_and_are_evaluated(gansmith, name, height, width, channels):
    Path("photos").mkdir()
    for number in range(8):
        (Path("photos") / f"{number}.png").write_bytes(file(photo(height, width, channels, seed=number)))
    narrow = ("--set", "model.width=8", "--set", "batch_size=4")
    result = gansmith("train", name, "--data", "photos", "--steps", 2, *narrow)
    assert result.code == 0, result.err
    assert gansmith("sample", "last", "-n", 300, "--out", "x.npy").code == 0
    assert np.load("x.npy", mmap_mode="r").shape == (300, height, width, channels)
    with Image.open(result.run / "samples" / "00000002.png") as grid:
        assert grid.size[0] >= 8 * width


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_trial_of_its_own_tells_time_and_memory(gansmith):
    result = gansmith("train", "--data", mixed(300), "--budget", "2000-images", "--set", "batch_size=16")
    assert result.code == 0, result.err
    said = re.search(r"plan: ([\d.]+) ms per step, measured here \(cpu, \w+\), and .* (\d+:\d\d) in all", result.err)
    assert said, result.err
    assert float(said[1]) > 0
    assert re.search(r"plan: [\d,]+ MiB of memory at most, of [\d,]+ MiB free", result.err)
    assert len((result.run / "metrics.jsonl").read_text().splitlines()) >= 1


def test_what_suits_few_images_may_be_set_for_few(gansmith, tried):
    options = ("train", "--data", mixed(20), "--steps", 2, "--dry-run")
    result = gansmith(*options, "--set", "augment.probability=0.5")
    assert result.code == 0, result.err
    assert "probability = 0.5" in result.out
    many = gansmith("train", "--data", "fashion-10k", "--steps", 2, "--set", "augment.probability=0.5", "--dry-run")
    assert many.code == 2
    assert "no effect without augment.operations" in many.err


def test_a_budget_holds_against_the_length_of_a_file(gansmith, tried):
    Path("mine.toml").write_text('from = "auto"\n[length]\nimages = 64_000\n')
    plain = gansmith("train", "mine.toml", "--data", "fashion-10k", "--dry-run", "--json")
    assert json.loads(plain.out)["recipe"]["length"]["images"] == 64_000
    short = gansmith("train", "mine.toml", "--data", "fashion-10k", "--budget", "6400-images", "--dry-run", "--json")
    assert json.loads(short.out)["recipe"]["length"]["images"] == 6400


def test_the_plan_has_the_evaluations_that_are_said_whatever_the_length_of_a_file(gansmith, monkeypatch):
    def try_out(_task, recipe, _device, _datasets=None, _reporter=None):
        """Evaluates where a run of the recipe would."""
        evaluates = recipe.evaluate.every <= recipe.length.images
        seconds = {what: SECONDS[what] for what in SECONDS if evaluates or what != "evaluation"}
        return {"device": "cpu", "precision": "fp32", "available": 1 << 30, "peak": 1 << 28, "seconds": seconds}

    monkeypatch.setattr(plan, "try_out", try_out)
    Path("mine.toml").write_text('from = "auto"\n[length]\nimages = 20_000\n')
    result = gansmith("train", "mine.toml", "--data", "fashion-10k", "--budget", "15s", "--dry-run", "--json")
    facts = json.loads(result.out)
    assert facts["plan"]["calls"]["evaluation"] == 3
    assert any(note.startswith("evaluated 3 times during training") for note in facts["notes"])


def test_a_folder_named_like_a_recipe_does_not_hide_it(gansmith):
    Path("auto").mkdir()
    assert gansmith("train", "auto", "--data", mixed(20), "--steps", 2, "--dry-run").code == 0


@pytest.mark.parametrize(
    ("stated", "shape"),
    [
        ({"width": 64}, (40, 64)),
        ({"height": 64}, (64, 104)),
        ({"height": 30}, (30, 47)),  # of the 56x88 that would be proposed
        ({"height": 48, "width": 48}, (48, 48)),
    ],
)
def test_of_a_side_that_is_set_alone_the_other_follows_in_the_aspect(gansmith, stated, shape):
    Path("photos").mkdir()
    for number in range(9):
        (Path("photos") / f"{number}.png").write_bytes(file(photo(60, 96, seed=number)))
    changes = [word for side, pixels in stated.items() for word in ("--set", f"data.{side}={pixels}")]
    facts = json.loads(gansmith("train", "--data", "photos", "--steps", 2, *changes, "--dry-run", "--json").out)
    assert (facts["recipe"]["data"]["height"], facts["recipe"]["data"]["width"]) == shape


def test_a_batch_larger_than_the_set_is_refused_in_a_dry_run_too(gansmith):
    result = gansmith("train", "--data", mixed(20), "--set", "batch_size=64", "--steps", 2, "--dry-run")
    assert result.code == 3
    assert "a batch of 64 cannot be drawn from 20 images" in result.err


def test_images_that_are_kept_out_are_counted_where_the_images_are(gansmith):
    result = gansmith("train", "--data", mixed(40), "--steps", 2, "--set", "evaluate.validation=8")
    assert "40 of the 40 images of photos\n8 of them are the validation set, for evaluations\n" in result.err


def test_a_run_that_is_over_before_its_first_evaluation_says_so(gansmith):
    result = gansmith("train", "--data", mixed(20), "--steps", 2, "--set", "evaluate.every=1000")
    assert result.code == 0, result.err
    assert "not evaluated: evaluate.every=1,000 is more than the run's 32 images" in result.err
    assert "evaluated 0 times" not in result.err


@pytest.mark.parametrize(
    ("option", "change", "what"),
    [
        ("--steps 10", "length.images=6400", "the length of the run"),
        ("--budget 10m", "length={images=640, log_every=64}", "the length of the run"),
        ("--data mnist", "data.name=fashion-mnist", "the images"),
        ("--data mnist", 'data={name="fashion-mnist"}', "the images"),
        ("--seed 1", "seed=2", "the seed"),
        ("--precision fp32", "precision=bf16", "the precision"),
    ],
)
def test_what_is_said_twice_is_refused(gansmith, option, change, what):
    result = gansmith("train", "demo", *option.split(), "--set", change)
    assert result.code == 2
    assert f"{option} and --set {change} both set {what}; give one of them." in result.err


@pytest.mark.parametrize(("option", "change"), [("--steps 10", "length.images=640"), ("--data mnist", "data.name=b")])
def test_what_is_said_twice_of_a_continuation_is_refused(gansmith, trained, option, change):
    result = gansmith("resume", trained, *option.split(), "--set", change)
    assert result.code == 2
    assert f"{option} and --set {change} both set" in result.err


@pytest.mark.usefixtures("tiny")
def test_a_folder_that_is_called_as_a_known_dataset_is_not_passed_over_in_silence(gansmith):
    note = f"fashion-10k is the known dataset; the images in {Path('fashion-10k').absolute()} are named ./fashion-10k"
    assert note not in gansmith("train", "tiny.toml", "--steps", "1").err
    write_images(Path("fashion-10k"), [f"{number}.png" for number in range(12)])
    assert note in gansmith("train", "tiny.toml", "--steps", "1").err
    assert "12 images" in gansmith("data", "check", "./fashion-10k").out
