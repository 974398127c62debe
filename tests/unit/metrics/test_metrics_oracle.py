"""The same numbers as the programs others publish with, of the same features."""

import numpy as np
import pytest
import torch

from gansmith.metrics.frechet import frechet, gaussian
from gansmith.metrics.kernel import kernel_distance
from gansmith.metrics.neighbours import density_coverage, precision_recall
from tests.helpers.fidelity import fidelity

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["normal", "rectified"])
def features(request):
    """Fakes (1100, 24) and reals (1300, 24), correlated; rectified ones are half zeros and have two dead features."""
    rng = np.random.default_rng(0)
    fake = rng.standard_normal((1100, 24)) @ rng.standard_normal((24, 24)) + 0.5
    real = rng.standard_normal((1300, 24)) @ rng.standard_normal((24, 24))
    if request.param == "rectified":
        fake, real = np.maximum(fake, 0), np.maximum(real, 0)
        fake[:, :2] = real[:, :2] = 0
    return fake, real


def test_the_frechet_distance_is_torch_fidelitys(features):
    theirs = fidelity().frechet
    statistics = [theirs.fid_features_to_statistics(torch.from_numpy(side)) for side in features]
    expected = theirs.fid_statistics_to_metric(*statistics, verbose=False)[theirs.KEY_METRIC_FID]
    assert frechet(*map(gaussian, features)) == pytest.approx(expected, rel=1e-6)


def test_the_kernel_distance_is_torch_fidelitys(features):
    theirs = fidelity().kernel
    expected = theirs.kid_features_to_metric(
        *map(torch.from_numpy, features), kid_subsets=10, kid_subset_size=500, rng_seed=7, verbose=False
    )
    found = kernel_distance(*features, subsets=10, size=500, seed=7)
    assert found.estimate.value == pytest.approx(expected[theirs.KEY_METRIC_KID_MEAN], rel=1e-6)
    assert found.deviation == pytest.approx(expected[theirs.KEY_METRIC_KID_STD], rel=1e-6)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_precision_and_recall_are_torch_fidelitys(features, k):
    theirs = fidelity().neighbours
    expected = theirs.prc_features_to_metric(
        *map(torch.from_numpy, features), prc_neighborhood=k, prc_batch_size=500, save_cpu_ram=False, verbose=False
    )
    found = precision_recall(*features, k)
    assert found["precision"].value == pytest.approx(expected[theirs.KEY_METRIC_PRECISION], abs=1e-6)
    assert found["recall"].value == pytest.approx(expected[theirs.KEY_METRIC_RECALL], abs=1e-6)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_precision_recall_density_and_coverage_are_prdcs(features, k):
    import prdc

    fake, real = features
    expected = prdc.compute_prdc(real, fake, nearest_k=k)
    pr, dc = precision_recall(fake, real, k), density_coverage(fake, real, k)
    found = {
        "precision": pr["precision"].value,
        "recall": pr["recall"].value,
        "density": dc["density"].value,
        "coverage": dc["coverage"].value,
    }
    assert found == pytest.approx(expected, abs=1e-12)
