import itertools
import json

import pytest

from gansmith import recipe
from gansmith.errors import RecipeError
from gansmith.networks import check_networks
from gansmith.recipe_file import from_values, override, read_toml, recipe_of, to_toml
from gansmith.recipes import all_names, recipe_names
from gansmith.runs.run import Run
from tests.helpers.plain import PLAIN


@pytest.mark.parametrize("name", recipe_names())
@pytest.mark.parametrize("comments", [False, True])
def test_toml_comes_back_byte_for_byte(name, comments):
    text = to_toml(recipe(name), comments=comments)
    back = from_values(read_toml(text, "test"))
    assert back == recipe(name)
    assert to_toml(back, comments=comments) == text


def test_strange_text_survives_toml():
    strange = override(recipe("demo"), ['about="a \\"quote\\", a \\\\, \\u007f, \\t and ✓"'])
    assert strange.about == 'a "quote", a \\, \x7f, \t and ✓'
    assert from_values(read_toml(to_toml(strange), "test")) == strange


def test_every_field_is_explained():
    lines = to_toml(recipe("demo"), comments=True).splitlines()
    for before, line in itertools.pairwise(lines):
        if line and not line.startswith("#"):
            assert before.startswith("#"), f"{line} has no comment"


def test_json_comes_back():
    made = recipe("mnist-dcgan")
    assert from_values(json.loads(made.model_dump_json())) == made


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("bach_size=64", "unknown field of Recipe 'bach_size'. Did you mean 'batch_size'?"),
        ("generator_optimizer.lr_deacy=1", "unknown field of Adam 'lr_deacy'. Did you mean 'lr_decay'?"),
        ("model.witdh=8", "unknown field of Config 'witdh'. Did you mean 'width'?"),
        ("batch_size=big", "batch_size must be a valid integer, got 'big'"),
        ("batch_size=1.5", "batch_size must be a valid integer, got 1.5"),
        ("batch_size=0", "batch_size must be greater than or equal to 1, got 0"),
        ("batch_size=true", "batch_size must be a valid integer, got True"),
        ("generator_optimizer.lr=fast", "generator_optimizer.lr must be a valid number, got 'fast'"),
        ("generator_optimizer.lr=nan", "generator_optimizer.lr must be a finite number, got nan"),
        ("generator_optimizer.name=sgd", "generator_optimizer.name must be 'rmsprop' or 'adam', got 'sgd'"),
        ("generator_optimizer.name=rmsprop", "generator_optimizer.lr is missing"),
        ("objective.loss=hindge", "unknown loss 'hindge'. Did you mean 'hinge'?"),
        ("objective.real_target=0.9", "loss 'non-saturating' takes no targets"),
        ("model.name=dcgan", "unknown model 'dcgan'"),
        ("data.height=30", "30x28 ends at 15x14"),
        ("data.order=shuffle-buffer", "data.shuffle_buffer=0 does not go with data.order='shuffle-buffer'"),
        ("data.pixel_range=0..255", "data.pixel_range must be '-1..1' or '0..1', got '0..255'"),
        ("data.pixel_range=0..1", "the G of model 'upsample-dcgan' makes images in -1..1"),
        (
            "generator_optimizer.lr.end=1e-4",
            "generator_optimizer.lr.start is missing: a schedule in place of a number has",
        ),
        ("length=3", "length must be"),
        ("batch", "a change is FIELD=VALUE, got 'batch'"),
        ("name=../../etc", "name must"),
        ("batch_size=" + "9" * 5000, "batch_size must be a valid integer, got '999"),
        ("batch_size=" + "[" * 5000, "batch_size must be a valid integer, got '[[["),
    ],
    ids=lambda text: text[:30],
)
def test_a_wrong_set_says_what_is_wrong(change, message):
    with pytest.raises(RecipeError) as caught:
        check_networks(override(recipe(PLAIN), [change]))
    assert message in str(caught.value)
    assert "{" not in str(caught.value), "an f-string lost its f"
    assert "\n" not in str(caught.value)


def test_a_set_replaces_one_value_and_keeps_the_rest():
    changed = override(recipe(PLAIN), ["generator_optimizer.lr=1e-3", "seed=5"])
    assert (changed.generator_optimizer.lr, changed.seed) == (1e-3, 5)
    assert override(changed, ["generator_optimizer.lr=5e-4", "seed=0"]) == recipe(PLAIN)


