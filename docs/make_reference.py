"""Write docs/reference/ from the code: command line, Python, recipe fields, metrics, objectives, errors, modules.

`make docs` runs it; a test compares the pages with what `pages()` returns. Nothing in them depends on the machine.
"""

import ast
import inspect
import os
import re
import textwrap
from collections.abc import Iterable
from contextlib import redirect_stdout, suppress
from io import BytesIO, TextIOWrapper
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

import gansmith
from gansmith import errors
from gansmith.augment.operations import OPERATIONS
from gansmith.cli import main as command_line
from gansmith.config import Schedule
from gansmith.evaluation import table
from gansmith.models.base import model_config, model_names
from gansmith.objectives.adversarial import LOSSES
from gansmith.objectives.penalties import PENALTIES
from gansmith.schema import Recipe

FOLDER = Path(__file__).parent / "reference"
SOURCE = "../../src/gansmith"
PACKAGE = Path(__file__).parents[1] / "src" / "gansmith"
FIRST_LINE = "<!-- made by docs/make_reference.py; run `make docs` after a change of the code -->\n\n"
FEATURES = 128
"""Numbers per image of the shipped feature networks."""
WIDTH = "400"
"""Columns of the help texts, which are read at a width at which hardly any line is broken."""


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    """The text of every page by its file name."""
    makers = {
        "cli.md": cli_page,
        "python.md": python_page,
        "recipe.md": recipe_page,
        "metrics.md": metrics_page,
        "objectives.md": objectives_page,
        "exit-codes.md": exit_codes_page,
        "modules.md": modules_page,
    }
    return {name: f"{FIRST_LINE}{make()}" for name, make in makers.items()}


# --- the command line


def cli_page() -> str:
    blocks = [
        "# Command line\n",
        "Progress goes to stderr and results to stdout; `--json` prints the result for a program. `--debug` with any\n"
        "command shows the traceback of an error. [Exit codes](exit-codes.md) are the same for every command.\n",
        _table(["command", "what it does"], [[f"[`{verb}`](#gansmith-{verb})", about] for verb, about in _verbs()]),
    ]
    for verb, _ in _verbs():
        blocks += _command_blocks([verb], "##")
    return "\n".join(blocks)


def _verbs() -> list[tuple[str, str]]:
    return [*command_line.VERBS.items()]


def _command_blocks(words: list[str], heading: str) -> list[str]:
    """The section of one command, and after it those of its sub-commands."""
    usage, about, boxes = _parsed_help(_help_of(words))
    blocks = [f"{heading} gansmith {' '.join(words)}\n", f"```\n{usage}\n```\n"]
    blocks += [f"{paragraph}\n" for paragraph in about]
    arguments = [
        [f"`{name}`".replace("|", r"\|"), text]
        for title, entries in boxes.items()
        if title != "subcommands"
        for name, text in entries
        if name != "-h, --help"
    ]
    if arguments:
        blocks.append(_table(["argument", "what it does"], arguments))
    for name, _ in boxes.get("subcommands", []):
        blocks += _command_blocks([*words, name], "###")
    return blocks


def _help_of(words: list[str]) -> str:
    """What `gansmith ... --help` prints on a very wide terminal without colours."""
    printed, before = TextIOWrapper(BytesIO(), encoding="utf-8"), os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = WIDTH
    try:
        with redirect_stdout(printed), suppress(SystemExit):
            command_line.main([*words, "--help"])
    finally:
        os.environ.pop("COLUMNS")
        if before is not None:
            os.environ["COLUMNS"] = before
    printed.seek(0)
    return re.sub(r"\x1b\[[0-9;]*m", "", printed.read())


def _parsed_help(text: str) -> tuple[str, list[str], dict[str, list[tuple[str, str]]]]:
    """A help text as its usage line, its paragraphs, and the entries (name, text) of each of its boxes."""
    head, *drawn = re.split(r"^╭─ (?=\w)", text, flags=re.M)
    usage, *paragraphs = [" ".join(part.split()) for part in head.strip().split("\n\n")]
    boxes = {}
    for box in drawn:
        title, *rows = box.splitlines()
        rows = [row[1:].rstrip("│ ") for row in rows if row.startswith("│")]
        boxes[title.split(" ─")[0]] = _entries(rows)
    return usage.removeprefix("usage: "), [part for part in paragraphs if part], boxes


