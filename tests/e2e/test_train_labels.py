"""Training with labels and asking for a class: what a user does, and what is refused."""

import json
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gansmith.recipe_file import recipe_of
from gansmith.runs.run import Run
from tests.helpers.run_folder import assert_continuing_equals_never_stopping, trained_in
from tests.helpers.small_images import file, photo

CONDITIONAL = """
from = "demo"
batch_size = 4
ema_half_life = 20.0

[length]
images = 48
log_every = 4
sample_every = 16
checkpoint_every = 16

[model]
name = "thin-dcgan"
width = 8

[grid]
rows = 2
"""


@pytest.fixture
def conditional():
    """A recipe file of twelve steps, whose networks take labels."""
    Path("conditional.toml").write_text(CONDITIONAL)
    return "conditional.toml"


@pytest.fixture(scope="session")
def told_once(tmp_path_factory):
    """A folder with the recipe and its finished run on the clothes, to be copied."""
    return trained_in(tmp_path_factory.mktemp("told"), "conditional.toml", CONDITIONAL, "--labels")


@pytest.fixture
def told(told_once):
    """The folder of the finished run, under runs/ in the current folder."""
    shutil.copytree(told_once, ".", dirs_exist_ok=True)
    return Path("runs/00001-conditional")


@pytest.fixture
def zoo():
    """A folder of 60 images in three folders, of 30, 20 and 10."""
    for name, num in (("cat", 30), ("dog", 20), ("owl", 10)):
        (Path("zoo") / name).mkdir(parents=True)
        for number in range(num):
            (Path("zoo") / name / f"{number}.png").write_bytes(file(photo(16, 16, seed=number)))
    return "zoo"


def test_a_set_trains_with_its_classes_and_the_run_keeps_their_names(gansmith, told):
    recipe, info = recipe_of(Run(told)), json.loads((told / "run.json").read_text())
    assert recipe.data.num_classes == 10
    assert info["data"]["classes"][8] == "bag"
    assert info["data"]["class_counts"] == [1000] * 10
    names = "T-shirt/top, trouser, pullover, dress, coat, sandal, shirt, sneaker, bag, ankle boot"
    assert f"conditional on 10 classes: {names}" in info["notes"]
    assert gansmith("runs", "verify", "last").code == 0


def test_each_column_of_a_grid_is_of_one_class_and_the_report_says_which(told):
    grid = recipe_of(Run(told)).grid
    assert (grid.rows, grid.columns) == (2, 10)
    page = (told / "report.html").read_text()
    assert page.count("Each column is of one class: T-shirt/top, trouser,") == 2
    with Image.open(told / "evolution.png") as strip, Image.open(told / "samples/00000012.png") as sheet:
        assert strip.height == 24 + 10 * 60
        assert sheet.width == 2 * (10 * 30 + 2)


def test_a_class_is_asked_for_by_name_or_number_and_several_come_in_turn(gansmith, told):
    asked = {
        "bag": ("--class", "bag"),
        "eight": ("--class", 8),
        "trouser": ("--class", "trouser"),
        "both": ("--class", "trouser", "--class", "bag"),
        "all": (),
    }
    for name, options in asked.items():
        result = gansmith("sample", "last", "-n", 20, *options, "--out", f"{name}.npy")
        assert result.code == 0, result.err
    found = {name: np.load(f"{name}.npy") for name in asked}
    assert np.array_equal(found["bag"], found["eight"])
    assert not np.array_equal(found["bag"], found["trouser"])
    assert np.array_equal(found["both"][::2], found["trouser"][::2])
    assert np.array_equal(found["both"][1::2], found["bag"][1::2])
    assert np.array_equal(found["all"][[8, 18]], found["bag"][[8, 18]])
    assert np.array_equal(found["all"][[1, 11]], found["trouser"][[1, 11]])
    assert "classes: 2 T-shirt/top, 2 trouser," in result.err


def test_a_walk_stays_within_the_class_that_is_named(gansmith, told):
    walk = ("sample", "last", "--interpolate", "2,5", "--frames", 3, "--out", "walk.npy")
    assert gansmith(*walk, "--class", "bag").code == 0
    assert gansmith("sample", "last", "-n", 6, "--class", "bag", "--out", "bags.npy").code == 0
    assert np.array_equal(np.load("walk.npy")[[0, 3]], np.load("bags.npy")[[2, 5]])
    for options in ((), ("--class", "bag", "--class", "coat")):
        result = gansmith(*walk, *options)
        assert result.code == 2
        assert result.err == "error: interpolation stays within one class of this run; name it once by --class.\n"


