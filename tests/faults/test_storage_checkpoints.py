"""What is kept, replaced, refused and set aside when checkpoints are saved and loaded."""

import errno
import json
import os

import pytest
import torch
from safetensors.torch import load_file

from gansmith.checkpoints.load import load_checkpoint, set_aside, tidy
from gansmith.checkpoints.manifest import find_checkpoint, saved_checkpoints, verify
from gansmith.checkpoints.save import parts_of, point_at_best, save_checkpoint, steps_kept
from gansmith.engine import make_engine
from gansmith.errors import CheckpointError, DivergedError
from gansmith.runs.run import Run
from gansmith.schema import Checkpoints
from gansmith.sessions.rollback import forget_later
from gansmith.training.state import build
from tests.helpers.small_states import saved_run, small_recipe, stepped, tree


def fresh(made=None):
    return build(made or small_recipe(), make_engine("cpu", "fp32"))


def load_newest(run, gan):
    """As a continued run does: the newest that is whole is loaded, and those after it are set aside."""
    found = find_checkpoint(run)
    load_checkpoint(found.folder, gan)
    return found.step, set_aside(run, found)


def numbers(gan):
    return {f"{part}/{name}": t.clone() for part, tensors in parts_of(gan).items() for name, t in tensors.items()}


def assert_same(one, other):
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_state_comes_back_to_the_last_bit_and_goes_on_the_same(tmp_path):
    run, gan = saved_run(tmp_path)
    loaded = fresh()
    assert load_newest(run, loaded) == (3, [])
    assert_same(numbers(loaded), numbers(gan))
    made = small_recipe()
    assert_same(numbers(stepped(made, loaded, 2)), numbers(stepped(made, gan, 2)))


def test_a_checkpoint_holds_what_it_promises_in_files_that_others_can_read(tmp_path):
    run, gan = saved_run(tmp_path, steps=(3,))
    folder = run.checkpoints / "00000003"
    networks = {"G", "D", "G_ema", "optimizer_g", "optimizer_d"}
    assert {file.stem for file in folder.glob("*.safetensors")} == networks
    assert {file.name for file in folder.glob("*.json")} == {"state.json", "manifest.json"}
    assert_same(load_file(folder / "G.safetensors"), dict(gan.G.state_dict()))
    state = json.loads((folder / "state.json").read_text())
    assert (state["step"], state["seen"], len(state["recipe"])) == (3, 12, 64)
    assert {"gansmith", "torch", "numpy", "safetensors"} <= state.keys()
    assert (run.checkpoints / "latest").read_text() == "00000003\n"


def test_the_newest_stay_and_one_at_each_multiple_of_images(tmp_path):
    policy = Checkpoints(keep_last=2, keep_every=10)
    there: list[int] = []
    for step in range(1, 13):  # of 4 images each: the multiples 10, 20, 30, 40 are crossed at steps 3, 5, 8, 10
        there = sorted(steps_kept([*there, step], batch_size=4, policy=policy))
    assert there == [3, 5, 8, 10, 11, 12]
    assert steps_kept([1, 2, 3, 4], 4, Checkpoints()) == {2, 3, 4}


def test_a_run_keeps_what_its_recipe_says(tmp_path):
    made = small_recipe("checkpoints.keep_last=1", "checkpoints.keep_every=8")
    run, _ = saved_run(tmp_path, steps=range(1, 6), made=made)
    assert [*saved_checkpoints(run)] == [2, 4, 5]


def evaluated(run, step, value):
    run.append_metric({"step": step, "seen": 4 * step, "fd": {"value": value, "low": value - 1, "high": value + 1}})


