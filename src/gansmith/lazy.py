"""Modules that are imported when they are first used, so that recipes are read and lists are shown without torch."""

from importlib import import_module


class LazyModule:
    """Stands for the module of that name, which is imported when one of its names is first asked for.

    Static checkers see the module itself: `if TYPE_CHECKING: import torch`, `else: torch = LazyModule("torch")`.
    """

    def __init__(self, name: str):
        self._name = name

    def __getattr__(self, attribute: str) -> object:
        """The module's attribute, kept here, so that the next use costs no more than that of a plain module."""
        value = getattr(import_module(self._name), attribute)
        setattr(self, attribute, value)
        return value
