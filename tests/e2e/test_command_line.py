"""Train, repeat, stop, continue, sample: what a user does, and that it repeats to the last bit."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import gansmith as package
from gansmith.runs.run import Run
from tests.helpers.run_folder import assert_continuing_equals_never_stopping, assert_same_run, events, images, weights


def test_a_run_leaves_what_it_promises_and_names_its_folder_first_and_last(gansmith, tiny):
    result = gansmith("train", tiny)
    assert result.code == 0, result.err
    assert result.err.splitlines()[0] == f"run folder: {result.run}"
    assert result.run == Path("runs/00001-tiny")
    found = {str(path.relative_to(result.run)) for path in result.run.rglob("*") if path.is_file()}
    fixed = (
        "run.json recipe.toml events.jsonl log.txt reals.png curves.png evolution.png report.html checkpoints/latest"
    )
    assert found >= set(fixed.split())
    assert {f"samples/{step:08}.png" for step in (0, 1, 2, 4, 8, 12)} <= found
    assert {f"checkpoints/{step:08}/manifest.json" for step in (4, 8, 12)} <= found
    assert json.loads((result.run / "run.json").read_text())["status"] == "done"
    assert [event["step"] for event in events(result.run)] == list(range(1, 13))
    assert "step 12/12" in (result.run / "log.txt").read_text()


def test_the_report_holds_all_its_images_and_asks_nobody_for_anything(trained):
    page = (trained / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 5
    assert not re.search(r"""(src|href)=["'](?!data:)""", page)
    for text in (
        "Generated images",
        "Evolution during training",
        "Curves",
        "SubPixelConv2d",
        "[latents]",
        "processor",
    ):
        assert text in page


def test_the_same_command_twice_gives_the_same_events_and_images(gansmith, tiny):
    first, second, other = (gansmith("train", tiny, "--seed", seed).run for seed in (3, 3, 4))
    assert_same_run(first, second)
    assert events(first) != events(other)
    assert not set(images(first).values()) & set(images(other).values())


def test_intervals_change_nothing_but_how_often_one_looks(gansmith, tiny):
    often = gansmith("train", tiny).run
    changes = ("--set", "length.log_every=12", "--set", "length.sample_every=48", "--set", "length.checkpoint_every=20")
    seldom = gansmith("train", tiny, *changes).run
    assert len(events(seldom)) == 4
    assert [event for event in events(often) if event["step"] % 3 == 0] == events(seldom)
    both = images(often).keys() & images(seldom).keys()
    assert len(both) > 5
    assert all(images(often)[name] == images(seldom)[name] for name in both)
    assert weights(often) == weights(seldom)


@pytest.mark.parametrize("base", ["demo", "fashion-dcgan", "mnist-dcgan"])
def test_continuing_equals_never_stopping(gansmith, tiny, base):
    file = Path(tiny)
    file.write_text(file.read_text().replace('"demo"', f'"{base}"').replace("width = 4", "width = 8"))
    options = (tiny, "--data", "fashion-10k", "--set", "data.skip=0")
    assert_continuing_equals_never_stopping(gansmith, *options)


def test_a_finished_run_asks_for_more_steps(gansmith, trained):
    result = gansmith("resume")
    assert result.code == 2
    assert result.err.endswith("is complete at step 12; give more --steps, or a --budget such as 10m, to train on.\n")


@pytest.mark.parametrize(
    ("signum", "code"), [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)]
)
def test_a_stopped_run_is_saved_says_how_to_go_on_and_continues_exactly(gansmith, tiny, signum, code):
    options = [tiny, "--steps", "200", "--set", "length.sample_every=800", "--set", "length.checkpoint_every=100"]
    whole = gansmith("train", *options).run
    command = [sys.executable, "-m", "gansmith", "train", *options]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    child = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    stopped = Run(whole.with_name("00002-tiny"))
    deadline = time.monotonic() + 60
    while len(stopped.events()) < 20 and time.monotonic() < deadline:
        time.sleep(0.02)
    child.send_signal(signum)
    _, err = child.communicate(timeout=60)
    assert child.returncode == code, err
    assert re.search(r"stopped and saved at step (\d+) of 200; go on with: gansmith resume runs/00002-tiny", err)
    assert stopped.info()["status"] == "stopped"
    assert gansmith("resume", stopped.path).code == 0
    assert weights(stopped.path) == weights(whole)
    assert events(stopped.path) == events(whole)


