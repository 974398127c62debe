"""Generated images against a reference: what is measured, what is refused, and what stands beside a number."""

from dataclasses import replace

import numpy as np
import pytest

from gansmith.errors import DataError, UsageError
from gansmith.evaluation import table as module
from gansmith.evaluation.inputs import image_set
from gansmith.evaluation.measure import choose, measure
from gansmith.evaluation.protocol import comparable
from gansmith.evaluation.reference import Sample, reference
from gansmith.evaluation.reference_scores import blurred, noise, reference_scores
from gansmith.evaluation.table import METRICS, FeatureSets, Metric
from gansmith.features.extract import extract
from gansmith.metrics.intervals import from_parts, on_parts, share
from tests.helpers.small_features import Counting, grey

TRAIN, TEST, FAKE = (image_set(grey(count, seed), "blocks", split) for count, seed, split in
                     ((90, 1, "train"), (60, 2, "test"), (60, 3, "")))  # fmt: skip


@pytest.fixture(autouse=True)
def _empty_cache(monkeypatch):
    monkeypatch.setenv("GANSMITH_CACHE", "cache")


@pytest.fixture
def network():
    return Counting().extractor


def of_everything():
    """The metrics that are computed unless they must be asked for by name."""
    return [name for name, metric in METRICS.items() if not metric.on_request]


@pytest.fixture
def against_test(network):
    return reference(TEST, network, TRAIN)


def test_every_metric_that_can_be_is_measured_with_its_interval_and_the_others_say_why(against_test):
    found = measure(FAKE.images, against_test)
    assert found.values.keys() == set(of_everything())
    assert all(value.low <= value.value <= value.high for value in found.values.values())
    assert found.left_out == {}


def test_features_do_as_well_but_for_what_looks_at_the_images(against_test, network):
    features = extract(network, FAKE.images)
    found = measure(features, against_test)
    assert {"spectrum", "checkerboard"} <= found.left_out.keys()
    assert found.left_out.keys() == {name for name in of_everything() if "images" in METRICS[name].needs}
    assert found.values["fd"] == measure(FAKE.images, against_test, ["fd"]).values["fd"]


def test_the_protocol_says_what_was_measured(against_test, network):
    protocol = measure(FAKE.images[:40], against_test, ["fd"], 5, generator_weights="raw", checkpoint=12).protocol
    assert (protocol.fake, protocol.real, protocol.train) == (40, 60, 90)
    assert (protocol.features, protocol.features_hash) == (network.name, network.hash)
    assert (protocol.reference, protocol.split, protocol.reference_sha256) == ("blocks", "test", TEST.sha256)
    assert (protocol.seed, protocol.weights, protocol.checkpoint) == (5, "raw", 12)


def test_numbers_against_another_split_are_not_compared(against_test, network):
    one = measure(FAKE.images, against_test, ["fd"]).protocol
    other = measure(FAKE.images, reference(TRAIN, network), ["fd"]).protocol
    comparable(one, measure(TEST.images, against_test, ["fd"], 1).protocol)
    with pytest.raises(UsageError, match="the number of real images, 60 and 90"):
        comparable(one, other)


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["fd"], ["fd"]),
        (["recall", "fd"], ["fd", "recall"]),
        (["pr", "fd"], ["fd", "precision", "recall"]),
        (["dc"], ["density", "coverage"]),
    ],
)
def test_metrics_are_picked_by_name_and_come_in_the_tables_order(against_test, names, wanted):
    assert list(measure(FAKE.images, against_test, names).values) == wanted


def test_what_one_computation_gives_is_computed_once(against_test, monkeypatch):
    calls = []
    found = module.neighbours.precision_recall
    monkeypatch.setattr(module.neighbours, "precision_recall", lambda *a, **o: calls.append(1) or found(*a, **o))
    measure(FAKE.images, against_test, ["pr"])
    assert calls == [1]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["fdi"], "unknown metric 'fdi'. Did you mean 'fd'?"),
        ([], "no metric is asked for"),
        (["modes"], "modes needs stacked digits, which only stacked-mnist has, in RGB."),
    ],
)
def test_what_cannot_be_measured_is_refused_when_asked_for(against_test, names, said):
    with pytest.raises(UsageError) as caught:
        measure(FAKE.images, against_test, names)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("num", "num_real", "names", "said"),
    [
        (
            19,
            60,
            ["fd-infinity"],
            "fd-infinity needs at least 20 images of either kind for features 4 wide, got 19 g",
        ),
        (60, 19, ["fd-infinity"], "for features 4 wide, got 19 real; kid takes 12."),
        (15, 14, ["kid", "pr"], "precision needs at least 20 images of either kind, got 14 real and 15 generated; k"),
        (11, 60, ["kid"], "kid needs at least 12 images of either kind, got 11 generated."),
        (1, 60, None, "kid needs at least 12 images of either kind, got 1 generated."),
    ],
)
def test_too_few_images_for_what_is_asked_for_are_refused(network, num, num_real, names, said):
    with pytest.raises(UsageError) as caught:
        measure(FAKE.images[:num], reference(image_set(TEST.images[:num_real], "few"), network), names)
    assert said in str(caught.value)


def test_what_nobody_asked_for_and_needs_more_images_is_left_out():
    wide = replace(Counting().extractor, width=40)
    found = measure(FAKE.images[:32], reference(image_set(TEST.images[:30], "few"), wide))
    assert {"kid", "density", "spectrum"} <= found.values.keys()
    assert found.left_out["fd"] == (
        "needs at least 41 images of either kind for features 40 wide, got 30 real and 32 generated; kid takes 12"
    )


