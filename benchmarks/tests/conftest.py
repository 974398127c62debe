"""The isolation of every test."""

from tests.helpers.isolation import isolated, session

__all__ = ["isolated", "session"]
