import pytest
import torch

from gansmith.errors import NotEnoughMemoryError, RecipeError
from gansmith.planning import memory
from gansmith.recipes import recipe


@pytest.mark.parametrize(("room", "batch"), [(1024, 1024), (1500, 1024), (2, 2), (0, 0)])
def test_the_first_half_that_fits_is_named(monkeypatch, room, batch):
    tried = []

    def fits(recipe, _device):
        tried.append(recipe.batch_size)
        return recipe.batch_size <= room

    monkeypatch.setattr(memory, "_fits", fits)
    assert memory.largest_batch(recipe("demo", ["batch_size=4096"]), "cpu") == batch
    assert tried[:2] == [2048, 1024]


def test_a_half_that_its_parts_do_not_divide_is_not_tried(monkeypatch):
    tried = []
    monkeypatch.setattr(memory, "_fits", lambda recipe, _device: tried.append(recipe.batch_size))
    assert memory.largest_batch(recipe("fashion-mlp", ["batch_size=100", "microbatches=4"]), "cpu") == 0
    assert tried == [48, 24, 12, 4]


def test_only_a_lack_of_memory_is_taken_for_one(monkeypatch):
    monkeypatch.setattr(memory, "_fits", lambda recipe, device: False)
    small = recipe("demo", ["batch_size=2"])
    with pytest.raises(RuntimeError, match=r"^of another kind$"), memory.saying_what_fits(small, "cpu"):
        raise RuntimeError("of another kind")
    said = r"^a step of batch_size=2 needs more memory than there is; not even a batch of 1 fits\.$"
    with pytest.raises(NotEnoughMemoryError, match=said), memory.saying_what_fits(small, "cpu"):
        torch.empty(1 << 60)


def test_the_fewest_parts_that_fit_are_taken(monkeypatch):
    monkeypatch.setattr(memory, "_fits", lambda recipe, _device: recipe.batch_size // recipe.microbatches <= 10)
    assert memory.in_parts_that_fit(recipe("fashion-mlp", ["batch_size=32"]), "cpu").microbatches == 4
    assert memory.in_parts_that_fit(recipe("fashion-mlp", ["batch_size=8"]), "cpu").microbatches == 1
    monkeypatch.setattr(memory, "_fits", lambda recipe, _device: False)
    with pytest.raises(NotEnoughMemoryError, match="not even parts of one image of batch_size=32 fit"):
        memory.in_parts_that_fit(recipe("fashion-mlp", ["batch_size=32"]), "cpu")


def test_networks_that_normalise_over_the_batch_cannot_be_fitted(monkeypatch):
    monkeypatch.setattr(memory, "_fits", lambda recipe, _device: False)
    with pytest.raises(RecipeError, match="set a smaller batch"):
        memory.in_parts_that_fit(recipe("demo"), "cpu")
