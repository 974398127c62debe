"""The images that a name or a path stands for as files that can be read one by one, whatever form they lie in."""

import io
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache

import numpy as np
from PIL import Image

from gansmith.data.datasets.catalog import SETS
from gansmith.data.datasets.http import Progress
from gansmith.data.hashes import file_hash
from gansmith.data.labels import class_order, find_labels, why_no_classes
from gansmith.data.locate import Located, Split, locate
from gansmith.data.selection import no_classes, parse_name, rows_of
from gansmith.data.sources import Entry, Source, open_source


@contextmanager
def open_named(
    name: str, split: Split = "train", *, offline: bool = False, progress: Progress | None = None
) -> Generator[Source]:
    """The images of a known set or a path, with classes in brackets if not all.

    Raises DataError when the set or path cannot be found or read, or has no such split or class.
    """
    selection = parse_name(name)
    located = locate(selection.name, split, offline=offline, progress=progress)
    with _array_source(located) if located.arrays else open_source(located.path, located.parts) as source:
        if selection.classes:
            source = only_classes(source, selection.classes, selection.name)
        yield replace(
            source,
            name=located.name + name.removeprefix(selection.name),
            given=(name,) if split == "train" else (name, "--split", split),
            notes=(*located.notes(), *filter(None, [SETS[located.name].warning] if located.found else [])),
        )


@contextmanager
def _array_source(located: Located) -> Generator[Source]:
    """Arrays as rows: each image is encoded, without loss, when it is read."""
    parts = {split: read() for split, read in located.arrays}
    entries, labels = [], {}
    for split, part in parts.items():
        for position, label in enumerate(part.labels.tolist()):
            entries.append(Entry(f"{split}/{position}", part.images[position].nbytes, row=True))
            labels[entries[-1].name] = part.class_names[label] if part.class_names else str(label)

    def read(entry: Entry) -> bytes:
        split, position = entry.name.split("/")
        return _png(parts[split].images[int(position)])

    yield Source(
        path=located.path,
        entries=tuple(entries),
        passed=(),
        read=read,
        hashes=cache(lambda: [file_hash(file) for file in located.files]),
        labels=labels,
        labels_from="the set itself",
    )


def _png(pixels: np.ndarray) -> bytes:
    """Not compressed: it is decoded at once."""
    content = io.BytesIO()
    image = Image.fromarray(pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    image.save(content, "PNG", compress_level=0)
    return content.getvalue()


def only_classes(source: Source, classes: Sequence[str], name: str) -> Source:
    """The files of these classes; a file without a label, such as the one that holds the labels, is of none."""
    labels = find_labels(source)
    if labels is None:
        raise no_classes(classes, name, why_no_classes(source))
    known = class_order(labels.of.values())
    number_of = {label: number for number, label in enumerate(known)}
    labelled = [entry for entry in source.entries if entry.name in labels.of]
    numbers = np.array([number_of[labels.of[entry.name]] for entry in labelled])
    entries = tuple(labelled[row] for row in rows_of(classes, numbers, known, name))
    of = {entry.name: labels.of[entry.name] for entry in entries}
    return replace(source, entries=entries, labels=of, labels_from=labels.origin)
