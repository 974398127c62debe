"""How a number came about: stamped on every one, because numbers of two protocols are not comparable."""

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
"""What two comparable protocols have in common, in words; what decides most comes first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Protocol:
    """Everything a number depends on besides the generator itself."""

    features: str
    """Name of the feature network."""
    features_hash: str
    """SHA-256 of its weights and architecture."""
    resize: str
    """How images are brought to it; "none" where they go in as they are."""
    fake: int
    """How many generated images."""
    real: int
    """How many real ones."""
    reference: str
    """The real images' set, or folder."""
    split: str
    """Their part of it: "train", "test", ...; "all" where a set has one part only."""
    reference_sha256: str
    """Of the real images' pixels."""
    train: int = 0
    """How many images the measures of copying compare with; 0 for none."""
    seed: int = 0
    """Of the latents, and of what the measures draw."""
    weights: str = "unknown"
    """The generator's: "raw", "average", or "unknown" where only images are given."""
    checkpoint: int | None = None
    """The step of the run; None where only images are given."""
    quantisation: str = QUANTISATION
    versions: dict[str, str] = field(default_factory=versions)

    def to_dict(self) -> dict[str, Any]:
        """The protocol as plain data for JSON."""
        return asdict(self)


def from_dict(facts: object) -> Protocol:
    """The protocol that `facts` gave out. Raises UsageError when this is none, or another version's."""
    known = {one.name for one in fields(Protocol)}
    if not isinstance(facts, dict) or facts.keys() != known:
        differ = sorted(known ^ facts.keys()) if isinstance(facts, dict) else sorted(known)
        raise UsageError(f"this is no protocol of this version of gansmith: it differs in {', '.join(differ)}.")
    return Protocol(**facts)


def comparable(a: Protocol, b: Protocol) -> None:
    """Return where numbers of both may be compared. Raises UsageError naming the first thing that differs.

    Two generators may differ in checkpoint, weights, seed, training images and library versions: that is the
    comparison. What they are measured by, against and how often may not.
    """
    if differ := difference(a, b):
        raise UsageError(f"these numbers cannot be compared: they differ in {differ}; evaluate both in the same way.")


def difference(a: Protocol, b: Protocol) -> str:
    """The first thing that keeps numbers of both from being compared, and both values of it; "" where nothing does."""
    for name, words in _MUST_AGREE.items():
        here, there = getattr(a, name), getattr(b, name)
        if here != there:
            return f"{words}, {_short(here)} and {_short(there)}"
    return ""


def _short(value: object) -> str:
    """A count with commas, a hash by its beginning."""
    if isinstance(value, int):
        return f"{value:,}"
    text = str(value)
    return f"{text[:12]}…" if len(text) == 64 else repr(text)
