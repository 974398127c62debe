"""`gansmith import-keras`: from a file to a run that can be sampled, or one sentence and nothing made."""

import hashlib
import json
import os
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file
from test_bad_input import nothing_made, one_sentence

from tests.helpers.hostile_archives import Zipped, zip_of
from tests.helpers.hostile_hdf5 import CASES
from tests.helpers.keras_files import (
    CHANGES,
    SMALL,
    Namer,
    listed_layers,
    small_networks,
    write_listed,
    write_numbered,
    write_numbered_stack,
)

NETWORKS = small_networks()
LAMBDA = {
    "class_name": "Sequential",
    "config": {
        "layers": [
            {
                "class_name": "Lambda",
                "config": {"function": ["4wEAAAAAAAAAAAAAAAEAAABTAAAA", None, None], "module": "os"},
            },
            {"module": "os", "class_name": "system", "config": {"command": "touch was-run"}},
        ]
    },
}


@pytest.fixture
def small():
    """A recipe file with the networks of `NETWORKS`."""
    changes = "".join(f"\n[{change.split('.')[0]}]\n{change.split('.')[1].replace('=', ' = ')}\n" for change in CHANGES)
    Path("small.toml").write_text(f'from = "{SMALL}"\n{changes}\n[grid]\nrows = 2\ncolumns = 3\n')
    return "small.toml"


def weights_file(path="weights.h5"):
    write_numbered(path, NETWORKS.G)
    return path


def keras_file(path="model.keras", **members):
    """A .keras file of the generator; `members` replace or add to what Keras puts there."""
    weights_file("inside.h5")
    content = {
        "metadata.json": b'{"keras_version": "3.15.1"}',
        "config.json": json.dumps(LAMBDA).encode(),
        "model.weights.h5": Path("inside.h5").read_bytes(),
    }
    Path("inside.h5").unlink()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in {**content, **members}.items():
            archive.writestr(name, data)
    return path


def saved_weights(run, name):
    return load_file(run / f"checkpoints/00000000/{name}.safetensors")


def test_a_generator_becomes_a_run_that_can_be_sampled(gansmith, small):
    file = weights_file()
    result = gansmith("import-keras", file, "--recipe", small)
    assert result.code == 0, result.err
    run = result.run
    assert run == Path("runs/00001-small")
    info = json.loads((run / "run.json").read_text())
    assert (info["status"], info["step"], info["seen"]) == ("imported", 0, 0)
    sha256 = hashlib.sha256(Path(file).read_bytes()).hexdigest()
    assert info["source"] == {"file": "weights.h5", "sha256": sha256, "networks": ["G"]}
    assert sorted(path.name for path in run.iterdir()) == ["checkpoints", "recipe.toml", "run.json", "samples"]
    with Image.open(run / "samples/00000000.png") as sheet:
        assert sheet.size[0] > 3 * 28
    for name, tensor in NETWORKS.G.state_dict().items():
        assert tensor.equal(saved_weights(run, "G")[name])

    assert gansmith("sample", "last", "-n", 4, "--out", "four.npy").code == 0
    images = np.load("four.npy")
    assert images.shape == (4, 28, 28, 1)
    assert images.std() > 1
    assert "imported" in gansmith("runs", "list").out
    assert "weights.h5" in gansmith("runs", "show", "last").out


def test_json_tells_the_run(gansmith, small):
    result = gansmith("import-keras", weights_file(), "--recipe", small, "--json", "--name", "old", "--runs", "there")
    assert json.loads(result.out)["path"] == "there/00001-old"


def test_a_stack_leaves_both_networks_in_the_checkpoint(gansmith, small):
    write_numbered_stack("gan.weights.h5", NETWORKS)
    run = gansmith("import-keras", "gan.weights.h5", "--recipe", small).run
    for name, tensor in NETWORKS.D.state_dict().items():
        assert tensor.equal(saved_weights(run, "D")[name])


def test_where_the_recipe_averages_weights_the_generator_is_the_average_too(gansmith, small):
    Path(small).write_text("ema_half_life = 1000.0\n" + Path(small).read_text())
    run = gansmith("import-keras", weights_file(), "--recipe", small).run
    assert saved_weights(run, "G_ema").keys() == saved_weights(run, "G").keys()
    assert gansmith("sample", "last", "--out", "x.png").code == 0


def test_an_imported_run_cannot_be_resumed(gansmith, small):
    run = gansmith("import-keras", weights_file(), "--recipe", small).run
    one_sentence(
        gansmith("resume", "last", "--steps", 9), 5, "was imported with weights but no state of the optimisers"
    )
    assert json.loads((run / "run.json").read_text())["status"] == "imported"


def test_a_discriminator_alone_is_refused(gansmith, small):
    write_listed("d.h5", listed_layers(NETWORKS.D, Namer()))
    one_sentence(gansmith("import-keras", "d.h5", "--recipe", small), 3, "d.h5 has only a discriminator", "to sample")
    nothing_made(but=["d.h5", "small.toml"])


def test_a_file_of_other_networks_names_the_layer(gansmith):
    result = gansmith("import-keras", weights_file(), "--recipe", "fashion-dcgan")
    one_sentence(result, 3, "weights.h5: layer 'dense' has kernel (100, 392), but G's layer 1 (Linear 100→6272) has")
    nothing_made(but=["weights.h5"])


def test_networks_that_keras_has_no_counterpart_of_are_refused(gansmith):
    one_sentence(gansmith("import-keras", weights_file(), "--recipe", "nothing"), 2, "unknown recipe 'nothing'")


