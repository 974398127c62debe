"""Makes a run from weights that Keras saved; such a run can be sampled but not resumed."""

import hashlib
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

import torch
from torch import nn

from gansmith.checkpoints.save import save_tensors
from gansmith.data.archives.archive import open_archive
from gansmith.data.archives.members import Limits
from gansmith.data.archives.zip import MAGICS
from gansmith.engine import make_engine
from gansmith.errors import DataError
from gansmith.generation import generator
from gansmith.interop import hdf5
from gansmith.interop.keras import LayerWeights, expected_layers, set_weights
from gansmith.interop.keras_file import find_networks, read_models
from gansmith.networks import networks_on_meta
from gansmith.recipe_file import to_toml
from gansmith.runs.run import Run, create_run, default_root, utc_now, write_atomically
from gansmith.schema import Recipe
from gansmith.system.machine import describe_machine

WEIGHTS_IN_ZIP = "model.weights.h5"
"""The file with the weights inside a .keras file."""
MAX_ZIP_MEMBERS = 10_000
"""Largest number of files in a .keras file; Keras writes three, and the assets of a model's layers."""


def import_keras(path: Path, recipe: Recipe, *, runs: Path | str | None = None, name: str | None = None) -> Run:
    """A new run under `runs` with the generator of a file that Keras saved, and the discriminator if it is there.

    The folder is made after everything was read and checked. Raises DataError when the file is missing, damaged, not
    written by Keras, without a generator, or of other networks than the recipe's, naming the layer; MissingExtraError
    without h5py; UsageError when the recipe's networks have no counterpart in Keras.
    """
    channels = recipe.data.channels
    networks_on_meta(recipe)  # raises RecipeError for networks that cannot be built
    with torch.random.fork_rng(devices=[]):  # torch draws initial weights, which are overwritten
        built = recipe.model.networks(recipe.spec)
    networks = {"G": built.G, "D": built.D}
    expected = {key: expected_layers(network, channels=channels) for key, network in networks.items()}
    with _open_weights(path, _max_bytes(expected)) as file:
        try:
            arrays = find_networks(read_models(file), expected)
        except DataError as error:
            raise DataError(f"{path}: {error}") from error
    if "G" not in arrays:
        raise DataError(f"{path} has only a discriminator; give the file of the generator, or of both, to sample.")
    for key, found in arrays.items():
        set_weights(networks[key], found, channels=channels)
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    source: dict[str, object] = {"file": path.name, "sha256": sha256, "networks": [*arrays]}
    run = create_run(Path(runs or default_root()), name or recipe.name)
    _write_run(run, recipe, source, {key: networks[key] for key in arrays})
    return run


def _max_bytes(expected: dict[str, list[LayerWeights]]) -> int:
    """Largest plausible size of a file: four times float64 weights with two optimiser states each, and 16 MiB."""
    shapes = [shape for layers in expected.values() for layer in layers for _, shape in layer.weights]
    return (16 << 20) + 4 * 16 * sum(torch.Size(shape).numel() for shape in shapes)


@contextmanager
def _open_weights(path: Path, most: int) -> Generator[BinaryIO]:
    """The HDF5 file at `path`, or inside it for a .keras file. Raises DataError for more than `most` bytes."""
    if not path.is_file():
        reason = "is a folder; give the file in it" if path.is_dir() else "does not exist or is no file; give one"
        raise DataError(f"{path} {reason}, such as generator.weights.h5, model.keras or generator.h5.")
    if path.stat().st_size > most:
        raise DataError(f"{path} has {path.stat().st_size:,} bytes, but networks of this recipe need at most {most:,}.")
    with ExitStack() as files:
        try:
            file = files.enter_context(path.open("rb"))
            start = file.read(len(hdf5.MAGIC))
        except OSError as error:
            raise DataError(f"{path} cannot be read ({error.strerror}).") from error
        if start.startswith(MAGICS):
            file = files.enter_context(TemporaryFile())
            file.write(_unzipped(path, most))
            file.flush()
        elif start != hdf5.MAGIC:
            raise DataError(
                f"{path} is neither HDF5 nor a .keras file (it starts with {start.hex() or 'nothing'}); "
                "give a file from Keras' save_weights('x.weights.h5'), save('x.keras') or save('x.h5')."
            )
        yield file


def _unzipped(path: Path, most: int) -> bytes:
    limits = Limits(members=MAX_ZIP_MEMBERS, member_bytes=most, total_bytes=most)
    with open_archive(path, limits) as archive:
        for skipped in archive.skipped:
            raise DataError(f"{path}: {skipped.name} {skipped.reason}; Keras writes no such file.")
        for member in archive.members:
            if member.name == WEIGHTS_IN_ZIP:
                return archive.read(member)
    raise DataError(f"{path} is a zip file without {WEIGHTS_IN_ZIP}; give a file from Keras 3's save('x.keras').")


def _write_run(run: Run, recipe: Recipe, source: dict[str, object], networks: dict[str, nn.Module]) -> None:
    """Write the files of the run; run.json comes last, because a folder without it is no run."""
    engine = make_engine("auto", recipe.precision)
    if recipe.ema_half_life:
        networks = {**networks, "G_ema": networks["G"]}
    write_atomically(run.recipe_file, to_toml(recipe))
    save_tensors(run, {name: network.state_dict() for name, network in networks.items()}, recipe, seen=0)
    sampler = generator.Generator(G=engine.place(networks["G"]), recipe=recipe, engine=engine, step=0)
    generator.save_sample_grid(run, sampler)
    run.update(
        name=run.path.name,
        status="imported",
        started=utc_now(),
        command=sys.argv,
        source=source,
        step=0,
        seen=0,
        machine=describe_machine(),
    )
