"""Pages: every value is escaped, none may be missing, grids keep an even scale."""

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from jinja2 import UndefinedError
from PIL import Image
from torch import nn

import gansmith
from gansmith.nn.modulation import SelfModulation
from gansmith.nn.residual import ResidualBlock
from gansmith.nn.stack import Stack
from gansmith.nn.summary import summarize
from gansmith.recipe_file import override, to_toml
from gansmith.report import write_report
from gansmith.runs.run import Run
from gansmith.viz.diagram import DrawnLayer, diagram
from gansmith.viz.grids import enlargement, grid, png
from gansmith.viz.page import HALF, even_width, image_source, own_width, render_page, rounded
from tests.helpers.plain import PLAIN

ROOT = Path(__file__).parents[3]
HOSTILE = "<script>alert('1')</script> & \"x\""
RUN_INFO = {
    "status": HOSTILE,
    "reason": HOSTILE,
    "name": HOSTILE,
    "started": HOSTILE,
    "device": HOSTILE,
    "notes": [HOSTILE],
    "machine": {HOSTILE: HOSTILE, "memory_gib": 24},
    "data": {"name": HOSTILE, "count": 960, "classes": [HOSTILE, "b"], "class_counts": [1, 1]},
    "evaluate": {"protocol": {"features": HOSTILE, "reference": HOSTILE, "fake": HOSTILE}},
}


FD = {"step": 1, "seen": 96, "fd": {"value": 2.0, "low": 1.0, "high": 3.0}}


def page_of(folder, *changes, info=RUN_INFO, metrics=(FD,)):
    folder.mkdir()
    run = Run(folder)
    recipe = override(gansmith.recipe(PLAIN), changes)
    (folder / "recipe.toml").write_text(to_toml(recipe))
    (folder / "run.json").write_text(json.dumps(info))
    run.append_event({"step": 1, "seen": 96, "loss/d": 1, "loss/g": 1, "accuracy/real": 1, "accuracy/fake": 1})
    for one in metrics:
        run.append_metric(one)
    run.samples.mkdir()
    size = (recipe.grid.rows * recipe.grid.columns, recipe.data.height, recipe.data.width, recipe.data.channels)
    (run.samples / "00000001.png").write_bytes(png(grid(np.zeros(size, np.uint8), recipe.grid.columns)))
    write_report(run)
    return run.report.read_text()


def test_nothing_in_a_run_folder_can_put_markup_into_its_page(tmp_path):
    changes = (f"about={json.dumps(HOSTILE)}", f"figures.axis={json.dumps(HOSTILE)}")
    page = page_of(tmp_path / '1 <b>"', *changes)
    assert "<script" not in page
    assert "<b>" not in page
    assert page.count("&lt;script&gt;") >= len(RUN_INFO) + len(changes)
    assert "figures in the layout of the article: gansmith runs figures &#39;&lt;script&gt;" in page


def test_a_page_has_words_for_the_memory_the_epochs_the_ema_and_the_validation_set(tmp_path):
    ema = ("ema_half_life=38.400000000000006", "evaluate.every=96", "evaluate.validation=64")
    page = page_of(tmp_path / "1-x", *ema, "evaluate.images=64")
    assert "<dt>memory</dt><dd>24 GiB</dd>" in page
    assert "<dt>epochs</dt><dd>0.1</dd>" in page
    assert "<h2>Generated images (EMA of the weights)</h2>" in page
    assert "<h2>Evaluations against the validation set</h2>" in page
    assert "ema_half_life = 38.4\n" in page
    assert "figures in the layout of the article" not in page


def section(page, title):
    """The text of the section with this heading."""
    found = re.search(rf"<h2>{title}</h2>(.*?)</section>", page, re.DOTALL)
    return " ".join(re.sub("<[^>]+>", " ", found[1]).split()) if found else ""


def test_notes_are_under_headings_and_say_plan_once(tmp_path):
    told = ["small network", "plan: 10 steps", "10 images", "never score this", "evaluated often", "from here on cuda"]
    info = {**RUN_INFO, "notes": told, "data_notes": told[2:4]}
    page = page_of(tmp_path / "1-x", info=info)
    assert section(page, "Plan") == "small network 10 steps"
    assert section(page, "Data") == "10 images never score this"
    assert section(page, "Notes") == "evaluated often from here on cuda"