def test_the_best_is_named_and_stays_and_the_one_before_goes_with_the_others(tmp_path):
    made = small_recipe("checkpoints.keep_last=1")
    run, gan = saved_run(tmp_path, steps=(), made=made)
    for step, value in ((1, 9.0), (2, 5.0), (3, 7.0), (4, 8.0)):
        stepped(made, gan, 1)
        evaluated(run, step, value)
        save_checkpoint(run, gan, made)
    assert [*saved_checkpoints(run)] == [2, 4]
    assert find_checkpoint(run, "best").step == 2
    assert json.loads((run.checkpoints / "00000004/state.json").read_text())["best"] == {
        "step": 2,
        "seen": 8,
        "fd": 5.0,
    }
    stepped(made, gan, 1)
    evaluated(run, 5, 4.0)
    save_checkpoint(run, gan, made)
    assert [*saved_checkpoints(run)] == [5]
    assert (run.checkpoints / "best").read_text() == "00000005\n"


def test_a_best_that_is_forgotten_or_gone_gives_way_to_the_lowest_that_is_there(tmp_path):
    run, _ = saved_run(tmp_path)
    for step, value in ((1, 6.0), (2, 7.0), (3, 5.0)):
        evaluated(run, step, value)
    point_at_best(run)
    assert find_checkpoint(run, "best").step == 3
    made = small_recipe("evaluate.every=4")
    forget_later(run, 8, made)
    assert find_checkpoint(run, "best").step == 1
    forget_later(run, 8, small_recipe("evaluate.every=16"))  # the second was there only because the run ended
    assert [line["step"] for line in run.metrics()] == [1]
    forget_later(run, 0, made)
    assert not (run.checkpoints / "best").exists()


