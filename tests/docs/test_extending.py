"""The worked examples of docs/extending.md, put where it says in a copy of the code and used there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
STEPS = re.findall(
    r"^(A new file|In) `([^`]+)`(?:, (below|instead of) `([^`]+)`)?:\n\n```\w+\n(.*?)^```$", TEXT, re.M | re.S
)

pytestmark = pytest.mark.slow


def apply(step, tree):
    """Do what one sentence of the page says to the files below `tree`."""
    kind, name, how, line, block = step
    file = tree / name
    if kind == "A new file":
        assert not file.exists()
        file.write_text(block, encoding="utf-8")
        return
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    (at,) = [number for number, one in enumerate(lines) if one.rstrip("\n") == line]
    below = at + 1 + (line.startswith("| "))  # a table's head is followed by its rule
    lines[below if how == "below" else at : below if how == "below" else at + 1] = [block]
    file.write_text("".join(lines), encoding="utf-8")


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the code, its documentation and its tests, with every step of the page applied."""
    tree = tmp_path_factory.mktemp("tree")
    for folder in ("src", "docs", "tests", "benchmarks"):
        shutil.copytree(ROOT / folder, tree / folder, ignore=shutil.ignore_patterns("__pycache__", "results"))
    shutil.copy(ROOT / "pyproject.toml", tree)
    for step in STEPS:
        apply(step, tree)
    return tree


@pytest.fixture
def extended(tree, tmp_path):
    """Runs a Python module on the extended code; returns what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(tree / "src"), "GANSMITH_DATA": str(tmp_path)}

    def run(*arguments, folder=tmp_path):
        done = subprocess.run(
            [sys.executable, "-m", *arguments], cwd=folder, env=environment, capture_output=True, encoding="utf-8"
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_every_block_of_the_page_is_a_step():
    assert len(STEPS) == len(re.findall(r"^```(?:python|markdown|text)$", TEXT, re.M)) > 20


def test_the_loss_the_optimiser_and_the_metric_are_used_and_the_command_shows_the_notes(extended):
    small = ("--set", "model.width=8", "--set", "batch_size=4", "--set", "data.limit=300")
    optimiser = ("--set", "generator_optimizer={name='momentum', lr=0.001}")
    extended("gansmith", "train", "demo", "--steps", "2", "--set", "objective.loss=squared-hinge", *optimiser, *small)
    shown = extended("gansmith", "evaluate", "last", "-n", "40", "--metrics", "brightness")
    assert re.search(r"^brightness\b.*\d", shown, re.M)
    assert "fashion-10k is Fashion-MNIST's official test split" in extended("gansmith", "notes")


def test_the_dataset_is_listed_and_read(extended, tmp_path):
    images = np.arange(2 * 3 * 96 * 96, dtype=np.uint32).astype(np.uint8).reshape(2, 3, 96, 96)
    (tmp_path / "stl10").mkdir()
    for split in ("train", "test"):
        images.transpose(0, 1, 3, 2).tofile(tmp_path / "stl10" / f"{split}_X.bin")
        np.array([10, 3], np.uint8).tofile(tmp_path / "stl10" / f"{split}_y.bin")
    assert "stl10" in extended("gansmith", "data", "list")
    (tmp_path / "read.py").write_text(
        "from gansmith.data.sources import find_source\n"
        "found = find_source('stl10', 'test', offline=True).read_arrays()\n"
        "print(found.labels.tolist(), found.images[1, 2, 5].tolist())\n"
    )
    assert extended("read") == f"[9, 2] {images[1, 2, 5].tolist()}\n"


def test_the_extended_code_passes_the_tests_of_what_was_extended(extended, tree):
    chosen = ["tests/docs/test_objectives_page.py", "tests/docs/test_reference.py", "tests/unit/test_house.py"]
    chosen += [
        "tests/unit/test_numbers.py",
        "tests/unit/objectives/test_objectives.py",
        "tests/unit/metrics/test_brightness.py",
    ]
    extended("docs.make_reference", folder=tree)
    extended("pytest", "-q", "-n0", "-p", "no:cacheprovider", *chosen, folder=tree)
    extended("ruff", "format", "--check", "src", "tests", folder=tree)
    extended("ruff", "check", "src", "tests", folder=tree)


def test_what_is_missing_is_said_in_a_sentence(tree, tmp_path):
    """Without its row in the documentation and its values, a loss is refused with what to add."""
    for folder in ("src", "docs", "tests"):
        shutil.copytree(tree / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(tree / "pyproject.toml", tmp_path)
    for name in ("docs/objectives.md", "tests/unit/objectives/test_objectives.py"):
        file = tmp_path / name
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        file.write_text("".join(line for line in lines if "squared-hinge" not in line), encoding="utf-8")
    chosen = ["tests/docs/test_objectives_page.py", "tests/unit/objectives/test_objectives.py"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", *chosen],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "src")},
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 1
    for place in (
        "the table under 'Losses' of docs/objectives.md",
        "VALUES in tests/unit/objectives/test_objectives.py",
    ):
        assert f"squared-hinge: add to {place}" in done.stdout
