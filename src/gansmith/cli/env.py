"""`gansmith env`."""

from gansmith.cli.options import Json
from gansmith.cli.output import print_json, print_lines
from gansmith.data.datasets.catalog import SETS, cache_folder
from gansmith.data.datasets.find import look_for
from gansmith.runs.run import default_root
from gansmith.system.machine import describe_machine


def env(json_: Json = False) -> None:
    """Describe this machine, this installation and the datasets on it: put it into a bug report."""
    from gansmith.engine import make_engine  # imports torch

    engine = make_engine()
    described: dict[str, object] = dict(describe_machine())
    described |= {"device": str(engine.device), "precision": engine.precision}
    described |= {"cache": str(cache_folder()), "runs": str(default_root())}
    for name in SETS:
        found = look_for(name)
        described[f"set {name}"] = str(found.place) if found else "not here"
    if json_:
        print_json(described)
    else:
        print_lines(f"{name:<18} {value}" for name, value in described.items())
