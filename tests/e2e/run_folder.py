"""What a run folder holds, for comparing two of them."""

import json


def events(run):
    """The lines of events.jsonl without their clock readings."""
    lines = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "time"} for line in lines]


def pictures(run):
    return {file.name: file.read_bytes() for file in [*(run / "samples").iterdir(), run / "reals.png"]}


def weights(run):
    newest = run / "checkpoints" / (run / "checkpoints" / "latest").read_text().strip()
    return {file.name: file.read_bytes() for file in newest.glob("*.safetensors")}
