"""What the benchmarks compute besides times: their arithmetic, their table, and what they do with a broken worker."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from arithmetic import SYSTEMS, multiply_adds
from growth import exponent
from step_table import summary, table
from workers import Worker, WorkerError

from gansmith.recipes import recipe


def test_a_dense_systems_multiply_adds_are_those_counted_by_hand():
    G, first_g, D, first_d = 100 * 128 + 128 * 784, 100 * 128, 784 * 128 + 128, 784 * 128
    fakes, d_step, g_step = G, 2 * (3 * D - first_d), 3 * G - first_g + 3 * D
    assert multiply_adds("mnist-mlp") == 64 * (fakes + d_step + g_step)


def test_a_convolutional_systems_multiply_adds_are_those_counted_by_hand():
    dense, G = 100 * 6272, 100 * 6272 + 25 * (7 * 7 * 128 * 64 + 14 * 14 * 64 * 1)
    first_d = 25 * 14 * 14 * 1 * 64
    D = first_d + 25 * 7 * 7 * 64 * 128 + 6272
    frozen = 3 * G - dense + 2 * D
    assert multiply_adds("fashion-dcgan") == 32 * (G + 2 * (3 * D - first_d) + frozen)


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_peers_train_by_the_recipes_numbers(name):
    peer, ours = SYSTEMS[name], recipe(name)
    rules, of_d, of_g = ours.objective, ours.discriminator_optimizer, ours.generator_optimizer
    assert (peer.batch, peer.latents, peer.uniform) == (ours.batch, ours.latents.size, ours.latents.law == "uniform")
    assert peer.picture == (ours.data.height, ours.data.width, ours.data.channels)
    assert (peer.optimizer, peer.lr_d, peer.lr_g, peer.epsilon) == (of_d.name, of_d.lr, of_g.lr, of_g.epsilon)
    assert (peer.lr_decay_d, peer.lr_decay_g, peer.clip) == (of_d.lr_decay, of_g.lr_decay, of_g.clip_value)
    if of_g.name == "adam":
        assert (peer.beta1, peer.beta2) == (of_g.beta1, of_g.beta2)
    assert (peer.separate, peer.fakes_first) == (rules.discriminator_batch == "separate", rules.fakes_first)
    assert (peer.real_target, peer.label_noise) == (rules.real_target, rules.label_noise)
    assert peer.reuses_latents == rules.generator_reuses_latents
    assert peer.trains_d_with_g == rules.generator_step_trains_discriminator
    assert bool(peer.ema_decay) == bool(ours.ema_half_life)


def way(seconds, **facts):
    return {"seconds": seconds, "quartiles": [seconds, seconds], "peak_mib": 1.0, **facts}


def result():
    ways = {
        "gansmith auto": way(0.5, precision="bf16"),
        "matmul bf16": way(0.1, multiply_adds=4e9),
        "keras fp32": way(1.5),
        "keras bf16": way(1.0),
        "torch fp32": way(2.0),
    }
    systems = {
        "mnist-dcgan": {"batch": 256, "multiply_adds": 16e9, "multiply_adds_done": 10e9, "ways": ways},
        "mnist-mlp": {
            "batch": 64,
            "multiply_adds": 4e9,
            "multiply_adds_done": 4e9,
            "ways": ways | {"keras fp32": way(6.0)},
        },
        "demo": {
            "batch": 32,
            "multiply_adds": 4e9,
            "ways": {name: ways[name] for name in ("gansmith auto", "torch fp32")},
        },
    }
    machine = {"processor": "P", "cores": 2}
    made = {"machine": machine, "began": "2026-01-01", "rounds": 5, "quick": False, "versions": {}, "systems": systems}
    return made | {"summary": summary(made)}


def test_the_means_are_over_the_systems_of_articles_and_against_the_fastest_way_of_each_peer():
    found = result()["summary"]
    assert found["geometric_mean_to_keras"] == pytest.approx((3 * 12) ** 0.5)
    assert found["geometric_mean_to_best_peer"] == pytest.approx(2)
    assert found["systems"]["demo"]["to_best_peer"] == pytest.approx(4)
    assert found["systems"]["mnist-dcgan"]["limit_seconds"] == {"bf16": pytest.approx(0.4)}
    assert found["systems"]["mnist-dcgan"]["share_of_rate_as_done"] == pytest.approx(0.5)


def test_the_table_shows_times_ratios_limit_and_a_dash_for_what_was_not_measured():
    text = table(result())
    assert "| mnist-dcgan | 256 | 1,500 | 1,000 | 2,000 | – | – | 500 | 3.00 | 2.00 | 400 | 50% | 0% |" in text
    assert "| demo | 32 | – | – | 2,000 | – | – | 500 | – | 4.00 | – | – | 0% |" in text
    assert "6.00 × Keras as published, 2.00 × the best peer" in text


def test_the_exponent_of_a_power_is_that_power():
    points = [{"at": at, "seconds": 3 * at**1.5} for at in (1, 2, 4, 8)]
    assert exponent(points, "seconds") == pytest.approx(1.5)


def test_a_worker_that_dies_says_why(tmp_path):
    script = tmp_path / "dying.py"
    script.write_text("raise SystemExit('no room left')")
    worker = Worker(str(script), [])
    try:
        with pytest.raises(WorkerError, match="no room left"):
            worker.hello()
    finally:
        worker.stop()


def test_a_worker_that_hangs_is_given_up(tmp_path):
    script = tmp_path / "hanging.py"
    script.write_text("import time; time.sleep(60)")
    worker = Worker(str(script), [], timeout=0.2)
    try:
        with pytest.raises(WorkerError, match="did not answer"):
            worker.hello()
    finally:
        worker.stop()
