"""The worked example of docs/a-tenth-system.md, put where it says and used as it says."""

import re
import sys
from pathlib import Path

import pytest

import gansmith.models
import gansmith.recipes
from gansmith.cli.main import main

PAGE = Path(__file__).parents[2] / "docs" / "a-tenth-system.md"


@pytest.fixture
def _files(tmp_path, monkeypatch):
    """The page's two files in rooms of their own, which are added to the package's."""
    text = PAGE.read_text(encoding="utf-8")
    found = re.findall(
        r"^## [^\n]*`src/gansmith/(models|recipes)/(\w+\.py)`$.*?^```python\n(.*?)^```$", text, re.M | re.S
    )
    assert [room for room, _, _ in found] == ["models", "recipes"]
    for room, name, code in found:
        folder = tmp_path / "rooms" / room
        folder.mkdir(parents=True)
        (folder / name).write_text(code, encoding="utf-8")
        package = getattr(gansmith, room)
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    yield
    for name in ("gansmith.models.night_sky", "gansmith.recipes.night_sky"):
        sys.modules.pop(name, None)
    for package in (gansmith.models, gansmith.recipes):
        vars(package).pop("night_sky", None)


@pytest.mark.usefixtures("_files")
def test_the_new_system_is_listed_shown_trained_and_sampled(capsys):
    assert main(["recipes", "list"]) == 0
    listed = capsys.readouterr().out
    assert "night-sky" in listed
    assert ":slow" in listed
    assert main(["recipes", "show", "night-sky:slow"]) == 0
    shown = capsys.readouterr().out
    assert "discriminator_optimizer.lr = 0.0005 (there: 0.001)" in shown
    assert re.findall(r"^total +([\d,]+)$", shown, re.M) == ["634,401", "7,105"]
    assert main(["train", "night-sky", "--steps", "3"]) == 0
    assert main(["sample", "last", "-n", "4", "--out", "grid.png"]) == 0
    assert Path("grid.png").is_file()
