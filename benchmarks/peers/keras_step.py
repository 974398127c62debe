"""A worker: one of the nine systems as its article trains it, in Keras 3 on TensorFlow. Runs in .venv-bench.

    .venv-bench/bin/python -m benchmarks.peers.keras_step mnist-dcgan --bf16 --xla

`predict_on_batch` for the fakes, `train_on_batch` for D, `train_on_batch` for the stacked model, D frozen in it where
the article freezes it. The networks are those that the parity tests have from the specification: tests/parity is put on
the path so that they are written once. Kind to Keras: no metrics, float32 from the start, no `trainable` toggled from
step to step, Keras' own LeakyReLU, which is faster than the tests' exact one.
"""

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "2"}

import keras
import numpy as np
import tensorflow
from keras import layers

from benchmarks.peers.serving import serve
from benchmarks.peers.systems import SYSTEMS, System
from tests.helpers import keras_networks as networks


@dataclass(frozen=True, kw_only=True)
class Training:
    """What an iteration needs; arrays that are the same in each are made once."""

    system: System
    G: keras.Model
    D: keras.Model
    stacked: keras.Model
    rng: np.random.Generator
    real: np.ndarray
    real_labels: np.ndarray
    fake_labels: np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("system", choices=[name for name in SYSTEMS if name in networks.SYSTEMS])
    parser.add_argument("--bf16", action="store_true", help="the policy mixed_bfloat16")
    parser.add_argument("--xla", action="store_true", help='jit_compile=True; "auto" is False on a processor')
    options = parser.parse_args()

    def make() -> tuple[Callable[[], object], dict[str, object]]:
        if options.bf16:
            keras.config.set_dtype_policy("mixed_bfloat16")
        training = prepare(options.system, options.xla)
        if "torch" in sys.modules:
            sys.exit("torch is loaded beside TensorFlow, which would be counted as Keras' memory")
        return partial(step, training), {
            "parameters": {"G": training.G.count_params(), "D": training.D.count_params()},
            "versions": {"keras": keras.__version__, "tensorflow": tensorflow.__version__},
        }

    serve(make)


def prepare(name: str, xla: bool) -> Training:
    """Both models compiled and traced. D's own function is traced while D is trainable, the stacked one's after."""
    system = SYSTEMS[name]
    parts = networks.Parts(norm=networks.keras_norm, dropout=lambda rate, image=None: layers.Dropout(rate))
    G, D = (as_keras_has_it(model) for model in networks.SYSTEMS[name].make(parts))
    jit = True if xla else "auto"
    if xla:
        G.jit_compile = True
    D.compile(loss="binary_crossentropy", optimizer=optimizer(system, "d"), jit_compile=jit)
    stacked = keras.Sequential([G, D])
    rng = np.random.default_rng(0)
    training = Training(
        system=system,
        G=G,
        D=D,
        stacked=stacked,
        rng=rng,
        real=rng.random((system.batch_size, *D.input_shape[1:]), np.float32),
        real_labels=np.full((system.batch_size, 1), system.real_target, np.float32),
        fake_labels=np.zeros((system.batch_size, 1), np.float32),
    )
    at_first = weights(D)
    z = discriminator_step(training)
    after_d = weights(D)
    D.trainable = system.trains_d_with_g
    stacked.compile(loss="binary_crossentropy", optimizer=optimizer(system, "g"), jit_compile=jit)
    generator_step(training, z)
    after_g = weights(D)
    discriminator_step(training)
    moves = [not np.array_equal(*pair) for pair in ((at_first, after_d), (after_d, after_g), (after_g, weights(D)))]
    if moves != [True, system.trains_d_with_g, True]:
        sys.exit(f"{name}: D is not moved by the steps that should move it: {moves}")
    return training


def as_keras_has_it(model: keras.Model) -> keras.Model:
    """The network of Keras' own layers, its last activation in float32 as Keras' guide to mixed precision wants it."""

    def own(layer: layers.Layer) -> layers.Layer:
        settings = layer.get_config()
        if layer is model.layers[-1] and isinstance(layer, layers.Activation):
            settings["dtype"] = "float32"
        kind = {networks.LeakyReLU: layers.LeakyReLU, networks.Conv2D: layers.Conv2D}.get(type(layer), type(layer))
        return kind.from_config(settings)

    return keras.models.clone_model(model, clone_function=own)


def optimizer(system: System, whose: str) -> keras.optimizers.Optimizer:
    lr, decay = getattr(system, f"lr_{whose}"), getattr(system, f"lr_decay_{whose}")
    rate = keras.optimizers.schedules.InverseTimeDecay(lr, 1, decay) if decay else lr
    settings = {"learning_rate": rate, "epsilon": system.epsilon, "clipvalue": system.clip or None}
    if system.optimizer == "rmsprop":
        return keras.optimizers.RMSprop(rho=0.9, **settings)
    return keras.optimizers.Adam(beta_1=system.beta1, beta_2=system.beta2, **settings)


def step(training: Training) -> None:
    generator_step(training, discriminator_step(training))


def discriminator_step(training: Training) -> np.ndarray:
    """Returns the latents of its fakes, which some articles use again."""
    system, z = training.system, latents(training)
    fake = training.G.predict_on_batch(z)
    halves = [(training.real, training.real_labels), (fake, training.fake_labels)]
    if system.fakes_first:
        halves.reverse()
    if not system.separate:
        halves = [tuple(np.concatenate(parts) for parts in zip(*halves, strict=True))]
    for images, labels in halves:
        if system.label_noise:
            labels = labels + system.label_noise * training.rng.random(labels.shape, np.float32)
        training.D.train_on_batch(images, labels)
    return z


def generator_step(training: Training, z: np.ndarray) -> None:
    z = z if training.system.reuses_latents else latents(training)
    training.stacked.train_on_batch(z, np.ones((len(z), 1), np.float32))


def latents(training: Training) -> np.ndarray:
    shape = (training.system.batch_size, training.system.latents)
    if training.system.uniform:
        return training.rng.random(shape, np.float32) * 2 - 1
    return training.rng.standard_normal(shape, np.float32)


def weights(model: keras.Model) -> np.ndarray:
    return model.layers[-2].get_weights()[0]


if __name__ == "__main__":
    main()