def test_another_kind_of_optimiser_starts_from_its_own_defaults():
    changed = override(recipe("demo"), ["generator_optimizer.lr=0.01", "generator_optimizer.name=rmsprop"])
    assert changed.generator_optimizer.rho == 0.9


def test_a_file_starts_from_a_named_recipe(tmp_path):
    (tmp_path / "mine.toml").write_text('from = "fashion-dcgan"\nbatch_size = 16\n[model]\nwidth = 32\n')
    mine = recipe(str(tmp_path / "mine.toml"))
    assert (mine.name, mine.batch_size, mine.model.width) == ("mine", 16, 32)
    assert mine.objective == recipe("fashion-dcgan").objective


def test_a_whole_resolved_recipe_can_be_trained_again(tmp_path):
    (tmp_path / "recipe.toml").write_text(to_toml(recipe("mnist-dcgan")))
    assert recipe(str(tmp_path / "recipe.toml")) == recipe("mnist-dcgan")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('from = "fashion-dgan"', "unknown recipe 'fashion-dgan'. Did you mean 'fashion-dcgan'?"),
        ("from = 3", "must name a recipe"),
        ("batch = ", "is not valid TOML"),
        ("batch = 3", "is no whole recipe"),
        ('name = "mine"', "is missing from the recipe"),
        ('from = "demo"\n_target_ = "os.system"', "unknown field of Recipe '_target_'"),
        ('from = "demo"\nname = "a b"', "name must be up to 100 letters"),
        ("batch = " + "9" * 5000, "is not valid TOML"),
        ("batch = " + "[" * 5000, "is not valid TOML"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(tmp_path, text, message):
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(RecipeError, match=message):
        recipe(str(tmp_path / "mine.toml"))


@pytest.mark.parametrize("name", all_names())
def test_every_listed_name_is_a_recipe_and_a_variant_changes_something(name):
    made = recipe(name)
    assert made.name == name
    plain = recipe(name.partition(":")[0])
    is_default = name in ("mnist-small-dcgan:scenario-1", "svhn-dcgan:scenario-2", "celeba32-dcgan:scenario-2")
    differs = made.model_dump(exclude={"name", "about"}) != plain.model_dump(exclude={"name", "about"})
    assert differs == (":" in name and not is_default)


def test_variants_add_up():
    both = recipe("svhn-dcgan:scenario-3:repaired")
    assert both.generator_optimizer == recipe("svhn-dcgan:scenario-3").generator_optimizer
    assert both.data == recipe("svhn-dcgan:repaired").data
    assert both == recipe("svhn-dcgan:repaired:scenario-3").model_copy(update={"name": both.name, "about": both.about})


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("svhn-dcgan:scenario-9", "unknown variant of svhn-dcgan 'scenario-9'. Did you mean 'scenario-"),
        ("svhn-dcgan:scenario-1:scenario-2", "gives scenario twice; name one such variant"),
        ("svhn-dcgam:repaired", "unknown recipe 'svhn-dcgam'. Did you mean 'svhn-dcgan'?"),
        ("demo:repaired", "unknown variant of demo 'repaired'"),
    ],
)
def test_a_wrong_variant_says_what_is_wrong(name, message):
    with pytest.raises(RecipeError) as caught:
        recipe(name)
    assert message in str(caught.value)


def test_a_missing_file_and_an_unknown_name_are_told_apart():
    with pytest.raises(RecipeError, match=r"recipe file nothing\.toml cannot be read"):
        recipe("nothing.toml")
    with pytest.raises(RecipeError, match="Did you mean 'demo'"):
        recipe("demmo")


def test_a_run_from_before_the_held_out_losses_had_their_name_is_read(tmp_path):
    made = recipe("mnist-mlp")
    text = to_toml(made).replace("[validation_losses]", "[evaluation]").replace('"held-out"', '"evaluation"')
    (tmp_path / "recipe.toml").write_text(text)
    assert recipe_of(Run(tmp_path)) == made
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(RecipeError, match=r"unknown field 'evaluation\.every'"):
        recipe(str(tmp_path / "mine.toml"))


@pytest.mark.parametrize("field", ["evaluate.validation", "evaluate.patience", "validation_losses.validation"])
def test_a_setting_of_what_is_never_measured_is_refused(field):
    table = field.partition(".")[0]
    with pytest.raises(RecipeError, match=f"^{field}=5 has no effect with {table}.every=0; set both"):
        recipe("demo", [f"{table}.every=0", f"{field}=5"])
