"""What each fast path gains over its readable reference, forward and backward, on the layers of the classic systems.

    python -m benchmarks.speed.layers [--quick]

The two take turns, once each, on the same images; ratios are of medians. The last rows are ways that were tried and
not taken, against what is used instead. Writes layers.json into benchmarks/results/.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from gansmith.engine import make_engine
from gansmith.nn.conv import Conv2dSame, ConvTranspose2dSame, conv_in_blocks, transposed_in_phases
from gansmith.nn.dropout import Dropout, drawing_from
from gansmith.nn.upsample import UpsampleConv2d
from gansmith.rng import random_words, stream
from gansmith.runs.run import utc_now
from gansmith.schema import Adam, RMSprop
from gansmith.system.machine import describe_machine
from gansmith.training.optim import make_optimizer

RESULT = Path(__file__).parents[1] / "results" / "layers.json"
ROUNDS = 15
ENGINE = make_engine("cpu", "auto")
Work = Callable[[], object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two rounds: whether it runs")
    rounds = 2 if parser.parse_args().quick else ROUNDS
    rows = {name: compared(*pair, rounds) for name, pair in pairs().items()}
    result = {"began": utc_now(), "rounds": rounds, "precision": ENGINE.precision, "rows": rows}
    if rounds == ROUNDS:
        RESULT.write_text(json.dumps({**result, "machine": describe_machine()}, indent=1) + "\n")
    for name, row in rows.items():
        times = f"{1e3 * row['fast']:8.2f} ms, {1e3 * row['reference']:8.2f} ms"
        sys.stdout.write(f"{name:<100} {times}  {row['ratio']:.2f}\n")


def pairs() -> dict[str, tuple[Work, Work]]:
    """(fast, reference) by what they compute."""
    conv_t, conv = ConvTranspose2dSame, Conv2dSame
    layers = {
        "upsampling and 5x5 folded: mnist-dcgan's first": (UpsampleConv2d(256, 128, 5), (256, 256, 7, 7)),
        "upsampling and 5x5 folded: notmnist-dcgan's last": (UpsampleConv2d(64, 1, 5), (128, 64, 14, 14)),
        "5x5 transposed in phases, 1 channel: fashion-dcgan's last": (conv_t(64, 1, 5, 2), (32, 64, 14, 14)),
        "5x5 transposed in phases, 3 channels: svhn-dcgan's last": (conv_t(128, 3, 5, 2), (128, 128, 16, 16)),
        "7x7 by blocks, 3 channels: cifar-ships' last": (conv(256, 3, 7), (32, 256, 32, 32)),
    }
    found = {name: (passes(layer, shape), passes(slow(layer), shape)) for name, (layer, shape) in layers.items()}
    first = conv(1, 64, 5, 2)
    for parameter in first.parameters():
        parameter.requires_grad_(False)
    found["5x5 strided of 1 channel, input gradient in phases: fashion-dcgan's D, frozen"] = (
        passes(first, (32, 1, 28, 28)),
        passes(slow(first), (32, 1, 28, 28)),
    )
    wide = conv_t(256, 128, 5, 2)
    found["bias after the crop: svhn-dcgan's second"] = (
        passes(wide, (128, 256, 8, 8)),
        passes(bias_inside(wide), (128, 256, 8, 8)),
    )
    generator = stream(0, "words", 0)
    words = torch.empty(800_000, dtype=torch.int64)
    found["800,000 random words: SFC64, torch's own"] = (
        lambda: random_words(len(words), generator),
        lambda: words.random_(generator=generator),
    )
    found["dropout's mask laid out as the images: fashion-dcgan's D"] = dropouts()
    for settings in (RMSprop(lr=1e-3), Adam(lr=1e-3)):
        found[f"{settings.name}, fused: mnist-dcgan's D, 4,311,553 parameters"] = updates(settings)
    last = conv_t(32, 1, 5)
    found["not taken: transposed of stride 1 by blocks, mnist-dcgan's last"] = (
        passes(
            lambda x: conv_in_blocks(x, last.weight.transpose(0, 1).flip(2, 3), last.bias),
            (256, 32, 28, 28),
        ),
        passes(last, (256, 32, 28, 28)),
    )
    found["not taken: phases for many channels, svhn-dcgan's second"] = (
        passes(lambda x: transposed_in_phases(x, wide.weight, wide.bias, 2), (128, 256, 8, 8)),
        passes(wide, (128, 256, 8, 8)),
    )
    return found


def slow(layer: nn.Module) -> nn.Module:
    """The reference, with the same weights."""
    twin = type(layer).__new__(type(layer))
    twin.__dict__.update(layer.__dict__)
    twin.fast = False
    return twin


def bias_inside(layer: ConvTranspose2dSame) -> Callable[[Tensor], Tensor]:
    """The transposed convolution as torch offers it, cropped afterwards."""

    def forward(x: Tensor) -> Tensor:
        full = nn.functional.conv_transpose2d(x, layer.weight, layer.bias, 2, 1)
        return full[:, :, :-1, :-1]

    return forward


def passes(forward: Callable[[Tensor], Tensor], shape: tuple[int, ...]) -> Work:
    """Forward and backward on channels-last images in the engine's precision."""
    if isinstance(forward, nn.Module):
        for parameter in forward.parameters():
            nn.init.normal_(parameter, std=0.05)
    x = torch.randn(shape, dtype=torch.bfloat16 if ENGINE.bf16 else torch.float32)
    x = x.contiguous(memory_format=torch.channels_last).requires_grad_()

    def work() -> None:
        with ENGINE.autocast():
            y = forward(x)
        y.backward(torch.ones_like(y))

    return work


