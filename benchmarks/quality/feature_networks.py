"""Train the feature networks that gansmith ships, on real images, and tell what they can.

    GANSMITH_DATA=... python -m benchmarks.quality.feature_networks [mnist fashion-mnist notmnist cifar10] [--threads 1]
    GANSMITH_DATA=... python -m benchmarks.quality.feature_networks --check

Each network has one schedule, fixed beforehand, and its last weights are taken: nothing was chosen by test accuracy.
Augmentation is mild on purpose. Nothing blurs or adds noise to images, so that features tell sharp from blurred and
clean from noisy. Writes src/gansmith/metrics/weights/NAME.safetensors and NAME.json, and
results/feature-networks.json.
"""

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn.functional import affine_grid, cross_entropy, grid_sample, pad
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from gansmith.data.dataset import Request, open_dataset
from gansmith.data.datasets.catalog import SETS
from gansmith.data.images.resize import ImageShape
from gansmith.features.classifiers import PLANS, Classifier, Residual, card
from gansmith.features.extract import extract, extractor
from gansmith.pixels import to_model
from gansmith.rng import stream
from gansmith.system.atomic import write_atomically
from gansmith.system.machine import describe_machine

WEIGHTS = Path(__file__).parents[2] / "src" / "gansmith" / "features" / "weights"
RESULT = Path(__file__).parents[1] / "results" / "feature-networks.json"
BATCH, MOMENTUM, DECAY, SMOOTHING, SEED = 128, 0.9, 5e-4, 0.05, 0
WARM_UP = 0.2
"""The part of the steps in which the rate rises; then it falls to nothing, both along a straight line."""


