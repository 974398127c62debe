"""`gansmith data list` and `gansmith data get`: the datasets that gansmith knows by name."""

from typing import Annotated, Literal

from tyro.conf import Positional, arg

from gansmith.cli.console import progress_bar
from gansmith.cli.options import Json, Offline, option
from gansmith.cli.output import print_json, print_lines, print_notes
from gansmith.data.datasets.catalog import SETS
from gansmith.data.datasets.find import find_set, look_for, size_to_download
from gansmith.errors import UsageError, unknown
from gansmith.text import command, readable_size


def list_datasets(json_: Json = False) -> None:
    """List the known datasets: what they are, their licences, and where they are or how large the download is."""
    described = [_describe(name) for name in SETS]
    if json_:
        print_json(described)
        return
    for one in described:
        print_lines([f"{one['name']:<16} {one['title']}", f"{'':<16} licence: {one['licence']}"])
        print_lines([f"{'':<16} {_where(one)}"])


def fetch(
    name: Annotated[Positional[str], arg(metavar="NAME", help="name of a dataset, see: gansmith data list")],
    split: Annotated[
        Literal["train", "test", "extra"] | None,
        option("one split only; default all but svhn's extra", metavar="train|test|extra"),
    ] = None,
    offline: Offline = False,
) -> None:
    """Download a known dataset into the cache unless it is on this machine; prints the folder that holds it."""
    if name not in SETS:
        raise UsageError(unknown("set", name, SETS))
    with progress_bar() as bar:
        found = find_set(name, split, offline=offline, progress=bar.download)
    known = SETS[name]
    paths = {path for paths in found.files.values() for path in paths}
    missing = [one for one in ([split] if split else known.splits) if one not in found.files]
    unchecked = [file.name for file in known.remote if file.hash is None and found.place / file.name in paths]
    notes = [
        f"{known.title}. Licence: {known.licence}. Please cite: {known.citation}.",
        "checked: the published images" if found.is_official() else _NOT_OFFICIAL,
        *(f"{file}: no checksum is known, so only its size and its own CRC were checked" for file in unchecked),
        *(f"{found.place} has no {one} split" for one in missing if one not in known.on_request or split),
        known.warning,
    ]
    print_notes(filter(None, notes))
    print_lines([str(found.path)])


_NOT_OFFICIAL = "not the official download (its checksums differ)"
"""Note on a copy that is not the published files."""


def _describe(name: str) -> dict[str, object]:
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


def _where(described: dict[str, object]) -> str:
    """Where the dataset is, or the command that downloads it."""
    size = described["bytes_to_download"]
    if described["path"]:
        official = "" if described["official"] else f", {_NOT_OFFICIAL}"
        return f"in {described['path']} ({described['format']}{official})"
    if isinstance(size, int) and size:
        return f"not here; {readable_size(size)} to download with: {command('data', 'get', described['name'])}"
    return f"not here; needs {described['how_to_get']}".rstrip(",")
