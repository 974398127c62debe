"""torch-fidelity's arithmetic, of features that are there already.

Its front imports torchvision, which the CPU build of torch has no match for on the package index; what it computes from
features does not need it. So while it is imported, torchvision is a dummy.
"""

import importlib
import sys
from dataclasses import dataclass
from types import ModuleType
from unittest.mock import MagicMock, patch

_DUMMIES = ("", ".datasets", ".models", ".transforms", ".transforms.functional")


@dataclass(frozen=True, slots=True)
class Fidelity:
    """Its modules of the Fréchet distance, the kernel distance, and precision and recall."""

    frechet: ModuleType
    kernel: ModuleType
    neighbours: ModuleType


def fidelity() -> Fidelity:
    with patch.dict(sys.modules, {"torchvision" + part: MagicMock() for part in _DUMMIES}):
        return Fidelity(*(importlib.import_module(f"torch_fidelity.metric_{name}") for name in ("fid", "kid", "prc")))


def fidelity_inception(weights: str):
    """torch-fidelity's Inception with these weights: uint8 [N, 3, H, W] -> ([N, 2048],)."""
    with patch.dict(sys.modules, {"torchvision" + part: MagicMock() for part in _DUMMIES}):
        module = importlib.import_module("torch_fidelity.feature_extractor_inceptionv3")
        return module.FeatureExtractorInceptionV3("inception", ["2048"], feature_extractor_weights_path=weights)