def test_notes_of_a_run_that_knows_no_headings_are_all_there(tmp_path):
    page = page_of(tmp_path / "1-x", info={**RUN_INFO, "notes": ["plan: 10 steps", "10 images"]})
    assert section(page, "Notes") == "plan: 10 steps 10 images"
    assert not section(page, "Plan")


@pytest.mark.parametrize(("status", "step"), [("stopped", 3), ("running", 1)])
def test_a_run_that_ended_has_its_last_step_and_one_in_training_the_last_logged_one(tmp_path, status, step):
    page = page_of(tmp_path / "1-x", info={**RUN_INFO, "status": status, "step": 3, "seen": 288})
    assert f"<dt>steps</dt><dd>{step} of" in page
    assert f"<dt>images seen</dt><dd>{96 * step}</dd>" in page


def evaluated(step, fd, checkerboard):
    def ends(value):
        return {"value": value, "low": value - 0.5, "high": value + 0.5}

    return {"step": step, "seen": 96 * step, "fd": ends(fd), "checkerboard": ends(checkerboard)}


def test_the_best_and_the_last_evaluation_are_a_table_with_every_metric(tmp_path):
    lines = [evaluated(1, 9.0, 11.5), evaluated(2, 4.0, 6.25), evaluated(3, 5.0, 7.75)]
    page = page_of(tmp_path / "1-x", metrics=lines)
    table = section(page, "Evaluations against real images")
    assert table.startswith("best step 2 last step 3 fd ↓ 4 3.5 to 4.5 5 4.5 to 5.5 Fréchet distance between")
    assert "checkerboard 6.25 5.75 to 6.75 7.75 7.25 to 8.25 strength of upsampling" in table
    assert "<h2>Fréchet distance</h2>" in page
    assert (tmp_path / "1-x/distance.png").exists()


def test_one_evaluation_is_a_table_and_no_plot(tmp_path):
    page = page_of(tmp_path / "1-x", metrics=[evaluated(2, 4.0, 6.0)])
    table = section(page, "Evaluations against real images")
    assert table.startswith("best step 2 fd ↓")
    assert "Best: step 2, FD 4 (95 % interval 3.5 to 4.5)." in table
    assert "<h2>Fréchet distance</h2>" not in page
    assert not (tmp_path / "1-x/distance.png").exists()


def test_a_metric_that_is_broken_in_the_log_has_an_empty_cell(tmp_path):
    lines = [evaluated(1, 4.0, 6.0) | {"checkerboard": HOSTILE}, evaluated(2, 5.0, 7.0) | {"spectrum": {"value": []}}]
    page = page_of(tmp_path / "1-x", metrics=lines)
    assert "<script" not in page
    assert "7 6.5 to 7.5" in section(page, "Evaluations against real images")


def test_a_plot_of_evaluations_that_are_gone_is_not_on_the_page(tmp_path):
    page_of(tmp_path / "1-x", metrics=[evaluated(1, 4.0, 6.0), evaluated(2, 3.0, 6.0)])
    run = Run(tmp_path / "1-x")
    run.keep_lines("metrics.jsonl", lambda line: line["step"] == 1)
    write_report(run)
    assert "<h2>Fréchet distance</h2>" not in run.report.read_text()


def test_a_value_that_nobody_gives_is_an_error():
    with pytest.raises(UndefinedError, match="figures"):
        render_page("figures.html", title="x", about="y")


def test_long_numbers_are_rounded_and_others_stay():
    assert rounded("{end = 7.500000000000001e-05, a = 38.400000000000006}") == "{end = 7.5e-05, a = 38.4}"
    assert rounded("0.0015, 1234567.25, 0.9999, 10.1.2") == "0.0015, 1234567.25, 0.9999, 10.1.2"


@pytest.mark.parametrize(("own", "width"), [(242, 484), (272, 544), (402, 402), (544, 544), (1042, 521), (735, 367)])
def test_a_grid_is_shown_at_a_whole_multiple_of_its_width_or_at_a_whole_part_of_it(own, width):
    image = png(Image.new("L", (own, 8)))
    assert own_width(image) == own
    assert even_width(image, 544) == width


