"""`gansmith features`: the feature networks of metrics, and published weights for some of them."""

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

import gansmith
from gansmith.cli.console import progress_bar
from gansmith.cli.options import Json, Offline, option
from gansmith.cli.output import print_json, print_lines, print_notes
from gansmith.text import command


def list_networks(json_: Json = False) -> None:
    """List the networks with published weights: what they are, their licences, and where they are."""
    found = gansmith.list_features()
    if json_:
        print_json(found)
        return
    for name, one in found.items():
        missing = f"not here; {one['megabytes']} MB: {command('features', 'get', name)}"
        where = f"in {one['path']}" if one["path"] else missing
        print_lines([f"{name:<10} {one['about']}", f"{'':<10} licence: {one['licence']}", f"{'':<10} {where}"])


def fetch(
    name: Annotated[Positional[str], arg(metavar="NAME", help="inception or dinov2")],
    file: Annotated[Path | None, option("the published .pth file, if it is here already", metavar="FILE")] = None,
    offline: Offline = False,
    json_: Json = False,
) -> None:
    """Download published weights, check them, and convert them without running the pickle; prints the file's path.

    After this, `gansmith evaluate --features NAME` finds them.
    """
    with progress_bar() as bar:
        found = gansmith.get_features(name, file, offline=offline, progress=bar.download)
    if json_:
        print_json({"path": str(found.path), "sha256": found.sha256, "was_checked": found.was_checked})
        return
    checked = "its first digits are those in the published name" if found.was_checked else "no published one is known"
    print_notes([f"SHA-256 of the published file: {found.sha256} ({checked})"])
    print_lines([str(found.path)])


VERBS = {"list": list_networks, "get": fetch}
"""The verbs of `gansmith features`."""
