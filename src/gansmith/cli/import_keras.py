"""`gansmith import-keras`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from gansmith.cli.options import Json, Runs, call, option, print_result


def main(arguments: Sequence[str]) -> None:
    """Read the options and import."""
    call(import_keras, "gansmith import-keras", arguments)


def import_keras(
    file: Annotated[Positional[Path], arg(metavar="FILE.h5|.weights.h5|.keras")],
    recipe: Annotated[str, option("whose networks the weights are of", metavar="RECIPE|FILE.toml")],
    runs: Runs = None,
    name: Annotated[str | None, option("name of the run; default the recipe's", metavar="NAME")] = None,
    json_: Json = False,
) -> None:
    """Make a run that can be sampled from weights that Keras saved: of a generator, or of one with its discriminator.

    The file is read as data: nothing in it is run. Images are channels last, as Keras has them unless told otherwise.
    """
    from gansmith.interop import import_run
    from gansmith.recipes import load_recipe

    print_result(import_run.import_keras(file, load_recipe(recipe), runs=runs, name=name), json_)
