"""What a contributor is told when a table has an entry that its documentation or its tests lack."""

from collections.abc import Iterable


def assert_listed(entries: Iterable[str], listed: Iterable[str], place: str) -> None:
    """Fail with the sentence that says what to add to `place`, or to take out of it."""
    entries, listed = dict.fromkeys(entries), dict.fromkeys(listed)
    missing, surplus = [name for name in entries if name not in listed], [n for n in listed if n not in entries]
    assert not missing, f"{', '.join(missing)}: add to {place}; docs/extending.md shows how"
    assert not surplus, f"{', '.join(surplus)}: take out of {place}, it is in no table"
