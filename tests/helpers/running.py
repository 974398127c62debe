"""What the tests of running processes share: a process for each command, tiny recipes, and what must not differ."""

import json
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gansmith.data.store import write_dataset
from gansmith.recipe_file import from_values, merged, to_toml
from gansmith.recipes import recipe
from tests.helpers import helper_command, helper_environment

BATCH = 8
EVERY = 5
"""Steps between two checkpoints."""
STEPS = 30
IMAGES = 100
"""A dozen batches: a run of 30 steps begins its third pass over them."""


@dataclass
class Ended:
    code: int
    out: str
    err: str

    @property
    def run(self) -> Path:
        """The run folder whose path is the last line of standard output."""
        return Path(self.out.splitlines()[-1])


@dataclass
class Started:
    server: "Server"
    pid: int
    out: str

    def wait(self) -> Ended:
        code = self.server.ask({"wait": self.pid})
        return Ended(code, Path(f"{self.out}.out").read_text(), Path(f"{self.out}.err").read_text())


class Server:
    """`gansmith ARGUMENTS...` in a process of its own, with a plan of what shall go wrong in it."""

    def __init__(self, folder: Path):
        self.folder, self.started = folder, 0
        command = helper_command("running_server")
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=helper_environment(OMP_NUM_THREADS="1"),
        )

    def ask(self, request: dict) -> int:
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def start(self, *arguments, report=False, **plan) -> Started:
        self.started += 1
        out = str(self.folder / str(self.started))
        words = [str(argument) for argument in arguments]
        request = {"arguments": words, "folder": str(Path.cwd()), "out": out, "plan": plan, "report": report}
        return Started(self, self.ask(request), out)

    def __call__(self, *arguments, **plan) -> Ended:
        return self.start(*arguments, **plan).wait()

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


LEFT_OUT = ("evaluate", "augment")
"""Tables that tests write themselves behind what is there."""


def write_recipe(name: str, **more) -> Path:
    """A file of the recipe `name`, narrow and short, on noise of its shape that lies beside it."""
    full = recipe(name)
    data = full.data
    if not Path("store").exists():
        pixels = np.random.default_rng(0).integers(0, 256, (IMAGES, data.channels, data.height, data.width), np.uint8)
        write_dataset(Path("store"), pixels, None, {"name": "noise", "notes": []})
    losses = f"[validation_losses]\nevery = {6 * BATCH}\nvalidation = 0" if full.validation_losses.every else ""
    extra = "\n".join(f"{key} = {json.dumps(value)}" for key, value in more.items())
    changes = f"""
batch_size = {BATCH}
precision = "fp32"
{extra}
[length]
images = {STEPS * BATCH}
log_every = {3 * BATCH}
sample_every = {7 * BATCH}
checkpoint_every = {EVERY * BATCH}
[data]
name = "store"
skip = 0
limit = 0
box = []
[model]
width = 8
[grid]
rows = 2
columns = 3
{losses}
"""
    whole = merged(full.model_dump(), {"name": "tiny", **tomllib.loads(changes)})
    tables = to_toml(from_values(whole)).split("\n[")
    stated = "\n[".join(one for one in tables if one.partition("]")[0] not in LEFT_OUT)
    Path("tiny.toml").write_text(stated if name.endswith(".toml") else f'from = "{name}"\n{changes}')
    return Path("tiny.toml")


def results(run: Path) -> dict[str, object]:
    """What must not differ: weights, averages, optimisers, images, metrics, the best, and events without clocks."""
    newest = run / "checkpoints" / (run / "checkpoints/latest").read_text().strip()
    files = [*newest.glob("*.safetensors"), *run.glob("samples/*.png"), run / "reals.png", *run.glob("metrics.jsonl")]
    files += run.glob("checkpoints/best")
    found = {str(file.relative_to(run)): file.read_bytes() for file in files}
    return found | {"events": events(run)}


def events(run: Path) -> list[dict]:
    lines = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "time"} for line in lines]


def differing(one: Path, other: Path) -> list[str]:
    """Names of what differs between two runs."""
    here, there = results(one), results(other)
    return sorted(name for name in here.keys() | there.keys() if here.get(name) != there.get(name))


def saved(run: Path) -> list[int]:
    return sorted(int(path.parent.name) for path in run.glob("checkpoints/*/manifest.json"))


def info(run: Path) -> dict:
    return json.loads((run / "run.json").read_text())
