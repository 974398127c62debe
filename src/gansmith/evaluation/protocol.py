"""The protocol of an evaluation: everything that its numbers depend on besides the generator.

Every result carries its protocol, because numbers of two different protocols cannot be compared.
"""

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from gansmith.errors import UsageError
from gansmith.system.machine import versions

QUANTISATION = "uint8"
"""Images are measured as whole levels 0..255, as they would be saved, and never as floats."""

_MUST_AGREE = {
    "features": "the features",
    "features_hash": "the weights of their features",
    "resize": "how images are resized for the features",
    "quantisation": "quantisation",
    "fake": "the number of generated images",
    "real": "the number of real images",
    "reference": "the reference",
    "split": "the reference's split",
    "reference_sha256": "the content of the reference",
}
"""Fields in which comparable protocols agree, each in words; the most important come first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Protocol:
    """Everything that a number depends on besides the generator."""

    features: str
    """Name of the feature network."""
    features_hash: str
    """SHA-256 of its weights and architecture."""
    resize: str
    """How images are resized for the network; "none" for images of its size."""
    fake: int
    """Number of generated images."""
    real: int
    """Number of real images."""
    reference: str
    """Name of the real images: a dataset or a folder."""
    split: str
    """Split of the dataset: "train", "test", ...; "all" for a dataset without splits."""
    reference_sha256: str
    """SHA-256 of the real images' pixels."""
    train: int = 0
    """Number of training images that are searched for copies; 0 if they are unknown."""
    seed: int = 0
    """Seed of the latents and of random choices in metrics."""
    weights: str = "unknown"
    """Weights of the generator: "raw", "average" (EMA), or "unknown" for images of unknown origin."""
    checkpoint: int | None = None
    """Step of the run; None for images of unknown origin."""
    quantisation: str = QUANTISATION
    versions: dict[str, str] = field(default_factory=versions)

    def to_dict(self) -> dict[str, Any]:
        """The protocol as plain data for JSON."""
        return asdict(self)


def from_dict(data: object) -> Protocol:
    """The protocol that `to_dict` returned as `data`. Raises UsageError for anything else, naming the fields."""
    known = {one.name for one in fields(Protocol)}
    if not isinstance(data, dict) or data.keys() != known:
        differ = sorted(known ^ data.keys()) if isinstance(data, dict) else sorted(known)
        raise UsageError(f"this is no protocol of this version of gansmith: it differs in {', '.join(differ)}.")
    return Protocol(**data)


def comparable(a: Protocol, b: Protocol) -> None:
    """Raise UsageError, naming the first difference, if numbers of these protocols cannot be compared.

    Checkpoint, weights, seed, training images and library versions may differ, since they belong to the generators
    that are compared. Features, resizing, reference and numbers of images may not.
    """
    if differ := difference(a, b):
        raise UsageError(f"these numbers cannot be compared: they differ in {differ}; evaluate both in the same way.")


def difference(a: Protocol, b: Protocol) -> str:
    """The first difference that makes numbers incomparable, with both values; "" if there is none."""
    for name, words in _MUST_AGREE.items():
        here, there = getattr(a, name), getattr(b, name)
        if here != there:
            return f"{words}, {_abbreviated(here)} and {_abbreviated(there)}"
    return ""


def _abbreviated(value: object) -> str:
    """A number with commas, a hash by its first 12 digits, other text in quotes."""
    if isinstance(value, int):
        return f"{value:,}"
    text = str(value)
    return f"{text[:12]}…" if len(text) == 64 else repr(text)
