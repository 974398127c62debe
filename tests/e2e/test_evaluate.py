"""`gansmith evaluate`: what a person reads, what a program reads, and what is refused in a sentence."""

import json
import os
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_bad_input import one_sentence

from gansmith.data.datasets.catalog import SETS
from gansmith.data.formats.idx import read_idx

NUM = 200
"""Images of clothes that the run is trained on: more than the features are wide."""

RECIPE = """
from = "demo"
batch_size = 4
ema_half_life = 20.0

[length]
images = 16
log_every = 8
sample_every = 16
checkpoint_every = 8

[data]
limit = 200

[model]
width = 4
"""

CHEAP = ("--metrics", "fd,kid,authenticity")


@pytest.fixture(scope="session")
def clothes():
    """Packaged images, uint8 (400, 28, 28, 1)."""
    folder = SETS["fashion-10k"].packaged
    return read_idx(folder / "t10k-images-idx3-ubyte.gz", 3)[: 2 * NUM, ..., None]


@pytest.fixture
def run(gansmith):
    Path("small.toml").write_text(RECIPE)
    return gansmith("train", "small.toml").run


@pytest.fixture
def arrays(clothes):
    """fakes.npy and reals.npy, both of real images."""
    np.save("fakes.npy", clothes[:NUM])
    np.save("reals.npy", clothes[NUM:])


def write_folder(name, images, suffix="png"):
    Path(name).mkdir()
    for number, image in enumerate(images):
        Image.fromarray(image.squeeze()).save(Path(name) / f"{number:04}.{suffix}")
    return name


def test_a_run_is_measured_against_its_own_images_and_nothing_is_written_into_it(gansmith, run):
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    result = gansmith("evaluate", "last")
    assert result.code == 0, result.err
    first = result.out.splitlines()[0]
    real = "200 of fashion-10k, all[0:200]; features fashion-mnist"
    assert first == f"{run}, step 4, EMA weights: 200 images against {real}"
    for text in (
        "95 % interval",
        "floor",
        "blur",
        "noise",
        "fd  ",
        "recall",
        "authenticity",
        "ankle boot",
        "protocol:",
    ):
        assert text in result.out
    assert "is what was trained on" in result.out
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*")} == before


def test_a_program_gets_the_same_as_json(gansmith, run):
    result = gansmith("evaluate", run, *CHEAP, "--json", "--checkpoint", 2, "--seed", 5)
    found = json.loads(result.out)
    assert found["values"].keys() == {"fd", "kid", "authenticity"}
    assert found["values"]["fd"].keys() == {"value", "low", "high", "method"}
    assert found["floor"]["kid"]["value"] < found["values"]["kid"]["value"]
    assert (found["protocol"]["checkpoint"], found["protocol"]["seed"]) == (2, 5)
    assert (found["protocol"]["weights"], found["protocol"]["features"]) == ("average", "fashion-mnist")


def test_the_same_command_twice_says_the_same_and_other_seeds_say_other(gansmith, run):
    first, second, other = (gansmith("evaluate", run, *CHEAP, "--seed", seed).out for seed in (1, 1, 2))
    assert first == second != other


def test_a_runs_samples_measure_the_same_as_an_array_as_a_folder_and_as_the_run(gansmith, run, clothes):
    np.save("reals.npy", clothes[NUM:])
    for out in ("x.npy", "x"):
        assert gansmith("sample", run, "-n", 150, "--out", out).code == 0
    options = ("--against", "reals.npy", "-n", 150, "--metrics", "fd", "--features", "fashion-mnist", "--json")
    found = [json.loads(gansmith("evaluate", what, *options).out)["values"] for what in (run, "x.npy", "x")]
    assert found[0] == found[1] == found[2]


def test_real_images_are_at_the_floor_and_noise_is_not(gansmith, arrays):
    np.save("noise.npy", np.random.default_rng(0).integers(0, 256, (NUM, 28, 28, 1), np.uint8))
    options = ("--against", "reals.npy", "--features", "fashion-mnist", "--metrics", "kid,coverage", "--json")
    real, noise = (json.loads(gansmith("evaluate", what, *options).out) for what in ("fakes.npy", "noise.npy"))
    assert real["values"]["kid"]["low"] < 0.1 * noise["values"]["kid"]["value"]
    assert real["values"]["coverage"]["value"] > 0.9 > 0.2 > noise["values"]["coverage"]["value"]


