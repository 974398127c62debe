"""What is on disk before what: recorded through a shim, and once more by strace; and where renaming is refused."""

import errno
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gansmith.checkpoints.load import set_aside, tidy
from gansmith.checkpoints.manifest import find_checkpoint, saved_checkpoints, verify
from gansmith.checkpoints.save import save_checkpoint
from gansmith.system.atomic import move_folder, write_atomically
from tests.helpers import helper_environment
from tests.helpers.small_states import saved_run, small_recipe, stepped, tree

REFUSALS = [errno.EXDEV, errno.EPERM, errno.ENOSYS, errno.ENOTSUP]
PARTS = ["G", "D", "G_ema", "optimizer_g", "optimizer_d"]


class Recorder:
    """The calls that bring things to disk, as (what, path) or (what, from, to)."""

    def __init__(self, monkeypatch):
        self.calls, self.paths = [], {}
        real = {name: getattr(os, name) for name in ("open", "fsync", "rename", "replace", "rmdir")}

        def opened(path, flags, *arguments, **options):
            descriptor = real["open"](path, flags, *arguments, **options)
            self.paths[descriptor] = str(path)
            if flags & os.O_CREAT:
                self.calls.append(("create", str(path)))
            return descriptor

        def synced(descriptor):
            self.calls.append(("fsync", self.paths[descriptor]))
            real["fsync"](descriptor)

        def renamed(source, target):
            self.calls.append(("rename", str(source), str(target)))
            real["replace"](source, target)

        for name, call in {"open": opened, "fsync": synced, "rename": renamed, "replace": renamed}.items():
            monkeypatch.setattr(os, name, call)


def check_order(calls, checkpoints, step):
    """Every file, the manifest last, then the folder, all before the rename; the parent; `latest` likewise."""
    folder, latest = f"{checkpoints}/{step:08}", f"{checkpoints}/latest"
    published = next(i for i, call in enumerate(calls) if call[0] == "rename" and call[2] == folder)
    unfinished = calls[published][1]
    before = calls[:published]
    written = [
        call[1].removeprefix(f"{unfinished}/") for call in before if call[0] == "create" and unfinished in call[1]
    ]
    assert written == [*(f"{part}.safetensors" for part in PARTS), "state.json", "manifest.json"]
    for name in written:
        made, synced = (before.index((what, f"{unfinished}/{name}")) for what in ("create", "fsync"))
        assert made < synced
    manifest = before.index(("create", f"{unfinished}/manifest.json"))
    assert all(before.index(("fsync", f"{unfinished}/{name}")) < manifest for name in written[:-1])
    assert before[-1] == ("fsync", unfinished), "the folder is on disk with all its names before it gets its own"
    log = str(Path(checkpoints).parent / "events.jsonl")
    assert ("fsync", log) in before, "the log is on disk before the checkpoint that follows it"
    assert calls[published + 1] == ("fsync", checkpoints)
    named = next(i for i, call in enumerate(calls) if i > published and call[0] == "rename" and call[2] == latest)
    assert ("fsync", calls[named][1]) in calls[published:named]
    assert calls[named + 1] == ("fsync", checkpoints)
    return named + 1


def test_each_file_is_on_disk_before_its_name_and_the_old_one_goes_last(tmp_path, monkeypatch):
    run, gan = saved_run(tmp_path)
    run.append_event({"step": 3, "seen": 12})
    stepped(small_recipe(), gan, 1)
    recorder = Recorder(monkeypatch)
    save_checkpoint(run, gan, small_recipe())
    durable = check_order(recorder.calls, str(run.checkpoints), 4)
    oldest = f"{run.checkpoints}/00000001"
    gone = next(i for i, call in enumerate(recorder.calls) if call[0] == "rename" and call[1] == oldest)
    assert gone > durable, "nothing is pruned before the new one is on disk"


CALL = re.compile(r"(?:\d+ +)?(fsync|openat|renameat2?|rename)\((.*)\) += (-?\d+)")
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


def calls_of(trace):
    """What strace -y saw, as the recorder has it."""
    calls = []
    for line in trace.splitlines():
        if not (found := CALL.search(line)) or found[3].startswith("-"):
            continue
        name, arguments = found[1], found[2]
        paths = QUOTED.findall(arguments)
        if name == "fsync":
            calls.append(("fsync", re.search(r"<(.*)>", arguments)[1]))
        elif name.startswith("rename"):
            calls.append(("rename", paths[0], paths[1]))
        elif "O_CREAT" in arguments:
            calls.append(("create", paths[0]))
    return calls