def test_a_missing_extra_is_one_sentence(gansmith, small, monkeypatch):
    monkeypatch.setattr("gansmith.interop.keras_file.find_spec", lambda name: None)
    result = gansmith("import-keras", weights_file(), "--recipe", small)
    one_sentence(result, 6, "Keras' files need an extra package: pip install 'gansmith[keras]'.")


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (lambda path: None, "does not exist or is no file; give one, such as generator.weights.h5"),
        (Path.mkdir, "is a folder; give the file in it"),
        (os.mkfifo, "does not exist or is no file"),
        (lambda path: path.write_bytes(b""), "starts with nothing"),
        (lambda path: path.write_bytes(b"\x80\x04\x95cos\nsystem\n"), "is neither HDF5 nor a .keras file"),
        (lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(50 << 20)), "networks of this recipe need at most"),
        (lambda path: path.touch(0o000), "cannot be read (Permission denied)"),
    ],
    ids=["nothing", "a folder", "a pipe", "an empty file", "a pickle", "a large file", "a locked file"],
)
def test_what_is_no_file_of_keras_is_refused(gansmith, small, make, part):
    if "denied" in part and os.geteuid() == 0:
        pytest.skip("root reads everything")
    make(Path("given"))
    one_sentence(gansmith("import-keras", "given", "--recipe", small), 3, "given", part)
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (zip_of(Zipped(b"config.json", b"{}")), "is a zip file without model.weights.h5"),
        (zip_of(Zipped(b"../model.weights.h5")), "it is damaged"),
        (zip_of(Zipped(b"model.weights.h5"), Zipped(b"../../.bashrc")), "Keras writes no such file"),
        (zip_of(Zipped(b"model.weights.h5"), Zipped(b"model.weights.h5")), "its name is there again"),
        (zip_of(Zipped(b"model.weights.h5", mode=0o120777)), "is a symbolic link"),
        (zip_of(Zipped(b"model.weights.h5", size=1 << 31)), "a bomb"),
        (zip_of(Zipped(b"model.weights.h5", bytes(20 << 20))), "a bomb"),
        (zip_of(Zipped(b"model.weights.h5", b"x", crc=7)), "is damaged"),
        (zip_of(Zipped(b"model.weights.h5", b"no HDF5")), "it is damaged"),
        (zip_of(Zipped(b"model.weights.h5"))[:-9], "has no directory at its end"),
    ],
    ids=["none", "outside", "and one outside", "two", "a link", "a lie", "zeros", "a checksum", "text", "cut short"],
)
def test_a_hostile_zip_is_refused(gansmith, small, content, part):
    Path("x.keras").write_bytes(content)
    one_sentence(gansmith("import-keras", "x.keras", "--recipe", small), 3, "x.keras", part)
    nothing_made(but=["small.toml", "x.keras"])


def test_nothing_of_a_configuration_is_run(small):
    """A Lambda layer's marshalled code (CVE-2024-3660) and a call of os.system, in a file that is else good."""
    keras_file()
    script = """
        import sys
        from pathlib import Path
        from gansmith import recipe
        from gansmith.interop.import_run import import_keras

        def watch(event, arguments):
            if event.split(".")[0] in ("exec", "compile", "import", "marshal", "pickle", "os", "socket", "ctypes"):
                seen.append(event)
            elif event == "subprocess.Popen":
                seen.append(arguments[1][-1])

        small, seen = recipe("small.toml"), []
        import_keras(Path("model.keras"), small)  # imports and compiles what is needed
        harmless = {"os.listdir", "os.scandir", "os.mkdir", "os.rename", "os.chmod", "os.remove", "os.rmdir"}
        sys.addaudithook(watch)
        import_keras(Path("model.keras"), small)
        sys.stdout.write(str(sorted(set(seen) - harmless)))
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout == "['gansmith.interop.keras_worker']", done.stderr
    assert not Path("was-run").exists()


@pytest.mark.slow
def test_every_hostile_file_is_refused_at_once_and_in_little_memory(small, tmp_path):
    """All in one process, which must not grow by more than 100 MB; each may compute for two seconds, in all."""
    folder = tmp_path / "hostile"
    folder.mkdir()
    for number, (write, _) in enumerate(CASES.values()):
        write(folder / f"{number:02}.h5")
    script = """
        import json, os, sys
        from pathlib import Path
        from gansmith.cli.main import main

        def peak():
            return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) >> 10

        main(["import-keras", "honest.h5", "--recipe", "small.toml"])
        before, found = peak(), []
        for path in sorted(Path("hostile").glob("*.h5")):
            start = sum(os.times()[:4])
            found.append((main(["import-keras", str(path), "--recipe", "small.toml"]), sum(os.times()[:4]) - start))
        sys.stderr.write(json.dumps({"found": found, "grown": peak() - before}))
    """
    weights_file("honest.h5")
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True)
    *messages, last = done.stderr.splitlines()
    facts = json.loads(last)
    assert [code for code, _ in facts["found"]] == [3] * len(CASES)
    assert max(seconds for _, seconds in facts["found"]) < 2
    assert facts["grown"] < 100
    for number, ((_, message), line) in enumerate(zip(CASES.values(), messages, strict=True)):
        assert line.startswith(f"error: hostile/{number:02}.h5")
        assert message in line
    assert [path.name for path in Path("runs").iterdir() if path.is_dir()] == ["00001-small"]
