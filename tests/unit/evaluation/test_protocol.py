"""The stamp on every number: it survives JSON, and unlike ones are not compared."""

import json
from dataclasses import replace

import pytest

from gansmith.errors import UsageError
from gansmith.evaluation.protocol import Protocol, comparable, from_dict

STAMP = Protocol(
    features="mnist",
    features_hash="a" * 64,
    resize="none",
    fake=10_000,
    real=1000,
    reference="mnist",
    split="test",
    reference_sha256="b" * 64,
    seed=3,
    weights="average",
    checkpoint=9375,
)


def test_a_protocol_survives_json():
    assert from_dict(json.loads(json.dumps(STAMP.to_dict()))) == STAMP


def test_it_names_the_versions_that_made_the_number():
    assert STAMP.versions.keys() >= {"gansmith", "torch", "numpy"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"features": "random"}, "differ in the features, 'mnist' and 'random'"),
        ({"features_hash": "c" * 64}, "differ in the weights of their features, aaaaaaaaaaaa… and cccccccccccc…"),
        ({"resize": "bicubic antialiased to 28x28"}, "differ in how images are resized for the features, 'none' and"),
        ({"quantisation": "float"}, "differ in quantisation, 'uint8' and 'float'"),
        ({"fake": 5000}, "differ in the number of generated images, 10,000 and 5,000"),
        ({"real": 10_000}, "differ in the number of real images, 1,000 and 10,000"),
        ({"reference": "fashion-mnist"}, "differ in the reference, 'mnist' and 'fashion-mnist'"),
        ({"split": "train"}, "differ in the reference's split, 'test' and 'train'"),
        ({"reference_sha256": "d" * 64}, "differ in the content of the reference, bbbbbbbbbbbb… and dddddddddddd…"),
    ],
)
def test_unlike_protocols_are_refused_with_the_difference_named(change, said):
    with pytest.raises(UsageError) as caught:
        comparable(STAMP, replace(STAMP, **change))
    assert said in str(caught.value)


def test_two_runs_may_differ_in_what_makes_them_two():
    other = {"checkpoint": 1, "weights": "raw", "seed": 4, "train": 60_000, "versions": {"torch": "1.0"}}
    assert comparable(STAMP, replace(STAMP, **other)) is None


@pytest.mark.parametrize("facts", [None, [], {"features": "mnist"}, {**STAMP.to_dict(), "colour": "red"}])
def test_what_is_no_protocol_is_refused(facts):
    with pytest.raises(UsageError, match="this is no protocol of this version"):
        from_dict(facts)
