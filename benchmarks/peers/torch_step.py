"""A worker: one of the systems as a good PyTorch engineer writes it, in eager mode. Imports nothing of gansmith.

    python -m benchmarks.peers.torch_step mnist-dcgan --channels-last --bf16 --fast-optimizer

Left out, which is kind to torch: the articles' data, Keras 2.0's clipping of probabilities, reading the losses.
"""

import argparse
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.nn.utils import clip_grad_value_

from benchmarks.peers.serving import serve
from benchmarks.peers.systems import SYSTEMS, System
from benchmarks.peers.torch_networks import networks, parameters


@dataclass(kw_only=True)
class Training:
    """What an iteration needs and moves; tensors that are the same in each are made once."""

    system: System
    G: nn.Module
    D: nn.Module
    G_ema: nn.Module | None
    optimizer_d: torch.optim.Optimizer
    optimizer_g: torch.optim.Optimizer
    autocast: Callable[[], AbstractContextManager]
    real: Tensor
    """[N, C, H, W]."""
    labels: Tensor
    """[2N, 1], in the order of D's batch."""
    ones: Tensor
    """[N, 1]."""
    updates: int = 0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("system", choices=SYSTEMS)
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--fast-optimizer", action="store_true", help="fused Adam, foreach RMSprop")
    options = parser.parse_args()

    def make() -> tuple[Callable[[], object], dict[str, object]]:
        training = prepare(options)
        counts = {"G": parameters(training.G), "D": parameters(training.D)}
        facts = {"parameters": counts, "cycle": training.system.penalty_every}
        return partial(step, training), {**facts, "versions": {"torch": torch.__version__}}

    serve(make)


def prepare(options: argparse.Namespace) -> Training:
    system, (G, D) = SYSTEMS[options.system], networks(options.system)
    height, width, channels = system.image
    real = torch.rand(system.batch_size, channels, height, width)
    if options.channels_last:
        G, D = G.to(memory_format=torch.channels_last), D.to(memory_format=torch.channels_last)
        real = real.contiguous(memory_format=torch.channels_last)
    reals, fakes = torch.full((system.batch_size, 1), system.real_target), torch.zeros(system.batch_size, 1)
    moved_by_g = [*G.parameters(), *(D.parameters() if system.trains_d_with_g else ())]
    return Training(
        system=system,
        G=G,
        D=D,
        G_ema=torch.optim.swa_utils.AveragedModel(
            G, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(system.ema_decay), use_buffers=False
        )
        if system.ema_decay
        else None,
        optimizer_d=optimizer(system, D.parameters(), system.lr_d, options.fast_optimizer),
        optimizer_g=optimizer(system, moved_by_g, system.lr_g, options.fast_optimizer),
        autocast=partial(torch.autocast, "cpu", torch.bfloat16, enabled=options.bf16),
        real=real,
        labels=torch.cat([fakes, reals] if system.fakes_first else [reals, fakes]),
        ones=torch.ones(system.batch_size, 1),
    )


def optimizer(system: System, moved, lr: float, fast: bool) -> torch.optim.Optimizer:
    """Torch's own, with its default implementation or the fastest that it has for a processor."""
    if system.optimizer == "rmsprop":
        return torch.optim.RMSprop(moved, lr=lr, alpha=0.9, eps=system.epsilon, foreach=fast or None)
    betas = (system.beta1, system.beta2)
    return torch.optim.Adam(moved, lr=lr, betas=betas, eps=system.epsilon, fused=fast or None)


def step(training: Training) -> None:
    """One iteration: D, then G. D's fakes are made in inference mode, or are those that G is to learn from."""
    system, D = training.system, training.D
    z = latents(system)
    made = images_of(training, z) if system.shares_images else fixed_images_of(training, z)
    halves, labels = [training.real, made.detach().float()], training.labels
    if system.fakes_first:
        halves.reverse()
    if system.label_noise:
        labels = labels + system.label_noise * torch.rand_like(labels)
    batches = zip(halves, labels.chunk(2), strict=True) if system.separate else [(torch.cat(halves), labels)]
    for images, wanted in batches:
        with training.autocast():
            logits = D(images)
        loss = binary_cross_entropy_with_logits(logits.float(), wanted)
        loss = 2 * loss if system.sums_halves else loss
        if system.penalty and training.updates % system.penalty_every == 0:
            loss = loss + system.penalty_every * penalty(training)
        descend(training.optimizer_d, loss, system.clip)
    D.requires_grad_(system.trains_d_with_g)
    if not system.shares_images:
        made = images_of(training, z if system.reuses_latents else latents(system))
    with training.autocast():
        logits = D(made)
    descend(training.optimizer_g, binary_cross_entropy_with_logits(logits.float(), training.ones), system.clip)
    D.requires_grad_(True)
    training.updates += 1
    for optimizer, lr, decay in (
        (training.optimizer_d, system.lr_d, system.lr_decay_d),
        (training.optimizer_g, system.lr_g, system.lr_decay_g),
    ):
        optimizer.param_groups[0]["lr"] = lr / (1 + decay * training.updates)
    if training.G_ema:
        training.G_ema.update_parameters(training.G)


def images_of(training: Training, z: Tensor) -> Tensor:
    with training.autocast():
        return training.G(z)


@torch.no_grad()
def fixed_images_of(training: Training, z: Tensor) -> Tensor:
    training.G.eval()
    images = images_of(training, z)
    training.G.train()
    return images


def penalty(training: Training) -> Tensor:
    """R1, in fp32: Mescheder et al. 2018, arXiv:1801.04406."""
    real = training.real.detach().requires_grad_()
    (slope,) = torch.autograd.grad(training.D(real).sum(), real, create_graph=True)
    return training.system.penalty / 2 * slope.square().sum((1, 2, 3)).mean()


def latents(system: System) -> Tensor:
    if system.uniform:
        return torch.rand(system.batch_size, system.latents) * 2 - 1
    return torch.randn(system.batch_size, system.latents)


def descend(optimizer: torch.optim.Optimizer, loss: Tensor, clip: float) -> None:
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    if clip:
        clip_grad_value_(optimizer.param_groups[0]["params"], clip)
    optimizer.step()


if __name__ == "__main__":
    main()
