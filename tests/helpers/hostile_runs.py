"""Run folders that somebody else made, each to do harm; run as a script, what came of them on standard output as JSON.

    python hostile_runs.py FOLDER

FOLDER/base holds a good run, FOLDER/outside what is none of a run's business. Everything is imported and every verb
has been called once before an audit hook begins to listen; then each case is shown, verified, sampled and continued.
"""

import io
import json
import os
import pickle
import resource
import shutil
import struct
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import torch
from safetensors.torch import load, save

import gansmith
from gansmith.checkpoints.manifest import fingerprint, manifest_text
from gansmith.cli.main import main
from gansmith.sessions import session
from gansmith.system.processes import worker_command
from gansmith.training import live_page
from tests.helpers.small_states import tree

NEWEST = "checkpoints/00000003"
DEEP = "[" * 100_000
PLACES = (sys.prefix, sys.base_prefix, Path(gansmith.__file__).parent, torch.__path__[0])
OWN = tuple(str(Path(place).resolve()) for place in PLACES)
SYSTEM = ("/proc/", "/sys/", "/dev/null", "/dev/urandom", "/usr/share/zoneinfo", "/etc/localtime")


class Payload:
    """What a pickle runs when it is loaded."""

    def __init__(self, mark):
        self.mark = str(mark)

    def __reduce__(self):
        return os.system, (f"touch {self.mark}",)


def forged(run, name, content):
    """Put the content into a file of the newest checkpoint, and let the manifest vouch for it."""
    folder = run / NEWEST
    (folder / name).write_bytes(content)
    manifest = json.loads((folder / "manifest.json").read_text()) | {name: fingerprint(content)}
    (folder / "manifest.json").write_text(manifest_text(manifest))


def tensors(run, part="G"):
    return load((run / NEWEST / f"{part}.safetensors").read_bytes())


def headed(text, body=b"", length=None):
    """A file of safetensors with this header."""
    text = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(text) if length is None else length) + text + body


def one_tensor(**changes):
    entry = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}
    return headed(json.dumps({"weight": entry}), bytes(8))


def weights(**changes):
    """A case: G's file holds its tensors with these changes, under a manifest that vouches for it."""

    def make(run, outside):
        held = tensors(run)
        name = next(iter(held))
        for what, change in changes.items():
            if what == "drop":
                held.pop(name)
            elif what == "add":
                held[change] = torch.zeros(3)
            else:
                held[name] = change(held[name])
        forged(run, "G_ema.safetensors", save(held))
        forged(run, "G.safetensors", save(held))

    return make


def poisoned(value, part):
    def make(run, outside):
        held = tensors(run, part)
        next(iter(held.values())).view(-1)[0] = value
        forged(run, f"{part}.safetensors", save(held))

    return make


def in_g(content):
    """A case: G and its average are this file, and the manifest vouches for it."""

    def make(run, outside):
        data = content(run, outside) if callable(content) else content
        for part in ("G", "G_ema"):
            forged(run, f"{part}.safetensors", data)

    return make


def unvouched(content):
    def make(run, outside):
        (run / NEWEST / "G_ema.safetensors").write_bytes(content(run, outside))

    return make


def a_pickle(run, outside):
    return pickle.dumps(Payload(outside / "PWNED"))


def a_torch_file(run, outside):
    held = io.BytesIO()
    torch.save({"weight": Payload(outside / "PWNED")}, held)
    return held.getvalue()


