"""What a run folder holds, and how two of them are compared."""

import json

from gansmith.cli.main import main


def events(run):
    """The lines of events.jsonl without their clock readings."""
    lines = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "time"} for line in lines]


def images(run):
    return {file.name: file.read_bytes() for file in [*(run / "samples").iterdir(), run / "reals.png"]}


def weights(run):
    newest = run / "checkpoints" / (run / "checkpoints" / "latest").read_text().strip()
    return {file.name: file.read_bytes() for file in newest.glob("*.safetensors")}


def assert_same_run(found, wanted):
    """The same events, weights and images, to the byte."""
    assert events(found) == events(wanted)
    assert weights(found) == weights(wanted)
    assert images(found) == images(wanted)


def assert_continuing_equals_never_stopping(gansmith, *options):
    """Train twelve steps in one go and in two; returns the run that was continued."""
    whole = gansmith("train", *options).run
    parts = gansmith("train", *options, "--steps", 5).run
    assert len(events(parts)) == 5
    assert gansmith("resume", parts, "--steps", 12).code == 0
    assert_same_run(parts, whole)
    return parts


def trained_in(folder, recipe, text, *options):
    """The folder, with the recipe file and its finished run below runs/, to be copied."""
    (folder / recipe).write_text(text)
    assert main(["train", str(folder / recipe), "--runs", str(folder / "runs"), *options]) == 0
    return folder