@dataclass(frozen=True, kw_only=True)
class Images:
    """uint8 [N, C, H, W] and classes [N]."""

    images: Tensor
    labels: Tensor


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How long a network is trained, how fast, and what is done to its images."""

    epochs: int
    rate: float
    augment: str


SCHEDULES = {
    "mnist": Schedule(epochs=50, rate=0.05, augment="turned"),
    "fashion-mnist": Schedule(epochs=7, rate=0.05, augment="shifted"),
    "notmnist": Schedule(epochs=22, rate=0.05, augment="turned"),
    "cifar10": Schedule(epochs=11, rate=0.1, augment="cropped"),
}

CLASSES = {
    "mnist": list("0123456789"),
    "fashion-mnist": list(SETS["fashion-mnist"].classes),
    "notmnist": list("ABCDEFGHIJ"),
    "cifar10": ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(SCHEDULES))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--check", action="store_true", help="train nothing; measure what is shipped once more")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.check:
        for name in options.names:
            check(name)
        return
    for name in options.names:
        train_images, test_images = images(name)
        began = time.monotonic()
        network = train(name, train_images)
        about = {"seconds": round(time.monotonic() - began), "threads": options.threads}
        shipped = ship(name, network)
        about |= {
            "train": len(train_images.labels),
            "test": len(test_images.labels),
            "test_accuracy": accuracy(shipped, test_images),
            "schedule": asdict(SCHEDULES[name]),
            "machine": describe_machine(),
            "date": time.strftime("%Y-%m-%d"),
        }
        record(name, about)
        write_card(name, about)


def check(name: str) -> None:
    """The accuracy once more, by the way that every user goes."""
    _, held_out = images(name)
    _, channels, height, width = held_out.images.shape
    network = extractor(name, channels=channels, height=height, width=width)
    began = time.monotonic()
    said = extract(network, held_out.images.permute(0, 2, 3, 1).numpy()).probabilities.argmax(1)
    rate = len(said) / (time.monotonic() - began)
    found = (said == held_out.labels.numpy()).mean()
    sys.stdout.write(f"{name}: {found:.4f}, on its card {card(name)['test_accuracy']:.4f}; {rate:.0f} images/s\n")


def images(name: str) -> tuple[Images, Images]:
    """What is trained on and what is held out: the test split, or of notMNIST, which has none, a fixed tenth."""
    plan = PLANS[name]
    shape = ImageShape(channels=plan.channels, height=plan.side, width=plan.side)
    train_split = arrays(name, "train", shape)
    if name != "notmnist":
        return train_split, arrays(name, "test", shape)
    held_out = torch.tensor([is_held_out(image) for image in train_split.images.numpy()])
    return (
        Images(images=train_split.images[~held_out], labels=train_split.labels[~held_out]),
        Images(images=train_split.images[held_out], labels=train_split.labels[held_out]),
    )


def arrays(name: str, split: str, shape: ImageShape) -> Images:
    dataset = open_dataset(Request(name=name, split=split, shape=shape))
    return Images(
        images=dataset.batch(torch.arange(len(dataset))), labels=torch.from_numpy(dataset.labels.astype(np.int64))
    )


def is_held_out(image: np.ndarray) -> bool:
    """A tenth, by content: equal images, of which notMNIST has some, are never on both sides."""
    return int.from_bytes(hashlib.sha256(image.tobytes()).digest()[:4], "big") % 10 == 0


def train(name: str, data: Images) -> Classifier:
    """SGD with Nesterov's momentum, weight decay and smoothed labels, for a fixed number of epochs."""
    plan, schedule = PLANS[name], SCHEDULES[name]
    torch.manual_seed(SEED)
    network = Classifier(plan, norm2d=nn.BatchNorm2d, norm1d=nn.BatchNorm1d).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(groups(network), lr=schedule.rate, momentum=MOMENTUM, nesterov=True)
    per_epoch = len(data.labels) // BATCH
    rate = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: slope(step / (schedule.epochs * per_epoch)))
    for epoch in range(schedule.epochs):
        began, total = time.monotonic(), 0.0
        generator = stream(SEED, f"{name}/epoch", epoch)
        order = torch.randperm(len(data.labels), generator=generator)
        for step in range(per_epoch):
            rows = order[step * BATCH : (step + 1) * BATCH]
            images = AUGMENT[schedule.augment](to_model(data.images[rows], "-1..1"), generator)
            with torch.autocast("cpu", torch.bfloat16):
                logits = network.head(network(images.contiguous(memory_format=torch.channels_last)))
            loss = cross_entropy(logits.float(), data.labels[rows], label_smoothing=SMOOTHING)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            rate.step()
            total += loss.item()
        sys.stderr.write(f"{name} epoch {epoch}: loss {total / per_epoch:.4f}, {time.monotonic() - began:.0f} s\n")
    return network.eval()


def groups(network: nn.Module) -> list[dict]:
    """Kernels decay; biases and norms do not."""
    kernels = [parameter for parameter in network.parameters() if parameter.dim() > 1]
    others = [parameter for parameter in network.parameters() if parameter.dim() <= 1]
    return [{"params": kernels, "weight_decay": DECAY}, {"params": others, "weight_decay": 0.0}]


def slope(done: float) -> float:
    """The rate's share of its highest when this part of the steps is done."""
    return max(min(done / WARM_UP, (1 - done) / (1 - WARM_UP)), 1e-3)


def cropped(images: Tensor, generator: torch.Generator) -> Tensor:
    """Half of them mirrored, each shifted by up to 4 pixels; what is beyond the edge is the edge's mirror image."""
    mirrored = torch.rand(len(images), 1, 1, 1, generator=generator) < 0.5
    return moved(torch.where(mirrored, images.flip(3), images), 4, "reflect", generator)


