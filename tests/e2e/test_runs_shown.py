"""`gansmith runs list` and `show`: a table and a screen, of runs in every state."""

import json
import shutil
import socket

import pytest

from gansmith.runs.lock import only_writer
from gansmith.runs.logs import END_OF_LOG
from gansmith.runs.run import Run

LINE = {"step": 7, "seen": 28, "loss/d": 1.5, "loss/g": 0.5, "accuracy/real": 0.5, "accuracy/fake": 1.0}


def changed(run, **info):
    file = run / "run.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | info))


def row_of(gansmith, number):
    return gansmith("runs", "list").out.splitlines()[number]


def measured(step, value):
    return {"step": step, "seen": step * 4, "fd": {"value": value, "low": value - 1, "high": value + 1}}


def test_a_run_that_is_being_trained_is_listed_with_the_step_it_has_come_to(gansmith, trained):
    changed(trained, status="running", step=2)
    (trained / "events.jsonl").write_text(json.dumps(LINE | {"time": {"seconds": 3725.0}}) + '\n{"step": 8, "se')
    with only_writer(Run(trained)):
        assert row_of(gansmith, 1).split()[1:6] == ["running", "7/12", "fashion-10k", "1:02:05", row_started(trained)]
        assert json.loads(gansmith("runs", "list", "--json").out)[0]["step"] == 7
        shown = gansmith("runs", "show").out
    assert "status       running\n" in shown
    assert "step         7 of 12\n" in shown
    assert "ended" not in shown


GONE = {"pid": 2**22 + 1, "host": socket.gethostname(), "started": 1}
"""No process has such a number here."""


@pytest.mark.parametrize("lock", [json.dumps(GONE), json.dumps(GONE | {"pid": 10**30}), "", '{"pid": 1'])
def test_a_run_that_was_killed_is_not_listed_as_running(gansmith, trained, lock):
    changed(trained, status="running", step=2)
    (trained / ".lock").write_text(lock)
    assert row_of(gansmith, 1).split()[1] == "killed"
    assert json.loads(gansmith("runs", "list", "--json").out)[0]["status"] == "killed"
    assert f"go on with: gansmith resume {trained}\n" in gansmith("runs", "show", str(trained)).out


def test_a_run_on_another_machine_may_be_running(gansmith, trained):
    changed(trained, status="running", step=2)
    (trained / ".lock").write_text(json.dumps(GONE | {"host": "elsewhere"}))
    assert row_of(gansmith, 1).split()[1] == "running"


def row_started(run):
    return json.loads((run / "run.json").read_text())["started"][:10]


def test_the_best_distance_is_listed_and_shown_with_the_last_and_its_checkpoint(gansmith, trained):
    run = Run(trained)
    for step, value in ((4, 9.5), (8, 7.25), (12, 8.0)):
        run.append_metric(measured(step, value))
    (trained / "checkpoints/best").write_text("00000008\n")
    assert row_of(gansmith, 1).split()[4] == "7.25"
    shown = gansmith("runs", "show").out
    assert "distance     best 7.25 (6.25 to 8.25) at step 8, last 8 (7 to 9) at step 12\n" in shown
    assert "MB, the best), 12 (" in shown


def test_the_last_line_of_a_long_log_is_found_without_reading_it_all(trained):
    run = Run(trained)
    (trained / "events.jsonl").write_text("no event\n" * END_OF_LOG + json.dumps(LINE) + "\n")
    assert run.last_event() == LINE


def test_a_run_without_a_log_has_no_last_line(trained):
    (trained / "events.jsonl").unlink()
    assert Run(trained).last_event() == {}
    assert Run(trained).seconds_spent() == 0


def test_long_names_are_whole_and_what_a_terminal_would_obey_is_not_printed(gansmith, trained):
    odd = trained.with_name("00002-\x1b[31mred")
    shutil.copytree(trained, odd)
    changed(odd, notes=["\x1b[2Jgone"], status=["list"], data=7, recipe="none", started=3, command=None)
    result = gansmith("runs", "list")
    assert "00002-\\x1b[31mred  unreadable" in result.out
    shown = gansmith("runs", "show", odd)
    assert "\\x1b[2Jgone" in shown.out
    assert "\x1b" not in result.out + shown.out


@pytest.mark.parametrize("columns", [60, 200])
def test_a_screen_fits_the_terminal_up_to_a_hundred_columns(gansmith, trained, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    changed(trained, notes=["many words of it " * 20, "another"])
    lines = gansmith("runs", "show").out.splitlines()
    assert max(map(len, lines)) <= min(columns, 100)
    assert f"{'':<13}another" in lines
