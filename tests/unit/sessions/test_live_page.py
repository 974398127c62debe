"""The page of a run while it trains: there from the first grid on, and never in the way of the training."""

import os
import random
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import gansmith
from gansmith.errors import DiskError, DivergedError
from gansmith.report import write_report
from gansmith.runs.reporter import Silent
from gansmith.runs.run import Run
from gansmith.sessions.resume import resume
from gansmith.training import live_page, loop
from gansmith.training.live_page import MOST_PAGE_SHARE, LivePage
from tests.helpers.plain import PLAIN
from tests.helpers.running import differing, info, write_recipe

PAGE = Path("runs/00001-tiny/report.html")
REFRESH = '<meta http-equiv="refresh"'


def recipe():
    """A recipe of ten steps, three of them logged, with grids of steps 0, 1, 2, 5, 7 and 10."""
    return gansmith.recipe(str(write_recipe(PLAIN)), ["length.images=80"])


class Kept(Silent):
    """Keeps the notes; the log can be on a full disk."""

    def __init__(self, full=False):
        self.notes, self.full = [], full

    def note(self, text):
        self.notes.append(text)
        if self.full and "not rewritten" in text:
            raise DiskError("no room for the note either.")


@pytest.fixture
def always(monkeypatch):
    """A page at every grid, whatever it takes."""
    monkeypatch.setattr(live_page, "MOST_PAGE_SHARE", float("inf"))


def pages_of(steps):
    """The page after each step."""
    for _ in steps:
        yield PAGE.read_text()


def test_a_run_in_training_has_a_page_that_loads_itself_and_says_when_it_was_written(always):
    pages = [*pages_of(gansmith.training_steps(recipe(), device="cpu"))]
    assert all(REFRESH in page and "<dd>running</dd>" in page for page in pages)
    assert re.search(r"Written at \d\d:\d\d:\d\d \w+ on \d{4}-\d\d-\d\d", pages[0])
    assert f"gansmith resume {PAGE.parent}" in pages[0]
    assert "Generated images" in pages[0]
    assert "Curves" not in pages[0]
    assert "<h2>Curves</h2>" in pages[-1]
    assert "<dt>time left</dt>" in pages[-1]
    assert "here about every" not in " ".join(pages[0].split())
    assert re.search(r"at sample grids, here about every \d:\d\d, and loads itself", " ".join(pages[-1].split()))
    last = PAGE.read_text()
    assert "<dd>done</dd>" in last
    assert REFRESH not in last
    assert "Training." not in last
    assert "<dt>time left</dt>" not in last


def test_the_page_is_named_first_and_each_grid_that_it_shows_is_named(always):
    told = Kept()
    run = gansmith.train(recipe(), device="cpu", reporter=told)
    assert told.notes[:2] == [f"run folder: {run.path}", f"page, while it trains and after: {run.report}"]
    grids = sorted((run.path / "samples").iterdir())
    assert [note for note in told.notes if "grid" in note] == [f"new sample grid: {grid}" for grid in grids]


def test_the_page_of_a_run_that_was_left_says_so():
    steps = gansmith.training_steps(recipe(), device="cpu")
    next(steps)
    assert REFRESH in PAGE.read_text()
    steps.close()
    assert REFRESH not in PAGE.read_text()
    assert "<dd>stopped</dd>" in PAGE.read_text()


@pytest.mark.parametrize(
    ("error", "status"),
    [(DivergedError("nan."), "diverged"), (RuntimeError("broken"), "failed"), (OSError(), "failed")],
)
@pytest.mark.parametrize("page_fails", [False, True])
def test_the_page_of_a_run_that_failed_says_so_and_the_error_is_the_runs(monkeypatch, error, status, page_fails):
    real = loop.train_step

    def train_step(gan, batch, recipe, engine):
        if gan.seen == 3 * recipe.batch_size:
            assert REFRESH in PAGE.read_text()
            if page_fails:
                monkeypatch.setattr(live_page, "write_report", lambda run: 1 / 0)
            raise error
        return real(gan, batch, recipe, engine)

    monkeypatch.setattr(loop, "train_step", train_step)
    with pytest.raises(DiskError if isinstance(error, OSError) else type(error)):
        gansmith.train(recipe(), device="cpu")
    assert info(PAGE.parent)["status"] == status
    assert (REFRESH in PAGE.read_text()) == page_fails
    assert (f"<dd>{status}</dd>" in PAGE.read_text()) == (not page_fails)


def test_a_run_that_goes_on_says_so_before_its_first_step(monkeypatch):
    steps = gansmith.training_steps(recipe(), device="cpu")
    next(steps)
    next(steps)
    steps.close()
    pages, real = [], loop.train_step

    def train_step(*given):
        pages.append(PAGE.read_text())
        return real(*given)

    monkeypatch.setattr(loop, "train_step", train_step)
    resume(Run(PAGE.parent), device="cpu")
    assert REFRESH in pages[0]
    assert REFRESH not in PAGE.read_text()