def test_samples_come_as_a_sheet_an_array_or_a_folder_and_agree(gansmith, trained):
    for out in ("sheet.png", "all.npy", "single"):
        result = gansmith("sample", "last", "-n", 70, "--out", out)
        assert result.code == 0, result.err
        assert result.out == f"{out}\n"
    array = np.load("all.npy")
    assert (array.dtype, array.shape) == (np.uint8, (70, 28, 28, 1))
    files = sorted(path.name for path in Path("single").iterdir())
    assert files[-1] == "000069.png"
    assert np.array_equal(read(f"single/{files[-1]}"), array[69, ..., 0])
    assert read("sheet.png").shape[1] > 8 * 56


def read(file):
    with Image.open(file) as image:
        return np.asarray(image)


def test_image_i_depends_on_the_seed_and_on_i_only(gansmith, trained):
    for name, options in {"few": ("-n", 3), "many": ("-n", 150), "other": ("-n", 3, "--seed", 1)}.items():
        assert gansmith("sample", trained, *options, "--out", f"{name}.npy").code == 0
    assert np.array_equal(np.load("few.npy"), np.load("many.npy")[:3])
    assert not np.array_equal(np.load("few.npy"), np.load("other.npy"))


def test_an_older_checkpoint_gives_other_images(gansmith, trained):
    for step in (4, 12):
        assert gansmith("sample", trained, "-n", 4, "--checkpoint", step, "--out", f"{step}.npy").code == 0
    assert not np.array_equal(np.load("4.npy"), np.load("12.npy"))


def test_the_python_names_do_what_the_command_line_does(gansmith, trained):
    recipe = package.recipe("tiny.toml")
    run = package.train(recipe, runs="elsewhere")
    assert events(run.path) == events(trained)
    assert gansmith("sample", trained, "-n", 4, "--out", "x.npy").code == 0
    assert np.array_equal(package.load(run).sample(4), np.load("x.npy"))
    assert np.array_equal(package.load(str(trained)).sample(4), np.load("x.npy"))
    assert sum(p.numel() for p in package.build(recipe).G.parameters()) > 1000


def test_a_folder_of_images_trains(gansmith, tiny):
    Path("photos").mkdir()
    for number in range(8):
        Image.effect_noise((50, 40), 90).save(f"photos/{number}.jpg")
    size = ("--set", "data.channels=3", "--set", "data.width=32")
    result = gansmith("train", tiny, "--data", "photos", *size)
    assert result.code == 0, result.err
    assert gansmith("sample", "last", "-n", 5, "--out", "x.npy").code == 0
    assert np.load("x.npy").shape == (5, 24, 32, 3)  # in the aspect of the photographs
    os.chdir("photos")
    assert gansmith("resume", "../" + str(result.run), "--steps", 13).code == 0  # the data's path holds from anywhere


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3), ("RGBA", 4)])
def test_tall_images_of_any_number_of_channels_go_all_the_way(gansmith, mode, channels):
    Path("photos").mkdir()
    for number in range(8):
        noise = Image.effect_noise((64, 96), 90)
        (noise if channels == 1 else Image.merge(mode, [noise] * channels)).save(f"photos/{number}.png")
    shape = [f"data.channels={channels}", "data.height=96", "data.width=64", "batch_size=4"]
    options = [part for change in shape for part in ("--set", change)]
    result = gansmith("train", "--data", "photos", "--steps", 2, *options)
    assert result.code == 0, result.err
    assert gansmith("sample", "last", "-n", 3, "--out", "x.npy").code == 0
    assert np.load("x.npy").shape == (3, 96, 64, channels)
    assert gansmith("sample", "last", "-n", 3, "--out", "x.png").code == 0
    assert read("x.png").ndim == (2 if channels == 1 else 3)


def test_recipes_are_listed_by_article_with_their_variants(gansmith):
    listed = gansmith("recipes", "list").out
    before, _, after = listed.partition("Having Fun with Deep Convolutional GANs: Naoki Shibuya, November 2017")
    assert "  mnist-dcgan " in before
    assert ":june-2017 " in before
    _, _, numbers = after.partition("  svhn-dcgan ")
    assert numbers.index(":scenario-3 ") < numbers.index("My First GAN") < numbers.index("  cifar-ships ")
    names = [one["name"] for one in json.loads(gansmith("recipes", "list", "--json").out)]
    assert {"demo", "svhn-dcgan", "svhn-dcgan:scenario-1", "cifar-ships:repaired"} < set(names)


def test_recipes_are_shown_with_their_networks(gansmith):
    shown = gansmith("recipes", "show", "fashion-dcgan").out
    for text in (
        "# Learning rate, or a schedule {start, end, until}",
        "840,705",
        "840,321",
        "384",
        "212,865",
        "14 × 14 × 64",
    ):
        assert text in shown
    assert json.loads(gansmith("recipes", "show", "demo", "--json", "--set", "batch_size=7").out)["batch_size"] == 7


