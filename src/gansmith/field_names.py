"""What people mean by a field's name that no recipe has."""

from collections.abc import Collection, Iterable

from gansmith.errors import RecipeError

_ELSEWHERE = {
    "batch batchsize bs b minibatch": "batch_size",
    "learning_rate learningrate rate": "lr",
    "d_lr lr_d lrd dlr discriminator_lr": "discriminator_optimizer.lr",
    "g_lr lr_g lrg glr generator_lr": "generator_optimizer.lr",
    "momentum b1": "beta1",
    "b2": "beta2",
    "optimizer optimiser optim": "discriminator_optimizer.name generator_optimizer.name",
    "epochs epoch steps iterations iters kimg": "length.images",
    "size resolution res image_size img_size imsize": "data.height data.width",
    "dataset dataroot data_path path": "data.name",
    "nc num_channels image_channels": "data.channels",
    "nz latent_dim latent_size z_dim z_size zdim noise_dim": "latents.size",
    "ngf ndf nf filters": "model.width",
    "ema ema_decay": "ema_half_life",
    "mirror flip flips augmentation": "augment.operations",
    "r1 r1_gamma": "objective.gamma",
    "gan_mode gan_loss adv_loss": "objective.loss",
    "save_every save_interval snap snapshot checkpoint_interval": "length.checkpoint_every",
    "log_interval print_every": "length.log_every",
    "sample_interval": "length.sample_every",
}
MEANT = {name: tuple(fields.split()) for names, fields in _ELSEWHERE.items() for name in names.split()}
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


def set_together(fields: Collection[str]) -> bool:
    """Whether one word elsewhere is all of these fields: both sides of the images, or both optimisers'."""
    return {*fields} == {"data.height", "data.width"} or all("_optimizer." in field for field in fields)
