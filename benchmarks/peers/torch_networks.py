"""The nine systems' networks, and those of `auto`, as they are usually written in PyTorch.

Strided layers have torch's symmetric padding: shifted by a pixel against TensorFlow's 'same', the same arithmetic, and
kinder to torch than padding and cropping by hand. D gives logits; the losses take them. `step_time.py` holds the
numbers of parameters against gansmith's.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn


def networks(system: str) -> tuple[nn.Module, nn.Module]:
    """G: latents [N, L] -> images [N, C, H, W]. D: images -> logits [N, 1]."""
    return NETWORKS[system]()


def leaky(slope: float) -> nn.Module:
    return nn.LeakyReLU(slope, inplace=True)


def relu() -> nn.Module:
    return nn.ReLU(inplace=True)


def selu() -> nn.Module:
    return nn.SELU(inplace=True)


def shrink(channels: int, filters: int) -> nn.Module:
    """A 5x5 convolution of stride 2: half the sides, rounded up."""
    return nn.Conv2d(channels, filters, 5, 2, padding=2)


def grow(channels: int, filters: int) -> nn.Module:
    """A 5x5 transposed convolution of stride 2: twice the sides."""
    return nn.ConvTranspose2d(channels, filters, 5, 2, padding=2, output_padding=1)


def norm(features: int, momentum: float = 0.01) -> nn.Module:
    return nn.BatchNorm2d(features, eps=1e-3, momentum=momentum)


def mnist_dcgan() -> tuple[nn.Module, nn.Module]:
    def widen(channels: int, filters: int, stride: int = 2) -> tuple[nn.Module, ...]:
        return nn.Conv2d(channels, filters, 5, stride, padding=2), leaky(0.2), nn.Dropout(0.4)

    def narrow(channels: int, filters: int) -> nn.Module:
        return nn.ConvTranspose2d(channels, filters, 5, padding=2)

    G = nn.Sequential(
        nn.Linear(100, 12544),
        nn.BatchNorm1d(12544, eps=1e-3, momentum=0.1),
        relu(),
        nn.Unflatten(1, (256, 7, 7)),
        nn.Dropout(0.4),
        nn.Upsample(scale_factor=2),
        narrow(256, 128),
        norm(128, 0.1),
        relu(),
        nn.Upsample(scale_factor=2),
        narrow(128, 64),
        norm(64, 0.1),
        relu(),
        narrow(64, 32),
        norm(32, 0.1),
        relu(),
        narrow(32, 1),
        nn.Sigmoid(),
    )
    D = nn.Sequential(
        *widen(1, 64), *widen(64, 128), *widen(128, 256), *widen(256, 512, 1), nn.Flatten(), nn.Linear(8192, 1)
    )
    return G, D


def fashion_mlp() -> tuple[nn.Module, nn.Module]:
    G = nn.Sequential(
        nn.Linear(30, 100),
        selu(),
        nn.Linear(100, 150),
        selu(),
        nn.Linear(150, 784),
        nn.Sigmoid(),
        nn.Unflatten(1, (1, 28, 28)),
    )
    D = nn.Sequential(nn.Flatten(), nn.Linear(784, 150), selu(), nn.Linear(150, 100), selu(), nn.Linear(100, 1))
    return G, D


def _dropping(rate: float) -> nn.Module:
    """D of fashion-dcgan and of notmnist-dcgan."""
    return nn.Sequential(
        shrink(1, 64),
        leaky(0.2),
        nn.Dropout(rate),
        shrink(64, 128),
        leaky(0.2),
        nn.Dropout(rate),
        nn.Flatten(),
        nn.Linear(6272, 1),
    )


def fashion_dcgan() -> tuple[nn.Module, nn.Module]:
    G = nn.Sequential(
        nn.Linear(100, 6272),
        nn.Unflatten(1, (128, 7, 7)),
        norm(128),
        grow(128, 64),
        nn.SELU(),
        norm(64),
        grow(64, 1),
        nn.Tanh(),
    )
    return G, _dropping(0.4)


def notmnist_dcgan() -> tuple[nn.Module, nn.Module]:
    G = nn.Sequential(
        nn.Linear(100, 6272),
        leaky(0.2),
        nn.Unflatten(1, (128, 7, 7)),
        nn.Upsample(scale_factor=2),
        nn.Conv2d(128, 64, 5, padding=2),
        leaky(0.2),
        nn.Upsample(scale_factor=2),
        nn.Conv2d(64, 1, 5, padding=2),
        nn.Tanh(),
    )
    return G, _dropping(0.3)


def mnist_mlp() -> tuple[nn.Module, nn.Module]:
    G = nn.Sequential(nn.Linear(100, 128), leaky(0.01), nn.Linear(128, 784), nn.Tanh(), nn.Unflatten(1, (1, 28, 28)))
    D = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), leaky(0.01), nn.Linear(128, 1))
    return G, D


def mnist_small_dcgan() -> tuple[nn.Module, nn.Module]:
    def norm_leaky(features: int) -> tuple[nn.Module, nn.Module]:
        return norm(features), leaky(0.01)

    G = nn.Sequential(
        nn.Linear(100, 784),
        nn.Unflatten(1, (16, 7, 7)),
        *norm_leaky(16),
        grow(16, 32),
        *norm_leaky(32),
        grow(32, 1),
        nn.Tanh(),
    )
    D = nn.Sequential(
        shrink(1, 32),
        leaky(0.01),
        shrink(32, 16),
        *norm_leaky(16),
        nn.Flatten(),
        nn.Linear(784, 784),
        nn.BatchNorm1d(784, eps=1e-3, momentum=0.01),
        leaky(0.01),
        nn.Linear(784, 1),
    )
    return G, D


def svhn_dcgan() -> tuple[nn.Module, nn.Module]:
    def norm_leaky(features: int) -> tuple[nn.Module, nn.Module]:
        return norm(features), leaky(0.2)

    G = nn.Sequential(
        nn.Linear(100, 8192),
        nn.Unflatten(1, (512, 4, 4)),
        *norm_leaky(512),
        grow(512, 256),
        *norm_leaky(256),
        grow(256, 128),
        *norm_leaky(128),
        grow(128, 3),
        nn.Tanh(),
    )
    D = nn.Sequential(
        shrink(3, 64),
        leaky(0.2),
        shrink(64, 128),
        *norm_leaky(128),
        shrink(128, 256),
        *norm_leaky(256),
        nn.Flatten(),
        nn.Linear(4096, 1),
    )
    return G, D


def cifar_ships() -> tuple[nn.Module, nn.Module]:
    def same(channels: int, filters: int, kernel: int) -> nn.Module:
        return nn.Conv2d(channels, filters, kernel, padding=kernel // 2)

    def valid(channels: int, kernel: int, stride: int) -> tuple[nn.Module, nn.Module]:
        return nn.Conv2d(channels, 128, kernel, stride), leaky(0.3)

    G = nn.Sequential(
        nn.Linear(128, 32768),
        leaky(0.3),
        nn.Unflatten(1, (128, 16, 16)),
        same(128, 256, 5),
        leaky(0.3),
        nn.ConvTranspose2d(256, 256, 4, 2, padding=1),
        leaky(0.3),
        same(256, 256, 5),
        leaky(0.3),
        same(256, 256, 5),
        leaky(0.3),
        same(256, 3, 7),
        nn.Tanh(),
    )
    D = nn.Sequential(
        *valid(3, 3, 1),
        *valid(128, 4, 2),
        *valid(128, 4, 2),
        *valid(128, 4, 2),
        nn.Flatten(),
        nn.Dropout(0.4),
        nn.Linear(512, 1),
    )
    return G, D


class Modulated(nn.Module):
    """Batch norm, a gain and a shift that a hidden layer makes of the latents, and ReLU."""

    def __init__(self, latents: int, features: int):
        super().__init__()
        self.norm = norm(features, 0.1)
        self.hidden = nn.Sequential(nn.Linear(latents, 32), relu(), nn.Linear(32, 2 * features))

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        """[N, C, H, W], latents [N, L] -> [N, C, H, W]."""
        gain, shift = self.hidden(z)[:, :, None, None].chunk(2, 1)
        return torch.addcmul(shift, self.norm(x), 1 + gain).relu_()


class ThinGenerator(nn.Module):
    """G of `auto`, for 28x28 in grey."""

    def __init__(self):
        super().__init__()

        def double(channels: int, filters: int) -> nn.Module:
            return nn.Sequential(nn.Conv2d(channels, 4 * filters, 3, padding=1), nn.PixelShuffle(2))

        first = nn.Sequential(nn.Linear(64, 3136), nn.Unflatten(1, (64, 7, 7)))
        self.layers = nn.ModuleList([first, double(64, 32), double(32, 16)])
        self.modulated = nn.ModuleList([Modulated(64, 64), Modulated(64, 32), Modulated(64, 16)])
        self.last = nn.Sequential(nn.Conv2d(16, 1, 3, padding=1), nn.Tanh())

    def forward(self, z: Tensor) -> Tensor:
        """[N, 64] -> [N, 1, 28, 28]."""
        x = z
        for layer, modulated in zip(self.layers, self.modulated, strict=True):
            x = modulated(layer(x), z)
        return self.last(x)


def auto() -> tuple[nn.Module, nn.Module]:
    D = nn.Sequential(
        nn.Conv2d(1, 32, 4, 2, padding=1),
        leaky(0.2),
        nn.Conv2d(32, 64, 4, 2, padding=1),
        leaky(0.2),
        nn.Conv2d(64, 128, 3, 2, padding=1),
        leaky(0.2),
        nn.Flatten(),
        nn.Linear(2048, 1),
    )
    return ThinGenerator(), D


def parameters(network: nn.Module) -> int:
    """Trainable ones and moving statistics, as Keras counts them."""

    def of(tensors: list[Tensor]) -> int:
        return sum(tensor.numel() for tensor in tensors if tensor.is_floating_point())

    return of([*network.parameters(), *network.buffers()])


NETWORKS: dict[str, Callable[[], tuple[nn.Module, nn.Module]]] = {
    "mnist-dcgan": mnist_dcgan,
    "fashion-mlp": fashion_mlp,
    "fashion-dcgan": fashion_dcgan,
    "notmnist-dcgan": notmnist_dcgan,
    "mnist-mlp": mnist_mlp,
    "mnist-small-dcgan": mnist_small_dcgan,
    "svhn-dcgan": svhn_dcgan,
    "celeba32-dcgan": svhn_dcgan,
    "cifar-ships": cifar_ships,
    "auto": auto,
}
