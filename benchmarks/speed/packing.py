"""Packing images: `gansmith data prepare` on all cores against a plain Pillow loop and torch's DataLoader.

    GANSMITH_DATA=... python -m benchmarks.speed.packing

Tiny images are 2,000 of CIFAR-10's JPEGs, packed at their own 32x32. Large ones are 300 JPEGs of 512x512 made here,
each a mosaic of 64 of those at twice their size, packed at 64x64 and at 256x256. The loop and the DataLoader, which has
two workers, open, convert, resize with Lanczos and leave uint8 (C, H, W) arrays in memory; gansmith also looks for
damage, hashes every image, keeps a crash to its own process and leaves a store on the disk. All of them begin from
nothing each round, the start of processes included; files are in the page cache. Interleaved, medians of 7 rounds.
Writes packing.json into benchmarks/results/.
"""

import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from gansmith.data.datasets.find import find_set
from gansmith.data.images.resize import ImageShape
from gansmith.data.paths import open_path
from gansmith.data.prepare import prepare_source
from gansmith.system.machine import describe_machine

RESULTS = Path(__file__).parents[1] / "results"
ROUNDS = 7
NUM_TINY, NUM_LARGE = 2000, 300
MOSAIC, SCALE = 8, 2
DATALOADER_WORKERS = 2


class Images(Dataset):
    """Files as a DataLoader takes them."""

    def __init__(self, files: Sequence[Path], side: int):
        self.files, self.side = files, side

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, number: int) -> torch.Tensor:
        return torch.from_numpy(decoded(self.files[number], self.side))


def decoded(file: Path, side: int) -> np.ndarray:
    with Image.open(file) as image:
        rgb = image.convert("RGB")
        if rgb.size != (side, side):
            rgb = rgb.resize((side, side), Image.Resampling.LANCZOS)
        return np.ascontiguousarray(np.asarray(rgb).transpose(2, 0, 1))


def pillow_loop(files: Sequence[Path], side: int) -> np.ndarray:
    out = np.empty((len(files), 3, side, side), np.uint8)
    for number, file in enumerate(files):
        out[number] = decoded(file, side)
    return out


def dataloader(files: Sequence[Path], side: int) -> np.ndarray:
    out, done = np.empty((len(files), 3, side, side), np.uint8), 0
    for batch in DataLoader(Images(files, side), batch_size=64, num_workers=DATALOADER_WORKERS):
        out[done : done + len(batch)] = batch.numpy()
        done += len(batch)
    return out


def gansmith(files: Sequence[Path], side: int) -> np.ndarray:
    folder = files[0].parent
    shape = ImageShape(channels=3, height=side, width=side)
    with open_path(folder) as source:
        return prepare_source(source, folder.parent / "store", shape).images


WAYS: dict[str, Callable[[Sequence[Path], int], np.ndarray]] = {
    "gansmith": gansmith,
    "pillow_loop": pillow_loop,
    "dataloader": dataloader,
}


def write_tiny(folder: Path) -> list[Path]:
    """Every so many-th of CIFAR-10's images, as files."""
    found = find_set("cifar10", "train", offline=True)
    folder.mkdir()
    with open_path(found.files["train"][0]) as source:
        jpegs = [entry for entry in source.entries if entry.name.endswith(".jpg")]
        for number, entry in enumerate(jpegs[:: len(jpegs) // NUM_TINY][:NUM_TINY]):
            (folder / f"{number:05}.jpg").write_bytes(source.read(entry))
    return sorted(folder.iterdir())


def write_large(folder: Path, tiny: Sequence[Path]) -> list[Path]:
    """Mosaics of the tiny ones."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(NUM_LARGE):
        chosen = [decoded(tiny[one], 32) for one in rng.integers(len(tiny), size=MOSAIC * MOSAIC)]
        rows = [np.concatenate(chosen[at : at + MOSAIC], axis=2) for at in range(0, len(chosen), MOSAIC)]
        mosaic = Image.fromarray(np.concatenate(rows, axis=1).transpose(1, 2, 0))
        enlarged = mosaic.resize((mosaic.width * SCALE, mosaic.height * SCALE), Image.Resampling.BICUBIC)
        enlarged.save(folder / f"{number:05}.jpg", quality=92)
    return sorted(folder.iterdir())


def measure(files: Sequence[Path], side: int) -> dict[str, object]:
    """Images a second of each way; all of them give the same pixels."""
    taken: dict[str, list[float]] = {name: [] for name in WAYS}
    expected = pillow_loop(files, side)
    for _ in range(ROUNDS):
        for name, way in WAYS.items():
            shutil.rmtree(files[0].parent.parent / "store", ignore_errors=True)
            began = time.perf_counter()
            found = way(files, side)
            taken[name].append(time.perf_counter() - began)
            if not np.array_equal(found, expected):
                sys.exit(f"{name} gives other pixels than the loop")
    rates = {name: [len(files) / seconds for seconds in times] for name, times in taken.items()}
    return {
        "files": len(files),
        "mean_bytes": round(statistics.mean(file.stat().st_size for file in files)),
        "side": side,
        "images_per_second": {
            name: {"median": statistics.median(of), "min": min(of), "max": max(of)} for name, of in rates.items()
        },
    }


def main() -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place:
        tiny = write_tiny(Path(place) / "tiny")
        large = write_large(Path(place) / "large", tiny)
        sets = {"tiny": measure(tiny, 32), "large to 64": measure(large, 64), "large to 256": measure(large, 256)}
    result = {"machine": describe_machine(), "rounds": ROUNDS, "sets": sets}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "packing.json").write_text(json.dumps(result, indent=1) + "\n")
    sys.stdout.write(json.dumps(sets, indent=1) + "\n")


if __name__ == "__main__":
    main()
