"""Run folders that an earlier version wrote are shown, checked, sampled, measured and continued as that version did.

Only the command line is used. On the machine that made the folders, every byte is the same; on another, float32 rounds
otherwise, by as much as each assertion says. The folders are described in tests/fixtures/old_runs/README.md.
"""

import hashlib
import json
import shutil
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from tests.helpers.run_folder import events

FOLDER = Path(__file__).parents[1] / "fixtures" / "old_runs"
EXPECTED = json.loads((FOLDER / "expected.json").read_text())
NAMES = [*EXPECTED["runs"]]
FALLEN = {"labels": 96}
"""Finished runs whose learning rate has fallen to its end, and the images at which it has."""


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def machine():
    """What decides the last bits: the processor, as far as Linux tells it, and the packages."""
    try:
        lines = [line.partition(":") for line in Path("/proc/cpuinfo").read_text().splitlines()]
    except OSError:
        lines = []
    cpu = {key.strip(): value.strip() for key, _, value in reversed(lines)}
    return {
        "processor": cpu.get("model name", ""),
        "flags": sha256(" ".join(sorted(cpu.get("flags", "").split())).encode()),
        **{package: version(package) for package in ("torch", "numpy", "pillow")},
    }


IS_SAME_MACHINE = machine() == EXPECTED["machine"]


def assert_same_images(found, wanted):
    """Equal; on another machine up to 0.5 % of the pixels are one level off."""
    assert (found.dtype, found.shape) == (np.uint8, wanted.shape)
    off = np.abs(found.astype(int) - wanted.astype(int))
    if IS_SAME_MACHINE:
        assert not off.any()
    assert off.max() <= 1
    assert (off > 0).mean() <= 0.005


def assert_same_numbers(found, wanted, rel=1e-4):
    """The same nested keys and numbers; on another machine they may be off by a share of `rel`."""
    if IS_SAME_MACHINE:
        assert found == wanted
    found, wanted = dict(flat(found)), dict(flat(wanted))
    assert found == pytest.approx(wanted, rel=rel)


def flat(values, name=""):
    """(dotted name, number) of every number in nested dictionaries and lists."""
    if isinstance(values, dict | list):
        for key, value in values.items() if isinstance(values, dict) else enumerate(values):
            yield from flat(value, f"{name}.{key}")
    else:
        yield name, values


def assert_same_weights(checkpoint, arrays):
    """The networks that are kept in expected.npz; an error is a share of the largest number of its tensor."""
    assert {name.split("/")[1] for name in arrays} == {"G", "G_ema", "D", "augment"}
    found = {
        f"weights/{file.stem}/{name}": array
        for file in checkpoint.glob("*.safetensors")
        if not file.stem.startswith("optimizer")
        for name, array in load_file(file).items()
    }
    assert found.keys() == arrays.keys()
    for name, wanted in arrays.items():
        assert found[name].shape == wanted.shape
        assert np.abs(found[name] - wanted).max() <= 1e-4 * np.abs(wanted).max(), name


@pytest.fixture
def old():
    """Copies of the folders under runs/ in the current folder, by name."""
    places = {name: Path(f"runs/{number:05}-{name}") for number, name in enumerate(NAMES, 1)}
    for name, place in places.items():
        shutil.copytree(FOLDER / name, place)
    return places


@pytest.fixture(scope="module")
def arrays():
    with np.load(FOLDER / "expected.npz") as file:
        return dict(file)