def text_in(name, text):
    """A case: this file of the run holds this text."""

    def make(run, outside):
        content = text(run, outside) if callable(text) else text
        (run / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    return make


def state_with(**changes):
    def make(run, outside):
        state = json.loads((run / NEWEST / "state.json").read_text()) | changes
        forged(run, "state.json", json.dumps(state).encode())

    return make


def manifest_with(entries):
    def make(run, outside):
        manifest = json.loads((run / NEWEST / "manifest.json").read_text())
        more = entries(run, outside) if callable(entries) else entries
        (run / NEWEST / "manifest.json").write_text(manifest_text(manifest | more))

    return make


def link(name):
    """A case: this file or folder of the run is a link to one outside, with the same content where there is one."""

    def make(run, outside):
        place, target = run / name, outside / "secret"
        if place.is_dir():
            target = outside / "folder"
            shutil.copytree(place, target)
            shutil.rmtree(place)
        elif place.exists():
            shutil.copy(place, target)
            place.unlink()
        place.symlink_to(target)

    return make


def pipe(name):
    def make(run, outside):
        (run / name).unlink(missing_ok=True)
        os.mkfifo(run / name)

    return make


def folder(name):
    def make(run, outside):
        (run / name).unlink(missing_ok=True)
        (run / name).mkdir()

    return make


def sparse(name, size):
    def make(run, outside):
        with (run / name).open("wb") as file:
            file.truncate(size)

    return make


def recipe_with(old, new):
    def make(run, outside):
        text = (run / "recipe.toml").read_text()
        assert old in text, old
        (run / "recipe.toml").write_text(text.replace(old, new(outside) if callable(new) else new))

    return make


def info_with(**changes):
    def make(run, outside):
        info = json.loads((run / "run.json").read_text()) | changes
        (run / "run.json").write_text(json.dumps(info))

    return make


def planted(*names):
    def make(run, outside):
        for name in names:
            (run / name).write_text(f"open({str(outside / 'PWNED')!r}, 'w')")
        info_with(_target_="evil.run", callbacks=["evil:run"], loader={"_target_": "os.system", "args": ["true"]})(
            run, outside
        )

    return make


def named(name):
    def make(run, outside):
        shutil.copytree(run / NEWEST, run / "checkpoints" / name)

    return make


MANIFEST, STATE = f"{NEWEST}/manifest.json", f"{NEWEST}/state.json"
TARGET = {"_target_": "os.system", "command": "true"}

CASES = {
    "weights: a pickle": unvouched(a_pickle),
    "weights: a pickle, vouched for": in_g(a_pickle),
    "weights: a file of torch.save, vouched for": in_g(a_torch_file),
    "weights: nothing": in_g(b""),
    "weights: a header of 1e12 bytes": in_g(headed("{}", length=10**12)),
    "weights: a header of 2**63 bytes": in_g(headed("{}", length=2**63)),
    "weights: a header of no bytes": in_g(headed("")),
    "weights: a header that is no JSON": in_g(headed("import os; os.system('true')")),
    "weights: a header nested 100,000 deep": in_g(headed(DEEP)),
    "weights: a header that is a list": in_g(headed("[1, 2]")),
    "weights: a header with NaN": in_g(headed('{"weight": {"dtype": "F32", "shape": [NaN], "data_offsets": [0, 8]}}')),
    "weights: a header with _target_": in_g(headed(json.dumps({"__metadata__": {"_target_": "os.system"}}))),
    "weights: a header that is not UTF-8": in_g(headed(b'{"\xff\xfe": 1}')),
    "weights: a negative shape": in_g(one_tensor(shape=[-2])),
    "weights: a shape of 1e15": in_g(one_tensor(shape=[10**15])),
    "weights: a shape of 1e400": in_g(headed('{"weight": {"dtype": "F32", "shape": [1e400], "data_offsets": [0, 8]}}')),
    "weights: a shape whose size overflows": in_g(one_tensor(shape=[2**33, 2**33])),
    "weights: a shape of fractions": in_g(one_tensor(shape=[0.5, 4.0])),
    "weights: offsets beyond the file": in_g(one_tensor(data_offsets=[0, 10**9])),
    "weights: offsets backwards": in_g(one_tensor(data_offsets=[8, 0])),
    "weights: a type that does not exist": in_g(one_tensor(dtype="PICKLE")),
    "weights: names that are paths": weights(add="../../outside/secret"),
    "weights: a tensor of another type": weights(change=lambda t: t.double()),
    "weights: a tensor of whole numbers": weights(change=lambda t: torch.zeros(t.shape, dtype=torch.int32)),
    "weights: a tensor of another shape": weights(change=lambda t: t.reshape(1, -1)),
    "weights: a tensor too few": weights(drop=True),
    "weights: NaN": poisoned(float("nan"), "G_ema"),
    "weights: infinity in the optimiser": poisoned(float("inf"), "optimizer_d"),
    "weights: NaN in the discriminator": poisoned(float("nan"), "D"),
    "weights: a link": link(f"{NEWEST}/G_ema.safetensors"),
    "weights: a link to a device": lambda run, outside: (
        (run / NEWEST / "G_ema.safetensors").unlink(),
        (run / NEWEST / "G_ema.safetensors").symlink_to("/dev/zero"),
    ),
    "weights: a pipe": pipe(f"{NEWEST}/G_ema.safetensors"),
    "weights: 1e12 bytes of nothing": sparse(f"{NEWEST}/G_ema.safetensors", 10**12),
    "manifest: no JSON": text_in(MANIFEST, "import os"),
    "manifest: a pickle": text_in(MANIFEST, a_pickle),
    "manifest: a list": text_in(MANIFEST, "[]"),
    "manifest: nested 100,000 deep": text_in(MANIFEST, DEEP),
    "manifest: not UTF-8": text_in(MANIFEST, b"\xff\xfe{}"),
    "manifest: a path upwards": manifest_with(
        lambda run, outside: {f"../../../outside/{outside.name}/secret": fingerprint((outside / "secret").read_bytes())}
    ),
    "manifest: a path from the root": manifest_with({"/etc/passwd": fingerprint(b"")}),
    "manifest: a size of 5,000 digits": text_in(MANIFEST, '{"state.json": {"bytes": %s}}' % ("9" * 5000)),
    "manifest: a negative size": manifest_with({"D.safetensors": {"bytes": -1, "sha256": "0" * 64}}),
    "manifest: a size of 1e12": manifest_with({"D.safetensors": {"bytes": 10**12, "sha256": "0" * 64}}),
    "manifest: a size that is NaN": text_in(MANIFEST, '{"state.json": {"bytes": NaN, "sha256": "00"}}'),
    "manifest: _target_": manifest_with({"_target_": TARGET}),
    "manifest: 100,000 files": manifest_with({f"{i}.json": fingerprint(b"") for i in range(100_000)}),
    "manifest: a link": link(MANIFEST),
    "manifest: a pipe": pipe(MANIFEST),
    "manifest: a folder": folder(MANIFEST),
    "manifest: 1e12 bytes of nothing": sparse(MANIFEST, 10**12),
    "manifest: missing, for all": lambda run, outside: [file.unlink() for file in run.glob("*/*/manifest.json")],
    "state: a clock below zero": state_with(seen=-4),
    "state: a clock of 1e400": text_in(STATE, '{"format": 1, "step": 3, "seen": 1e400}'),
    "state: a clock beyond all numbers": state_with(seen=10**40),
    "state: a clock that is a truth": state_with(seen=True),
    "state: a clock that is a command": state_with(seen="__import__('os').system('true')"),
    "state: another step": state_with(step=2),
    "state: a format of the future": state_with(format=99),
    "state: _target_": state_with(**TARGET),
    "state: nested 100,000 deep": lambda run, outside: forged(run, "state.json", DEEP.encode()),
    "state: a link": link(STATE),
    "marker: a pipe": pipe(f"{NEWEST}/COMMITTED"),
    "marker: a link": lambda run, outside: (run / NEWEST / "COMMITTED").symlink_to(outside / "secret"),
    "checkpoint: a link": link(NEWEST),
    "checkpoint: under another number": named("00000009"),
    "checkpoint: under a number of 30 digits": named("9" * 30),
    "checkpoint: under digits of another script": named("٠٠٠٠٠٠٠٩"),
    "checkpoint: under a name with an escape": named("\x1b[31m00000009"),
    "checkpoints: a link": link("checkpoints"),
    "latest: a path upwards": text_in("checkpoints/latest", "../../../outside/secret"),
    "latest: a link": link("checkpoints/latest"),
    "samples: a link": link("samples"),
    "control: a link": link("control"),
    "log: a link": lambda run, outside: (run / "log.txt").symlink_to(outside / "secret"),
    "log: a pipe": pipe("log.txt"),
    "lock: a link": lambda run, outside: (run / ".lock").symlink_to(outside / "secret"),
    "lock: a pipe": pipe(".lock"),
    "leftover: a link": lambda run, outside: (run / ".unfinished-00-x").symlink_to(outside),
    "events: nested 100,000 deep": text_in("events.jsonl", DEEP),
    "events: not UTF-8": text_in("events.jsonl", b"\xff\xfe\n"),
    "events: other things": text_in("events.jsonl", '{"step": "x", "seen": [1]}\n[]\n'),
    "events: a link": lambda run, outside: (
        (run / "events.jsonl").unlink(missing_ok=True),
        (run / "events.jsonl").symlink_to(outside / "secret"),
    ),
    "events: a pipe": pipe("events.jsonl"),
    "run: nested 100,000 deep": text_in("run.json", DEEP),
    "run: a list": text_in("run.json", "[]"),
    "run: not UTF-8": text_in("run.json", b"\xff{}"),
    "run: a link": link("run.json"),
    "run: code lying beside it": planted("evil.py", "sitecustomize.py", "torch.py", "usercustomize.py", "conftest.py"),
    "run: other types": info_with(status={"_target_": "x"}, started=[1], step="9", notes="no", data=[1], machine=7),
    "run: roll-backs that are none": info_with(roll_backs=[{"to_seen": "x"}, 7]),
    "run: a recipe that is none": info_with(recipe={"_target_": "os.system"}),
    "run: a recipe of another size": info_with(recipe={"name": "x" * 10**6}),
    "recipe: _target_": recipe_with('name = "plain"', 'name = "plain"\n_target_ = "os.system"'),
    "recipe: a model that is a module": recipe_with('name = "upsample-dcgan"', 'name = "os"'),
    "recipe: a model that is a path": recipe_with('name = "upsample-dcgan"', 'name = "../../../outside/secret"'),
    "recipe: networks of 1e9 channels": recipe_with("width = 4\n", "width = 1000000000\n"),
    "recipe: networks of 1e30 channels": recipe_with("width = 4\n", f"width = {10**30}\n"),
    "recipe: 1e12 latents": recipe_with("size = 8\n", "size = 1000000000000\n"),
    "recipe: a number of 5,000 digits": recipe_with("batch_size = 4\n", f"batch_size = {'4' * 5000}\n"),
    "recipe: a number that is none": recipe_with("ema_half_life = 20.0", "ema_half_life = nan"),
    "recipe: nested 10,000 deep": text_in("recipe.toml", f"a = {'[' * 10_000}"),
    "recipe: not UTF-8": text_in("recipe.toml", b"\xff\xfe"),
    "recipe: a link": link("recipe.toml"),
    "recipe: a pipe": pipe("recipe.toml"),
}

VERBS = {
    "show": lambda run: ["runs", "show", str(run)],
    "list": lambda run: ["runs", "list", "--runs", str(run.parent)],
    "verify": lambda run: ["runs", "verify", str(run)],
    "sample": lambda run: ["sample", str(run), "-n", "1", "--out", str(run.parent / "x.npy")],
    "resume": lambda run: ["resume", str(run)],
}
FORBIDDEN = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "pickle.find_class")
TRIAL = worker_command("gansmith.planning.trial_process")
"""Our own process, in which a batch that fits is looked for when memory ran out."""
CODE = ("exec", "compile", "marshal.loads", "import", "ctypes.dlopen")
CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "shutil.rmtree")