def _entries(rows: list[str]) -> list[tuple[str, str]]:
    """The rows of a box: a name stands at the margin or behind a bullet, its text behind two spaces or below."""
    entries: list[list[str]] = []
    for row in rows:
        if found := re.match(r" (?:  • )?(?! )(\S.*?)(?:  +(\S.*))?$", row):
            if found[1] != "(required)":
                entries.append([found[1], found[2] or ""])
        elif row.strip() and entries:
            entries[-1][1] += f" {row.strip()}"
    return [(name, text.strip()) for name, text in entries]


# --- Python


def python_page() -> str:
    blocks = [
        "# Python\n",
        "`import gansmith` offers these names and imports nothing heavy before one of them is used. Other modules can\n"
        "be imported too, but only these names are kept stable. Every error that a user can fix is a\n"
        "[`gansmith.errors.GansmithError`](exit-codes.md).\n",
    ]
    for name in sorted(gansmith.__all__):
        member = getattr(gansmith, name)
        if inspect.isroutine(member) or inspect.isclass(member):
            blocks.append(f"## gansmith.{name}\n")
            if inspect.isfunction(member):
                blocks.append(f"```python\n{_signature(name, member)}\n```\n")
            blocks.append(f"{inspect.getdoc(member)}\n")
    return "\n".join(blocks)


def _signature(name: str, function: Any) -> str:
    """A function's parameters, one a line, as the source writes them; every version of Python gives this text."""
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    assert isinstance(node, ast.FunctionDef)
    lines = [f"    {one}," for one in _parameters(node.args)]
    returned = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return "\n".join([f"gansmith.{name}(", *lines, f"){returned}"])


