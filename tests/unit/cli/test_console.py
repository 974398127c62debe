"""What a terminal shows of a run, at every width."""

import io

import pytest
from rich.console import Console
from rich.live import Live

from gansmith.cli import console
from gansmith.cli.console import LiveTable, progress_bar
from gansmith.runs.reporter import Progress

YOUNG = Progress(
    step=120,
    steps=1500,
    seen=7680,
    loss_d=1.2345,
    loss_g=0.9,
    accuracy_real=0.5,
    accuracy_fake=0.56,
    images_per_second=812,
    seconds_left=333,
)
OLD = Progress(
    step=12_345,
    steps=15_625,
    seen=1_580_160,
    loss_d=0.6931,
    loss_g=12.345,
    accuracy_real=0.83,
    accuracy_fake=1,
    images_per_second=1234.4,
    seconds_left=4000,
)


@pytest.fixture
def clock(monkeypatch):
    """The seconds that the console's clock shows, which a test may set."""
    now = [0.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: now[0])
    return now


def drawn(progress, width):
    """What the terminal gets."""
    console = Console(file=io.StringIO(), force_terminal=True, width=width, color_system=None)
    with Live(console=console, auto_refresh=False) as live:
        LiveTable(console, live).progress(progress)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 100, 120])
@pytest.mark.parametrize(
    ("progress", "shown"),
    [
        (YOUNG, ["120/1,500", "1.234", "0.900", "50%/56%", "812", "5:33"]),
        (OLD, ["12,345/15,625", "0.693", "12.345", "83%/100%", "1,234", "1:06:40"]),
    ],
)
def test_the_numbers_that_matter_are_whole_at_every_width(progress, shown, width):
    text = drawn(progress, width)
    assert "…" not in text
    assert [part for part in shown if part not in text] == []
    assert all(heading in text for heading in ("step", "loss D", "loss G", "left"))


def test_a_wide_terminal_has_the_bar_and_a_narrow_one_the_time_left():
    assert "━" in drawn(OLD, 100)
    narrow = drawn(OLD, 40)
    assert "━" not in narrow
    assert "12,345/15,625" in narrow
    assert "1:06:40" in narrow
    assert "…" not in narrow


def test_elsewhere_than_on_a_terminal_there_is_a_line_every_ten_seconds(capsys, clock):
    with progress_bar() as bar:
        for clock[0] in (0.0, 9.9, 10.0, 15.0, 20.0):
            bar.count("decoding", 100 * int(clock[0]), 2000)
    assert capsys.readouterr().err == "decoding: 1,000 of 2,000\ndecoding: 2,000 of 2,000\n"


def test_each_download_is_announced_with_its_size(capsys, clock):
    with progress_bar() as bar:
        for name in ("a.gz", "a.gz", "b.gz"):
            bar.download(name, 0, 4_400_000)
    assert capsys.readouterr().err == "downloading a.gz, 4.4 MB\ndownloading b.gz, 4.4 MB\n"


def test_on_a_terminal_the_current_work_is_a_bar_that_disappears(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    with progress_bar() as bar:
        bar.count("decoding", 3, 7)
        bar.count("measuring", 1, 2)
    shown = capsys.readouterr().err
    assert "measuring" in shown
    assert "1 of 2" in shown