@pytest.mark.parametrize("part", ["G", "D", "G_ema"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_value_that_is_not_finite_is_never_published(tmp_path, part, value):
    run, gan = saved_run(tmp_path)
    before = tree(run.path)
    stepped(small_recipe(), gan, 1)
    name, tensor = [item for item in getattr(gan, part).state_dict().items() if item[1].is_floating_point()][-1]
    tensor.view(-1)[-1] = value
    with pytest.raises(DivergedError, match=f"{name} of {part} is not finite after 16 images, and no checkpoint"):
        save_checkpoint(run, gan, small_recipe())
    assert tree(run.path) == before


def test_values_whose_sum_is_not_finite_are_no_divergence(tmp_path):
    run, gan = saved_run(tmp_path)
    stepped(small_recipe(), gan, 1)
    next(gan.G.parameters()).data.fill_(3e38)
    save_checkpoint(run, gan, small_recipe())
    assert find_checkpoint(run).step == 4


def test_a_checkpoint_saved_again_takes_the_place_of_the_one_before(tmp_path):
    run, gan = saved_run(tmp_path)
    next(gan.G.parameters()).data.fill_(0.5)
    save_checkpoint(run, gan, small_recipe())
    loaded = fresh()
    load_newest(run, loaded)
    assert_same(numbers(loaded), numbers(gan))
    assert sorted(path.name for path in run.checkpoints.iterdir()) == ["00000001", "00000002", "00000003", "latest"]


@pytest.mark.parametrize("renames", [True, False], ids=["renamed", "copied"])
def test_at_every_moment_of_a_replacement_there_is_a_good_one(tmp_path, monkeypatch, renames):
    run, gan = saved_run(tmp_path)
    next(gan.G.parameters()).data.fill_(0.5)
    moments = []

    def checking_finite(name, real):
        def call(*arguments, **options):
            found = find_checkpoint(run)
            assert (found.step, found.damages) == (3, {}), name
            moments.append(name)
            if name in ("rename", "replace") and not renames:
                raise OSError(errno.EXDEV, "")
            return real(*arguments, **options)

        return call

    for name in ("write", "fsync", "mkdir", "rename", "replace", "unlink", "rmdir", "ftruncate"):
        monkeypatch.setattr(os, name, checking_finite(name, getattr(os, name)))
    save_checkpoint(run, gan, small_recipe())
    assert len(moments) > 25
    assert find_checkpoint(run).folder.name == "00000003"


@pytest.mark.parametrize("moment", ["old one aside", "new one there"])
def test_while_a_checkpoint_is_replaced_there_is_a_good_one(tmp_path, moment):
    run, gan = saved_run(tmp_path)
    folder = run.checkpoints / "00000003"
    folder.rename(folder.with_name(".replaced-00000003"))
    if moment == "new one there":
        save_checkpoint(run, gan, small_recipe())
        saved_run(tmp_path / "other")
        (tmp_path / "other/00001-small/checkpoints/00000003").rename(folder.with_name(".replaced-00000003"))
    assert find_checkpoint(run).step == 3
    verify(find_checkpoint(run).folder)
    tidy(run)
    assert sorted(path.name for path in run.checkpoints.iterdir()) == ["00000001", "00000002", "00000003", "latest"]
    assert find_checkpoint(run).step == 3


def test_leftovers_are_removed_by_the_one_writer(tmp_path):
    run, _ = saved_run(tmp_path)
    before = tree(run.path)
    (run.checkpoints / ".unfinished-ab12-00000004").mkdir()
    (run.checkpoints / ".unfinished-ab12-00000004/G.safetensors").write_bytes(b"half")
    (run.path / ".unfinished-cd34-run.json").write_text("{")
    (run.samples / ".unfinished-ef56-00000004.png").write_bytes(b"")
    copied = run.checkpoints / "00000004"
    copied.mkdir()
    (copied / "COMMITTED").write_text("not\n")
    assert find_checkpoint(run).step == 3
    tidy(run)
    assert tree(run.path) == before


def test_damaged_ones_are_set_aside_with_a_sentence_and_nothing_is_deleted(tmp_path):
    run, _ = saved_run(tmp_path)
    (run.checkpoints / "00000003/state.json").write_text("{}")
    (run.checkpoints / "00000002/manifest.json").unlink()
    step, notes = load_newest(run, fresh())
    assert step == 1
    newest, older = notes
    assert "00000003/state.json is damaged: it holds 2 bytes" in newest
    assert "set aside as .bad-00000003-1; the 2 steps after step 1 are lost and done again" in newest
    assert "00000002/manifest.json is damaged: No such file" in older
    assert (run.checkpoints / ".bad-00000003-1/G.safetensors").is_file()
    assert (run.checkpoints / "latest").read_text() == "00000001\n"
    assert [*saved_checkpoints(run)] == [1]


def test_looking_for_a_checkpoint_changes_nothing(tmp_path):
    run, _ = saved_run(tmp_path)
    (run.checkpoints / "00000003/state.json").write_text("{}")
    before = tree(run.path)
    found = find_checkpoint(run)
    assert found.step == 2
    assert found.notes()[0].endswith("Step 2 is the newest that is whole.")
    assert tree(run.path) == before


def test_a_whole_checkpoint_under_another_steps_name_is_noticed(tmp_path):
    run, _ = saved_run(tmp_path)
    (run.checkpoints / "00000003").rename(run.checkpoints / "00000007")
    assert find_checkpoint(run).step == 2


def test_a_checkpoint_of_another_recipe_is_refused_and_not_set_aside(tmp_path):
    run, _ = saved_run(tmp_path)
    before = tree(run.path)
    with pytest.raises(CheckpointError, match="cannot be used with this run's recipe"):
        load_newest(run, fresh(small_recipe("model.width=8")))
    assert tree(run.path) == before


def test_a_checkpoint_is_loaded_only_as_it_was_verified(tmp_path, monkeypatch):
    """A file that changes between the check and the reading is noticed as well."""
    run, _ = saved_run(tmp_path)
    file = run.checkpoints / "00000003/D.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"\x55")
    with pytest.raises(CheckpointError, match="its content is not what was saved"):
        load_checkpoint(file.parent, fresh())


def test_runs_have_their_own_checkpoints_only(tmp_path):
    run, _ = saved_run(tmp_path)
    other = Run(tmp_path / "00002-linked")
    other.path.mkdir()
    other.checkpoints.symlink_to(run.checkpoints)
    with pytest.raises(CheckpointError, match="is a link"):
        find_checkpoint(other)
