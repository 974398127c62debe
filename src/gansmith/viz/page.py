"""One self-contained HTML page in our style: no script, nothing from elsewhere."""

import base64
import html
from collections.abc import Iterable, Mapping


def page(title: str, about: str, body: Iterable[str]) -> str:
    """The whole page; `title` and `about` are escaped here, `body` is HTML already."""
    return _PAGE.format(title=html.escape(title), about=html.escape(about), style=_STYLE, body="\n".join(body))


def image_source(png: bytes) -> str:
    """A PNG as the `src` of an image."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def pairs(facts: Mapping[str, object]) -> str:
    """Names and values as a list of definitions."""
    rows = (
        f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(str(value))}</dd></div>" for name, value in facts.items()
    )
    return f"<dl>{''.join(rows)}</dl>"


def side_by_side(drawings: Iterable[str]) -> str:
    """SVG drawings next to each other where there is room; their text can be searched and copied."""
    return f'<div class="drawings">{"".join(drawings)}</div>'


_STYLE = """\
:root { color-scheme: light dark; --line: #8884; --soft: #7779; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.6rem; margin: 0; }
h2 { font-size: 1.1rem; margin: 0 0 .5rem; }
h3 { font-size: 1rem; margin: 0 0 .5rem; }
.about { color: GrayText; margin: .25rem 0 1.25rem; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: .5rem 1.5rem; margin: 0; }
dl { border-block: 1px solid var(--line); padding: .75rem 0; }
dt { color: GrayText; font-size: .8rem; }
dd { margin: 0; font-variant-numeric: tabular-nums; }
.figures { display: grid; grid-template-columns: 1fr 1fr; gap: 2rem; margin: 2rem 0; }
ul { color: GrayText; padding-left: 1.1rem; }
figure { margin: 0; min-width: 0; }
h2 small { font-weight: 400; font-size: .75rem; color: GrayText; border: 1px solid var(--line); border-radius: 1em; }
h2 small { padding: .1rem .6rem; margin-left: .4rem; }
.wide { grid-column: 1 / -1; }
figure img { width: 100%; height: auto; border-radius: 4px; background: white; }
figure.half img { image-rendering: pixelated; }
figcaption { color: GrayText; font-size: .9rem; }
.drawings { display: flex; flex-wrap: wrap; gap: 2rem; align-items: flex-start; }
.drawings svg { max-width: 100%; height: auto; }
.many { display: grid; grid-template-columns: repeat(auto-fill, minmax(12rem, 1fr)); gap: 1rem; }
.tables { display: grid; grid-template-columns: repeat(auto-fit, minmax(24rem, 1fr)); gap: 2rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .2rem .5rem .2rem 0; border-bottom: 1px solid var(--line); }
th:last-child, tbody td:last-child { text-align: right; }
table.words :is(th, td):last-child { text-align: left; }
.scroll { overflow-x: auto; margin-bottom: 1.5rem; }
details { margin-top: 1.5rem; }
summary { cursor: pointer; font-weight: 600; }
pre { overflow: auto; padding: 1rem; border: 1px solid var(--line); border-radius: 4px; font-size: .85rem; }
@media (max-width: 44rem) { .figures { grid-template-columns: 1fr; } .tables { grid-template-columns: 1fr; } }
"""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · gansmith</title>
<style>
{style}</style>
</head>
<body>
<h1>{title}</h1>
<p class="about">{about}</p>
{body}
</body>
</html>
"""
