"""The Python and TOML of README.md and of the docs do what they say, on smaller settings."""

import re
from pathlib import Path

import numpy as np
import pytest

import gansmith

ROOT = Path(__file__).parents[2]
SMALL = ["batch_size=4", "model.width=8", "data.limit=400", "evaluate.every=16", "evaluate.images=130"]
SMALL += ["length.images=32", "length.log_every=8", "length.sample_every=16", "length.checkpoint_every=16"]


def snippets(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / page).read_text(encoding="utf-8"), re.M | re.S)


@pytest.fixture
def _small(monkeypatch):
    """`gansmith.recipe` gives recipes of a few steps, whatever else is changed."""
    original = gansmith.recipe
    monkeypatch.setattr(gansmith, "recipe", lambda name, changes=(): original(name, [*changes, *SMALL]))


@pytest.mark.usefixtures("_small")
def test_the_readme_trains_and_samples():
    (code,) = snippets("README.md", "python")
    names = {}
    exec(code, names)
    assert (names["images"].shape, names["images"].dtype) == ((64, 28, 28, 1), np.uint8)
    assert names["run"].info()["status"] == "done"


@pytest.mark.usefixtures("_small")
def test_getting_started_trains_reads_the_log_and_takes_a_step(capsys):
    names = {}
    for code in snippets("docs/getting-started.md", "python"):
        exec(code, names)
    assert names["images"].shape == (16, 28, 28, 1)
    assert [step for step, *_ in names["losses"]] == [2, 4, 6, 8]
    assert [step for step, _ in names["distances"]] == [4, 8]
    assert names["step"].seen == names["recipe"].length.images
    assert "done" in capsys.readouterr().out


def test_the_snippets_on_metrics_extract_features_and_measure_them():
    grey = np.random.default_rng(0).integers(0, 256, (300, 28, 28, 1), np.uint8)
    names = {"images": grey[:20], "reals": grey[:150], "fakes": grey[150:]}
    extracting, measuring = snippets("docs/metrics.md", "python")
    exec(extracting, names)
    assert names["found"].vectors.shape == (20, 128)
    assert names["found"].probabilities.shape == (20, 10)
    exec(measuring, names)
    assert names["found"].values.keys() == {"fd", "precision", "recall"}
    assert names["found"].values["fd"].low < names["found"].values["fd"].high


@pytest.mark.parametrize("page", ["README.md", "docs/getting-started.md"])
def test_the_recipe_file_of_the_page_is_a_recipe(page, tmp_path):
    (text,) = snippets(page, "toml")
    (tmp_path / "mine.toml").write_text(text)
    made = gansmith.recipe(str(tmp_path / "mine.toml"))
    assert made.batch_size == 64
