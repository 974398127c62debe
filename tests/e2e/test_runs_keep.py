"""What runs keep on disk: verified, pruned, removed and compared by the command line."""

import json
import shutil
from pathlib import Path

import pytest

from gansmith.runs.lock import only_writer
from gansmith.runs.run import Run


def error_of(result, code):
    assert result.code == code, result.err
    message = result.err.splitlines()[-1]
    assert message.startswith("error: ")
    return message


def damage(run, step):
    file = run / f"checkpoints/{step:08}/D.safetensors"
    file.write_bytes(file.read_bytes()[:-8])


def saved(run):
    return sorted(path.name for path in (run / "checkpoints").iterdir())


def test_whole_checkpoints_are_told_to_be(gansmith, trained):
    result = gansmith("runs", "verify")
    assert result.code == 0, result.err
    assert [line.split() for line in result.out.splitlines()] == [["step", step, "ok"] for step in ("4", "8", "12")]
    assert json.loads(gansmith("runs", "verify", trained, "--json").out)["damages"] == dict.fromkeys(["4", "8", "12"])


def test_a_damaged_checkpoint_is_told_by_its_file_and_left_where_it_is(gansmith, trained):
    damage(trained, 8)
    before = saved(trained)
    result = gansmith("runs", "verify", trained)
    assert error_of(result, 5) == f"error: 1 of the 3 checkpoints of {trained} are damaged."
    lines = result.out.splitlines()
    assert lines[0].endswith("ok")
    assert "checkpoints/00000008/D.safetensors is damaged: it holds" in lines[1]
    assert "00000008/D" in json.loads(gansmith("runs", "verify", trained, "--json").out)["damages"]["8"]
    assert saved(trained) == before


def test_a_run_without_checkpoints_has_none_to_verify(gansmith, trained):
    shutil.rmtree(trained / "checkpoints")
    assert error_of(gansmith("runs", "verify", trained), 5) == f"error: {trained} holds no checkpoint."


def test_pruning_keeps_the_newest_that_are_whole(gansmith, trained):
    damage(trained, 12)
    would = gansmith("runs", "prune", trained, "--keep-last", 1, "--dry-run")
    assert would.out.startswith("would remove step 4: ")
    assert saved(trained) == ["00000004", "00000008", "00000012", "latest"]
    done = gansmith("runs", "prune", trained, "--keep-last", 1)
    assert done.out == would.out.replace("would remove", "removed")
    assert saved(trained) == ["00000008", "00000012", "latest"]
    assert gansmith("runs", "prune", trained, "--keep-last", 5).out == ""


def test_pruning_keeps_one_at_least(gansmith, trained):
    assert "--keep-last 0: at least one" in error_of(gansmith("runs", "prune", trained, "--keep-last", 0), 2)
    assert "--keep-last K is missing" in error_of(gansmith("runs", "prune", trained), 2)


def test_a_run_is_removed_under_its_whole_name_only(gansmith, trained):
    for vague in ("1", "tiny", "last", "00001"):
        message = error_of(gansmith("runs", "rm", vague), 2)
        assert "give the whole name or path of the run to remove, such as 00001-demo, " in message
        assert f"not '{vague}'; runs holds 00001-tiny." in message
    assert trained.is_dir()
    result = gansmith("runs", "rm", "00001-tiny")
    assert result.code == 0, result.err
    assert result.out.startswith("removed runs/00001-tiny: ")
    assert sorted(path.name for path in Path("runs").iterdir()) == [".number"]


def test_a_run_is_removed_by_its_path_and_a_link_is_not(gansmith, trained):
    Path("00009-link").symlink_to(trained, target_is_directory=True)
    assert "is a link" in error_of(gansmith("runs", "rm", "00009-link"), 2)
    assert gansmith("runs", "rm", trained).code == 0
    assert not trained.exists()


@pytest.mark.parametrize("verb", [("rm", "00001-tiny"), ("prune", "1", "--keep-last", "1")])
def test_a_run_that_is_being_trained_is_left_alone(gansmith, trained, verb):
    before = saved(trained)
    with only_writer(Run(trained)):
        assert "is being trained by" in error_of(gansmith("runs", *verb), 9)
    assert saved(trained) == before


def test_what_differs_between_two_runs_is_a_table(gansmith, trained):
    assert gansmith("train", "tiny.toml", "--name", "other", "--set", "batch_size=8", "--seed", 7).code == 0
    result = gansmith("runs", "diff", "tiny", "other")
    assert result.code == 0, result.err
    assert [line.split() for line in result.out.splitlines()] == [
        ["00001-tiny", "00002-other"],
        ["seed", "0", "7"],
        ["batch_size", "4", "8"],
    ]
    assert json.loads(gansmith("runs", "diff", "1", "2", "--json").out) == {"seed": [0, 7], "batch_size": [4, 8]}


def test_machine_and_images_are_compared_too(gansmith, trained):
    other = trained.with_name("00002-copy")
    shutil.copytree(trained, other)
    assert gansmith("runs", "diff", "1", "2").out == "the same recipe, images, machine and versions\n"
    info = json.loads((other / "run.json").read_text())
    info["machine"]["torch"], info["data"]["count"] = "1.0", 3
    (other / "run.json").write_text(json.dumps(info))
    lines = [line.split() for line in gansmith("runs", "diff", "1", "2").out.splitlines()[1:]]
    assert [line[0] for line in lines] == ["images.count", "machine.torch"]
    assert [line[-1] for line in lines] == ["3", "1.0"]


def test_a_difference_fits_the_screen_whole_but_for_hashes(gansmith, trained):
    other = trained.with_name("00002-copy")
    shutil.copytree(trained, other)
    info, path = json.loads((other / "run.json").read_text()), "/a/long/path/to/images" * 6
    info["data"]["sha256"]["images"], info["data"]["name"] = "0123456789abcdef" * 4, path
    (other / "run.json").write_text(json.dumps(info))
    text = gansmith("runs", "diff", "1", "2").out
    assert max(map(len, text.splitlines())) <= 100
    rows = [line.split() for line in text.splitlines()[1:]]
    assert rows[0][0::2] == ["images.sha256.images", "0123456789ab"]
    assert len(rows[0][1]) == 12
    assert "".join(row[-1] for row in rows[1:]) == path


def test_one_damaged_description_does_not_hide_the_other_runs(gansmith, trained):
    shutil.copytree(trained, trained.with_name("00002-broken"))
    trained.with_name("00002-broken").joinpath("run.json").write_text("{")
    lines = gansmith("runs", "list").out.splitlines()
    assert lines[1].startswith("00001-tiny")
    assert lines[2].split()[:2] == ["00002-broken", "unreadable"]


def test_the_verbs_are_in_the_help(gansmith):
    shown = gansmith("runs", "--help").out
    assert all(f" {verb} " in shown for verb in ("list", "show", "figures", "diff", "verify", "prune", "rm"))