@pytest.mark.parametrize("name", ["stacked-mnist", "stacked-mnist[3]"])
def test_modes_are_counted_against_stacked_digits(network, name):
    stacked = image_set(np.zeros((12, 8, 8, 3), np.uint8), name)
    assert choose(["modes", "modes-kl"], network, stacked, None, 12) == (["modes", "modes-kl"], {})


@pytest.mark.parametrize(("name", "channels"), [("shapes", 3), ("stacked-mnist", 1)])
def test_modes_are_counted_against_nothing_else(network, name, channels):
    others = image_set(np.zeros((12, 8, 8, channels), np.uint8), name)
    with pytest.raises(UsageError, match="modes needs stacked digits, which only stacked-mnist has, in RGB"):
        choose(["modes"], network, others, None, 12)


def test_copies_need_images_that_were_kept_out(network):
    trained_on_all = reference(TEST, network, TEST)
    found = measure(FAKE.images, trained_on_all)
    assert "authenticity" in found.values
    assert {"near-copies", "ct"} <= found.left_out.keys()
    assert found.left_out.keys() == {name for name in of_everything() if "validation images" in METRICS[name].needs}
    assert found.left_out["ct"] == "needs validation images, but the reference is the training images themselves"


def test_features_without_classes_leave_out_what_needs_them():
    found = measure(FAKE.images, reference(TEST, Counting(classes=None).extractor))
    assert {"class-kl", "junk"} <= found.left_out.keys()
    assert found.classes == {}


def brightness(sets, seed):
    fake, real = sets.images
    return share(int((fake.mean((1, 2, 3)) > real.mean()).sum()), len(fake))


def test_a_new_metric_is_one_entry_in_the_table(against_test, monkeypatch):
    monkeypatch.setitem(
        METRICS, "brightness", Metric(about="…", better="near 1", compute=brightness, needs=("images",))
    )
    found = measure(FAKE.images, against_test)
    assert found.values["brightness"] == brightness(
        FeatureSets(
            fake=Sample(features=extract(against_test.extractor, FAKE.images), images=FAKE.images),
            real=against_test.real.sample,
        ),
        0,
    )
    assert reference_scores(against_test, ["brightness"], 60).noise["brightness"].value <= 1


@pytest.mark.parametrize(
    ("compute", "said"),
    [
        (
            lambda sets, seed: 0.5,
            "metric 'brightness' must return an Estimate, or a dict of Estimates by name; got a fl",
        ),
        (lambda sets, seed: None, "got a NoneType."),
        (lambda sets, seed: {"brightness": 0.5}, "got a dict of other things."),
        (
            lambda sets, seed: {"bright": brightness(sets, seed)},
            "metric 'brightness' must be among the values that its function returns: bright.",
        ),
        (
            lambda sets, seed: from_parts(0.5, on_parts(lambda fake, real: 0.5, 60, 60, seed)[0]),
            "metric 'brightness': a measure of parts must return a tuple of numbers, such as (value,); got a float.",
        ),
        (
            lambda sets, seed: from_parts(0.5, on_parts(lambda fake, real: (0.5,), 60, 60, seed)),
            "metric 'brightness': the values on parts must have the shape (4, 5), got (1, 4, 5).",
        ),
    ],
)
def test_a_metric_that_returns_something_else_is_named(against_test, monkeypatch, compute, said):
    monkeypatch.setitem(METRICS, "brightness", Metric(about="…", better="near 1", compute=compute))
    with pytest.raises(UsageError) as caught:
        measure(FAKE.images, against_test, ["brightness"])
    assert said in str(caught.value)


def test_images_of_another_shape_are_refused(against_test):
    with pytest.raises(DataError, match=r"expected images uint8 \(N, H, W, C\), 8x8 grey; got uint8"):
        measure(FAKE.images[:, :4], against_test)


def test_shares_of_the_classes_are_given_beside_the_real_ones(against_test):
    bright = measure(grey(60, low=200), against_test, ["fd"]).classes
    assert bright["bright"][0] == 1.0
    assert 0 < bright["bright"][1] < 1
    assert sum(real for _, real in bright.values()) == pytest.approx(1)


def test_the_floor_is_the_training_split_where_it_is_another_than_the_reference(against_test):
    found = reference_scores(against_test, ["fd", "kid", "spectrum", "ct", "authenticity"], 60)
    assert found.floor_is == "60 images of the train split, measured in the same way"
    assert max(found.floor["fd"].value, found.blur["fd"].value) < found.noise["fd"].value
    assert found.floor.keys() == {"fd", "kid", "spectrum", "ct", "authenticity"}
    assert found.noise.keys() == {"fd", "kid", "spectrum"}
    assert found.planted["authenticity"].value < found.floor["authenticity"].value


def test_the_floor_is_half_against_half_where_there_is_no_other_split(network):
    found = reference_scores(reference(TEST, network), ["fd", "kid"], 60)
    assert found.floor_is == "one half of the reference against the other, 30 images each"
    assert found.floor["fd"].value < found.noise["fd"].value


def test_noise_is_even_and_always_the_same():
    found = noise(400, (8, 8, 1))
    assert (found.shape, found.dtype) == ((400, 8, 8, 1), np.uint8)
    assert np.array_equal(found, noise(400, (8, 8, 1)))
    counts = np.bincount(found.ravel(), minlength=256)
    assert ((counts - 100) ** 2 / 100).sum() < 340  # chi-squared of 255 degrees of freedom: 1 in 5,000


def test_blurred_images_keep_their_mean_and_lose_their_detail():
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28, 3), np.uint8)
    found = blurred(images)
    assert found.mean() == pytest.approx(images.mean(), abs=2)
    assert found.std() < images.std() / 3