@pytest.mark.parametrize(
    ("num", "classes", "rows", "columns"),
    [(64, [], 7, 10), (40, [], 4, 10), (64, ["bag"], 8, 8), (30, ["bag", "coat", "dress"], 5, 6), (3, [], 2, 2)],
)
def test_classes_that_come_in_turn_keep_to_their_columns(gansmith, told, num, classes, rows, columns):
    options = [part for name in classes for part in ("--class", name)]
    assert gansmith("sample", "last", "-n", num, *options, "--out", "x.png").code == 0
    with Image.open("x.png") as sheet:
        assert sheet.size == (2 * (30 * columns + 2), 2 * (30 * rows + 2))


def test_a_class_that_is_not_there_is_refused_before_anything_is_written(gansmith, told):
    result = gansmith("sample", "last", "--class", "bags", "--out", "sheets/x.png")
    assert result.code == 2
    assert "unknown class 'bags'. Did you mean 'bag'?" in result.err
    assert not Path("sheets").exists()


def test_a_run_without_labels_cannot_be_asked_for_a_class(gansmith, trained):
    result = gansmith("sample", "last", "--class", "bag", "--out", "x.png")
    assert result.code == 2
    assert result.err == (
        "error: this run was trained without labels, so it has no class 'bag'; leave it out, or train with --labels.\n"
    )


def test_the_figures_of_a_conditional_run_are_drawn(gansmith, told):
    result = gansmith("runs", "figures", "last")
    assert result.code == 0, result.err
    assert "Each column is of one class: T-shirt/top" in (told / "figures/index.html").read_text()


def test_continuing_a_conditional_run_equals_never_stopping(gansmith, conditional):
    changes = ("--set", "objective.loss=relativistic", "--set", "objective.penalty=r1+r2", "--set", "objective.gamma=1")
    options = (conditional, "--labels", *changes)
    parts = assert_continuing_equals_never_stopping(gansmith, *options)
    assert gansmith("runs", "verify", parts).code == 0


@pytest.mark.slow
def test_a_conditional_run_is_evaluated_on_its_way(gansmith, conditional):
    changes = ("--set", "evaluate.every=48", "--set", "evaluate.images=200", "--set", "data.limit=1000")
    result = gansmith("train", conditional, "--labels", *changes)
    assert result.code == 0, result.err
    (line,) = (result.run / "metrics.jsonl").read_text().splitlines()
    assert json.loads(line)["fd"]["value"] > 0


@pytest.mark.slow
def test_a_conditional_run_is_evaluated_afterwards(gansmith, told):
    found = gansmith("evaluate", "last", "-n", 200, "--metrics", "fd", "--json")
    assert found.code == 0, found.err
    assert json.loads(found.out)["values"]["fd"]["value"] > 0


def test_folders_are_classes(gansmith, conditional, zoo):
    result = gansmith("train", conditional, "--data", zoo, "--labels")
    assert result.code == 0, result.err
    assert "conditional on 3 classes: cat, dog, owl" in result.err
    run = Run(result.run)
    assert run.info()["data"]["class_counts"] == [30, 20, 10]
    assert recipe_of(run).grid.columns == 9
    shutil.rmtree(zoo)
    asked = gansmith("sample", "last", "-n", 12, "--out", "x.npy")
    assert "classes: 6 cat, 4 dog, 2 owl" in asked.err
    assert gansmith("sample", "last", "-n", 2, "--class", "owl", "--out", "y.npy").code == 0


def test_a_recipe_that_sets_itself_takes_labels(gansmith, zoo):
    result = gansmith(
        "train", "--data", zoo, "--labels", "--set", "batch_size=4", "--set", "model.width=8", "--steps", 2
    )
    assert result.code == 0, result.err
    found = recipe_of(Run(result.run))
    assert (found.data.num_classes, found.grid.columns) == (3, 9)
    assert gansmith("sample", "last", "-n", 2, "--class", "owl", "--out", "x.npy").code == 0


def test_an_archive_and_a_part_of_the_classes_do_as_well(gansmith, conditional, zoo):
    with tarfile.open("zoo.tar", "w") as archive:
        archive.add(zoo)
    result = gansmith("train", conditional, "--data", "zoo.tar[owl,cat]", "--labels", "--set", "grid.columns=5")
    assert result.code == 0, result.err
    assert "conditional on 2 classes: cat, owl" in result.err
    assert Run(result.run).info()["data"]["class_counts"] == [30, 10]
    assert recipe_of(Run(result.run)).grid.columns == 5