def dropouts() -> tuple[Work, Work]:
    """Our layer, and the same with a mask in the order of the random words."""
    layer, generator = Dropout(0.4), stream(0, "dropout", 0)

    def drawn(x: Tensor) -> Tensor:
        with drawing_from(generator, layer):
            return layer(x)

    def plain(x: Tensor) -> Tensor:
        kept = random_words(-(-x.numel() // 4), generator).view(torch.int16).view(x.shape) >= 0
        return x * kept.to(x.dtype).mul_(1 / 0.6)

    return passes(drawn, (64, 64, 14, 14)), passes(plain, (64, 64, 14, 14))


def updates(settings: RMSprop | Adam) -> tuple[Work, Work]:
    """Our fused update, and torch's optimiser of that name with foreach."""
    shapes = ((64, 1, 5, 5), (128, 64, 5, 5), (256, 128, 5, 5), (512, 256, 5, 5), (1, 8192))
    ours, theirs = ([nn.Parameter(torch.randn(shape)) for shape in shapes] for _ in range(2))
    for parameter in (*ours, *theirs):
        parameter.grad = torch.randn_like(parameter)
    optimizer = make_optimizer(settings, ours)
    kind = torch.optim.RMSprop if isinstance(settings, RMSprop) else torch.optim.Adam
    theirs_optimizer = kind(theirs, lr=settings.lr, foreach=True)

    @torch.no_grad()
    def fused() -> None:
        optimizer._move_fused([parameter.grad for parameter in ours], 1, 0)

    return fused, theirs_optimizer.step


def compared(fast: Work, reference: Work, rounds: int) -> dict[str, float]:
    """Median seconds of both, and how many times as fast the first is."""
    taken: dict[str, list[float]] = {"fast": [], "reference": []}
    for number in range(-2, rounds):
        for name, work in (("fast", fast), ("reference", reference)):
            began = time.perf_counter()
            work()
            if number >= 0:
                taken[name].append(time.perf_counter() - began)
    medians = {name: statistics.median(seconds) for name, seconds in taken.items()}
    return {**medians, "ratio": medians["reference"] / medians["fast"]}


if __name__ == "__main__":
    main()