def test_a_fork_has_a_page_before_it_has_a_grid_or_an_event(monkeypatch):
    run = gansmith.train(recipe(), device="cpu")
    pages, told, real = [], Kept(), loop.train_step

    def train_step(*given):
        pages.append(Path("runs/00002-tiny/report.html").read_text())
        return real(*given)

    monkeypatch.setattr(loop, "train_step", train_step)
    resume(run, device="cpu", fork=True, steps=12, reporter=told)
    assert REFRESH in pages[0]
    assert "Real images" in pages[0]
    assert not [note for note in told.notes if "not rewritten" in note]


@pytest.mark.parametrize(
    "error",
    [DiskError("it is full."), MemoryError(), RecursionError("deep"), ValueError("odd"), OSError(28, "No space")],
)
@pytest.mark.parametrize("full", [False, True])
def test_a_page_that_cannot_be_written_is_told_once_and_changes_nothing(always, monkeypatch, error, full):
    made = recipe()
    monkeypatch.setattr(live_page, "write_report", lambda run: None)
    whole = gansmith.train(made, name="whole", device="cpu")

    def fail(run):
        raise error

    monkeypatch.setattr(live_page, "write_report", fail)
    told = Kept(full)
    run = gansmith.train(made, name="unseen", device="cpu", reporter=told)
    assert not differing(whole.path, run.path)
    assert info(run.path)["status"] == "done"
    failures = [note for note in told.notes if note.startswith("the page is not rewritten")]
    assert failures == [f"the page is not rewritten, and training goes on: {str(error) or 'MemoryError'}"]
    assert REFRESH not in run.report.read_text()


def test_pages_draw_no_random_numbers_and_change_no_byte_of_the_run(always, monkeypatch):
    made = recipe()
    seen = gansmith.train(made, name="seen", device="cpu")
    states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    write_report(seen)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.array_equal(np.random.get_state()[1], states[1])
    assert random.getstate() == states[2]
    monkeypatch.setattr(live_page, "write_report", lambda run: None)
    unseen = gansmith.train(made, name="unseen", device="cpu")
    assert not differing(seen.path, unseen.path)


def test_a_grid_that_was_asked_for_is_named_and_shown_at_once(monkeypatch):
    real, told = loop.train_step, Kept()
    monkeypatch.setattr(live_page, "FIRST_GUESS", 1e9)

    def train_step(gan, batch, recipe, engine):
        (PAGE.parent / "control/sample").touch()
        return real(gan, batch, recipe, engine)

    monkeypatch.setattr(loop, "train_step", train_step)
    monkeypatch.setattr("gansmith.runs.control.LOOK_EVERY", 0)
    pages = [*pages_of(gansmith.training_steps(recipe(), device="cpu", reporter=told))]
    assert "Step 3: random latents" in pages[3]
    assert f"new sample grid: {PAGE.parent / 'samples/00000003.png'}" in told.notes


class Clock:
    """Time that passes when it is told to, and while pages are written."""

    def __init__(self, monkeypatch, costs):
        self.now, self.costs, self.written = 1000.0, iter(costs), []
        monkeypatch.setattr(live_page.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(live_page, "write_report", self.write)

    def write(self, run):
        self.written.append(self.now)
        self.now += next(self.costs)


def test_pages_take_no_more_than_their_share_of_the_time(monkeypatch, tmp_path):
    clock = Clock(monkeypatch, [1.0] * 1000)
    page = LivePage(Run(tmp_path), Silent())
    for _ in range(10_000):
        page.update()
        clock.now += 0.5
    assert len(clock.written) == pytest.approx((clock.now - 1000) * MOST_PAGE_SHARE, rel=0.03)


def test_slow_pages_at_first_do_not_keep_the_next_ones_away(monkeypatch, tmp_path):
    clock = Clock(monkeypatch, [1.1, 1.7, 0.2, 0.2, 0.2, 0.2])
    page = LivePage(Run(tmp_path), Silent())
    for _ in range(60):
        page.update()
        clock.now += 1.0
    assert np.diff(clock.written)[:4] == pytest.approx([6.1, 6.7, 10.2, 10.2], abs=1.1)


def test_a_page_is_whole_at_every_moment(monkeypatch, always):
    found, real = [], os.write

    def write(descriptor, data):
        if PAGE.exists():
            found.append(PAGE.read_text().rstrip().endswith("</html>"))
        return real(descriptor, data)

    steps = gansmith.training_steps(recipe(), device="cpu")
    next(steps)
    monkeypatch.setattr(os, "write", write)
    for _ in steps:
        pass
    assert len(found) > 10
    assert all(found)


@pytest.mark.slow
def test_the_first_page_needs_no_plots_and_does_not_import_them():
    made = write_recipe(PLAIN)
    code = (
        "import sys, gansmith\n"
        f"steps = gansmith.training_steps(gansmith.recipe({str(made)!r}), device='cpu')\n"
        "next(steps)\n"
        "from pathlib import Path\n"
        f"assert 'Generated images' in Path({str(PAGE)!r}).read_text()\n"
        "assert 'matplotlib' not in sys.modules\n"
        "import os; os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