def test_the_test_split_is_taken_where_the_set_has_one(gansmith, monkeypatch, clothes):
    make_idx("data/mnist", clothes)
    monkeypatch.setenv("GANSMITH_DATA", "data")
    np.save("fakes.npy", clothes[:NUM])
    result = gansmith("evaluate", "fakes.npy", "--against", "mnist", *CHEAP, "--json")
    found = json.loads(result.out)
    assert (found["protocol"]["split"], found["protocol"]["real"], found["protocol"]["train"]) == ("test", 150, 250)
    assert found["floor_is"] == "150 images of the train split, measured in the same way"
    other = gansmith("evaluate", "fakes.npy", "--against", "mnist", *CHEAP, "--json", "--split", "train")
    assert json.loads(other.out)["protocol"]["split"] == "train"


def make_idx(folder, images):
    """A set of MNIST's files: 250 images to train on and 150 to test."""
    import gzip
    import struct

    Path(folder).mkdir(parents=True)
    for stem, part in (("train", images[:250]), ("t10k", images[250:400])):
        pixels = struct.pack(">4i", 2051, len(part), 28, 28) + part.tobytes()
        labels = struct.pack(">2i", 2049, len(part)) + bytes(len(part))
        Path(folder, f"{stem}-images-idx3-ubyte.gz").write_bytes(gzip.compress(pixels))
        Path(folder, f"{stem}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))


def test_a_reference_that_was_trained_on_under_another_name_is_told(gansmith, run, clothes):
    np.save("reals.npy", clothes[50:350])
    result = gansmith("evaluate", run, "--against", "reals.npy", "--metrics", "kid")
    assert "note: 150 of the 300 real images are also training images (equal pixels)" in result.out


def test_jpeg_is_flagged(gansmith, arrays, clothes):
    write_folder("jpegs", clothes[:150], "jpg")
    result = gansmith("evaluate", "jpegs", "--against", "reals.npy", "--metrics", "fd", "--features", "fashion-mnist")
    assert "note: 150 of the 150 images are JPEG" in result.out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ("missing.npy --against reals.npy", 3, "missing.npy does not exist; give a .npy file"),
        ("missing --against reals.npy", 2, "no run 'missing' in runs: it holds no runs yet"),
        ("fakes.npy --against missing", 3, "unknown set 'missing'."),
        ("fakes.npy --against missing.npy", 3, "missing.npy does not exist"),
        ("fakes.npy", 2, "fakes.npy is no run, and does not say what its images are of; give --against"),
        ("floats.npy --against reals.npy", 3, "floats.npy is float32 of shape"),
        ("ints.npy --against reals.npy", 3, "images are uint8 0 to 255, (N, H, W) or (N, H, W, C)"),
        ("empty --against reals.npy", 3, "holds no image; give a folder of PNG files"),
        ("fakes.npy --against reals.npy --metrics fid", 2, "unknown metric 'fid'. Did you mean 'fd'?"),
        ("fakes.npy --against reals.npy -n 100 --metrics fd", 2, "128 wide, got 100 generated; kid takes 12."),
        ("fakes.npy --against few.npy --metrics fd", 2, "got 4 real and 4 generated; kid takes 12."),
        ("few.npy --against reals.npy", 2, "kid needs at least 12 images of either kind, got 4 generated."),
        (
            "none.npy --against reals.npy",
            3,
            "none.npy holds no images: it is an empty array, of shape (0, 28, 28, 1).",
        ),
        (
            "fakes.npy --against reals.npy --checkpoint best",
            2,
            "--checkpoint best goes with a run, and fakes.npy is none",
        ),
        ("tall --against reals.npy --device cpu", 2, "--device cpu goes with a run, and tall is none; leave it out."),
        ("fakes.npy --against reals.npy --runs .", 2, "--runs . goes with a run"),
        ("fakes.npy --against reals.npy --split test", 3, "reals.npy has no 'test' split"),
        ("fakes.npy --against reals.npy -n 0", 2, "-n 0: at least one image must be measured."),
        ("fakes.npy --against reals.npy -n 5000", 2, "-n 5,000: fakes.npy holds 200 images"),
        ("fakes.npy --against reals.npy --features fashion", 2, "unknown features 'fashion'. Did you mean 'fashion-m"),
        ("fakes.npy --against reals.npy --seed -1", 2, "seed -1: seeds are 0 or more."),
        ("small.npy --against reals.npy", 3, "small.npy holds images of 14x28 grey and reals.npy has 28x28 grey"),
        ("tall --against reals.npy", 3, "such as `gansmith data prepare SRC OUT --size 28x14 --channels 1` makes."),
        ("fakes.npy --against ./tall", 3, "`gansmith data prepare ./tall OUT --size 28x28` and give OUT instead."),
        (
            "small.npy --against fashion-10k",
            3,
            "`gansmith data prepare fashion-10k OUT --size 14x28` and give OUT instead.",
        ),
        (
            "fakes.npy --against reals.npy --metrics modes",
            2,
            "modes needs stacked digits, which only stacked-mnist has",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(gansmith, arrays, clothes, arguments, code, said):
    np.save("floats.npy", clothes[:4] / np.float32(255))
    np.save("ints.npy", clothes[:4].astype(np.int64))
    np.save("small.npy", clothes[:4, :14])
    np.save("few.npy", clothes[:4])
    np.save("none.npy", clothes[:0])
    write_folder("tall", clothes[:2, :, :14])
    Path("empty").mkdir()
    features = () if "--features" in arguments else ("--features", "fashion-mnist")
    one_sentence(gansmith("evaluate", *arguments.split(), *features), code, said)


def test_a_set_too_small_for_a_measure_is_measured_by_the_others(gansmith, arrays, clothes):
    np.save("few.npy", clothes[NUM : NUM + 13])
    result = gansmith("evaluate", "fakes.npy", "--against", "few.npy", "--features", "fashion-mnist")
    assert result.code == 0, result.err
    assert "kid  " in result.out
    assert (
        "fd is left out: it needs at least 129 images of either kind for features 128 wide, got 13 real" in result.out
    )
    assert "precision, recall are left out: each needs at least 20 images" in result.out


def test_numbers_with_many_places_are_shown_whole(gansmith):
    np.save("x.npy", np.random.default_rng(17).integers(0, 256, (17, 32, 32, 3), np.uint8))
    assert "…" not in gansmith("evaluate", "x.npy", "--against", "x.npy").out


def test_images_are_counted_before_features_are_computed(gansmith, arrays, clothes, monkeypatch):
    np.save("one.npy", clothes[:1])
    monkeypatch.setattr("gansmith.evaluation.reference.extract", lambda *_: pytest.fail("features were computed"))
    one_sentence(gansmith("evaluate", "one.npy", "--against", "fashion-10k"), 2, "got 1 generated")


@pytest.mark.slow
def test_what_a_file_was_trained_on_is_not_claimed(gansmith, arrays):
    result = gansmith("evaluate", "fakes.npy", "--against", "fashion-10k", "--metrics", "kid,authenticity")
    assert "authenticity" in result.out
    assert "trained on" not in result.out


def test_photos_of_many_sizes_are_brought_to_that_of_the_samples_by_the_command_that_is_told(gansmith):
    random = np.random.default_rng(0)
    write_folder("made", random.integers(0, 256, (12, 16, 16, 3), np.uint8))
    for name in ("my photos", "more"):
        write_folder(name, [random.integers(0, 256, (20 + n % 2, 30, 3), np.uint8) for n in range(12)])
    command = "gansmith data prepare './my photos' OUT --size 16x16"
    options = ("--metrics", "kid", "--features", "random")
    result = gansmith("evaluate", "made", "--against", "./my photos", *options)
    one_sentence(
        result,
        3,
        "0000.png is 20x30, but the images it is compared with are 16x16",
        f"`{command}` and give OUT instead.",
    )
    assert gansmith(*shlex.split(command)[1:]).code == 0
    assert "12 images against 12 of my photos" in gansmith("evaluate", "made", "--against", "OUT", *options).out
    swapped = gansmith("evaluate", "OUT", "--against", "made", *options)
    assert "OUT: 12 images against 12 of made" in swapped.out


def test_a_missing_checkpoint_and_too_many_pixels_for_the_features_are_told(gansmith, run):
    one_sentence(gansmith("evaluate", run, "--checkpoint", 3), 5, "has no checkpoint '3'; it has 2, 4")
    one_sentence(gansmith("evaluate", run, "--features", "cifar10", "--metrics", "pixels"), 2, "unknown metric")


def test_the_second_time_takes_the_real_side_from_the_cache(gansmith, run, monkeypatch):
    monkeypatch.setenv("GANSMITH_CACHE", str(Path("cache").absolute()))
    first = gansmith("evaluate", run, *CHEAP)
    kept = {path: path.read_bytes() for path in Path("cache/evaluations").iterdir()}
    assert len(kept) == 6  # features; floor, blur and noise; held out and planted
    for path in kept:
        os.utime(path, (0, 0))
    assert gansmith("evaluate", run, *CHEAP).out == first.out
    assert all(path.stat().st_mtime == 0 for path in kept)
