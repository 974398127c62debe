"""The part of a written page that a script makes, between two marks: <!-- name: script --> and <!-- end of name -->."""

import re


def with_part(page: str, name: str, content: str) -> str:
    """The page with this content in its part `name`. Raises ValueError unless there is exactly one."""
    part = re.compile(rf"(<!-- {name}: \S+ -->\n).*?(<!-- end of {name} -->)", re.S)
    made, found = part.subn(lambda marks: f"{marks[1]}{content.strip(chr(10))}\n{marks[2]}", page)
    if found != 1:
        raise ValueError(f"a page has {found} parts {name!r}; it needs one, between the marks")
    return made