@pytest.mark.parametrize("side", [4, 8, 24, 28, 32, 48, 64, 96, 128])
@pytest.mark.parametrize("columns", [3, 8, 10, 16])
def test_every_pixel_of_a_grid_takes_as_many_pixels_of_the_page_as_any_other(side, columns):
    zoom = enlargement(side, side)
    image = png(grid(np.zeros((columns, side, side, 1), np.uint8), columns))
    own, shown = own_width(image) // zoom, even_width(image, HALF, zoom)
    assert shown <= HALF
    assert shown % own == 0 or shown == own // -(-own // HALF)


def test_bytes_that_are_no_png_still_have_a_width():
    assert even_width(b"", 544) == 544


@pytest.mark.parametrize("name", ["base", "run", "figures", "comparison", "check", "macros"])
def test_no_template_refers_to_anything_outside_the_page(name):
    text = (ROOT / f"src/gansmith/templates/{name}.html").read_text()
    assert not re.search("https?:", text)
    assert not re.search(r'(src|href)="(?!\{\{)', text)
    assert re.findall(r"\|\s*safe", text) == (["| safe"] if name == "macros" else [])


def test_pages_need_no_template_engine_before_one_is_rendered():
    code = "import sys, gansmith.viz.page, gansmith.data.check.page; assert 'jinja2' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_layer_that_takes_the_latents_is_one_row_of_the_table():
    network = Stack(nn.Linear(5, 12), nn.Unflatten(1, (3, 2, 2)), SelfModulation(5, 3, 4), nn.ReLU())
    assert [(row.kind, row.shape, row.side_input) for row in summarize(network, (5,)).layers] == [
        ("Linear", (12,), ""),
        ("Unflatten", (2, 2, 3), ""),
        ("SelfModulation", (2, 2, 3), "latents"),
        ("ReLU", (2, 2, 3), ""),
    ]


def test_a_block_with_a_shortcut_is_one_row_of_the_table():
    network = Stack(nn.Conv2d(1, 4, 1), ResidualBlock(4, 1))
    rows = summarize(network, (1, 8, 8)).layers
    assert [row.kind for row in rows] == ["Conv2d", "ResidualBlock"]
    assert rows[1].parameters == sum(p.numel() for p in network.layers[1].parameters())


def branch_of(drawing, dashed):
    """Where the arrows of a side branch end, from the top down, and the lines of text they point at."""
    svg = "{http://www.w3.org/2000/svg}"
    root = ET.fromstring(drawing)
    paths = [one for one in root.iter(f"{svg}path") if one.get("class") == "network-branch"]
    (path,) = [one for one in paths if (one.get("stroke-dasharray") is not None) == dashed]
    ends = [float(y) for y in re.findall(r"M[\d.]+ ([\d.]+)H", path.get("d"))]
    lines = {float(text.get("y")): text.text for text in root.iter(f"{svg}text") if not text.get("text-anchor")}
    return [lines[min(lines, key=lambda y: abs(y - 5 - end))] for end in ends]


def test_latents_and_classes_reach_layers_on_side_branches_of_the_drawing():
    layers = [
        DrawnLayer("latents", (8,)),
        DrawnLayer("Linear", (64,), 576),
        DrawnLayer("SelfModulation", (64,), 9, "latents"),
        DrawnLayer("Modulation", (64,), 9, "class"),
        DrawnLayer("ReLU", (64,)),
        DrawnLayer("SelfModulation", (4, 4, 4), 7, "latents"),
    ]
    drawing = diagram("G", layers, 1, 0, "#000000")
    assert branch_of(drawing, dashed=False) == ["latents", "SelfModulation", "SelfModulation"]
    assert branch_of(drawing, dashed=True) == ["class", "Modulation"]
    assert "SelfModulation by latents 64 9" in drawing
    plain = diagram("G", layers[:2], 1, 0, "#000000")
    assert '<path class="network-branch"' not in plain
    assert ">class<" not in plain


def test_an_image_is_part_of_the_page():
    assert image_source(b"x") == "data:image/png;base64,eA=="
