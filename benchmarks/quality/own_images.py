"""`gansmith train --data FOLDER --budget 20m` as a user runs it, on some thousand larger images in colour: emoji.

    python -m benchmarks.quality.own_images [--budget 20m] [--set FIELD=VALUE ...]

The images are those of Debian's package fonts-noto-color-emoji: 136x128 with transparency, drawn by hand, of faces,
people, animals, things, signs and flags (Noto Color Emoji, Google, SIL Open Font License 1.1). They stand in for a
person's own folder. Writes own-images.json, own-images.png (the best state's images, not chosen) and
own-images-real.png into benchmarks/results/. The machine should have nothing else to do.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fontTools.ttLib import TTFont

from gansmith.generation.generator import load
from gansmith.recipe_file import recipe_of
from gansmith.runs.history import best_of, evaluations
from gansmith.runs.run import Run, list_runs, write_atomically
from gansmith.viz.grids import grid, png

RESULTS = Path(__file__).parents[1] / "results"
FONT = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
SHOWN, SEED = 64, 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--font", type=Path, default=FONT, help="Noto Color Emoji with images as PNG")
    parser.add_argument("--budget", default="20m")
    parser.add_argument("--set", action="append", default=[], dest="changes", help="as for gansmith train")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        images, runs = Path(folder) / "emoji", Path(folder) / "runs"
        num = unpack(options.font, images)
        changes = [word for change in options.changes for word in ("--set", change)]
        command = ["train", "--data", str(images), "--budget", options.budget, "--runs", str(runs), *changes]
        began = time.monotonic()
        subprocess.run([sys.executable, "-m", "gansmith", *command], check=True)
        result = {"images": num, "changes": options.changes, "command_seconds": round(time.monotonic() - began)}
        keep(list_runs(runs)[0], result, options.out)


def unpack(font: Path, folder: Path) -> int:
    """Every image of the font as a file; returns how many they are."""
    if not font.is_file():
        sys.exit(f"{font} is not there: apt-get install fonts-noto-color-emoji, or --font FILE")
    folder.mkdir()
    (strike,) = TTFont(font)["CBDT"].strikeData
    for name, glyph in strike.items():
        (folder / f"{name}.png").write_bytes(glyph.imageData)
    return len(strike)


def keep(run: Run, result: dict, out: Path) -> None:
    recipe, info, best = recipe_of(run), run.info(), best_of(evaluations(run))
    data = recipe.data
    result |= {
        "shape": [data.height, data.width, data.channels],
        "augmentation": recipe.augment.operations,
        "steps": info["step"],
        "passes": round(info["seen"] / info["data"]["count"], 1),
        "seconds": round(run.seconds_spent()),
        "best": best and {"step": best.step, "fd": best.value, "low": best.low, "high": best.high},
        "features": info["evaluate"]["protocol"]["features"],
        "precision": info["precision"],
        "machine": info["machine"],
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / "own-images.json").write_text(json.dumps(result, indent=1) + "\n")
    drawn = load(run, "best").sample(SHOWN, SEED)
    write_atomically(out / "own-images.png", png(grid(drawn, recipe.grid.columns)))
    write_atomically(out / "own-images-real.png", (run.path / "reals.png").read_bytes())


if __name__ == "__main__":
    main()
