"""Arrays are datasets: from the command line, from Python, and what `gansmith sample` writes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gansmith as package
from gansmith.data.datasets.catalog import cache_folder
from gansmith.errors import DataError
from gansmith.runs.run import find_run

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 16, 16), np.uint8)
LABELS = np.arange(40) % 2
SMALL = {"model.width": 4, "batch_size": 4, "grid.rows": 2, "evaluate.every": 0, "length.images": 16}
CHANGES = [word for field, value in SMALL.items() for word in ("--set", f"{field}={value}")]


def test_a_npz_trains_its_classes_resumes_and_is_evaluated_against(gansmith):
    np.savez("medical.npz", train_images=IMAGES, train_labels=LABELS[:, None], test_images=IMAGES[:12, ::-1])
    result = gansmith("train", "demo", "--data", "medical.npz", "--labels", *CHANGES)
    assert result.code == 0, result.err
    run = find_run("last")
    assert run.info()["recipe"]["data"]["num_classes"] == 2
    assert any("train/: 40 of 52 images; test/ 12 are not trained on" in note for note in run.info()["notes"])
    assert gansmith("resume", "last", "--steps", 6).code == 0
    result = gansmith("evaluate", "last", "-n", 12, "--metrics", "kid")
    assert result.code == 0, result.err
    assert "12 of medical.npz (test)" in result.out or "test" in result.out


def test_what_sample_writes_is_trained_on_and_evaluated(gansmith):
    assert gansmith("train", "demo", "--data", "fashion-10k", *CHANGES).code == 0
    assert gansmith("sample", "last", "-n", 24, "--out", "made.npy").code == 0
    result = gansmith("train", "demo", "--data", "made.npy", *CHANGES)
    assert result.code == 0, result.err
    assert gansmith("data", "prepare", "made.npy", "packed").code == 0
    for name in ("made.npy", "packed"):
        result = gansmith("evaluate", "made.npy", "--against", name, "--metrics", "kid")
        assert result.code == 0, result.err


def test_a_run_of_an_array_is_resumed_in_another_process_as_if_it_had_never_stopped():
    planned = package.plan("demo", SMALL, data=IMAGES, labels=LABELS)
    run, whole = package.train(planned), package.train(planned)
    resumed = [sys.executable, "-m", "gansmith", "resume", str(run.path), "--steps", "6"]
    assert subprocess.run(resumed, env=os.environ | {"OMP_NUM_THREADS": "1"}, check=False).returncode == 0
    package.resume(whole, steps=6)
    weights = [(one.checkpoints / "00000006" / "G.safetensors").read_bytes() for one in (run, whole)]
    assert weights[0] == weights[1]


def test_where_the_cache_was_emptied_the_array_is_given_again(monkeypatch, tmp_path):
    monkeypatch.setenv("GANSMITH_CACHE", str(tmp_path / "cache"))
    run = package.train(package.plan("demo", SMALL, data=IMAGES))
    shutil.rmtree(cache_folder())
    with pytest.raises(DataError, match=r"array-\w{16}\.npy any more; give their new location"):
        package.resume(run, steps=6)
    assert package.resume(run, data=IMAGES, steps=6).info()["status"] == "done"


def test_arrays_are_compared_with_arrays():
    found = package.evaluate(IMAGES, IMAGES[:, ::-1].copy(), "kid")
    assert found["kid"].low <= found["kid"].value <= found["kid"].high
    assert package.check_data(IMAGES).counts()["used"] == 40
    assert not Path("made.npy").exists()
