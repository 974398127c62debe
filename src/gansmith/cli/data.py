"""`gansmith data`: known sets are here, one's own images in `data_check`."""

import json
import sys
from collections.abc import Sequence
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from gansmith.cli.bars import download_bar
from gansmith.cli.data_check import check, prepare
from gansmith.cli.options import Json, Offline, call_one_of, option


def main(arguments: Sequence[str]) -> None:
    """Read the options and do what they say."""
    verbs = {"list": list_sets, "get": get, "check": check, "prepare": prepare}
    call_one_of(verbs, "gansmith data", arguments)


def list_sets(json_: Json = False) -> None:
    """List the known sets: what they are, their licences, and where they lie or how large the download is."""
    from gansmith.data.datasets.catalog import SETS

    facts = [_describe(name) for name in SETS]
    if json_:
        sys.stdout.write(json.dumps(facts, indent=1) + "\n")
        return
    for one in facts:
        sys.stdout.write(f"{one['name']:<16} {one['title']}\n")
        sys.stdout.write(f"{'':<16} licence: {one['licence']}\n{'':<16} {_whereabouts(one)}\n")


def get(
    name: Annotated[Positional[str], arg(metavar="NAME", help="a set's name, see: gansmith data list")],
    split: Annotated[
        Literal["train", "test", "extra"] | None,
        option("one split only; default all but svhn's extra", metavar="train|test|extra"),
    ] = None,
    offline: Offline = False,
) -> None:
    """Fetch a known set into the cache unless it is on this machine; prints the folder that holds it."""
    from gansmith.data.datasets.catalog import SETS
    from gansmith.data.datasets.find import find_set
    from gansmith.errors import UsageError, unknown

    if name not in SETS:
        raise UsageError(unknown("set", name, SETS))
    with download_bar() as progress:
        found = find_set(name, split, offline=offline, progress=progress)
    paths = dict.fromkeys(path for paths in found.files.values() for path in paths)
    lacking = [one for one in ([split] if split else SETS[name].splits) if one not in found.files]
    unchecked = [file.name for file in SETS[name].remote if file.hash is None and found.place / file.name in paths]
    note = [
        f"{SETS[name].title}. Licence: {SETS[name].licence}. Please cite: {SETS[name].citation}.",
        "checked: the published images" if found.is_official() else "a copy of its own: not the published files",
        *(f"{file}: no checksum is known, so its size and its own CRC are all that was checked" for file in unchecked),
        *(f"{found.place} has no {one} split" for one in lacking if one not in SETS[name].on_request or split),
        SETS[name].warning,
    ]
    sys.stderr.write("".join(f"{sentence}\n" for sentence in note if sentence))
    sys.stdout.write(f"{found.path}\n")


def _describe(name: str) -> dict[str, object]:
    from gansmith.data.datasets.catalog import SETS
    from gansmith.data.datasets.find import look_for, size_to_download

    known, found = SETS[name], look_for(name)
    return {
        "name": name,
        "title": known.title,
        "licence": known.licence,
        "citation": known.citation,
        "homepage": known.homepage,
        "splits": known.splits,
        "path": str(found.path) if found else None,
        "splits_here": list(found.files) if found else [],
        "format": found.layout.format if found else None,
        "official": found.is_official() if found else None,
        "bytes_to_download": size_to_download(name),
        "how_to_get": known.how_to_get,
    }


def _whereabouts(facts: dict[str, object]) -> str:
    from gansmith.text import readable_size

    size = facts["bytes_to_download"]
    if facts["path"]:
        kind = "" if facts["official"] else ", a copy of its own: not the published files"
        return f"in {facts['path']} ({facts['format']}{kind})"
    if isinstance(size, int) and size:
        return f"not here; {readable_size(size)} to download with: gansmith data get {facts['name']}"
    return f"not here; needs {facts['how_to_get']}".rstrip(",")
