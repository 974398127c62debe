"""The pictures of a run: those it trains on, those it keeps out, and what is said while they come."""

from dataclasses import dataclass, replace
from typing import Any

import torch

from gansmith.data.classes import names_among, told_apart
from gansmith.data.dataset import Access, Request, open_pictures
from gansmith.data.datasets.catalog import SETS
from gansmith.data.datasets.download import readable_size
from gansmith.data.locate import Split
from gansmith.data.selection import parse_name
from gansmith.data.store import Pack
from gansmith.errors import DataError
from gansmith.rng import stream
from gansmith.schema import Recipe
from gansmith.training.reporting import Reporter

_NAMED = 20
"""Classes named in a remark."""

_WHAT_WOULD_DO = "`gansmith train --labels` takes the number from the pictures, and data.classes=0 trains without."


@dataclass(frozen=True, kw_only=True, slots=True)
class Pictures:
    """Those to train on, those kept out for the recipe's losses, and what the user should know of them."""

    train: Pack
    held_out: Pack | None
    validation: Pack | None
    """Those that evaluations compare with, if not with some of `train`."""
    remarks: list[str]

    @property
    def identity(self) -> dict[str, Any]:
        """Tells them from other pictures: how many train, the hash of their store, and of its labels if they count."""
        hashes = self.train.index["sha256"]
        labels = {} if self.train.labels is None else {"labels": hashes["labels"]}
        return {"count": len(self.train), "sha256": hashes["images"], **labels}


def open_all(recipe: Recipe, access: Access) -> Pictures:
    """All pictures that the recipe asks for; they have labels where it has classes, the numbers of those.

    Raises DataError as `open_pictures`, when they are too few, and when their classes are not the recipe's.
    """
    pack = open_set(recipe, access)
    classes = _checked_classes(recipe, pack)
    remarks = [f"{len(pack):,} of the {len(pack.images):,} pictures of {pack.index['name']}"]
    if (known := SETS.get(pack.index["name"])) and known.warning:
        remarks.append(known.warning)
    held_out = None
    if recipe.held_out_losses.every:
        pack, held_out = _hold_out(recipe, pack, access)
        remarks.append(f"losses on {len(held_out):,} pictures of {held_out.index['name']} kept out of the training")
    validation = None
    if num := recipe.evaluate.held_out:
        pack, validation = _split(recipe, pack, num, "evaluate")
        remarks.append(f"{num:,} of them kept out of the training, for evaluations")
    if classes:
        more = f" and {len(classes) - _NAMED:,} more" if len(classes) > _NAMED else ""
        remarks.append(f"told apart by {len(classes):,} classes: {', '.join(classes[:_NAMED])}{more}")
    remarks += pack.index["remarks"]

    def labelled(some: Pack) -> Pack:
        return told_apart(some, classes, recipe.data.name) if classes else replace(some, labels=None)

    train = labelled(pack)
    if classes and 0 in (counts := train.index["class_counts"]):
        raise DataError(f"no picture of the class {classes[counts.index(0)]!r} is left to train on; hold out fewer.")
    return Pictures(
        train=train,
        held_out=held_out and labelled(held_out),
        validation=validation and labelled(validation),
        remarks=remarks,
    )


def _checked_classes(recipe: Recipe, pack: Pack) -> tuple[str, ...]:
    """The names of the recipe's classes, none if it has none."""
    wanted, name = recipe.data.classes, recipe.data.name
    found = names_among(pack, name) if wanted else ()
    if len(found) != wanted:
        if why := pack.index.get("no_classes"):
            raise DataError(f"{name!r}: {why}, or leave out data.classes={wanted}.")
        kinds = f"pictures of {len(found):,} classes" if found else "no labels"
        raise DataError(f"data.classes={wanted:,}, but {name!r} has {kinds}; {_WHAT_WOULD_DO}")
    return found


def open_set(recipe: Recipe, access: Access) -> Pack:
    """The pictures that the recipe asks for, before any are held out. Raises DataError as `open_pictures`."""
    return open_pictures(_request(recipe, recipe.data.split), access)


def _hold_out(recipe: Recipe, pack: Pack, access: Access) -> tuple[Pack, Pack]:
    """What is left to train on, and what is not: the set's test split, or some of its pictures at random.

    Own pictures have no test split: a tenth of them is taken, at most 1,000.
    """
    name, held_out = parse_name(recipe.data.name).name, recipe.held_out_losses.held_out
    if not held_out and name in SETS:
        return pack, open_pictures(_request(recipe, "test"), access)
    return _split(recipe, pack, held_out or min(1000, -(-len(pack) // 10)), "held_out_losses")


def _split(recipe: Recipe, pack: Pack, num: int, table: str) -> tuple[Pack, Pack]:
    """The rest of the pictures, and `num` of them at random, which are not trained on."""
    if num >= len(pack):
        raise DataError(f"{table}.held_out={num} leaves none of the {len(pack):,} pictures to train on.")
    order = torch.randperm(len(pack), generator=stream(recipe.seed, "held-out", 0)).numpy()
    return pack.only(order[num:]), pack.only(order[:num])


def _request(recipe: Recipe, split: Split) -> Request:
    """The recipe's pictures of a split; skip and limit are meant for the split that is trained on."""
    data = recipe.data
    skip, limit = (data.skip, data.limit) if split == data.split else (0, 0)
    return Request(name=data.name, split=split, shape=data.wanted, skip=skip, limit=limit)


def access_for(reporter: Reporter, offline: bool, allow_dropped: bool) -> Access:
    """A line when a download or the packing starts, and one at each quarter of it."""
    said: set[tuple[str, int]] = set()

    def is_new(what: str, here: int, whole: int) -> bool:
        mark = (what, 4 * here // max(whole, 1))
        return not (mark in said or said.add(mark))

    def downloading(name: str, here: int, size: int) -> None:
        if is_new(name, here, size):
            reporter.say(f"downloading {name}: {readable_size(here)} of {readable_size(size)}")

    def packing(done: int, total: int) -> None:
        if is_new("packing", done, total):
            reporter.say(f"packing pictures: {done:,} of {total:,} files")

    return Access(offline=offline, allow_dropped=allow_dropped, downloading=downloading, packing=packing)
