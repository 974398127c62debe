"""What reads a run folder takes a file that was cut at any byte: it is being written, or its writer died."""

import json

import pytest

from gansmith.errors import UsageError
from gansmith.runs.reporter import LogFile, Silent
from gansmith.runs.run import create_run, list_runs

EVENTS = [{"step": step, "seen": 8 * step, "loss/d": 1.5, "time": {"seconds": 0.5 * step}} for step in (1, 2, 3)]


@pytest.fixture
def run(tmp_path):
    run = create_run(tmp_path / "runs", "a")
    run.update(status="running", notes=["größe"])
    for event in EVENTS:
        run.append_event(event)
        run.append_metric(event)
    return run


def cuts(file):
    """The file cut at every byte, one after the other; yields what is left of it."""
    whole = file.read_bytes()
    for length in range(len(whole) + 1):
        file.write_bytes(whole[:length])
        yield whole[:length]


@pytest.mark.parametrize(("name", "read"), [("events.jsonl", "events"), ("metrics.jsonl", "metrics")])
def test_the_whole_lines_of_a_cut_log_are_read(run, name, read):
    for left in cuts(run.path / name):
        whole = [text for text in left.decode().split("\n") if text.endswith("}}")]
        assert getattr(run, read)() == [json.loads(text) for text in whole]
        assert run.seconds_spent() >= 0


@pytest.mark.parametrize("name", ["events.jsonl", "metrics.jsonl"])
def test_a_cut_log_is_continued_with_whole_lines(run, name):
    for left in cuts(run.path / name):
        kept = sum(text.endswith("}}") for text in left.decode().split("\n"))
        run.keep_lines(name, lambda line: True)
        (run.append_event if name == "events.jsonl" else run.append_metric)(EVENTS[-1])
        lines = (run.path / name).read_text().splitlines()
        assert [json.loads(line) for line in lines] == [*EVENTS[:kept], EVENTS[-1]]


def test_a_cut_description_is_a_sentence(run):
    whole, size = run.info(), (run.path / "run.json").stat().st_size
    for left in cuts(run.path / "run.json"):
        if len(left) < size - 1:  # the last byte ends the line
            with pytest.raises(UsageError, match=r"run\.json cannot be read"):
                run.info()
        else:
            assert run.info() == whole
        assert list_runs(run.path.parent) == [run]


def test_a_cut_log_file_goes_on_on_a_new_line(run):
    file = run.path / "log.txt"
    LogFile(file, Silent()).note("the first sentence, 100 %, ü")
    for left in cuts(file):
        LogFile(file, Silent()).note("the next")
        before, _, last = file.read_bytes().rstrip(b"\n").rpartition(b"\n")
        assert last.endswith(b" the next")
        assert before.rstrip(b"\n") == left.rstrip(b"\n")
