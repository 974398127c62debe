"""500 damages over all files of a checkpoint: each is noticed, and the checkpoint before is used."""

import os
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gansmith.checkpoints.manifest import DamagedError, find_checkpoint, verify
from gansmith.cli.main import main
from gansmith.errors import CheckpointError
from tests.helpers.small_states import saved_run

FILES = [f"{part}.safetensors" for part in ("G", "D", "G_ema", "optimizer_g", "optimizer_d")]
FILES += ["state.json", "manifest.json"]


def flip(file, others, draw):
    data = bytearray(file.read_bytes())
    data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    file.write_bytes(data)


def trim(file, others, draw):
    os.truncate(file, draw.randrange(file.stat().st_size))


def grow(file, others, draw):
    file.write_bytes(file.read_bytes() + draw.randbytes(draw.choice((1, 8, 4096))))


def delete(file, others, draw):
    file.unlink()


def swap(file, others, draw):
    other = draw.choice([other for other in others if other != file])
    contents = other.read_bytes(), file.read_bytes()
    file.write_bytes(contents[0])
    other.write_bytes(contents[1])


def zero(file, others, draw):
    data = file.read_bytes()
    begin = draw.randrange(len(data))
    end = begin + draw.choice((1, 512, 4096))
    file.write_bytes(data[:begin] + bytes(len(data[begin:end])) + data[end:])
    if file.read_bytes() == data:  # there were zeros before: that is no damage
        flip(file, others, draw)


DAMAGES = (flip, trim, grow, delete, swap, zero)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return saved_run(tmp_path_factory.mktemp("damage"), steps=(1, 2))[0]


@pytest.fixture(scope="module")
def whole(run):
    return {file.name: file.read_bytes() for file in (run.checkpoints / "00000002").iterdir()}


@pytest.mark.slow
@settings(max_examples=500, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(name=st.sampled_from(FILES), damage=st.sampled_from(DAMAGES), seed=st.integers(0, 2**32))
def test_every_damage_is_noticed_and_the_checkpoint_before_is_used(run, whole, name, damage, seed):
    folder = run.checkpoints / "00000002"
    try:
        damage(folder / name, sorted(folder.iterdir()), random.Random(seed))
        found = find_checkpoint(run)
        assert found.step == 1
        assert len(found.damages) == 1
        assert f"{folder}/" in found.damages[2]
        assert "is damaged: " in found.damages[2]
    finally:
        for file, content in whole.items():
            if not (folder / file).exists() or (folder / file).read_bytes() != content:
                (folder / file).write_bytes(content)


def test_a_manifest_that_differs_in_any_one_byte_is_damage_even_where_it_says_the_same(tmp_path):
    run, _ = saved_run(tmp_path, steps=(1,))
    file = run.checkpoints / "00000001/manifest.json"
    text = file.read_bytes()
    others = [text[:length] for length in range(len(text))]
    others += [text[:i] + b" " + text[i:] for i in range(len(text) + 1)]
    others += [text[:i] + text[i : i + 1].swapcase() + text[i + 1 :] for i in range(len(text))]
    for other in set(others) - {text}:
        file.write_bytes(other)
        with pytest.raises(DamagedError):
            verify(file.parent)


def test_what_is_not_damaged_is_not_said_to_be(run, whole):
    assert find_checkpoint(run).step == 2


def test_when_all_are_damaged_the_command_line_leaves_with_5_in_a_sentence(tmp_path, capfd):
    run, _ = saved_run(tmp_path)
    for folder in run.checkpoints.glob("0*"):
        trim(folder / "G.safetensors", [], random.Random(0))
    with pytest.raises(CheckpointError, match="3 of 3 are damaged"):
        find_checkpoint(run)
    assert main(["sample", str(run.path), "--out", "x.png"]) == 5
    said = capfd.readouterr().err
    assert said.startswith("error: ")
    assert "00000003/G.safetensors is damaged: it holds" in said
