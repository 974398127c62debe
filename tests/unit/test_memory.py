import pytest
import torch

from gansmith.errors import NotEnoughMemoryError, RecipeError
from gansmith.planning import memory
from gansmith.recipes import recipe


@pytest.mark.parametrize(("room", "batch"), [(1024, 1024), (1500, 1024), (2, 2), (0, 0)])
def test_the_first_half_that_fits_is_named(monkeypatch, room, batch):
    tried = []

    def fits(recipe, _device):
        tried.append(recipe.batch)
        return recipe.batch <= room

    monkeypatch.setattr(memory, "_fits", fits)
    assert memory.largest_batch(recipe("demo", ["batch=4096"]), "cpu") == batch
    assert tried[:2] == [2048, 1024]


def test_a_half_that_its_parts_do_not_divide_is_not_tried(monkeypatch):
    tried = []
    monkeypatch.setattr(memory, "_fits", lambda recipe, _device: tried.append(recipe.batch))
    assert memory.largest_batch(recipe("fashion-mlp", ["batch=100", "parts=4"]), "cpu") == 0
    assert tried == [48, 24, 12, 4]


def test_only_a_lack_of_memory_is_taken_for_one(monkeypatch):
    monkeypatch.setattr(memory, "_fits", lambda recipe, device: False)
    small = recipe("demo", ["batch=2"])
    with pytest.raises(RuntimeError, match=r"^of another kind$"), memory.saying_what_fits(small, "cpu"):
        raise RuntimeError("of another kind")
    said = r"^a step of batch=2 needs more memory than there is; not even a batch of 1 fits\.$"
    with pytest.raises(NotEnoughMemoryError, match=said), memory.saying_what_fits(small, "cpu"):
        torch.empty(1 << 60)


def test_the_fewest_parts_that_fit_are_taken(monkeypatch):
    monkeypatch.setattr(memory, "_fits", lambda recipe, _device: recipe.batch // recipe.parts <= 10)
    assert memory.in_parts_that_fit(recipe("fashion-mlp", ["batch=32"]), "cpu").parts == 4
    assert memory.in_parts_that_fit(recipe("fashion-mlp", ["batch=8"]), "cpu").parts == 1
    monkeypatch.setattr(memory, "_fits", lambda recipe, _device: False)
    with pytest.raises(NotEnoughMemoryError, match="not even parts of one picture of batch=32 fit"):
        memory.in_parts_that_fit(recipe("fashion-mlp", ["batch=32"]), "cpu")


def test_networks_that_normalise_over_the_batch_cannot_be_fitted(monkeypatch):
    monkeypatch.setattr(memory, "_fits", lambda recipe, _device: False)
    with pytest.raises(RecipeError, match="set a smaller batch"):
        memory.in_parts_that_fit(recipe("demo"), "cpu")