def test_old_runs_are_listed(gansmith, old):
    listed = json.loads(gansmith("runs", "list", "--json").out)
    assert [run["name"] for run in listed] == [place.name for place in old.values()]
    assert [(run["status"], run["step"]) for run in listed] == [
        (run["status"], run["step"]) for run in EXPECTED["runs"].values()
    ]
    table = gansmith("runs", "list")
    assert table.code == 0
    assert all(name in table.out for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_an_old_run_is_shown(gansmith, old, name):
    assert gansmith("runs", "show", name).code == 0
    wanted, result = EXPECTED["runs"][name], gansmith("runs", "show", name, "--json")
    assert result.code == 0, result.err
    shown = json.loads(result.out)
    assert (shown["status"], shown["step"]) == (wanted["status"], wanted["step"])
    assert [*map(int, shown["checkpoints"])] == wanted["checkpoints"]
    assert shown.get("best") == wanted["best"]


@pytest.mark.parametrize("name", NAMES)
def test_the_checkpoints_of_an_old_run_are_whole(gansmith, old, name):
    result = gansmith("runs", "verify", name)
    assert result.code == 0, result.err


@pytest.mark.parametrize("name", NAMES)
def test_an_old_run_makes_the_same_samples(gansmith, old, arrays, name):
    result = gansmith("sample", name, "-n", 8, "--seed", 3, "--device", "cpu", "--out", "x.npy")
    assert result.code == 0, result.err
    assert_same_images(np.load("x.npy"), arrays[f"sample/{name}"])
    if IS_SAME_MACHINE:
        assert sha256(Path("x.npy").read_bytes()) == EXPECTED["runs"][name]["sample_sha256"]


def test_an_old_run_gets_the_same_frechet_distance(gansmith, old):
    result = gansmith("evaluate", "labels", "-n", 140, "--metrics", "fd", "--device", "cpu", "--json")
    assert result.code == 0, result.err
    measured = json.loads(result.out)["values"]["fd"]
    # NumPy's linear algebra may order its sums by where an array lies in memory
    assert {name: measured[name] for name in EXPECTED["evaluate"]} == pytest.approx(EXPECTED["evaluate"], rel=1e-4)


def test_an_old_run_that_was_stopped_goes_on_as_if_it_never_was(gansmith, old, arrays):
    result = gansmith("resume", "stopped", "--device", "cpu")
    assert result.code == 0, result.err
    run, wanted = old["stopped"], EXPECTED["uninterrupted"]
    assert json.loads((run / "run.json").read_text())["status"] == "done"
    assert_same_numbers(events(run), wanted["events"])
    metrics = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert_same_numbers(metrics, wanted["metrics"], rel=1e-2)  # two of them are quotients of small numbers
    assert (run / "checkpoints/best").read_text().strip() == wanted["best"]
    checkpoint = run / "checkpoints" / (run / "checkpoints/latest").read_text().strip()
    assert_same_weights(checkpoint, {name: array for name, array in arrays.items() if name.startswith("weights/")})
    grids = sorted((run / "samples").glob("*.png"))
    assert [f"samples/{file.name}" for file in grids] == [name for name in arrays if name.startswith("samples/")]
    for file in grids:
        assert_same_images(np.asarray(Image.open(file)), arrays[f"samples/{file.name}"])
    if IS_SAME_MACHINE:
        files = [*checkpoint.glob("*.safetensors"), *grids]
        assert {file.name: sha256(file.read_bytes()) for file in files} == wanted["sha256"]


@pytest.mark.parametrize("name", EXPECTED["step_13"])
def test_an_old_run_that_was_finished_is_made_longer(gansmith, old, name):
    """With parts of a batch and held-out losses, and with classes: each recipe means what it meant.

    A rate that had fallen to its end stayed there then, as it does now in a fork with a schedule of its own.
    """
    options = ["--steps", 13, "--device", "cpu"]
    if name in FALLEN:
        own = [f"--set={network}_optimizer.lr.until={FALLEN[name] - 1}" for network in ("generator", "discriminator")]
        options += [*own, "--fork"]
    result = gansmith("resume", name, *options)
    assert result.code == 0, result.err
    assert_same_numbers(events(result.run if name in FALLEN else old[name])[-1], EXPECTED["step_13"][name])


@pytest.mark.parametrize("name", FALLEN)
def test_the_rate_of_an_old_run_that_is_made_longer_begins_anew(gansmith, old, name):
    result = gansmith("resume", name, "--steps", 24, "--device", "cpu")
    assert result.code == 0, result.err
    for network in ("generator", "discriminator"):
        said = f"{network}_optimizer.lr begins anew: 0.0015 until step 18, then down to 7.5e-05 at step 24\n"
        assert said in result.err


def test_an_old_run_of_imported_weights_is_not_resumed(gansmith, old):
    assert gansmith("resume", "imported", "--steps", 3).code == 5
