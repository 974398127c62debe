"""`gansmith env`."""

import json
import sys
from collections.abc import Sequence

from gansmith.cli.options import Json, call


def main(arguments: Sequence[str]) -> None:
    """Read the options and describe."""
    call(env, "gansmith env", arguments)


def env(json_: Json = False) -> None:
    """What this machine and this installation are, and which sets are at hand: put it into a bug report."""
    from gansmith.data.datasets.catalog import SETS, cache_folder
    from gansmith.data.datasets.find import look_for
    from gansmith.engine import make_engine
    from gansmith.runs.run import default_root
    from gansmith.system.machine import describe_machine

    facts: dict[str, object] = dict(describe_machine())
    engine = make_engine()
    facts |= {"device": str(engine.device), "precision": engine.precision}
    facts |= {"cache": str(cache_folder()), "runs": str(default_root())}
    for name in SETS:
        found = look_for(name)
        facts[f"set {name}"] = str(found.place) if found else "not here"
    if json_:
        sys.stdout.write(json.dumps(facts, indent=1) + "\n")
        return
    for name, value in facts.items():
        sys.stdout.write(f"{name:<18} {value}\n")
