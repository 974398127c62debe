"""Every mistake: one sentence, the right exit code, nothing half-written."""

import gzip
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from gansmith.cli.main import VERBS
from gansmith.data.datasets.catalog import SETS
from gansmith.data.datasets.files import IDX_FILES


def one_sentence(result, code, *parts):
    assert result.code == code, result.err
    assert result.out == ""
    message = result.err.splitlines()[-1]
    assert message.startswith("error: ")
    assert "Traceback" not in result.err
    for part in parts:
        assert part in message


def nothing_made(*, but=()):
    assert sorted(path.name for path in Path().iterdir()) == sorted(but)


def test_an_unknown_recipe(gansmith):
    one_sentence(gansmith("train", "fashion-dgan"), 2, "unknown recipe 'fashion-dgan'", "Did you mean 'fashion-dcgan'?")
    nothing_made()


def test_a_variant_of_a_recipe_that_has_none(gansmith):
    one_sentence(gansmith("train", "demo:x"), 2, "unknown variant of demo 'x': there is none.")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", 'mine.toml is no whole recipe; write from = "auto"'),
        ("batch = 4\n", 'mine.toml is no whole recipe; write from = "auto"'),
        ('from = "mine.toml"\n', "from = 'mine.toml' is a file; it takes the name of a recipe"),
    ],
)
def test_a_recipe_file_that_starts_from_nothing(gansmith, text, part):
    Path("mine.toml").write_text(text)
    one_sentence(gansmith("train", "mine.toml"), 2, part)


def test_an_unknown_command(gansmith):
    one_sentence(gansmith("trian"), 2, "unknown command 'trian'. Did you mean 'train'?")


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ("bach_size=3", "Did you mean 'batch_size'?"),
        ("batch_size=three", "batch_size must be a valid integer, got 'three'"),
        ("generator_optimizer.lr=fast", "must be a valid number, got 'fast'"),
        ("batch", "a change is FIELD=VALUE"),
        ("augment.operations=flip", "augment.operations must be a list in brackets, got 'flip'"),
    ],
)
def test_an_unknown_or_mistyped_set(gansmith, change, part):
    one_sentence(gansmith("train", "demo", "--set", change), 2, part)
    nothing_made()


@pytest.mark.parametrize(("option", "part"), [("--steps", "steps -1 is too short; give 1"), ("--seed", "seed must be")])
def test_a_number_that_cannot_be(gansmith, option, part):
    one_sentence(gansmith("train", "demo", option, -1), 2, part)
    nothing_made()


def test_a_set_that_is_not_found_names_the_places_and_the_way_to_get_it(gansmith, monkeypatch):
    monkeypatch.setenv("GANSMITH_DATA", "/nowhere/data")
    result = gansmith("train", "mnist-dcgan")
    one_sentence(
        result, 3, "set 'mnist' is not on this machine", "/nowhere/data/mnist", "cache", SETS["mnist"].how_to_get
    )
    nothing_made()


def test_a_set_that_is_not_found_tells_of_the_variable_when_it_is_not_set(gansmith):
    one_sentence(gansmith("train", "mnist-dcgan"), 3, "set GANSMITH_DATA to the folder that holds mnist/")


def copy_of_the_packaged_files():
    folder = Path("copy")
    shutil.copytree(SETS["fashion-10k"].packaged, folder)
    return folder


@pytest.mark.parametrize(
    ("damage", "part"),
    [
        (lambda file: file.unlink(), "has no t10k-images-idx3-ubyte.gz"),
        (lambda file: file.write_bytes(file.read_bytes()[:100_000]), "is a damaged gzip file"),
        (lambda file: file.write_bytes(gzip.compress(gzip.decompress(file.read_bytes())[:-1], 1)), "holds only"),
        (lambda file: file.write_bytes(b"PK\x03\x04 and more"), "is not an IDX file: it starts with 504b0304"),
    ],
    ids=["missing", "truncated gzip", "truncated", "wrong magic"],
)
def test_a_missing_truncated_or_foreign_data_file(gansmith, damage, part):
    folder = copy_of_the_packaged_files()
    damage(folder / f"{IDX_FILES['test'][0]}.gz")
    result = gansmith("train", "demo", "--data", folder, "--set", "data.split=test")
    one_sentence(result, 3, part, str(folder))
    nothing_made(but=["copy"])


