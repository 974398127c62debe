"""The articles' training, written out from the specification: §2.2 to §2.5 for all, §4 to §8 for the numbers."""

from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn.functional import softplus


@dataclass(kw_only=True)
class Optimizer:
    """§2.2, with its slots; `decay` and `clip` are Keras' arguments `decay` and `clipvalue`."""

    lr: float
    epsilon: float
    decay: float = 0.0
    clip: float | None = None
    updates: int = 0
    has_clipped: bool = False
    slots: dict = field(default_factory=dict)

    def update(self, variables, loss):
        """One update of Keras variables, on torch, down the gradient of a scalar."""
        gradients = torch.autograd.grad(loss, [variable.value for variable in variables])
        rate = self.lr / (1 + self.decay * self.updates)
        self.updates += 1
        for variable, gradient in zip(variables, gradients, strict=True):
            if self.clip is not None:
                self.has_clipped |= bool(gradient.abs().max() > self.clip)
                gradient = gradient.clamp(-self.clip, self.clip)
            variable.assign(variable.value.detach() - rate * self.direction(id(variable), gradient))


@dataclass(kw_only=True)
class RMSprop(Optimizer):
    def direction(self, key, g):
        a = self.slots[key] = 0.9 * self.slots.get(key, torch.zeros_like(g)) + 0.1 * g**2
        return g / (a.sqrt() + self.epsilon)


@dataclass(kw_only=True)
class Adam(Optimizer):
    beta1: float
    epsilon: float = 1e-8

    def direction(self, key, g):
        m, v = self.slots.get(key, (torch.zeros_like(g), torch.zeros_like(g)))
        m, v = self.slots[key] = self.beta1 * m + (1 - self.beta1) * g, 0.999 * v + 0.001 * g**2
        corrected = (1 - 0.999**self.updates) ** 0.5 / (1 - self.beta1**self.updates)
        return corrected * m / (v.sqrt() + self.epsilon)


@dataclass(frozen=True, kw_only=True)
class Rules:
    """How an article trains."""

    optimizers: object
    """() -> (D's, the stacked model's), without any updates done."""
    clipped: bool
    """Keras 2.0's cross-entropy, of probabilities clipped to [1e-7, 1 - 1e-7], §2.3."""
    moves_d: bool
    """The stacked model's update moves D as well, §2.4."""
    separate: bool = False
    """D has an update on reals, then one on fakes, instead of one on both."""
    fakes_first: bool = False
    real: float = 1.0
    noise: float = 0.0
    """Width of the noise on D's labels."""
    reuses_latents: bool = False
    distribution: str = "normal"
    pixel_range: str = "-1..1"


def rmsprops(lr_d, lr_a, **options):
    return lambda: (RMSprop(lr=lr_d, **options), RMSprop(lr=lr_a, **options))


def adams(lr_d, lr_a, beta1):
    return lambda: (Adam(lr=lr_d, beta1=beta1), Adam(lr=lr_a, beta1=beta1))


def mnist_dcgan(lr_d, lr_a, clip, moves_d=True):
    """§4."""

    def both():
        return (
            RMSprop(lr=lr_d, epsilon=1e-8, decay=6e-8, clip=clip),
            RMSprop(lr=lr_a, epsilon=1e-8, decay=3e-8, clip=clip),
        )

    return Rules(optimizers=both, clipped=True, moves_d=moves_d, distribution="uniform", pixel_range="0..1")


def article_3(lr_d, lr_a, beta1, moves_d=True):
    """§7.1."""
    return Rules(
        optimizers=adams(lr_d, lr_a, beta1),
        clipped=True,
        moves_d=moves_d,
        separate=True,
        real=0.9,
        reuses_latents=True,
    )


def notmnist(lr_d, lr_a, beta1):
    """§6: Zackory's labels, in one batch."""
    return Rules(optimizers=adams(lr_d, lr_a, beta1), clipped=True, moves_d=False, real=0.9)


def fashion(pixel_range):
    """§5."""
    return Rules(
        optimizers=rmsprops(1e-3, 1e-3, epsilon=1e-7),
        clipped=False,
        moves_d=False,
        fakes_first=True,
        pixel_range=pixel_range,
    )


def ships(pixel_range):
    """§8."""
    return Rules(
        optimizers=rmsprops(8e-4, 4e-4, epsilon=1e-7, decay=1e-8, clip=1.0),
        clipped=False,
        moves_d=False,
        fakes_first=True,
        noise=0.05,
        pixel_range=pixel_range,
    )


