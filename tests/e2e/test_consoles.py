"""The console is a courtesy: whatever becomes of it, the work is done and saved, and the exit code says so."""

import fcntl
import json
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

SMALL = ["--set", "model.width=8", "--set", "batch_size=4", "--set", "data.limit=300", "--set", "grid.rows=2"]
TRAIN = ["train", "demo", *SMALL, "--set", "evaluate.every=0"]
SLOW = pytest.mark.slow
GANSMITH = [sys.executable, "-m", "gansmith"]
VERBS = [
    [*TRAIN, "--steps", "3"],
    ["resume", "1", "--steps", "4"],
    ["sample", "1", "-n", "4", "--out", "grid.png"],
    ["evaluate", "1", "-n", "40", "--metrics", "kid"],
    ["recipes", "list"],
    ["recipes", "show", "demo"],
    ["runs", "list"],
    ["runs", "show", "1"],
    ["data", "list"],
    ["data", "check", "fashion-10k"],
]


def environment(**more):
    """This environment with the variables `more`; one that is None is left out."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONIOENCODING"}
    kept |= {"OMP_NUM_THREADS": "1", **{name: value for name, value in more.items() if value is not None}}
    return {name: value for name, value in kept.items() if name not in more or more[name] is not None}


def run(words, redirected="", **variables):
    """Exit code, output and errors of a command whose streams a shell redirects."""
    done = subprocess.run(
        ["sh", "-c", f'"$@" {redirected}', "sh", *GANSMITH, *words], env=environment(**variables), capture_output=True
    )
    return done.returncode, done.stdout, done.stderr


def status(number=1):
    (folder,) = Path("runs").glob(f"{number:05}-*")
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))["status"]


def until(condition):
    for _ in range(600):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("it never happened")


def logged(text):
    logs = list(Path("runs").glob("*/log.txt"))
    return bool(logs) and text in logs[0].read_text(encoding="utf-8")


def test_a_training_goes_on_when_nobody_reads_any_more():
    started = subprocess.Popen([*GANSMITH, *TRAIN, "--steps", "40"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    started.stdout.readline()
    started.stdout.close()
    assert started.wait() == 0
    assert status() == "done"
    assert logged("step 40/40")
    assert logged("report: ")


@pytest.mark.parametrize("closed", [pytest.param("2>&-", marks=SLOW), pytest.param(">&-", marks=SLOW), ">&- 2>&- <&-"])
def test_closed_streams_do_not_matter_and_no_file_takes_their_place(closed):
    code, out, err = run([*TRAIN, "--steps", "3"], closed)
    assert (code, status()) == (0, "done")
    assert b"Traceback" not in out + err
    assert json.loads(Path("runs/00001-demo/run.json").read_text())["status"] == "done"
    assert all(b"run folder:" not in path.read_bytes() for path in Path("runs/00001-demo").glob("*.jsonl"))


@pytest.mark.parametrize("words", [["recipes", "list"], pytest.param(["recipes", "show", "mnist-dcgan"], marks=SLOW)])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_result_that_cannot_be_written_is_an_error(words, unbuffered):
    code, _, err = run(words, "> /dev/full", PYTHONUNBUFFERED=unbuffered)
    assert code == 8
    assert err == b"error: standard output cannot be written: No space left on device.\n"


def test_a_reader_who_has_enough_is_no_error():
    with subprocess.Popen([*GANSMITH, "recipes", "list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as listed:
        listed.stdout.close()
        assert (listed.stderr.read(), listed.wait()) == (b"", 0)


@pytest.mark.parametrize("encoding", ["ascii", pytest.param("cp1252", marks=SLOW)])
def test_characters_that_a_console_lacks_are_spelled(encoding):
    Path("Grüße × 你").mkdir()
    shown = []
    for words in (["recipes", "list"], ["recipes", "show", "demo"], ["data", "check", "Grüße × 你"]):
        code, out, err = run(words, PYTHONIOENCODING=encoding)
        assert code == (3 if words[0] == "data" else 0)
        shown.append((out + err).decode(encoding))
    assert "28 x 28 x 1" in shown[1] if encoding == "ascii" else "28 × 28 × 1" in shown[1]
    assert r"\u4f60" in shown[2]


@SLOW
def test_without_docstrings_a_training_is_the_same():
    code, _, err = run([*TRAIN, "--steps", "3"], PYTHONOPTIMIZE="2")
    assert (code, status()) == (0, "done"), err
    assert b"not rewritten" not in err
    assert run(["recipes", "show", "demo"], PYTHONOPTIMIZE="2")[0] == 0


def in_terminal(words, *, ignoring_hangup=False):
    """A command in a terminal of its own, which ends when the returned file is closed."""
    here, there = pty.openpty()

    def take_terminal():
        if ignoring_hangup:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        os.setsid()
        fcntl.ioctl(there, termios.TIOCSCTTY, 0)

    started = subprocess.Popen(
        words, stdin=there, stdout=there, stderr=there, preexec_fn=take_terminal, env=environment(TERM="xterm")
    )
    os.close(there)
    return started, here


@SLOW
def test_a_terminal_that_is_closed_stops_a_training_which_saves_first():
    steps = []
    for words in ([*TRAIN, "--steps", "100000"], ["resume", "1"]):
        Path("runs/00001-demo/log.txt").unlink(missing_ok=True)
        started, terminal = in_terminal([*GANSMITH, *words])
        until(lambda: logged("new sample grid" if steps else "step "))
        os.close(terminal)
        assert started.wait(60) == 129
        assert status() == "stopped"
        steps.append(int(Path("runs/00001-demo/checkpoints/latest").read_text()))
    assert 0 < steps[0] < steps[1]


@SLOW
def test_under_nohup_a_training_outlives_its_terminal():
    started, terminal = in_terminal(["nohup", *GANSMITH, *TRAIN, "--steps", "60"])
    until(lambda: logged("new sample grid"))
    os.close(terminal)
    assert started.wait(120) == 0
    assert status() == "done"


def test_a_shell_that_sends_the_hangup_twice_does_not_cut_the_saving_off():
    started = subprocess.Popen([*GANSMITH, *TRAIN, "--steps", "100000"], stderr=subprocess.DEVNULL)
    until(lambda: logged("new sample grid"))
    for _ in range(3):
        started.send_signal(signal.SIGHUP)
    assert started.wait(60) == 129
    assert status() == "stopped"


CONSOLES = {
    "utf-8": ("", {"PYTHONIOENCODING": "utf-8"}),
    "ascii": ("", {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"}),
    "cp1252": ("", {"PYTHONIOENCODING": "cp1252"}),
    "closed": (">&- 2>&-", {}),
    "full": ("2> /dev/full", {}),
    "no home or folder for temporary files": ("", {"HOME": None, "XDG_CACHE_HOME": None, "TMPDIR": "/does/not/exist"}),
    "folders that cannot be written": ("", {"HOME": "/proc", "TMPDIR": "/proc", "MPLCONFIGDIR": None}),
}


@SLOW
@pytest.mark.parametrize("console", CONSOLES)
def test_every_verb_does_its_work_at_every_console(console):
    redirected, variables = CONSOLES[console]
    for words in VERBS:
        code, out, err = run(words, redirected, **variables)
        assert (code, b"Traceback" in out + err) == (0, False), (words, err)
    assert status() == "done"
    assert Path("grid.png").is_file()


@SLOW
def test_every_verb_does_its_work_when_its_terminal_or_reader_is_gone():
    for words in VERBS:
        started = subprocess.Popen([*GANSMITH, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        started.stdout.close()
        started.stderr.close()
        assert started.wait() == 0, words
    assert status() == "done"


@SLOW
def test_every_verb_does_its_work_when_its_terminal_is_gone_and_the_hangup_is_ignored():
    for words in VERBS:
        started, terminal = in_terminal([*GANSMITH, *words], ignoring_hangup=True)
        os.close(terminal)
        assert started.wait(120) == 0, words
    assert status() == "done"