def test_a_run_does_not_go_on_with_other_labels(gansmith, conditional, zoo):
    flat = Path("flat")
    flat.mkdir()
    for number, image in enumerate(sorted(Path(zoo).rglob("*.png"))):
        image.rename(flat / f"{number:02}.png")
    labels = [f"{number:02}.png,{'cat' if number < 40 else 'dog'}" for number in range(60)]
    (flat / "labels.csv").write_text("\n".join(labels))
    run = gansmith("train", conditional, "--data", "flat", "--labels", "--steps", 4).run
    (flat / "labels.csv").write_text("\n".join([*labels[:-1], "59.png,cat"]))
    result = gansmith("resume", run, "--steps", 12)
    assert result.code == 2
    assert "its images are not those it was trained on (labels was" in result.err


def test_what_cannot_be_told_apart_is_refused_before_a_run_is_made(gansmith, conditional, zoo):
    for data, code, message in (
        ("zoo/cat", 3, "has no labels, but --labels needs two classes; leave out --labels, or sort the images"),
        ("zoo[dog]", 3, "has only images of the class 'dog', but --labels needs two classes"),
    ):
        result = gansmith("train", conditional, "--data", data, "--labels")
        assert result.code == code
        assert message in result.err
    assert not Path("runs").exists()


def test_who_asks_for_classes_is_told_which_image_has_none(gansmith, conditional, zoo):
    Path("zoo/cat/0.png").rename("zoo/0.png")
    for options in (
        ("--data", "zoo", "--labels"),
        ("--data", "zoo[cat]"),
        ("--data", "zoo", "--set", "data.num_classes=3"),
    ):
        result = gansmith("train", conditional, *options)
        assert result.code == 3
        assert (
            "zoo' have no class, the first is 0.png; give them one, remove them, train without classes, or"
            in result.err
        )
    assert not Path("runs").exists()
    result = gansmith("data", "prepare", "zoo", "store", "--size", 28, "--channels", 1)
    assert "1 image has no class: 0.png" in result.err


@pytest.mark.parametrize(
    ("data", "ending"),
    [
        (
            "fashion-10k[sandal]",
            "only images of the class 'sandal', but --labels needs two classes; leave out --labels or [sandal].",
        ),
        (
            "zoo[dog]",
            "only images of the class 'dog', but --labels needs two classes; leave out --labels or [dog].",
        ),
    ],
)
def test_who_chose_a_single_class_is_not_told_to_sort_images(gansmith, conditional, zoo, data, ending):
    result = gansmith("train", conditional, "--data", data, "--labels")
    assert result.code == 3
    assert result.err.endswith(f"{ending}\n")


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--set", "data.num_classes=7"), 3, "data.num_classes=7, but 'fashion-10k' has images of 10 classes; "),
        (("--set", "data.num_classes=7", "--data", "zoo/cat"), 3, "zoo/cat' has no labels; `gansmith train --labels` "),
        (
            ("--set", "data.num_classes=1"),
            2,
            "data.num_classes=1 must be 0, to train without labels, or 2 and more.",
        ),
        (("--labels", "--set", "data.num_classes=10"), 2, "--labels takes data.num_classes from the images; "),
        (
            ("--labels", "--set", "model.name=upsample-dcgan"),
            2,
            "model 'upsample-dcgan' is not conditional; set model.name",
        ),
        (
            ("--labels", "--set", "evaluate.validation=56", "--data", "zoo"),
            3,
            "is left to train on; lower the number of validation images.",
        ),
    ],
)
def test_a_mistake_with_classes_is_one_sentence(gansmith, conditional, zoo, options, code, message):
    result = gansmith("train", conditional, *options)
    assert result.code == code
    assert message in result.err
    assert len(result.err.splitlines()) == 1 + ("looking at" in result.err) + result.err.count("packing images")
    assert not Path("runs").exists()


def test_a_dry_run_shows_the_classes_and_makes_nothing(gansmith, conditional):
    result = gansmith("train", conditional, "--labels", "--dry-run")
    assert "num_classes = 10\n" in result.out
    assert not Path("runs").exists()


def test_a_grid_that_labels_leave_alone_is_that_of_the_images(gansmith):
    for number in range(40):
        (Path("many") / f"{number:02}").mkdir(parents=True)
        for which in range(2):
            (Path("many") / f"{number:02}/{which}.jpg").write_bytes(file(photo(64, 256, seed=number), "JPEG"))
    options = ("train", "--data", "many", "--steps", 2, "--dry-run", "--json")
    plain, told = (json.loads(gansmith(*options, *more).out)["recipe"] for more in ((), ("--labels",)))
    assert (plain["data"]["num_classes"], told["data"]["num_classes"]) == (0, 40)
    assert plain["grid"] == told["grid"] == {"rows": 8, "columns": 4}
