"""File names that every system takes, Windows included."""

import re

_REFUSED = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
_DEVICES = re.compile(r"(?i)(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?")


def portable_name(name: str) -> str:
    """The name with "-" for characters that Windows refuses, and "_" at the end of a device's name such as "con"."""
    name = _REFUSED.sub("-", name).rstrip(". ") or "_"
    return f"{name}_" if _DEVICES.fullmatch(name) else name