class Listener:
    """What the audit hook hears of code that is run, processes, and files outside of a case's folder."""

    def __init__(self):
        self.heard, self.inside, self.usual, self.learning = [], None, set(), False
        sys.addaudithook(self.hear)

    def hear(self, event, arguments):
        if self.inside is None:
            return
        if event == "subprocess.Popen" and list(arguments[1])[: len(TRIAL)] == TRIAL:
            return
        if event in FORBIDDEN:
            self.heard.append([event, repr(arguments)[:200]])
        elif event in CODE:
            self._code(event, arguments)
        elif event == "open" and isinstance(arguments[0], str | bytes):
            self._file(event, arguments[0], follows=not arguments[2] & os.O_NOFOLLOW)
        elif event in CHANGES:
            for path in arguments[:2]:
                if isinstance(path, str | bytes | os.PathLike) and Path(os.fsdecode(path)).is_absolute():
                    self._file(event, path, follows=False)

    def _code(self, event, arguments):
        if event == "exec":
            what = (event, arguments[0].co_filename, arguments[0].co_name)
        elif event == "compile":
            what = (event, os.fsdecode(arguments[1]) if arguments[1] else "", "")
        elif event == "marshal.loads":
            return  # the byte code of a module: its file was opened and its code is run
        else:
            what = (event, str(arguments[0]), "")
        own = event == "import" or what[1].startswith((*OWN, "<frozen")) or os.path.realpath(what[1]).startswith(OWN)
        if self.learning:
            self.usual.add(what)
        elif not own and what not in self.usual:
            self.heard.append(list(what))

    def _file(self, event, path, follows):
        path = Path(os.fsdecode(path)).absolute()
        real = str(path.resolve() if follows else path.parent.resolve() / path.name)
        if self.learning:
            self.usual.add(real)
        elif not real.startswith((str(self.inside), *OWN, *SYSTEM)) and real not in self.usual:
            self.heard.append([event, real])


