"""Full disks: at every write, at a limit of the system's own, and before anything is written."""

import errno
import json
import os
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from gansmith.checkpoints import save
from gansmith.checkpoints.load import tidy
from gansmith.checkpoints.manifest import find_checkpoint, verify
from gansmith.errors import DiskError
from gansmith.system import atomic
from tests.helpers.small_states import saved_run, small_recipe, stepped, tree

CALLS = ("open", "write", "fsync", "mkdir", "rename", "replace")


class Failing:
    """Lets the n-th of these calls fail with this error, or the write be short and the next one fail."""

    def __init__(self, monkeypatch, at, number, *, short=False):
        self.at, self.count, self.short = at, 0, short
        for name in CALLS:
            monkeypatch.setattr(os, name, self._wrapped(name, getattr(os, name), number))

    def _wrapped(self, name, real, number):
        def call(*arguments, **options):
            changes = name != "open" or bool(arguments[1] & os.O_CREAT)
            self.count += changes
            if changes and self.count == self.at:
                if self.short and name == "write":
                    return real(arguments[0], arguments[1][:7])
                raise OSError(number, os.strerror(number))
            return real(*arguments, **options)

        return call


def calls_of_a_save(root):
    with pytest.MonkeyPatch.context() as monkeypatch:
        run, gan = saved_run(root)
        stepped(small_recipe(), gan, 1)
        counted = Failing(monkeypatch, 0, errno.ENOSPC)
        save.save_checkpoint(run, gan, small_recipe())
        return counted.count


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "room"),
    [(errno.ENOSPC, "; it needs [0-9,]+ bytes, [0-9,]+ are free there"), (errno.EDQUOT, "; it needs"), (errno.EIO, "")],
)
def test_no_room_at_any_call_leaves_the_checkpoints_before_and_says_how_much_is_needed(tmp_path, number, room):
    num = calls_of_a_save(tmp_path / "counted")
    assert num >= 25
    run, gan = saved_run(tmp_path / "runs")
    stepped(small_recipe(), gan, 1)
    for at in range(1, num + 1):
        with pytest.MonkeyPatch.context() as monkeypatch:
            Failing(monkeypatch, at, number)
            with pytest.raises(DiskError, match=f"{os.strerror(number)}{room or '[.]$'}") as caught:
                save.save_checkpoint(run, gan, small_recipe())
        assert caught.value.exit_code == 8
        found = find_checkpoint(run)
        assert found.step in (3, 4)
        assert not found.damages
        assert [path for path in run.path.rglob(".unfinished-*") if path.name.endswith("00000004")] == []
        tidy(run)
    save.save_checkpoint(run, gan, small_recipe())
    assert find_checkpoint(run).step == 4


@pytest.mark.slow
def test_a_short_write_is_continued(tmp_path):
    run, gan = saved_run(tmp_path / "runs")
    stepped(small_recipe(), gan, 1)
    for at in range(1, calls_of_a_save(tmp_path / "counted") + 1):
        with pytest.MonkeyPatch.context() as monkeypatch:
            Failing(monkeypatch, at, errno.ENOSPC, short=True)
            try:
                save.save_checkpoint(run, gan, small_recipe())
            except DiskError:
                continue
        assert find_checkpoint(run).step == 4
        verify(find_checkpoint(run).folder)


def test_room_is_looked_for_before_anything_is_written(tmp_path, monkeypatch):
    run, gan = saved_run(tmp_path)
    stepped(small_recipe(), gan, 1)
    before = tree(run.path)
    usage = namedtuple("usage", "total used free")(10**9, 10**9 - 1000, 1000)
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    with pytest.raises(DiskError, match=r"00000004 needs [\d,]{9,} bytes and 1,000 are free there; those before it"):
        save.save_checkpoint(run, gan, small_recipe())
    assert tree(run.path) == before


def test_a_file_that_cannot_be_written_keeps_its_old_content(tmp_path, monkeypatch):
    file = tmp_path / "file"
    atomic.write_atomically(file, "old")
    Failing(monkeypatch, 2, errno.ENOSPC)
    with pytest.raises(DiskError, match=r"file cannot be written: No space left on device; it needs 3 bytes"):
        atomic.write_atomically(file, "new")
    assert file.read_text() == "old"
    assert [*tmp_path.iterdir()] == [file]


LIMITED = """
import resource, signal, sys
from gansmith.cli.main import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.slow
def test_a_limit_of_the_system_on_files_ends_a_run_with_8_and_it_goes_on_when_the_limit_is_gone(tmp_path):
    recipe = Path("tiny.toml")
    recipe.write_text(
        'from = "demo"\nbatch_size = 4\n[model]\nwidth = 4\n[length]\nimages = 48\nlog_every = 4\nsample_every = 1000\n'
        "checkpoint_every = 16\n"
    )

    def limited(most, *arguments):
        command = [sys.executable, "-c", LIMITED, str(most), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert limited(10**9, "train", str(recipe), "--steps", "4").returncode == 0
    run = Path("runs/00001-tiny")
    largest = max(file.stat().st_size for file in run.rglob("*.safetensors"))
    stopped = limited(largest - 1, "resume", str(run), "--steps", "12")
    assert stopped.returncode == 8, stopped.stderr
    assert "cannot be written: File too large; it needs" in stopped.stderr.splitlines()[-1]
    assert "Traceback" not in stopped.stderr
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == ["00000004", "latest"]
    assert limited(10**9, "resume", str(run), "--steps", "12").returncode == 0
    assert json.loads((run / "run.json").read_text())["status"] == "done"
