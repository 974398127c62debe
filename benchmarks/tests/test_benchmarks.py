"""What the benchmarks compute besides times: their arithmetic, their table, and what they do with a broken worker."""

import argparse
import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from benchmarks.pages import performance_page
from benchmarks.peers import torch_step
from benchmarks.peers.counting import multiply_adds_of
from benchmarks.speed.arithmetic import SYSTEMS, multiply_adds
from benchmarks.speed.growth import PLAIN, RECIPE, exponent
from benchmarks.speed.step_table import summary, table
from benchmarks.speed.step_time import steps_of, ways
from benchmarks.speed.workers import Worker, WorkerError
from gansmith import recipe
from gansmith.config import value_at
from gansmith.objectives.penalties import PENALTIES, penalty_of


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


def test_the_auto_recipes_multiply_adds_are_those_counted_by_hand_with_a_sixteenth_of_a_penalty():
    modulation = {features: 64 * 32 + 32 * 2 * features for features in (64, 32, 16)}
    first_g, last_g = 64 * 3136 + 3 * 64 * 32, 28 * 28 * 9 * 16
    G = 64 * 3136 + 7 * 7 * 9 * 64 * 128 + 14 * 14 * 9 * 32 * 64 + last_g + sum(modulation.values())
    first_d, last_d = 14 * 14 * 16 * 32, 2048
    D = first_d + 7 * 7 * 16 * 32 * 64 + 4 * 4 * 9 * 64 * 128 + last_d
    d_step, g_step, penalty = 2 * (3 * D - first_d), 3 * G - first_g + 2 * D, 4 * D - last_d
    assert multiply_adds("auto") == 32 * (d_step + g_step) + 32 * penalty / 16


def at_work(name):
    options = argparse.Namespace(system=name, channels_last=False, bf16=False, fast_optimizer=False)
    return torch_step.prepare(options)


@pytest.mark.parametrize("name", ["mnist-mlp", "fashion-dcgan", "auto"])
def test_the_rule_is_what_torch_counts_of_the_peers_step(name, monkeypatch):
    monkeypatch.setitem(SYSTEMS, name, replace(SYSTEMS[name], penalty=0.0))
    done = multiply_adds_of(partial(torch_step.step, at_work(name)), 1)
    assert sum(done.values()) == multiply_adds(name)


def test_a_cycle_of_the_auto_recipes_peer_has_one_penalty_with_its_zeros():
    training = at_work("auto")
    first, *rest = (sum(multiply_adds_of(partial(torch_step.step, training), 1).values()) for _ in range(16))
    assert len(set(rest)) == 1
    needed = 16 * (multiply_adds("auto") - rest[0])
    assert (first - rest[0]) / needed == pytest.approx(6 / 4, rel=1e-3)


def test_the_peers_penalty_is_ours():
    training = at_work("auto")
    real = training.real
    ours = penalty_of(PENALTIES["r1"], lambda images, _kind: training.D(images)[:, 0], real, real, real)
    torch.testing.assert_close(torch_step.penalty(training), SYSTEMS["auto"].penalty * ours.mean())


def test_the_growth_is_that_of_upsampling_networks_without_spectral_norm_or_penalty():
    grown = recipe(RECIPE, PLAIN)
    assert grown.model.model_dump() == {"name": "upsample-dcgan", "width": 128, "spectral_norm": False}
    assert (grown.objective.loss, grown.objective.penalty, grown.augment.operations) == ("non-saturating", "none", ())


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_peers_train_by_the_recipes_numbers(name):
    peer, ours = SYSTEMS[name], recipe(name)
    rules, of_d, of_g = ours.objective, ours.discriminator_optimizer, ours.generator_optimizer
    assert (peer.batch_size, peer.latents, peer.uniform) == (
        ours.batch_size,
        ours.latents.size,
        ours.latents.distribution == "uniform",
    )
    assert peer.image == (ours.data.height, ours.data.width, ours.data.channels)
    rates = (value_at(of_d.lr, 0), value_at(of_g.lr, 0))
    assert (peer.optimizer, peer.lr_d, peer.lr_g, peer.epsilon) == (of_d.name, *rates, of_g.epsilon)
    assert (peer.lr_decay_d, peer.lr_decay_g, peer.clip) == (of_d.lr_decay, of_g.lr_decay, of_g.clip_value)
    if of_g.name == "adam":
        assert (peer.beta1, peer.beta2) == (of_g.beta1, of_g.beta2)
    assert (peer.separate, peer.fakes_first) == (rules.discriminator_batch == "separate", rules.fakes_first)
    assert (peer.real_target, peer.label_noise) == (rules.real_target, rules.label_noise)
    assert peer.reuses_latents == rules.generator_reuses_latents
    assert peer.trains_d_with_g == rules.generator_step_trains_discriminator
    assert bool(peer.ema_decay) == bool(ours.ema_half_life)
    assert peer.shares_images == rules.generator_reuses_images
    assert (peer.penalty, peer.penalty_every) == (rules.gamma, rules.penalty_every)
    assert rules.penalty == ("r1" if peer.penalty else "none")


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
        "auto": {
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
    assert found["systems"]["auto"]["to_best_peer"] == pytest.approx(4)
    assert found["systems"]["mnist-dcgan"]["limit_seconds"] == {"bf16": pytest.approx(0.4)}
    assert found["systems"]["mnist-dcgan"]["share_of_rate_as_done"] == pytest.approx(0.5)


def test_the_table_shows_times_images_a_second_ratios_limit_and_a_dash_for_what_was_not_measured():
    text = table(result())
    assert "| mnist-dcgan | 256 | 1,500 | 1,000 | 2,000 | 500 | 512 | 3.00 | 2.00 | 400 | 50% | 0% |" in text
    assert "| auto | 32 | – | – | 2,000 | 500 | 64 | – | 4.00 | – | – | 0% |" in text
    assert "6.00 × Keras as published, 2.00 × the best peer" in text


def of_auto():
    made = result()
    auto = made["systems"]["auto"]
    auto["ways"] |= {"matmul bf16": way(0.1, multiply_adds=4e9), "matmul fp32": way(0.1, multiply_adds=8e9)}
    auto["multiply_adds_done"] = 5e9
    made["systems"] = {"auto": auto}
    return made | {"summary": summary(made)}


def test_what_none_of_the_systems_has_is_no_column():
    heads, _, row, *below = table(of_auto()).splitlines()
    assert heads == "| system | batch | torch | gansmith | images/s | × best peer | limit | of the rate | spread |"
    assert row == "| auto | 32 | 2,000 | 500 | 64 | 4.00 | 100 | 25% | 0% |"
    assert not any("Least against" in line for line in below)


def test_the_page_shows_the_auto_recipe_once_it_is_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(performance_page, "RESULTS", tmp_path)
    assert performance_page.auto(table) == []
    (tmp_path / "step-time-auto.json").write_text(json.dumps(of_auto()))
    text = "\n".join(performance_page.auto(table))
    assert "| auto | 32 | 2,000 |" in text
    assert "selects bf16 on this machine: a large matrix product does 40 in bf16 and 80 in fp32" in text


def test_a_turn_is_of_whole_cycles():
    assert steps_of(0.6, 0.01, 1) == 60
    assert steps_of(0.6, 0.01, 16) == 64
    assert steps_of(0.6, 0.1, 16) == 16


def test_only_the_articles_systems_need_the_python_of_keras():
    bench = Path("bench")
    assert {system for system in SYSTEMS if all(way.python != bench for way in ways(system, bench))} == {"auto"}


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
