"""The networks of a recipe as shapes: whether they suit the recipe, their tables and drawings. No weight is made.

Everything here builds on torch's meta device, where a tensor has a shape and no memory.
"""

import torch

from gansmith.errors import RecipeError
from gansmith.models.base import Networks
from gansmith.nn.norm import normalises_batches
from gansmith.nn.spectral import every_kernel_is_normed
from gansmith.nn.summary import Summary, summarize
from gansmith.objectives.settings import NO_PENALTY
from gansmith.schema import Recipe
from gansmith.text import first_line
from gansmith.viz.curves import D_COLOUR, G_COLOUR
from gansmith.viz.diagram import DrawnLayer, diagram


def networks_on_meta(recipe: Recipe) -> Networks:
    """G and D without memory or numbers. Raises RecipeError when the model cannot be built for the recipe's images."""
    try:
        with torch.device("meta"):
            return recipe.model.networks(recipe.spec)
    except (RuntimeError, TypeError) as error:  # torch on sizes beyond 64 bits
        reason = first_line(error)
        raise RecipeError(f"model {recipe.model.name!r} cannot be made of this size: {reason}.") from error


def check_networks(recipe: Recipe) -> None:
    """Raise RecipeError when the networks cannot be built, or cannot be trained as the recipe asks.

    These checks need the networks, so a Recipe is made without them: they come where networks are built, and before
    a command writes anything.
    """
    networks = networks_on_meta(recipe)
    D, model = networks.D, recipe.model.name
    if recipe.microbatches > 1 and normalises_batches(networks.G, D):
        raise RecipeError(
            f"microbatches={recipe.microbatches} would change the result: batch norm in model {model!r} would see one "
            "microbatch instead of the batch; set microbatches=1 and a smaller batch_size, or a model without."
        )
    objective = recipe.objective
    if objective.penalty != NO_PENALTY and normalises_batches(D):
        raise RecipeError(
            f"penalty {objective.penalty!r} needs the gradient at each image, but batch norm in the D of model "
            f"{model!r} mixes the images of a batch; take a model without batch norm in D, or no penalty."
        )
    is_bounded = objective.weight_clip or objective.penalty != NO_PENALTY or every_kernel_is_normed(D)
    if objective.loss == "wasserstein" and not is_bounded:
        raise RecipeError(
            f"loss 'wasserstein' diverges unless D is bounded, and model {model!r} does not bound it; set "
            "objective.weight_clip, objective.penalty with its gamma, or take a model with spectral norm in D."
        )
    if recipe.augment.signal == "validation" and normalises_batches(D):
        raise RecipeError(
            f"augment.signal='validation' shows validation images to D, and batch norm in the D of model {model!r} "
            "would learn from them; take a model without batch norm in D, or augment.signal='signs'."
        )


def network_tables(recipe: Recipe) -> dict[str, Summary]:
    """The tables of G and D for the recipe's images, under "Generator" and "Discriminator"."""
    networks, spec = networks_on_meta(recipe), recipe.spec
    return {
        "Generator": summarize(networks.G, (spec.latents,)),
        "Discriminator": summarize(networks.D, (spec.channels, spec.height, spec.width)),
    }


def network_diagrams(recipe: Recipe) -> dict[str, str]:
    """The drawings of G and D, as SVG."""
    spec, tables = recipe.spec, network_tables(recipe)
    image = (spec.height, spec.width, spec.channels)
    drawings = {}
    for key, name, source, colour in (
        ("G", "Generator", DrawnLayer("latents", (spec.latents,)), G_COLOUR),
        ("D", "Discriminator", DrawnLayer("image", image), D_COLOUR),
    ):
        table = tables[name]
        layers = [source, *(DrawnLayer(row.kind, row.shape, row.parameters, row.side_input) for row in table.layers)]
        drawings[key] = diagram(name, layers, table.trainable, table.non_trainable, colour)
    return drawings