def called(arguments):
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(arguments)
    return {"code": code, "out": out.getvalue()[-2000:], "err": err.getvalue()[-2000:]}


def tried(listener, place: Path, base: Path, outside: Path, make):
    run = place / "00001-small"
    shutil.copytree(base, run, symlinks=True)
    mine = outside / place.name
    mine.mkdir()
    (mine / "secret").write_text("none of a run's business\n")
    make(run, mine)
    before = tree_of(mine)
    result = {}
    for verb, arguments in VERBS.items():
        listener.heard, listener.inside = [], place.resolve()
        result[verb] = called(arguments(run))
        listener.inside = None
        result[verb] |= {"heard": listener.heard, "outside": tree_of(mine) == before}
    return result


def tree_of(folder_):
    return {name: None if content is None else content.hex() for name, content in tree(folder_).items()}


def run_all(root: Path):
    session.write_report = live_page.write_report = lambda run: None
    listener = Listener()
    listener.learning = True
    base, outside = root / "base/00001-small", root / "outside"
    outside.mkdir()
    for name, make in {"good": lambda run, outside: None, "damaged": folder(f"{NEWEST}/x")}.items():
        tried(listener, root / "cases" / name, base, outside, make)
    listener.learning = False
    for number, (name, make) in enumerate(CASES.items()):
        yield name, tried(listener, root / "cases" / str(number), base, outside, make)


if __name__ == "__main__":
    torch.set_num_threads(1)
    resource.setrlimit(resource.RLIMIT_AS, (16 * 2**30, 16 * 2**30))
    print(json.dumps(dict(run_all(Path(sys.argv[1]).resolve()))))
