"""Rules of the project that a machine can check."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import gansmith

SOURCE = Path(gansmith.__file__).parent
MODULES = {
    ".".join(file.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__"): file
    for file in SOURCE.rglob("*.py")
}


def test_the_loop_can_be_read_at_a_sitting():
    assert len((SOURCE / "training/loop.py").read_text().splitlines()) <= 120


def test_nothing_loads_what_could_run_code():
    loading = 'torch.load(file, map_location="cpu", weights_only=True)'  # calls nothing, and only in a limited worker
    assert (SOURCE / "interop/torch_worker.py").read_text().count("torch.load") == 1
    for file in SOURCE.rglob("*.py"):
        text = file.read_text()
        if file == SOURCE / "interop/torch_worker.py":
            text = text.replace(loading, "")
        for forbidden in ("torch.load", "import pickle", "eval(", "exec(", "allow_pickle=True"):
            assert forbidden not in text.replace(".eval()", ""), f"{file.name}: {forbidden}"


def test_every_text_file_has_its_encoding():
    """The default is the console's, which may be ASCII or cp1252."""
    for name, file in MODULES.items():
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
                of_text = call.func.attr in ("read_text", "write_text")
                assert not of_text or "encoding" in {one.arg for one in call.keywords}, f"{name}:{call.lineno}"


def test_the_public_names_are_there():
    for name in gansmith.__all__:
        assert getattr(gansmith, name)


def test_every_random_draw_names_its_stream():
    for file in SOURCE.rglob("*.py"):
        for line in file.read_text().splitlines():
            if any(draw in line for draw in ("torch.rand(", "torch.randn(", "torch.randint(", "torch.randperm(")):
                assert "generator=" in line, f"{file.name}: {line.strip()}"


def imported_at_the_top(file):
    """Our modules that a file imports when it is itself imported, those under TYPE_CHECKING left out."""
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "gansmith":
            for name in node.names:
                inner = f"{node.module}.{name.name}"
                yield inner if inner in MODULES else node.module


def test_no_module_imports_itself_through_others():
    imports = {name: {*imported_at_the_top(file)} for name, file in MODULES.items()}
    assert sum(map(len, imports.values())) > 500
    TopologicalSorter(imports).prepare()  # raises CycleError, which shows the circle
