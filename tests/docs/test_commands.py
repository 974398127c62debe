"""Every `gansmith` command of README.md and of the docs is executed as written, on smaller settings."""

import gzip
import re
import shlex
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest

import gansmith
from gansmith.cli.main import main
from gansmith.planning.budget import parse_budget
from tests.helpers.keras_files import write_numbered
from tests.helpers.make_sets import cifar_python_files, write_folder
from tests.helpers.small_images import write_images

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
OWN_TEST = {"a-tenth-system.md"}
"""Pages whose commands need files that their own test makes."""

NEED_THE_NETWORK = ("gansmith features get",)
"""Commands that download; `tests/unit/interop/test_feature_weights.py` has them with a server of its own."""

SMALL = ["--set", "batch_size=4", "--set", "model.width=8"]
RUN = ["train", "demo", "--name", "demo", "--steps", "4", *SMALL, "--set", "length.checkpoint_every=8"]
RUN += ["--set", "evaluate.every=16", "--set", "evaluate.images=130", "--set", "data.limit=400"]
MINE = """
from = "demo"
batch_size = 4

[generator_optimizer]
lr = {start = 0.0015, end = 0.0, begin = 4, until = 90_000}
"""


def commands(page):
    """The command lines of a page's code blocks, fenced or indented, without what is not gansmith's."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    fenced = re.findall(r"^```\n(.*?)^```$", text, re.M | re.S)
    lines = [line for block in fenced for line in block.splitlines()] + re.findall(r"^    (gansmith .+)$", text, re.M)
    return [line for line in lines if line.startswith("gansmith ") and not line.startswith(NEED_THE_NETWORK)]


CASES = [(page.name, line) for page in PAGES if page.name not in OWN_TEST for line in commands(page)]


def write_idx(folder, images, labels):
    """Four files as MNIST and Fashion-MNIST are published; the last 200 images are the test split."""
    folder.mkdir(parents=True)
    for stem, part in (("train", slice(None, -200)), ("t10k", slice(-200, None))):
        head = struct.pack(">4I", 0x803, len(images[part]), 28, 28)
        (folder / f"{stem}-images-idx3-ubyte.gz").write_bytes(gzip.compress(head + images[part].tobytes()))
        head = struct.pack(">2I", 0x801, len(labels[part]))
        (folder / f"{stem}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(head + labels[part].tobytes()))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder with everything the pages speak of: eight runs, images, datasets, a recipe file, weights of Keras."""
    world = tmp_path_factory.mktemp("world")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(world)
        write_images(world / "photos", [f"{kind}/{number}.png" for kind in ("cat", "dog") for number in range(10)])
        (world / "mine.toml").write_text(MINE)
        write_numbered("gan.h5", gansmith.build(gansmith.recipe("fashion-dcgan")).G)
        numbers = np.random.default_rng(0)
        images, labels = numbers.integers(0, 256, (600, 3, 32, 32), np.uint8), (np.arange(600) % 10).astype(np.uint8)
        for name in ("mnist", "fashion-mnist"):
            write_idx(world / "sets" / name, np.ascontiguousarray(images[:, 0, :28, :28]), labels)
        write_folder(world / "sets" / "cifar10", cifar_python_files(images, labels))
        assert main(RUN) == 0
        assert main([*RUN, "--labels", "--set", "generator_optimizer.lr=5e-4"]) == 0
        for number in range(3, 9):
            shutil.copytree(f"runs/0000{2 - number % 2}-demo", f"runs/0000{number}-demo")
        assert main(["sample", "last", "-n", "200", "--out", "x.npy"]) == 0
        assert main(["sample", "last", "-n", "200", "--out", "made"]) == 0
    return world


def smaller(words):
    """The command with fewer steps and images; everything else as written."""
    verb, words = words[0], [*words]
    if "--budget" in words:
        at = words.index("--budget")
        parse_budget(words[at + 1])
        del words[at : at + 2]
    for option, most in (("-n", "140"), ("--steps", "6"), ("--checkpoint", "4")):
        if option in words and words[words.index(option) + 1].isdecimal():
            words[words.index(option) + 1] = most
    if verb == "train":
        classic = [] if words[1] in ("fashion-dcgan", "fashion-mlp") else SMALL[2:]
        words += [*SMALL[:2], *classic, *([] if "--steps" in words else ["--steps", "2"])]
    if verb == "resume" and "--steps" not in words:
        words += ["--steps", "6"]
    if (verb == "evaluate" or words[:2] == ["runs", "compare"]) and "-n" not in words:
        words += ["-n", "140"]
    if "--interpolate" in words and "--class" not in words:
        words[words.index("last")] = "7"  # trained without labels
    return words


@pytest.mark.slow
@pytest.mark.parametrize(("page", "line"), CASES, ids=[f"{page}: {line.split('  ')[0]}" for page, line in CASES])
def test_the_command_does_what_it_says(page, line, world, tmp_path, monkeypatch, capsys):
    shutil.copytree(world, tmp_path / "world")
    monkeypatch.chdir(tmp_path / "world")
    monkeypatch.setenv("GANSMITH_DATA", str(world / "sets"))
    words = smaller(shlex.split(line, comments=True)[1:])
    out = words[words.index("--out") + 1] if "--out" in words else None
    if out and Path(out).exists():
        shutil.rmtree(out)
    assert main(words) == 0, capsys.readouterr().err
    assert out is None or Path(out).exists()


def test_the_make_targets_of_the_pages_are_there():
    makefile = (ROOT / "Makefile").read_text()
    for page in [*PAGES, ROOT / "CONTRIBUTING.md"]:
        for target in re.findall(r"(?:^|`)make (\w+)", page.read_text(encoding="utf-8"), re.M):
            assert re.search(rf"^{target}:", makefile, re.M), (page.name, target)


def test_every_link_between_the_pages_leads_somewhere():
    for page in [*PAGES, ROOT / "CONTRIBUTING.md", *(ROOT / "docs" / "reference").glob("*.md")]:
        text = page.read_text(encoding="utf-8")
        for link, heading in re.findall(r"\]\(([^)#\s]*)(#[^)\s]*)?\)", text):
            if "://" not in link:
                target = (page.parent / link) if link else page
                assert target.exists(), (page.name, link)
                if heading:
                    assert heading[1:] in anchors(target), (page.name, link, heading)


def anchors(page):
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_fits_on_three_screens():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_every_page_is_in_the_index():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        name = page.relative_to(ROOT / "docs").as_posix()
        assert name == "index.md" or f"]({name}" in index, name