def test_a_variant_is_shown_with_its_source_and_what_differs(gansmith):
    shown = gansmith("recipes", "show", "svhn-dcgan:scenario-1").out
    for text in (
        "svhn-dcgan:scenario-1: house numbers",
        "naokishibuya/deep-learning, python/dcgan_svhn.ipynb",
        "generator_optimizer.lr = 0.0002 (there: 0.0001)",
        "scenario 1: only garbage",
        'name = "svhn-dcgan:scenario-1"',
    ):
        assert text in shown
    assert "objective.loss = " not in shown


def test_a_trial_of_three_steps_tells_the_expected_time(gansmith, tiny):
    shown = gansmith("recipes", "show", tiny, "--trial").out
    assert re.search(r"about \d:\d\d on this machine \(cpu, (fp32|bf16)\): 12 steps × \d+\.\d+ s, estimated", shown)


def test_a_recipe_is_shown_without_a_trial(gansmith, tiny, monkeypatch):
    monkeypatch.setattr("gansmith.planning.trial.seconds_per_step", None)
    shown = gansmith("recipes", "show", tiny)
    assert (shown.code, " on this machine " in shown.out) == (0, False)


def test_runs_are_listed_and_shown(gansmith, trained):
    heading, row = gansmith("runs", "list").out.splitlines()
    assert heading.split() == ["run", "status", "step", "dataset", "best", "fd", "time", "started", "(UTC)"]
    assert row.split()[:4] == ["00001-tiny", "done", "12/12", "fashion-10k"]
    assert json.loads(gansmith("runs", "list", "--json").out)[0]["status"] == "done"
    shown = gansmith("runs", "show").out
    for line in (
        "status       done",
        "step         12 of 12",
        "images       10,000 of fashion-10k, 28x28x1",
        "grids        8 in runs/00001-tiny/samples, 00000000.png to 00000012.png",
        "report       runs/00001-tiny/report.html",
    ):
        assert f"{line}\n" in shown
    assert re.search(r"^checkpoints  4 \(1.1 MB\), 8 \(1.1 MB\), 12 \(1.1 MB\)$", shown, re.MULTILINE)
    assert re.search(
        r"^losses       D \d.\d{3}, G \d.\d{3}; D right on real \d+%, fake \d+%, at step 12$", shown, re.MULTILINE
    )
    facts = json.loads(gansmith("runs", "show", "1", "--json").out)
    assert (facts["step"], facts["last_event"]["step"], [*facts["checkpoints"]]) == (12, 12, ["4", "8", "12"])


@pytest.mark.parametrize(("inside", "said"), [(".", "runs/00002-tiny"), ("runs", "00002-tiny")])
def test_a_fork_is_named_by_the_path_that_was_given(gansmith, trained, inside, said):
    os.chdir(inside)
    result = gansmith("resume", Path(said).with_name("00001-tiny"), "--fork", "--steps", 13)
    assert result.code == 0, result.err
    assert (result.out, result.err.splitlines()[0]) == (f"{said}\n", f"run folder: {said}")


def test_a_run_that_is_forked_from_within_lies_beside_it(gansmith, trained):
    beside = trained.absolute().with_name("00002-tiny")
    os.chdir(trained)
    assert gansmith("resume", ".", "--fork", "--steps", 13).out == f"{beside}\n"


def test_the_environment_is_described(gansmith):
    facts = json.loads(gansmith("env", "--json").out)
    assert facts["torch"] == torch.__version__
    assert facts["set mnist"] == "not here"
    assert "processor" in gansmith("env").out


def test_a_dry_run_shows_the_recipe_and_makes_nothing(gansmith, tiny):
    result = gansmith("train", tiny, "--steps", 3, "--dry-run")
    assert "images = 12" in result.out
    assert "SubPixelConv2d" in result.out
    assert not Path("runs").exists()


def test_json_of_a_run_is_all_that_stands_on_stdout(gansmith, tiny):
    result = json.loads(gansmith("train", tiny, "--json", "--name", "mine").out)
    assert (result["path"], result["seen"]) == ("runs/00001-mine", 48)


def test_bfloat16_trains_too_where_it_is_asked_for(gansmith, tiny):
    exact, coarse = (gansmith("train", tiny, "--precision", kind).run for kind in ("fp32", "bf16"))
    losses = [[event["loss/d"] for event in events(run)] for run in (exact, coarse)]
    np.testing.assert_allclose(*losses, rtol=0.1)
    assert losses[0] != losses[1]