RULES = {
    "mnist-dcgan": mnist_dcgan(8e-4, 4e-4, 1.0),
    "mnist-dcgan:june-2017": mnist_dcgan(2e-4, 1e-4, None),
    "mnist-dcgan:repaired": mnist_dcgan(8e-4, 4e-4, 1.0, moves_d=False),
    "fashion-mlp": fashion("0..1"),
    "fashion-mlp:epochs-50": fashion("0..1"),
    "fashion-dcgan": fashion("-1..1"),
    "fashion-dcgan:epochs-50": fashion("-1..1"),
    "notmnist-dcgan": notmnist(1e-3, 1e-4, 0.9),
    "notmnist-dcgan:full-passes": notmnist(1e-3, 1e-4, 0.9),
    "notmnist-dcgan:rates-2-to-1": notmnist(4e-4, 2e-4, 0.5),
    "mnist-mlp": article_3(1e-3, 1e-4, 0.9),
    "mnist-mlp:repaired": article_3(1e-3, 1e-4, 0.9, moves_d=False),
    "mnist-small-dcgan": article_3(1e-3, 1e-4, 0.9),
    "mnist-small-dcgan:scenario-1": article_3(1e-3, 1e-4, 0.9),
    "mnist-small-dcgan:scenario-2": article_3(1e-3, 1e-4, 0.9),
    "mnist-small-dcgan:repaired": article_3(1e-3, 1e-4, 0.9, moves_d=False),
    "svhn-dcgan": article_3(1e-3, 1e-4, 0.5),
    "svhn-dcgan:scenario-1": article_3(2e-4, 2e-4, 0.5),
    "svhn-dcgan:scenario-2": article_3(1e-3, 1e-4, 0.5),
    "svhn-dcgan:scenario-3": article_3(1e-3, 1e-4, 0.9),
    "svhn-dcgan:repaired": article_3(1e-3, 1e-4, 0.5, moves_d=False),
    "celeba32-dcgan": article_3(1e-3, 1e-4, 0.5),
    "celeba32-dcgan:scenario-1": article_3(2e-4, 2e-4, 0.5),
    "celeba32-dcgan:scenario-2": article_3(1e-3, 1e-4, 0.5),
    "celeba32-dcgan:scenario-3": article_3(1e-3, 1e-4, 0.9),
    "celeba32-dcgan:scenario-4": article_3(1e-3, 1e-4, 0.5),
    "celeba32-dcgan:repaired": article_3(1e-3, 1e-4, 0.5, moves_d=False),
    "cifar-ships": ships("0..1"),
    "cifar-ships:draft": ships("0..1"),
    "cifar-ships:repaired": ships("-1..1"),
}


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What an iteration is given, images channels last, all in float64."""

    real: Tensor
    z_d: Tensor
    z_a: Tensor
    real_labels: Tensor
    fake_labels: Tensor


def cross_entropy(rules, logits, labels):
    """§2.3: the mean over the batch."""
    if rules.clipped:
        p = torch.sigmoid(logits).clamp(1e-7, 1 - 1e-7)
        return -(labels * p.log() + (1 - labels) * (1 - p).log()).mean()
    return (labels * softplus(-logits) + (1 - labels) * softplus(logits)).mean()


def discriminator_updates(G, logits, optimizer, rules, batch):
    """G predicts, in inference mode; D is trained on both kinds in one batch, or on each in its own: returns losses."""
    with torch.no_grad():
        fake = G(batch.z_d, training=False)
    halves = [(batch.real, batch.real_labels), (fake, batch.fake_labels)]
    if rules.fakes_first:
        halves.reverse()
    if not rules.separate:
        halves = [tuple(torch.cat(parts) for parts in zip(*halves, strict=True))]
    losses = []
    for images, labels in halves:
        loss = cross_entropy(rules, logits(images, training=True)[:, 0], labels)
        optimizer.update(logits.trainable_variables, loss)
        losses.append(loss.item())
    return losses


def stacked_update(G, logits, optimizer, rules, batch):
    """G and D in training mode, target 1; whatever was trainable when the stacked model was compiled moves."""
    answers = logits(G(batch.z_a, training=True), training=True)[:, 0]
    loss = cross_entropy(rules, answers, torch.ones_like(answers))
    optimizer.update([*G.trainable_variables, *(logits.trainable_variables if rules.moves_d else [])], loss)
    return loss.item()