SAVED = """
from pathlib import Path
from tests.helpers.small_states import saved_run, small_recipe, stepped
from gansmith.checkpoints.save import save_checkpoint
run, gan = saved_run(Path("runs").absolute(), steps=(1,))
run.append_event({"step": 1, "seen": 4})
save_checkpoint(run, stepped(small_recipe(), gan, 1), small_recipe())
"""


@pytest.mark.slow
def test_the_kernel_sees_the_same_order(tmp_path):
    program = shutil.which("strace")
    assert program, "this test needs strace; on Debian: apt-get install strace"
    calls = "fsync,rename,renameat,renameat2,openat"
    command = [program, "-f", "--seccomp-bpf", "-y", "-s", "4096", "-o", "trace", "-e", f"trace={calls}"]
    subprocess.run([*command, sys.executable, "-c", SAVED], check=True, capture_output=True, env=helper_environment())
    check_order(calls_of(Path("trace").read_text(errors="replace")), f"{tmp_path}/runs/00001-small/checkpoints", 2)


def refuse(monkeypatch, number):
    def refused(source, target):
        raise OSError(number, os.strerror(number), str(source), None, str(target))

    for name in ("rename", "replace"):
        monkeypatch.setattr(os, name, refused)


@pytest.mark.parametrize("number", REFUSALS, ids=[errno.errorcode[number] for number in REFUSALS])
def test_where_renaming_is_refused_everything_still_works(tmp_path, monkeypatch, number):
    run, gan = saved_run(tmp_path)
    refuse(monkeypatch, number)
    for step in (4, 5):
        stepped(small_recipe(), gan, 1)
        save_checkpoint(run, gan, small_recipe())
        verify(run.checkpoints / f"{step:08}")
    save_checkpoint(run, gan, small_recipe())  # the same step again
    assert [*saved_checkpoints(run)] == [3, 4, 5]
    assert (run.checkpoints / "00000005/COMMITTED").read_text() == "yes\n"
    assert (run.checkpoints / "latest").read_text() == "00000005\n"
    run.update(status="done")
    assert run.info()["status"] == "done"
    (run.checkpoints / "00000005/G.safetensors").unlink()
    assert "set aside as .bad-00000005-1" in set_aside(run, find_checkpoint(run))[0]
    assert [*saved_checkpoints(run)] == [3, 4]
    tidy(run)
    assert [path for path in run.path.rglob(".*") if path.name.startswith((".unfinished", ".replaced"))] == []


@pytest.mark.parametrize("text", ["", "ye", "not\nx", "maybe\n"])
def test_a_marker_that_says_anything_but_yes_is_damage_and_not_a_leftover(tmp_path, text):
    run, _ = saved_run(tmp_path)
    (run.checkpoints / "00000003/COMMITTED").write_text(text)
    found = find_checkpoint(run)
    assert (found.step, [*found.damages]) == (2, [3])
    tidy(run)
    assert 3 in saved_checkpoints(run)


def test_another_refusal_is_no_reason_to_copy(tmp_path, monkeypatch):
    (tmp_path / "source").mkdir()
    refuse(monkeypatch, errno.EACCES)
    with pytest.raises(PermissionError):
        move_folder(tmp_path / "source", tmp_path / "target")
    assert [*tree(tmp_path)] == ["source"]


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
@pytest.mark.parametrize("renames", [True, False], ids=["renamed", "copied"])
def test_files_and_folders_have_the_mode_that_the_mask_leaves(tmp_path, monkeypatch, mask, renames):
    run, gan = saved_run(tmp_path, steps=())
    if not renames:
        refuse(monkeypatch, errno.EXDEV)
    before = os.umask(mask)
    try:
        stepped(small_recipe(), gan, 1)
        save_checkpoint(run, gan, small_recipe())
    finally:
        os.umask(before)
    folder = run.checkpoints / "00000001"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o777 & ~mask
    files = [*folder.iterdir(), run.checkpoints / "latest"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o666 & ~mask}


def test_a_file_that_is_written_anew_keeps_the_mode_it_was_given(tmp_path):
    file = tmp_path / "run.json"
    write_atomically(file, "old")
    file.chmod(0o640)
    write_atomically(file, "new")
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == ("new", 0o640)


def test_a_link_is_replaced_and_what_it_points_to_is_left_alone(tmp_path):
    outside, link = tmp_path / "outside", tmp_path / "run.json"
    outside.write_text("mine")
    link.symlink_to(outside)
    write_atomically(link, "new")
    assert (outside.read_text(), link.read_text(), link.is_symlink()) == ("mine", "new", False)
