"""Files of labels as people have them: tables with or without a header, JSON, and lines of JSON.

Only their text is read here; `gansmith.data.labels` says which of the files here the names mean.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

NAME_COLUMNS = (
    "file",
    "filename",
    "filepath",
    "path",
    "imagepath",
    "imagefile",
    "imagename",
    "image",
    "imageid",
    "id",
    "name",
)
"""Names of columns that name the image, in order of preference; case, blanks, - and _ do not matter."""
LABEL_COLUMNS = (
    "label",
    "class",
    "category",
    "breed",
    "species",
    "labelname",
    "classname",
    "categoryname",
    "labels",
    "target",
    "classlabel",
    "labelid",
    "classid",
    "categoryid",
)
"""Names of columns that name the class, in order of preference."""
_CAPTIONS = ("text", "caption", "captions", "prompt", "description", "sentence", "sentences", "url")
"""Names of columns that hold anything but a class."""
REMEDY = "for classes, write a labels.csv with the columns file and label"

_DELIMITERS = (",", ";", "\t", "|")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_SHOWN = 8
"""Number of columns or characters that a message shows."""

Rows = Iterable[tuple[str, str]]
"""Name and label of each image; an empty label is none."""


class OtherKindError(Exception):
    """The file holds no labels, but something else; the message says what, as in "it is ..."."""


def rows_of_file(name: str, content: bytes) -> tuple[list[tuple[str, str]], bool] | None:
    """The (name, label) pairs of a label file, and whether the first may be a header; None if it says there are none.

    Raises OtherKindError for a file of another kind, ValueError or csv.Error for one that cannot be read.
    """
    text = _decoded(content)
    suffix = name.lower().rpartition(".")[2]
    if suffix == "jsonl":
        return _rows_of_records([json.loads(line) for line in text.splitlines() if line.strip()]), False
    if suffix == "json":
        rows = _rows_of_json(json.loads(text))
        return None if rows is None else (rows, False)
    return _rows_of_table(text)


def _decoded(content: bytes) -> str:
    """UTF-8, UTF-16 as Excel's "Unicode text", or Windows-1252 as Excel's plain CSV."""
    if content.startswith(_UTF16):
        return content.decode("utf-16")
    if content[1:2] == b"\0" or content[:1] == b"\0":
        return content.decode("utf-16-le" if content[1:2] == b"\0" else "utf-16-be")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252")


def _rows_of_table(text: str) -> tuple[list[tuple[str, str]], bool]:
    if told := re.match(r"sep=(.)\r?\n", text):  # Excel's own first line
        delimiters, text = [told[1]], text[told.end() :]
    else:
        delimiters = sorted(_DELIMITERS, key=lambda one: -text.partition("\n")[0].count(one))
    for delimiter in delimiters:
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        header = next((line for line in lines if any(line)), [])
        if chosen := _chosen_columns(header):
            name, label = chosen
            return [(_cell(line, name), _cell(line, label)) for line in lines if line], False
    lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiters[0]))
    header = next(filter(None, lines), [])
    if len(header) > 2 or [cell.strip().casefold() for cell in header[1:]] in ([one] for one in _CAPTIONS):
        raise OtherKindError(
            f"it has the columns {_some(header)}, of which none is called file and none label, class or category"
        )
    rows = []
    for number, line in enumerate(lines, 1):
        if line and len(line) != 2:
            raise ValueError(f"line {number} has {len(line)} fields and not two, name and label")
        if line:
            rows.append((line[0].strip(), line[1].strip()))
    return rows, True


def _chosen_columns(header: Sequence[str]) -> tuple[int, int] | None:
    """The positions of the columns of names and of labels; of two columns, the second may have any name."""
    known = [re.sub(r"[\s_-]", "", column).casefold() for column in header]
    name = next((known.index(one) for one in NAME_COLUMNS if one in known), None)
    if name is None:
        return None
    label = next((known.index(one) for one in LABEL_COLUMNS if one in known and known.index(one) != name), None)
    if label is None and len(header) == 2 and name == 0 and known[1] not in _CAPTIONS:
        label = 1
    return None if label is None else (name, label)


def _cell(line: Sequence[str], column: int) -> str:
    return line[column].strip() if column < len(line) else ""


def _rows_of_json(content: Any) -> list[tuple[str, str]] | None:
    """The pairs; None for a StyleGAN file without labels."""
    if isinstance(content, dict):
        _check_is_no_other_kind(content)
        if isinstance(content.get("labels", ""), list | None):
            content = content["labels"]
    if content is None:
        return None
    if isinstance(content, list) and content and all(isinstance(one, dict) for one in content):
        return _rows_of_records(content)
    pairs = list(content.items()) if isinstance(content, dict) else content
    if not isinstance(pairs, list):
        raise ValueError("it is neither {name: label} nor a list of [name, label]")
    for pair in pairs:
        if not (isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[0], str)):
            raise ValueError(f"{json.dumps(pair)[:80]} is not a name and one label")
        if isinstance(pair[1], list) and all(isinstance(one, int | float) for one in pair[1]):
            raise OtherKindError("it gives an image several numbers, as StyleGAN's attributes, and not one label")
        if not _is_label(pair[1]):
            raise ValueError(f"{json.dumps(pair)[:80]} is not a name and one label")
    return [(name, str(label)) for name, label in pairs]


def _check_is_no_other_kind(content: dict[str, Any]) -> None:
    """Raise OtherKindError for the files of other tools that are often called so, too."""
    if "annotations" in content:
        raise OtherKindError("it is a COCO file, of objects or captions in the images")
    if isinstance(content.get("classes"), list) and "labels" in content:
        raise OtherKindError("it is a FiftyOne file, which lists samples by their id")
    if isinstance(content.get("images"), list):
        raise OtherKindError("it lists images with captions or annotations, as Karpathy's dataset.json does")
    if isinstance(content.get("samples"), list):
        raise OtherKindError("it is a FiftyOne export of samples")


def _rows_of_records(records: Sequence[Any]) -> list[tuple[str, str]]:
    """The pairs of objects with a key for the name and one for the label, as in Hugging Face's metadata.jsonl."""
    keys = list(dict.fromkeys(key for record in records if isinstance(record, dict) for key in record))
    chosen = _chosen_columns(keys) if all(isinstance(record, dict) for record in records) else None
    if chosen is None:
        raise OtherKindError(
            f"its entries have {_some(keys)}, and no file with one label or class" if keys else "it is empty"
        )
    rows = []
    for record in records:
        name, label = record.get(keys[chosen[0]]), record.get(keys[chosen[1]])
        if not isinstance(name, str | int) or not (label is None or _is_label(label)):
            raise OtherKindError(f"{json.dumps(record)[:80]} is not a file with one label")
        rows.append((str(name), "" if label is None else str(label)))
    return rows


def _is_label(value: object) -> bool:
    return isinstance(value, int | str) and not isinstance(value, bool)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(name.strip()[:80] or "(without a name)" for name in names[:_SHOWN]) + more