def _parameters(arguments: ast.arguments) -> list[str]:
    positional = [*arguments.posonlyargs, *arguments.args]
    missing = [None] * (len(positional) - len(arguments.defaults))
    found = [_parameter(*one) for one in zip(positional, [*missing, *arguments.defaults], strict=True)]
    if arguments.vararg:
        found.append(f"*{ast.unparse(arguments.vararg)}")
    elif arguments.kwonlyargs:
        found.append("*")
    found += [_parameter(*one) for one in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
    return [*found, f"**{ast.unparse(arguments.kwarg)}"] if arguments.kwarg else found


def _parameter(argument: ast.arg, default: ast.expr | None) -> str:
    return ast.unparse(argument) + (f" = {ast.unparse(default)}" if default else "")


# --- the recipe


def recipe_page() -> str:
    fields = Recipe.model_fields
    single = [name for name, field in fields.items() if not _tables_of(field.annotation) and name != "model"]
    blocks = [
        "# Recipe fields\n",
        "A recipe is a TOML file. `gansmith recipes show NAME` prints a complete one with a comment above each field.\n"
        "`--set table.field=value` sets a field for one run. Lengths and intervals count real images shown to D, so\n"
        "they do not depend on the batch size. A field of the type *number or schedule* may change over the run: see\n"
        "[schedules](../schedules.md). A setting that would have no effect is an error.\n",
        "## The recipe itself\n",
        "These fields stand at the top of the file, before the first table.\n",
        _field_table(Recipe, single),
    ]
    for name, field in fields.items():
        tables = _tables_of(field.annotation)
        for settings in tables:
            kind = f', name = "{settings.model_fields["name"].default}"' if len(tables) > 1 else ""
            blocks += [f"## [{name}]{kind}\n", f"{_first_line(settings)}\n", _field_table(settings)]
        if name == "model":
            blocks += _model_blocks()
    blocks += ["## Schedules\n", f"{_first_line(Schedule)}\n", _field_table(Schedule)]
    return "\n".join(blocks)


def _model_blocks() -> list[str]:
    blocks = ["## [model]\n", "`model.name` selects a file of networks; each file has its own fields.\n"]
    for name in model_names():
        settings = type(model_config({"name": name}))
        able = [
            words
            for words, yes in (("images of any size", settings.any_size), ("conditional", settings.is_conditional))
            if yes
        ]
        also = f" ({', '.join(able)})" if able else ""
        blocks += [f'### [model], name = "{name}"\n', f"{_first_line(settings)}{also}\n", _field_table(settings)]
    return blocks


def _tables_of(annotation: object) -> list[type[BaseModel]]:
    """The classes of settings that a field of the recipe may hold; none for a single value."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [] if annotation is Schedule or inspect.isabstract(annotation) else [annotation]
    parts = [part for part in get_args(annotation) if not isinstance(part, str | int)]
    found = [found for part in parts for found in _tables_of(part)]
    return list(dict.fromkeys(found))


def _field_table(settings: type[BaseModel], names: Iterable[str] | None = None) -> str:
    schema = settings.model_json_schema()["properties"]
    rows = []
    for name in names if names is not None else settings.model_fields:
        field = schema[name]
        kind, limits = _kind_and_range(field)
        rows.append([f"`{name}`", kind, _default(settings, name), limits, field.get("description", "")])
    return _table(["field", "type", "default", "range", "what it is"], rows)


def _kind_and_range(field: dict[str, Any]) -> tuple[str, str]:
    if "oneOf" in field:
        (number,) = (one for one in field["oneOf"] if "$ref" not in one)
        kind, limits = _kind_and_range(number)
        return f"{kind} or schedule", limits
    if "const" in field:
        return "text", f"`{field['const']}`"
    if "enum" in field:
        kind = "integer" if all(isinstance(one, int) for one in field["enum"]) else "text"
        return kind, ", ".join(f"`{one}`" for one in field["enum"])
    kind = {
        "integer": "integer",
        "number": "number",
        "string": "text",
        "boolean": "true or false",
        "array": f"list of {'integers' if field.get('items', {}).get('type') == 'integer' else 'texts'}",
    }[field.get("type", "array")]
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    limits = [f"{sign} {field[key]:,}" for key, sign in signs.items() if key in field]
    if "multipleOf" in field:
        limits.append(f"multiple of {field['multipleOf']}")
    if "pattern" in field:
        limits.append("#rrggbb" if "0-9a-f" in field["pattern"] else f"`{field['pattern']}`")
    return kind, ", ".join(limits)


def _default(settings: type[BaseModel], name: str) -> str:
    value = settings.model_fields[name].get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return "required"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`[{', '.join(map(str, value))}]`"
    return f"`{value}`" if value != "" else '`""`'


# --- metrics, objectives, exit codes


def metrics_page() -> str:
    rows, details = [], []
    for name, metric in table.METRICS.items():
        needs = ", ".join(metric.needs) or "–"
        fewest = f"{metric.fewest(FEATURES):,}"
        on_request = " Computed on request only." if metric.on_request else ""
        computed = _computed_by(metric.compute)
        links = ", ".join(f"[{made.__name__}]({_file(made)})" for made in computed)
        about = f"{metric.about[0].upper()}{metric.about[1:].rstrip('.')}.{on_request}"
        rows.append([f"`{name}`", about, metric.better, needs, fewest, links])
        for made in computed:
            text = (inspect.getdoc(made) or "").partition("\nRaises:")[0].strip()
            block = f"### {made.__name__}\n\n{text}\n"
            if block not in details:
                details.append(block)
    short = ", ".join(f"`{name}` for {' and '.join(f'`{one}`' for one in of)}" for name, of in table.SHORT.items())
    return "\n".join(
        [
            "# Metrics\n",
            "`gansmith evaluate RUN --metrics NAME,NAME` computes these. [The guide](../metrics.md) explains how to\n"
            "read them. *Needs* is what a metric needs besides features. *Images* is the smallest number of generated\n"
            f"and of real images, for features of {FEATURES} numbers. Short names: {short}.\n",
            _table(["metric", "what it is", "better", "needs", "images", "computed in"], rows),
            "## How each is computed\n",
            *details,
        ]
    )


def _computed_by(function: Any) -> list[Any]:
    """The public functions of gansmith.metrics that a metric's function calls."""
    names, found = function.__code__.co_names, []
    for module in (function.__globals__.get(name) for name in names):
        if isinstance(module, ModuleType) and module.__name__.startswith("gansmith.metrics."):
            members = {name: getattr(module, name, None) for name in names}
            here = {name: one for name, one in members.items() if inspect.isfunction(one)}
            own_name = module.__name__.rpartition(".")[2]  # of the module and, in some, of a function too
            found += [one for name, one in here.items() if name != own_name] or [*here.values()]
    return list(dict.fromkeys(found))


def _file(function: Any) -> str:
    return f"{SOURCE}/{function.__module__.removeprefix('gansmith.').replace('.', '/')}.py"


def objectives_page() -> str:
    losses = [
        [
            f"`{name}`",
            "pairs" if loss.fake is None else "images",
            ", ".join(
                words
                for words, yes in (
                    ("targets and label_noise", loss.uses_targets),
                    ("probability_clip", loss.clips_probability),
                )
                if yes
            )
            or "–",
            loss.source,
        ]
        for name, loss in LOSSES.items()
    ]
    penalties = [[f"`{name}`", penalty.draws, penalty.source] for name, penalty in PENALTIES.items()]
    operations = [
        [f"`{name}`", one.about, "square images" if one.square_only else "any image", one.source]
        for name, one in OPERATIONS.items()
    ]
    return "\n".join(
        [
            "# Objectives\n",
            "Every entry of the three tables; [the guide](../objectives.md) has their equations.\n",
            "## Losses\n",
            "Values of `objective.loss`. *D rates* says whether D rates single images, or pairs of a real and a\n"
            "generated one.\n",
            _table(["loss", "D rates", "also takes", "source"], losses),
            "## Penalties\n",
            "Values of `objective.penalty`. *Draws* says for what a uniform random number is drawn.\n",
            _table(["penalty", "draws", "source"], penalties),
            "## Augmentation\n",
            "Values of the list `augment.operations`.\n",
            _table(["operation", "what it does", "for", "after"], operations),
        ]
    )


def exit_codes_page() -> str:
    rows = [["0", "–", "The command did what it was asked to do."]]
    found: dict[int, list[type[errors.GansmithError]]] = {}
    for one in vars(errors).values():
        if inspect.isclass(one) and issubclass(one, errors.GansmithError) and one is not errors.Interrupted:
            found.setdefault(one.exit_code, []).append(one)
    for code, classes in sorted(found.items()):
        meaning = " ".join(_first_line(one) for one in classes)
        if code == errors.GansmithError.exit_code:
            meaning = "An internal error: a bug in gansmith."
        rows.append([str(code), ", ".join(f"`{one.__name__}`" for one in classes), meaning])
    rows.append(
        ["129, 130, 143", "`Interrupted`", f"{_first_line(errors.Interrupted)} 129: SIGHUP; 130: Ctrl-C; 143: SIGTERM."]
    )
    return "\n".join(
        [
            "# Exit codes\n",
            "Every command ends with one of these. In Python the same errors are exceptions of `gansmith.errors`,\n"
            "subclasses of `GansmithError` with an attribute `exit_code`.\n",
            _table(["exit code", "exception", "meaning"], rows),
        ]
    )


def modules_page() -> str:
    """Folders and files of the package with the first sentence of their docstrings; nothing is imported."""
    blocks = ["# Modules\n", "[Architecture](../architecture.md) explains how they work together.\n"]
    folders = [PACKAGE, *sorted(path.parent for path in PACKAGE.rglob("__init__.py") if path.parent != PACKAGE)]
    for folder in folders:
        name = "gansmith" if folder == PACKAGE else f"gansmith/{folder.relative_to(PACKAGE).as_posix()}"
        files = sorted(path for path in folder.glob("*.py") if not path.name.startswith("__"))
        rows = [[f"[{path.name}](../../src/{name}/{path.name})", _first_sentence(path)] for path in files]
        blocks += [f"## {name}\n", f"{_first_sentence(folder / '__init__.py')}\n"]
        if rows:
            blocks.append(_table(["file", "what it is"], rows))
    return "\n".join(blocks)


def _first_sentence(path: Path) -> str:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split())


# --- text


def _first_line(documented: Any) -> str:
    return (inspect.getdoc(documented) or "").splitlines()[0]


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in cells)} |" for cells in lines) + "\n"


def _cell(text: str) -> str:
    return re.sub(r"(?<!\\)\|", r"\\|", " ".join(text.split()))


if __name__ == "__main__":
    main()