def shifted(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each by up to a pixel."""
    return moved(images, 1, "constant", generator)


def moved(images: Tensor, most: int, mode: str, generator: torch.Generator) -> Tensor:
    """Each by whole pixels, up to `most` of them each way."""
    count, _, height, width = images.shape
    padded = pad(images, (most,) * 4, mode, **({"value": -1.0} if mode == "constant" else {}))
    down, right = torch.randint(2 * most + 1, (2, count), generator=generator)
    rows, columns = down[:, None] + torch.arange(height), right[:, None] + torch.arange(width)
    return padded[torch.arange(count)[:, None, None], :, rows[:, :, None], columns[:, None]].permute(0, 3, 1, 2)


def turned(images: Tensor, generator: torch.Generator) -> Tensor:
    """Half of them turned by up to 12 degrees, scaled by up to a tenth and shifted by up to 2 pixels, bicubic."""
    count = len(images) // 2
    draws = torch.rand(4, count, generator=generator) * 2 - 1
    angle, scale, (right, down) = draws[0] * 0.21, 1 + 0.1 * draws[1], draws[2:] * 2 / (images.shape[3] / 2)
    cosine, sine = torch.cos(angle) * scale, torch.sin(angle) * scale
    maps = torch.stack([torch.stack([cosine, -sine, right], 1), torch.stack([sine, cosine, down], 1)], 1)
    grid = affine_grid(maps, [count, *images.shape[1:]], align_corners=False)
    black_is_zero = images[:count] + 1
    turned_half = grid_sample(black_is_zero, grid, "bicubic", align_corners=False).clamp(0, 2) - 1
    return torch.cat([turned_half, images[count:]])


AUGMENT: dict[str, Callable[[Tensor, torch.Generator], Tensor]] = {
    "cropped": cropped,
    "shifted": shifted,
    "turned": turned,
}


def ship(name: str, network: Classifier) -> Classifier:
    """Write the network, its norms folded into kernels of 16 bits; gives back what a reader will have."""
    shipped = Classifier(PLANS[name]).eval()
    folded(network.body, shipped.body)
    shipped.head.load_state_dict(network.head.state_dict())
    halves = {key: value.half().contiguous() for key, value in shipped.state_dict().items()}
    write_atomically(WEIGHTS / f"{name}.safetensors", save(halves))
    shipped.load_state_dict({key: value.float() for key, value in halves.items()})
    return shipped


def folded(trained: nn.Sequential, plain: nn.Sequential) -> None:
    """Fill `plain` with the trained layers, each norm folded into the layer before it."""
    for number, layer in enumerate(trained):
        if isinstance(layer, nn.Conv2d):
            plain[number].load_state_dict(fuse_conv_bn_eval(layer, trained[number + 1]).state_dict())
        elif isinstance(layer, nn.Linear):
            plain[number].load_state_dict(fuse_linear_bn_eval(layer, trained[number + 1]).state_dict())
        elif isinstance(layer, Residual):
            folded(layer.body, plain[number].body)


@torch.no_grad()
def accuracy(network: Classifier, data: Images) -> float:
    """Share of images whose class the network says."""
    said = [network.head(network(to_model(part, "-1..1"))).argmax(1) for part in data.images.split(500)]
    return (torch.cat(said) == data.labels).double().mean().item()


def record(name: str, about: dict) -> None:
    """Into the results, beside what is there of the other networks."""
    known = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    RESULT.write_text(json.dumps(known | {name: about}, indent=1) + "\n")
    sys.stdout.write(f"{name}: {about['test_accuracy']:.4f} on {about['test']:,}, {about['seconds']} s\n")


def write_card(name: str, about: dict) -> None:
    """What a user of the weights should know of them, beside them; the hash is what they are checked by."""
    content, of_set, schedule = (WEIGHTS / f"{name}.safetensors").read_bytes(), SETS[name], about["schedule"]
    held_out = "a fixed tenth, chosen by content" if name == "notmnist" else "its test split"
    card = {
        "name": name,
        "classes": CLASSES[name],
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "test_accuracy": about["test_accuracy"],
        "trained_on": f"{about['train']:,} images of {of_set.title.partition(':')[0]}",
        "tested_on": f"{about['test']:,} others: {held_out}",
        "how": "benchmarks/quality/feature_networks.py: "
        f"{schedule['epochs']} epochs of SGD, images {schedule['augment']}, "
        "labels smoothed; last weights, batch norm folded, kept in 16 bits",
        "licence": f"Apache-2.0, as gansmith; of the images: {of_set.licence}",
        "citation": of_set.citation,
        "date": about["date"],
    }
    write_atomically(WEIGHTS / f"{name}.json", json.dumps(card, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