def test_a_folder_without_images(gansmith):
    Path("empty").mkdir()
    Path("empty/notes.txt").write_text("no image")
    one_sentence(
        gansmith("train", "demo", "--data", "empty"), 3, "holds no image that can be used; see: gansmith data check"
    )
    nothing_made(but=["empty"])


def test_data_that_is_neither_a_set_nor_a_path(gansmith):
    one_sentence(
        gansmith("train", "demo", "--data", "fashion-mnits"), 3, "Did you mean 'fashion-mnist'?", "does not exist"
    )
    nothing_made()


def test_data_that_is_a_file(gansmith):
    Path("x.zip").write_bytes(b"")
    result = gansmith("train", "demo", "--data", "x.zip")
    one_sentence(
        result, 3, "is no known archive", "a .zip, a .tar (.gz, .bz2, .xz), a .parquet file, or an array (.npy, .npz)."
    )


@pytest.mark.parametrize("name", ["one.jpg", "one.bmp", "one"])
def test_data_that_is_one_image(gansmith, name):
    Image.new("RGB", (9, 9)).save(name, "BMP" if name == "one.bmp" else "PNG")
    result = gansmith("train", "--data", name)
    one_sentence(result, 3, f"{Path(name).absolute()} is one image; give the folder that holds it.")


def test_a_batch_larger_than_the_set(gansmith):
    result = gansmith("train", "demo", "--set", "batch_size=20000")
    one_sentence(result, 3, "a batch of 20000 cannot be drawn from 10000 images")
    nothing_made()


@pytest.mark.parametrize(
    "verb", [("sample", "nothing", "--out", "x.png"), ("resume", "nothing"), ("runs", "show", "nothing")]
)
def test_a_run_that_is_not_found(gansmith, verb):
    one_sentence(gansmith(*verb), 2, "no run 'nothing' in runs", "holds no runs yet")
    nothing_made()


@pytest.mark.parametrize("verb", [("sample", "last", "--out", "x.png"), ("resume", "last")])
def test_a_run_folder_without_a_checkpoint(gansmith, trained, verb):
    shutil.rmtree(trained / "checkpoints")
    (trained / "checkpoints").mkdir()
    one_sentence(gansmith(*verb), 5, "holds no checkpoint")


def test_a_checkpoint_that_the_run_does_not_have(gansmith, trained):
    result = gansmith("sample", "last", "--out", "x.png", "--checkpoint", "7")
    one_sentence(result, 5, "has no checkpoint '7'; it has 4, 8, 12, or 'last'")


@pytest.mark.parametrize("verb", [("sample", "1", "--out", "x.png"), ("evaluate", "1"), ("runs", "figures", "1")])
def test_a_checkpoint_that_no_run_could_have(gansmith, trained, verb):
    result = gansmith(*verb, "--checkpoint", "beste")
    one_sentence(result, 2, "--checkpoint 'beste' is no checkpoint; give last, best or the number of a step.")


def test_a_damaged_checkpoint(gansmith, trained):
    file = trained / "checkpoints/00000012/G_ema.safetensors"
    file.write_bytes(file.read_bytes()[:-8])
    sampled = gansmith("sample", "last", "--out", "x.png")
    assert (sampled.code, sampled.out) == (0, "x.png\n")
    assert "00000012/G_ema.safetensors is damaged: it holds" in sampled.err
    assert sampled.err.endswith("Step 8 is the newest that is whole.\n")
    one_sentence(gansmith("sample", "last", "--checkpoint", 12, "--out", "y.png"), 5, "Take another checkpoint", "4, 8")
    assert not Path("y.png").exists()
    resumed = gansmith("resume", "last", "--steps", 13)
    assert resumed.code == 0, resumed.err
    assert "It is set aside as .bad-00000012-1; the 4 steps after step 8 are lost and done again." in resumed.err


