"""How our own processes are started."""

import os
import subprocess
from pathlib import Path

import pytest

from gansmith.cli import main
from gansmith.system.processes import worker_command, worker_environment


def test_a_worker_imports_nothing_from_the_current_folder_and_is_told_its_arguments():
    for name in ("calendar", "datetime"):  # the module itself, and one that it imports
        Path(f"{name}.py").write_text("raise SystemExit('the current folder was imported')")
    done = subprocess.run(worker_command("calendar", "2026", "1"), capture_output=True, text=True, check=False)
    assert "January 2026" in done.stdout, done.stderr


def test_a_worker_has_so_many_threads(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    for threads in (1, 3):
        environment = worker_environment(threads)
        assert {environment[f"{library}_NUM_THREADS"] for library in ("OMP", "OPENBLAS")} == {str(threads)}
    assert worker_environment()["OMP_NUM_THREADS"] == "1"


@pytest.mark.parametrize(
    ("given", "spins"),
    [({}, main.SPINS), ({"OMP_WAIT_POLICY": "ACTIVE"}, None), ({"GOMP_SPINCOUNT": "7"}, "7")],
)
def test_the_command_has_threads_spin_briefly_unless_the_environment_says_otherwise(monkeypatch, capsys, given, spins):
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.setenv(name, "")  # so that it is put back
        monkeypatch.delenv(name)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.argv", ["gansmith", "--version"])
    with pytest.raises(SystemExit) as left:
        main.run()
    assert left.value.code == 0
    assert os.environ.get("GOMP_SPINCOUNT") == spins
