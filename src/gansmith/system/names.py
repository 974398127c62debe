"""File names that every system takes, Windows included, and the names of arrays in a file."""

import re
from pathlib import Path

_REFUSED = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
_DEVICES = re.compile(r"(?i)(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?")

ARRAY_OF_NPZ = re.compile(r"(?P<file>.+\.npz)\[(?P<array>[^\[\]]*)\]", re.IGNORECASE)
"""An array of a .npz file is named in brackets behind it."""


def portable_name(name: str) -> str:
    """The name with "-" for characters that Windows refuses, and "_" at the end of a device's name such as "con"."""
    name = _REFUSED.sub("-", name).rstrip(". ") or "_"
    return f"{name}_" if _DEVICES.fullmatch(name) else name


def file_and_array(path: Path) -> tuple[Path, str]:
    """The file, and the name of the array in brackets behind a .npz; "" for none."""
    match = None if path.exists() else ARRAY_OF_NPZ.fullmatch(str(path))
    return (Path(match["file"]), match["array"]) if match else (path, "")
