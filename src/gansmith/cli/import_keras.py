"""`gansmith import-keras`."""

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

import gansmith
from gansmith.cli.options import Json, Runs, option
from gansmith.cli.output import print_result


def import_keras(
    file: Annotated[Positional[Path], arg(metavar="FILE.h5|.weights.h5|.keras")],
    recipe: Annotated[str, option("recipe whose networks have these weights", metavar="RECIPE|FILE.toml")],
    runs: Runs = None,
    name: Annotated[str | None, option("name of the run; default the recipe's", metavar="NAME")] = None,
    json_: Json = False,
) -> None:
    """Make a run from weights that Keras saved, of a generator or of a generator and a discriminator; then sample it.

    The file is read as data: no code in it is executed. Convolutions are channels-last, the default of Keras.
    """
    print_result(gansmith.import_keras(file, gansmith.recipe(recipe), runs=runs, name=name), json_)
