"""The report in a real browser, with no network at all."""

import re
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.slow

PROBE = """<script>addEventListener("load", () => {
  document.body.dataset.images = [...document.images].map(image => image.complete && image.naturalWidth > 0);
  document.body.dataset.overflow = document.documentElement.scrollWidth - innerWidth;
})</script>"""


def chromium(page, *options):
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert program, "this test needs Chromium; on Debian: apt-get install chromium"
    quiet = "--disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update"
    command = [program, "--headless", "--no-sandbox", *quiet.split(), "--disable-sync", "--user-data-dir=profile"]
    command += [
        "--host-resolver-rules=MAP * ~NOTFOUND",
        "--virtual-time-budget=5000",
        *options,
        page.absolute().as_uri(),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=True).stdout


@pytest.mark.parametrize("width", [1280, 420])
def test_the_report_shows_its_images_and_fits_the_window(trained, width):
    page = trained / "report.html"
    page.write_text(page.read_text().replace("</body>", f"{PROBE}</body>"))
    dom = chromium(page, "--dump-dom", f"--window-size={width},900")
    assert re.search(r'data-images="true,true,true,true,true"', dom)
    assert int(re.search(r'data-overflow="(-?\d+)"', dom)[1]) <= 0


def test_an_image_of_the_report_is_not_empty(trained):
    chromium(trained / "report.html", "--screenshot=shot.png", "--window-size=1280,2400")
    with Image.open("shot.png") as shot:
        pixels = np.asarray(shot.convert("L"))
    assert len(np.unique(pixels)) > 100
    assert (pixels[1200:] != pixels[0, 0]).mean() > 0.02


@pytest.mark.parametrize("width", [1280, 420])
def test_the_page_of_figures_shows_all_of_them_and_fits_the_window(gansmith, trained, width):
    assert gansmith("runs", "figures", trained).code == 0
    page = trained / "figures/index.html"
    page.write_text(page.read_text().replace("</body>", f"{PROBE}</body>"))
    dom = chromium(page, "--dump-dom", f"--window-size={width},900")
    shown = len([*(trained / "figures").glob("*.png")])
    assert re.search(rf'data-images="true(,true){{{shown - 1}}}"', dom)
    assert int(re.search(r'data-overflow="(-?\d+)"', dom)[1]) <= 0


@pytest.mark.parametrize(("scheme", "darkest", "brightest"), [(1, 200, 256), (0, 0, 60)], ids=["light", "dark"])
def test_a_drawing_of_a_network_can_be_read_on_light_and_on_dark_paper(gansmith, trained, scheme, darkest, brightest):
    assert gansmith("runs", "figures", trained).code == 0
    drawing = trained / "figures/G.svg"
    options = (f"--blink-settings=preferredColorScheme={scheme}", "--screenshot=shot.png", "--window-size=440,560")
    chromium(drawing, *options)
    with Image.open("shot.png") as shot:
        pixels = np.asarray(shot.convert("L")).astype(int)
    paper = pixels[70, 30]
    assert darkest <= paper < brightest
    ink = np.abs(pixels[16:40, 20:120] - paper)  # the title
    assert ink.max() > 150
    assert (ink > 100).mean() > 0.05


@pytest.mark.parametrize("width", [1280, 420])
def test_the_page_of_a_comparison_shows_its_images_and_fits_the_window(gansmith, trained, tiny, width):
    assert gansmith("train", tiny, "--set", "model.width=8").code == 0
    result = gansmith("runs", "compare", "1", "2", "-n", "300", "--metrics", "fd")
    assert result.code == 0, result.err
    page = result.run
    page.write_text(page.read_text().replace("</body>", f"{PROBE}</body>"))
    dom = chromium(page, "--dump-dom", f"--window-size={width},900")
    assert re.search(r'data-images="true(,true)+"', dom)
    assert int(re.search(r'data-overflow="(-?\d+)"', dom)[1]) <= 0