def test_no_checkpoint_that_can_be_used(gansmith, trained):
    for folder in (trained / "checkpoints").glob("0*"):
        (folder / "D.safetensors").unlink()
    before = sorted(trained.rglob("*"))
    for verb in (("sample", "last", "--out", "x.png"), ("resume", "last", "--steps", 20)):
        one_sentence(gansmith(*verb), 5, "3 of 3 are damaged", "00000012/D.safetensors", "No such file")
    assert sorted(trained.rglob("*")) == before


def test_a_checkpoint_of_other_networks(gansmith, trained):
    recipe = (trained / "recipe.toml").read_text()
    (trained / "recipe.toml").write_text(recipe.replace("width = 4\n", "width = 8\n"))
    one_sentence(gansmith("sample", "last", "--out", "x.png"), 5, "cannot be used with this run's recipe")


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_device_that_is_not_there(gansmith, device, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    one_sentence(gansmith("train", "demo", "--device", device), 2, f"device '{device}' is not available", "have: cpu")
    nothing_made()


def test_an_out_with_an_unknown_suffix(gansmith, trained):
    one_sentence(gansmith("sample", "last", "--out", "x.bmp"), 2, "unknown suffix '.bmp'; give FILE.png, FILE.jpg")


@pytest.mark.parametrize("walk", [(), ("--interpolate", "0,7")])
def test_a_folder_that_holds_something_gets_no_images(gansmith, trained, walk):
    Path("full").mkdir()
    Path("full/photo.png").write_text("")
    Path("empty.v2").mkdir()
    for out in ("full", "full/", "."):
        told = f"--out {Path(out)} is not empty, and new images would mix with those there; "
        one_sentence(
            gansmith("sample", "last", *walk, "--out", out), 2, told, "give a new folder, or empty this one first."
        )
    assert [path.name for path in Path("full").iterdir()] == ["photo.png"]
    one_sentence(gansmith("sample", "last", *walk, "--out", ""), 2, "--out '' names nothing; give FILE.png, FILE.jpg")
    for out in ("empty.v2", "new"):
        assert gansmith("sample", "last", *walk, "--out", out).code == 0
        assert len([*Path(out).iterdir()]) == (48 if walk else 64)


def test_suffixes_mean_the_same_in_capitals(gansmith, trained):
    for out, opening in (("x.PNG", b"\x89PNG"), ("x.Npy", b"\x93NUMPY")):
        assert gansmith("sample", "last", "--out", out).code == 0
        assert Path(out).read_bytes().startswith(opening)
    assert gansmith("sample", "last", "--interpolate", "0,7", "--out", "x.GIF").code == 0
    assert gansmith("runs", "animate", "--out", "y.GIF").code == 0
    assert Path("x.GIF").read_bytes()[:3] == Path("y.GIF").read_bytes()[:3] == b"GIF"


def test_where_room_is_not_what_lacks_no_bytes_are_counted(gansmith, trained):
    result = gansmith("sample", "last", "--out", "/proc/x.png")
    one_sentence(result, 8, "/proc/x.png cannot be written: ")
    assert "free" not in result.err


@pytest.mark.parametrize("name", ["x.png", "x.npy", "folder"])
def test_an_out_that_cannot_be_written(gansmith, trained, name):
    Path("file").write_text("")
    one_sentence(gansmith("sample", "last", "--out", f"file/{name}"), 8, f"file/{name} cannot be written")
    assert Path("file").read_text() == ""


def test_an_array_larger_than_the_free_disk(gansmith, trained):
    result = gansmith("sample", "last", "-n", 10**15, "--out", "x.npy")
    one_sentence(result, 8, "x.npy needs 784,000,000,000,000,000 bytes", "are free there")
    assert not list(Path().glob("*x.npy*"))


def test_more_images_than_fit_a_grid(gansmith, trained):
    one_sentence(gansmith("sample", "last", "-n", 5000, "--out", "x.png"), 2, "do not fit one grid")


@pytest.mark.parametrize("options", [("-n", 0), ("--seed", -1)])
def test_numbers_of_samples_that_cannot_be(gansmith, trained, options):
    one_sentence(gansmith("sample", "last", *options, "--out", "x.png"), 2, f"{options[1]}")


def test_a_place_where_no_run_folder_can_be_made(gansmith, tiny):
    Path("file").write_text("")
    one_sentence(gansmith("train", tiny, "--runs", "file"), 8, "no run folder can be made in file")


@pytest.mark.parametrize(
    ("options", "code", "part"),
    [
        (("--name", "my cats"), 2, "got 'my cats', which holds ' '."),
        (("--runs", "file"), 8, "no run folder can be made in file: file is no folder; give another --runs."),
        (("--runs", "file/runs"), 8, "no run folder can be made in file/runs"),
    ],
)
def test_what_cannot_be_the_run_is_told_before_the_images_are_looked_at(gansmith, options, code, part):
    Path("file").write_text("")
    result = gansmith("train", "--data", "fashion-10k", "--steps", 1, *options)
    one_sentence(result, code, part)
    assert len(result.err.splitlines()) == 1
    nothing_made(but=["file"])


def test_a_loss_that_is_not_finite_stops_the_run_with_its_name(gansmith, tiny):
    result = gansmith("train", tiny, "--precision", "fp32", "--set", "generator_optimizer.lr=1e30")
    assert result.code == 4, result.err
    assert re.search(r"became (nan|inf) in step 2\.", result.err)
    assert '"status": "diverged"' in Path("runs/00001-tiny/run.json").read_text()


def test_an_unexpected_error_is_called_a_bug(gansmith, monkeypatch):
    monkeypatch.setattr("gansmith.sessions.session.train", lambda *_, **__: 1 / 0)
    result = gansmith("train", "demo")
    assert result.code == 1
    assert result.err == "internal error: ZeroDivisionError: division by zero. This is a bug; --debug shows where.\n"
    assert "Traceback" in gansmith("--debug", "train", "demo").err


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",), ("help",)])
def test_help_lists_every_command(gansmith, arguments):
    result = gansmith(*arguments)
    assert result.code == 0
    assert all(f"  {verb} " in result.out for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_command_has_help_that_fits(gansmith, verb):
    result = gansmith(verb, "--help")
    assert result.code == 0
    assert f"usage: gansmith {verb}" in result.out


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (
            "train demo --stpes 3",
            "unknown option '--stpes'. Did you mean '--steps'? Known: --allow-dropped, --b",
        ),
        ("train demo --foo=3", "unknown option '--foo'. Known: "),
        ("train demo --lrr=3", "unknown option '--lrr'. Did you mean '--lr'? Known: "),
        ("recipes show demo --budget 2m", "unknown option '--budget'. Known: "),
        ("evaluate 1 --sed 2", "unknown option '--sed'. Did you mean '--seed'?"),
        ("resume --budgt=2m", "unknown option '--budgt'. Did you mean '--budget'?"),
        ("recipes show demo --trail", "unknown option '--trail'. Did you mean '--trial'?"),
        ("train demo --steps x", "--steps cannot be 'x'. See: gansmith train --help."),
        ("train demo --steps", "--steps needs a value. See: gansmith train --help."),
        (
            "train demo --device gpu",
            "unknown value of --device 'gpu'. Did you mean 'cpu'? Known: auto, cpu, cuda, mps.",
        ),
        (
            "evaluate 3 --split wrong",
            "unknown value of --split 'wrong'. Known: both, extra, test, train. See: gansmith e",
        ),
        (
            "data prepare a b --channels 2",
            "unknown value of --channels '2'. Known: 1, 3, 4. See: gansmith data prepare",
        ),
        ("data prepare a b --resize it's", 'unknown value of --resize "it\'s". Known: crop, pad, stretch.'),
        ("evaluate 3 --seed x", "--seed cannot be 'x'. See: gansmith evaluate --help."),
        ("train", "nothing to train: gansmith train demo is a first run, gansmith train --data FOLDER is for your own"),
        ("train demo demo", "'demo' is one argument too many. See: gansmith train --help."),
        ("data prepare photos", "OUT is missing. See: gansmith data prepare --help."),
        ("runs lst", "unknown command of gansmith runs 'lst'. Did you mean 'list'? Known: "),
        ("data", "gansmith data needs a command: list, "),
    ],
)
@pytest.mark.parametrize("colours", [False, True])
def test_options_that_cannot_be_read_are_told_in_a_sentence(gansmith, monkeypatch, arguments, part, colours):
    if colours:
        monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "50")
    result = gansmith(*arguments.split())
    one_sentence(result, 2, part)
    assert len(result.err.splitlines()) == 1
    assert "\x1b" not in result.err
    nothing_made()


