"""The images of a run: those it trains on, those it keeps out, and what is said while they come."""

from dataclasses import dataclass, replace
from typing import Any

import torch

from gansmith.data.classes import names_among, relabel
from gansmith.data.dataset import Access, Request, open_dataset
from gansmith.data.datasets.catalog import SETS, Split
from gansmith.data.open_source import OpenSource
from gansmith.data.selection import parse_name
from gansmith.data.store import Dataset
from gansmith.errors import DataError
from gansmith.rng import stream
from gansmith.schema import Recipe
from gansmith.text import readable_size
from gansmith.training.reporting import Reporter

_NAMED = 20
"""Classes named in a remark."""

_WHAT_WOULD_DO = "`gansmith train --labels` takes the number from the images, and data.num_classes=0 trains without."


@dataclass(frozen=True, kw_only=True, slots=True)
class Datasets:
    """Those to train on, those kept out for the recipe's losses, and what the user should know of them."""

    train: Dataset
    for_losses: Dataset | None
    validation: Dataset | None
    """Those that evaluations compare with, if not with some of `train`."""
    notes: list[str]

    @property
    def identity(self) -> dict[str, Any]:
        """Tells them from other images: how many train, the hash of their store, and of its labels if they count."""
        hashes = self.train.index["sha256"]
        labels = {} if self.train.labels is None else {"labels": hashes["labels"]}
        return {"count": len(self.train), "sha256": hashes["images"], **labels}


def open_all(recipe: Recipe, access: Access) -> Datasets:
    """All images that the recipe asks for; they have labels where it has classes, the numbers of those.

    Raises DataError as `open_dataset` and `split_dataset`.
    """
    return split_dataset(recipe, open_set(recipe, access), access)


def split_dataset(recipe: Recipe, dataset: Dataset, access: Access) -> Datasets:
    """The dataset of `open_set`, split into what the recipe trains on and what it does not.

    Raises DataError when the images are too few, and when their classes are not the recipe's.
    """
    classes = _checked_classes(recipe, dataset)
    notes = [f"{len(dataset):,} of the {len(dataset.images):,} images of {dataset.index['name']}"]
    if (known := SETS.get(dataset.index["name"])) and known.warning:
        notes.append(known.warning)
    for_losses = None
    if recipe.validation_losses.every:
        dataset, for_losses = _hold_out(recipe, dataset, access)
        notes.append(f"losses on {len(for_losses):,} images of {for_losses.index['name']} kept out of the training")
    validation = None
    if num := recipe.evaluate.validation:
        dataset, validation = _split(recipe, dataset, num, "evaluate")
        notes.append(f"{num:,} of them kept out of the training, for evaluations")
    if classes:
        more = f" and {len(classes) - _NAMED:,} more" if len(classes) > _NAMED else ""
        notes.append(f"told apart by {len(classes):,} classes: {', '.join(classes[:_NAMED])}{more}")
    notes += dataset.index["notes"]

    def labelled(some: Dataset) -> Dataset:
        return relabel(some, classes, recipe.data.name) if classes else replace(some, labels=None)

    train = labelled(dataset)
    if classes and 0 in (counts := train.index["class_counts"]):
        raise DataError(f"no image of the class {classes[counts.index(0)]!r} is left to train on; hold out fewer.")
    return Datasets(
        train=train,
        for_losses=for_losses and labelled(for_losses),
        validation=validation and labelled(validation),
        notes=notes,
    )


def _checked_classes(recipe: Recipe, dataset: Dataset) -> tuple[str, ...]:
    """The names of the recipe's classes, none if it has none."""
    wanted, name = recipe.data.num_classes, recipe.data.name
    found = names_among(dataset, name) if wanted else ()
    if len(found) != wanted:
        if why := dataset.index.get("no_classes"):
            raise DataError(f"{name!r}: {why}, or leave out data.num_classes={wanted}.")
        kinds = f"images of {len(found):,} classes" if found else "no labels"
        raise DataError(f"data.num_classes={wanted:,}, but {name!r} has {kinds}; {_WHAT_WOULD_DO}")
    return found


def open_set(recipe: Recipe, access: Access, source: OpenSource | None = None) -> Dataset:
    """The images that the recipe asks for, before they are split. Raises DataError as `open_dataset`."""
    return open_dataset(_request(recipe, recipe.data.split), access, source)


def _hold_out(recipe: Recipe, dataset: Dataset, access: Access) -> tuple[Dataset, Dataset]:
    """What is left to train on, and what is not: the set's test split, or some of its images at random.

    Own images have no test split: a tenth of them is taken, at most 1,000.
    """
    name, num = parse_name(recipe.data.name).name, recipe.validation_losses.validation
    if not num and name in SETS:
        return dataset, open_dataset(_request(recipe, "test"), access)
    return _split(recipe, dataset, num or min(1000, -(-len(dataset) // 10)), "validation_losses")


def _split(recipe: Recipe, dataset: Dataset, num: int, table: str) -> tuple[Dataset, Dataset]:
    """The rest of the images, and `num` of them at random, which are not trained on."""
    if num >= len(dataset):
        raise DataError(f"{table}.validation={num} leaves none of the {len(dataset):,} images to train on.")
    order = torch.randperm(len(dataset), generator=stream(recipe.seed, "held-out", 0)).numpy()
    return dataset.only(order[num:]), dataset.only(order[:num])


def _request(recipe: Recipe, split: Split) -> Request:
    """The recipe's images of a split; skip and limit are meant for the split that is trained on."""
    data = recipe.data
    skip, limit = (data.skip, data.limit) if split == data.split else (0, 0)
    return Request(name=data.name, split=split, shape=data.shape, skip=skip, limit=limit)


def access_for(reporter: Reporter, offline: bool, allow_dropped: bool) -> Access:
    """A line when a download or the packing starts, and one at each quarter of it."""
    said: set[tuple[str, int]] = set()

    def is_new(what: str, here: int, whole: int) -> bool:
        mark = (what, 4 * here // max(whole, 1))
        return not (mark in said or said.add(mark))

    def downloading(name: str, here: int, size: int) -> None:
        if is_new(name, here, size):
            reporter.note(f"downloading {name}: {readable_size(here)} of {readable_size(size)}")

    def packing(done: int, total: int) -> None:
        if is_new("packing", done, total):
            reporter.note(f"packing images: {done:,} of {total:,} files")

    return Access(offline=offline, allow_dropped=allow_dropped, downloading=downloading, packing=packing)
