"""Finds the file that a name in a table means: people leave out folders and suffixes, or write others."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache


class FileNames:
    """The names of the files of a set, to be found by other spellings of them.

    A name is looked for as it is, then without the file's first folders or with more of them, each time also without
    suffix and at last without regard to upper and lower case. A spelling that fits two files fits none.
    """

    def __init__(self, names: Sequence[str]):
        self._names = set(names)
        self._tables = cache(self._table)

    def find(self, folder: str, name: str) -> str | None:
        """The file that `name`, in a table in `folder`, means; None if there is none, or if two would do."""
        plain = "/".join(part for part in name.replace("\\", "/").split("/") if part not in ("", "."))
        for exact in (_join(folder, name), _join(folder, plain)):
            if exact in self._names:
                return exact
        for spell, alike in _SPELLINGS:
            table = self._tables(spell)
            for spelled in dict.fromkeys((alike(plain), spell(plain))):
                if spelled in table:
                    return table[spelled]
                for tail in _tails(spelled):  # the table's folders may be those of another machine
                    whole = _join(alike(folder), tail)
                    if (file := table.get(whole)) and spell(file) == whole:
                        return file
        return None

    def _table(self, spell: Callable[[str], str]) -> dict[str, str | None]:
        """The file of each ending of its name; None for an ending that two files have."""
        found: dict[str, str | None] = {}
        for name in self._names:
            for tail in _tails(spell(name)):
                found[tail] = name if tail not in found else None
        return found


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _tails(name: str) -> Iterator[str]:
    """a/b/c, b/c and c for a/b/c."""
    while name:
        yield name
        name = name.partition("/")[2]


def _as_it_is(name: str) -> str:
    return name


def _without_suffix(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    return stem if dot and stem and not stem.endswith("/") and "/" not in suffix else name


def _without_suffix_or_case(name: str) -> str:
    return _without_suffix(name).casefold()


_SPELLINGS = (
    (_as_it_is, _as_it_is),
    (_without_suffix, _as_it_is),
    (str.casefold, str.casefold),
    (_without_suffix_or_case, str.casefold),
)
"""How files and names are spelled to be compared: the files, and the names, which may have a suffix or not."""
