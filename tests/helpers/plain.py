"""A recipe for tests that are about something else: nothing in it is scheduled, penalised or shared."""

from pathlib import Path

PLAIN = str(Path(__file__).with_name("plain.toml"))
