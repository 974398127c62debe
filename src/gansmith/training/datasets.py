"""The datasets of a run: training images, validation images, and the order in which batches are drawn."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from gansmith.data.classes import names_among, relabel
from gansmith.data.dataset import Access, Request, open_dataset
from gansmith.data.datasets.catalog import SETS, Split
from gansmith.data.open_source import OpenSource
from gansmith.data.sampler import Sampler
from gansmith.data.selection import parse_name
from gansmith.data.sources import absolute_name
from gansmith.data.store import Dataset
from gansmith.errors import DataError
from gansmith.rng import stream
from gansmith.runs.reporter import Reporter
from gansmith.schema import Recipe
from gansmith.text import readable_size

_MOST_NAMES = 20
"""Number of classes that a note names at most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Datasets:
    """The datasets of a run, and notes on them for the user."""

    train: Dataset
    for_losses: Dataset | None
    """Images for the recipe's validation losses, when it has them."""
    validation: Dataset | None
    """Images for evaluations and adaptive augmentation; without them, evaluations use images of `train`."""
    notes: list[str]

    @property
    def identity(self) -> dict[str, Any]:
        """Number of training images, SHA-256 of the images and, for conditional recipes, of the labels."""
        hashes = self.train.index["sha256"]
        labels = {} if self.train.labels is None else {"labels": hashes["labels"]}
        return {"count": len(self.train), "sha256": hashes["images"], **labels}


def with_absolute_path(recipe: Recipe) -> Recipe:
    """The recipe with the absolute path of the user's own images, so that its run goes on from any folder."""
    name = parse_name(recipe.data.name).name
    if name in SETS or not Path(name).expanduser().exists():
        return recipe
    data = recipe.data.model_copy(update={"name": absolute_name(recipe.data.name)})
    return recipe.model_copy(update={"data": data})


def open_all(recipe: Recipe, access: Access) -> Datasets:
    """All datasets of the recipe, split and labelled. Raises DataError as `open_dataset` and `split_dataset`."""
    return split_dataset(recipe, open_set(recipe, access), access)


def split_dataset(recipe: Recipe, dataset: Dataset, access: Access) -> Datasets:
    """What the recipe trains on and what it does not. Raises DataError for too few images and for other classes."""
    classes = _checked_classes(recipe, dataset)
    count = len(dataset.images) + dataset.index.get("lost", 0)
    notes = [f"{len(dataset):,} of the {count:,} images of {dataset.index['name']}"]
    if (known := SETS.get(dataset.index["name"])) and known.warning:
        notes.append(known.warning)
    for_losses = None
    if recipe.validation_losses.every:
        dataset, for_losses = _split_for_losses(recipe, dataset, access)
        notes.append(f"validation losses on {len(for_losses):,} images of {for_losses.index['name']}, not trained on")
    validation = None
    if num := recipe.evaluate.validation:
        dataset, validation = _split_at_random(recipe, dataset, num, "evaluate")
        notes.append(f"{num:,} of them are the validation set, for evaluations")
    if classes:
        more = f" and {len(classes) - _MOST_NAMES:,} more" if len(classes) > _MOST_NAMES else ""
        notes.append(f"conditional on {len(classes):,} classes: {', '.join(classes[:_MOST_NAMES])}{more}")
    notes += dataset.index["notes"]

    def labelled(some: Dataset) -> Dataset:
        return relabel(some, classes, recipe.data.name) if classes else replace(some, labels=None)

    train = labelled(dataset)
    if classes and 0 in (counts := train.index["class_counts"]):
        raise DataError(
            f"no image of the class {classes[counts.index(0)]!r} is left to train on; lower the number of validation "
            "images."
        )
    return Datasets(
        train=train,
        for_losses=for_losses and labelled(for_losses),
        validation=validation and labelled(validation),
        notes=[*dict.fromkeys(notes)],
    )


def _checked_classes(recipe: Recipe, dataset: Dataset) -> tuple[str, ...]:
    """Names of the recipe's classes; empty without classes. Raises DataError when the dataset has other classes."""
    wanted, name = recipe.data.num_classes, recipe.data.name
    found = names_among(dataset, name) if wanted else ()
    if len(found) != wanted:
        if why := dataset.index.get("no_classes"):
            raise DataError(f"{name!r}: {why}, or leave out data.num_classes={wanted}.")
        kinds = f"images of {len(found):,} classes" if found else "no labels"
        raise DataError(
            f"data.num_classes={wanted:,}, but {name!r} has {kinds}; `gansmith train --labels` takes the number from "
            "the images, and data.num_classes=0 trains without."
        )
    return found


def open_set(recipe: Recipe, access: Access, source: OpenSource | None = None, *, labels: bool = False) -> Dataset:
    """The images that the recipe asks for, before they are split; with `labels`, only those that have a class.

    Raises DataError as `open_dataset`.
    """
    request = _request(recipe, recipe.data.split)
    return open_dataset(replace(request, labelled=labels or request.labelled), access, source)


def _split_for_losses(recipe: Recipe, dataset: Dataset, access: Access) -> tuple[Dataset, Dataset]:
    """Training images, and those for the validation losses: a known test split, or a random tenth, at most 1,000."""
    name, num = parse_name(recipe.data.name).name, recipe.validation_losses.validation
    if not num and name in SETS:
        return dataset, open_dataset(_request(recipe, "test"), access)
    return _split_at_random(recipe, dataset, num or min(1000, -(-len(dataset) // 10)), "validation_losses")


def _split_at_random(recipe: Recipe, dataset: Dataset, num: int, table: str) -> tuple[Dataset, Dataset]:
    """Training images, and `num` random validation images; `table` of the recipe names the setting in the error."""
    if num >= len(dataset):
        raise DataError(f"{table}.validation={num} leaves none of the {len(dataset):,} images to train on.")
    order = torch.randperm(len(dataset), generator=stream(recipe.seed, "held-out", 0)).numpy()
    return dataset.only(order[num:]), dataset.only(order[:num])


def _request(recipe: Recipe, split: Split) -> Request:
    """Request for a split. The recipe's skip and limit apply to the split that is trained on only."""
    data = recipe.data
    skip, limit = (data.skip, data.limit) if split == data.split else (0, 0)
    labelled = data.num_classes > 0
    return Request(name=data.name, split=split, shape=data.shape, skip=skip, limit=limit, labelled=labelled)


def access_for(reporter: Reporter, offline: bool, allow_dropped: bool, packed_as: str = "") -> Access:
    """Access that notes the start of a download or of packing, and each quarter of it."""
    noted: set[tuple[str, int]] = set()

    def note_quarter(what: str, here: int, whole: int, note: str) -> None:
        mark = (what, 4 * here // max(whole, 1))
        if mark not in noted:
            noted.add(mark)
            reporter.note(note)

    def downloading(name: str, here: int, size: int) -> None:
        note_quarter(name, here, size, f"downloading {name}: {readable_size(here)} of {readable_size(size)}")

    def packing(done: int, total: int) -> None:
        note_quarter("packing", done, total, f"packing images: {done:,} of {total:,} files")

    return Access(
        offline=offline,
        allow_dropped=allow_dropped,
        packed_as=packed_as,
        downloading=downloading,
        packing=packing,
    )


def make_sampler(recipe: Recipe, dataset: Dataset) -> Sampler:
    """The recipe's sampler for this dataset. Raises DataError when the dataset is smaller than a batch."""
    data = recipe.data
    return Sampler(
        count=len(dataset), batch_size=recipe.batch_size, seed=recipe.seed, order=data.order, buffer=data.shuffle_buffer
    )