def test_what_a_verb_says_is_not_taken_for_the_parsers(gansmith):
    assert gansmith("runs", "list").err == "no runs in runs; start one with: gansmith train demo\n"


def code_and_imports(arguments, heavy):
    """The exit code of a command in a process of its own, and which of the heavy modules it imported."""
    code = (
        "import sys; from gansmith.cli.main import main; "
        f"code = main({arguments.split()!r}); print(code, *[name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    "verb",
    [
        *("train", "resume", "sample", "evaluate", "import-keras", "recipes show", "env"),
        *("data get", "data check", "data prepare"),
        *(f"runs {one}" for one in ("list", "show", "figures", "animate", "diff", "verify", "prune", "rm")),
    ],
)
def test_help_tells_no_value_that_cannot_be_given(gansmith, verb):
    told = gansmith(*verb.split(), "--help")
    assert told.code == 0
    assert "None" not in told.out
    assert "(default: )" not in told.out


@pytest.mark.parametrize("arguments", ["--help", "train --help", "--version"])
def test_help_does_not_import_torch(arguments):
    assert code_and_imports(arguments, ("torch", "numpy", "PIL")) == "0"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("runs list", 0),
        ("runs show 1", 0),
        ("runs show 99", 2),
        ("runs diff 1 99", 2),
        ("runs figures 99", 2),
        ("runs animate 99 --out x.gif", 2),
        ("sample 99 --out x.png", 2),
        ("sample 1 --out z.bmp", 2),
        ("sample 1 --out x.png --checkpoint beste", 2),
        ("evaluate nope", 2),
        ("evaluate 1 --checkpoint beste", 2),
        ("resume 99", 2),
        ("resume 1 --budgt 2m", 2),
        ("data check nope", 3),
        ("data check photos", 0),
        ("train --data nope", 3),
        ("train demo --data nope[x]", 3),
    ],
)
def test_what_is_quickly_known_does_not_wait_for_torch(trained, arguments, code):
    Path("photos").mkdir()
    Image.new("RGB", (32, 32)).save("photos/a.png")
    assert code_and_imports(arguments, ("torch",)) == str(code)


@pytest.mark.parametrize(
    "words",
    [
        ["train", "--data", "NAME"],
        ["train", "NAME"],
        ["sample", "NAME"],
        ["evaluate", "NAME"],
        ["resume", "NAME"],
        ["data", "check", "NAME"],
        ["data", "prepare", "NAME", "out"],
        ["runs", "show", "NAME"],
        ["runs", "list", "--runs", "NAME"],
        ["import-keras", "NAME", "--recipe", "mnist-dcgan"],
    ],
)
def test_a_path_that_no_system_takes_is_a_sentence(gansmith, words):
    result = gansmith(*(("long" * 100 if word == "NAME" else word) for word in words))
    one_sentence(result, 2, "... cannot be used: File name too long.")
