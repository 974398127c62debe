"""Options that people bring from other programs, and what does the same here."""

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple


class Habit(NamedTuple):
    """Names of an option elsewhere, and what it is here."""

    names: str
    here: str
    """The options that do it, with the value in place of {NAME}; or a sentence's end."""
    verbs: str = ""
    """The verbs to which it applies, if not to every verb that has these options."""


_PACKED = "training needs none, since images are packed before it: gansmith data prepare SRC OUT --workers {N}"
_NEW = "a run goes on with: gansmith resume {RUN}"
_RECIPE = "the recipe decides it: gansmith train {RECIPE}, and gansmith recipes list tells which there are"

_FOLDER = "output out outdir out-dir output-dir save-dir logdir log-dir results-dir checkpoint-dir dest"
_DATA = "dataset datasets data dataroot data-dir data-path image-dir images-dir folder input real reference"

HABITS = (
    Habit("epochs epoch e num-epochs n-epochs max-epochs", "--steps N, with N = {EPOCHS} x images / batch size"),
    Habit("iterations iters iter niter num-iterations max-iter num-steps max-steps total-steps", "--steps {N}"),
    Habit("kimg total-kimg", "--budget {N}k-images"),
    Habit("kimg total-kimg", "--set length.images={N}000"),
    Habit("images total-images nimg", "--budget {N}-images"),
    Habit("images total-images nimg", "--set length.images={N}"),
    Habit("time max-time hours", "--budget {TIME}"),
    Habit("batch batchsize bs b batch-gpu minibatch mini-batch-size train-batch-size", "--batch-size {N}"),
    Habit("learning-rate rate", "--lr {X}"),
    Habit("resolution res image-size img-size imsize image-resolution img-resolution", "--size {S}"),
    Habit("flip flips hflip horizontal-flip xflip x-flip random-flip", "--mirror"),
    Habit("aug augment augpipe diffaugment", '--set \'augment.operations=["translate", "cutout"]\''),
    Habit("gpu gpus gpu-id gpu-ids cuda num-gpus use-cuda use-gpu ngpu", "--device cuda"),
    Habit("cpu no-cuda no-gpu use-cpu", "--device cpu"),
    Habit("mps", "--device mps"),
    Habit("fp16 amp bf16 half mixed-precision", "--precision bf16"),
    Habit("fp32", "--precision fp32"),
    Habit("workers num-workers n-workers data-workers j jobs threads num-threads", _PACKED, "train resume"),
    Habit("num-workers n-workers j jobs threads num-threads", "--workers {N}"),
    Habit(_FOLDER, "--out {PATH}"),
    Habit(_FOLDER, "--runs {DIR}", "train"),
    Habit(_DATA, "--data {PATH}"),
    Habit(_DATA, "--against {PATH}"),
    Habit("ema ema-kimg ema-decay", "--set ema_half_life=IMAGES"),
    Habit("manualseed manual-seed random-seed random-state", "--seed {S}"),
    Habit("seeds", "--seed S --num N, since image i depends on the seed and i only"),
    Habit("cond conditional class-cond labelled labeled", "--labels"),
    Habit("model arch architecture network net config cfg recipe preset", _RECIPE, "train"),
    Habit("resume continue continue-train load checkpoint ckpt pretrained init-from", _NEW, "train"),
    Habit("exp-name run-name experiment experiment-name exp", "--name {NAME}"),
    Habit("num-samples num-images n-samples nsamples count number samples", "--num {N}"),
    Habit("trunc truncation-psi psi", "--truncation {X}"),
    Habit("classes label", "--class {NAME}"),
    Habit("ckpt step epoch snapshot", "--checkpoint {STEP}"),
)
"""The first that fits the verb is told; `field_names` knows the names of a recipe's fields."""


def expected(verb: str, option: str, arguments: Sequence[str], known: Collection[str]) -> str:
    """One sentence on an option that is called otherwise here; '' for an option of no known habit.

    `verb` is the function's name, `arguments` the command line after it, `known` the options of the verb.
    """
    name = option.lstrip("-").lower().replace("_", "-")
    for habit in HABITS:
        if name not in habit.names.split() or verb not in (habit.verbs.split() or [verb]):
            continue
        told = re.sub(r"\{(\w+)\}", lambda found: _value_of(option, arguments) or found[1], habit.here)
        if not habit.here.startswith("--"):
            return f"unknown option {option!r}; {told}."
        if {*re.findall(r"--[a-z][a-z-]+", habit.here)} <= {*known}:
            return f"unknown option {option!r}; here it is {told}."
    if "--set" in known and (fields := _recipe_fields(name)):
        from gansmith.field_names import set_together

        value, between = _value_of(option, arguments) or "VALUE", " " if set_together(fields) else " or "
        return f"unknown option {option!r}; here it is {between.join(f'--set {field}={value}' for field in fields)}."
    return ""


def _value_of(option: str, arguments: Sequence[str]) -> str:
    """What the command line gives the option; '' where that is nothing."""
    for place, argument in enumerate(arguments):
        name, _, value = argument.partition("=")
        if name.replace("_", "-") == option.replace("_", "-"):
            following = arguments[place + 1] if place + 1 < len(arguments) else "-"
            return value or ("" if following.startswith("-") else following)
    return ""


def _recipe_fields(name: str) -> list[str]:
    """The fields of the recipes that the option's name names or means, such as "evaluate.patience"."""
    from gansmith.field_names import fields_meant
    from gansmith.recipe_file import flat
    from gansmith.recipes import load_recipe

    known = flat(load_recipe("auto").model_dump())
    return [name] if name in known else fields_meant(name.replace("-", "_"), known)
