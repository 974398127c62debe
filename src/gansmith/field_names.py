"""What people mean by a field's name that no recipe has."""

from collections.abc import Collection, Iterable

from gansmith.errors import RecipeError

MEANT = {
    "batch": ("batch_size",),
    "batchsize": ("batch_size",),
    "bs": ("batch_size",),
    "learning_rate": ("lr",),
    "learningrate": ("lr",),
    "rate": ("lr",),
    "momentum": ("beta1",),
    "optimizer": ("discriminator_optimizer.name", "generator_optimizer.name"),
    "optim": ("discriminator_optimizer.name", "generator_optimizer.name"),
    "epochs": ("length.images",),
    "epoch": ("length.images",),
    "steps": ("length.images",),
    "iterations": ("length.images",),
    "iters": ("length.images",),
    "kimg": ("length.images",),
    "size": ("data.height", "data.width"),
    "resolution": ("data.height", "data.width"),
    "image_size": ("data.height", "data.width"),
    "img_size": ("data.height", "data.width"),
    "imsize": ("data.height", "data.width"),
    "dataset": ("data.name",),
    "dataroot": ("data.name",),
    "path": ("data.name",),
    "nc": ("data.channels",),
    "nz": ("latents.size",),
    "latent_dim": ("latents.size",),
    "latent_size": ("latents.size",),
    "z_dim": ("latents.size",),
    "ngf": ("model.width",),
    "ndf": ("model.width",),
    "filters": ("model.width",),
    "ema": ("ema_half_life",),
    "ema_decay": ("ema_half_life",),
    "mirror": ("augment.operations",),
    "flip": ("augment.operations",),
    "flips": ("augment.operations",),
    "augmentation": ("augment.operations",),
    "r1_gamma": ("objective.gamma",),
    "gan_mode": ("objective.loss",),
    "save_every": ("length.checkpoint_every",),
}
"""Names elsewhere, and the fields here: whole, or their last part in every table that has it."""


def check_meant(paths: Iterable[str], known: Collection[str]) -> None:
    """Raise RecipeError for the first of these unknown fields that people take for known ones, which it names."""
    for path in paths:
        if meant := fields_meant(path, known):
            raise RecipeError(f"unknown field {path!r}. Did you mean {' or '.join(map(repr, meant))}?")


def fields_meant(path: str, known: Collection[str]) -> list[str]:
    """The known fields that people may mean by a path that is none; of the table that they name, if there are some."""
    *tables, last = path.lower().replace("-", "_").split(".")
    names = MEANT.get(last, (last,))
    found = sorted(field for field in known if field in names or field.rpartition(".")[2] in names)
    named = [field for field in found if tables and field.split("_")[0].split(".")[0] == tables[-1].split("_")[0]]
    return named or found
