import contextlib
import hashlib
import pickle
import struct
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gansmith.data.formats import cifar_pickle
from gansmith.data.formats.cifar import parse_binary_batch, parse_python_batch, read_cifar
from gansmith.data.formats.cifar_pickle import read_batch
from gansmith.errors import DataError
from tests.helpers import make_sets

FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (30, 3, 32, 32), np.uint8)


@pytest.fixture(scope="module")
def labels():
    return np.arange(30) % 10


@pytest.fixture(scope="module")
def batch(images, labels):
    return make_sets.cifar_python_batch(images[:3], labels[:3], b"training batch 1 of 5")


# --- as published


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("kind", ["python", "binary"])
def test_cifar_reads_back_bit_exact_in_every_published_layout(tmp_path, images, labels, kind, packed):
    files = {"python": make_sets.cifar_python_files, "binary": make_sets.cifar_binary_files}[kind](images, labels)
    path = tmp_path / "cifar-10.tar.gz" if packed else tmp_path / "folder"
    (make_sets.write_tar_gz if packed else make_sets.write_folder)(path, files)
    train, test = read_cifar(path, "train"), read_cifar(path, "test")
    assert np.array_equal(np.concatenate([train.images, test.images]), images)
    assert np.array_equal(np.concatenate([train.labels, test.labels]), labels)
    assert (train.images.dtype, train.labels.dtype, len(test.images)) == (np.uint8, np.uint8, 5)
    assert train.class_names == tuple(make_sets.CIFAR_NAMES)


def test_the_writer_of_python_2_pickles_writes_the_published_meta_file_byte_for_byte():
    published = "5ff9c542aee3614f3951f8cda6e48888"
    assert hashlib.md5(make_sets.cifar_python_meta(), usedforsecurity=False).hexdigest() == published


def test_python_s_own_pickle_reads_what_the_writer_writes(batch, images):
    told = pickle.loads(batch, encoding="bytes")
    assert np.array_equal(told[b"data"].reshape(-1, 3, 32, 32), images[:3])
    assert told[b"filenames"][2] == b"bird_s_000002.png"


@pytest.mark.parametrize("key", [str, str.encode])
def test_a_batch_pickled_today_reads_the_same(images, key):
    data = {key("data"): images.reshape(30, 3072), key("labels"): [*range(10)] * 3, key("batch_label"): b"\xff today"}
    found = parse_python_batch(pickle.dumps(data, protocol=2), "today")
    assert np.array_equal(found.images, images)
    assert found.labels.tolist() == [*range(10)] * 3


def test_a_full_batch_fits_the_limit_of_opcodes():
    value = {b"labels": [7] * 10_000, b"filenames": [b"%07d" % at for at in range(10_000)]}
    assert read_batch(make_sets.python2_pickle(value), "full")["filenames"][-1] == b"0009999"
    assert cifar_pickle.MAX_OPCODES > 4 * 30_000


# --- what no batch holds


def a_batch_with(code):
    """A batch whose dict is followed by `code`, as an attacker would have it."""
    return b"\x80\x02}q\x01" + code + b"."


FOREIGN = {
    "os.system": (b"cposix\nsystem\n(U\x09touch pwntR0", "GLOBAL with 'posix.system'"),
    "builtins.eval": (b"cbuiltins\neval\nX\x03\0\0\x001+1\x85R0", "GLOBAL with 'builtins.eval'"),
    "__builtin__.eval": (b"c__builtin__\neval\n", "GLOBAL with '__builtin__.eval'"),
    "numpy.load": (b"cnumpy\nload\n", "GLOBAL with 'numpy.load'"),
    "numpy.fromfile": (b"cnumpy\nfromfile\n", "GLOBAL with 'numpy.fromfile'"),
    "scalar": (b"cnumpy.core.multiarray\nscalar\n", "GLOBAL with 'numpy.core.multiarray.scalar'"),
    "numpy.testing": (b"cnumpy.testing._private.utils\nrunstring\n", "GLOBAL with 'numpy.testing._private.utils.runst"),
    "a symbol with more": (b"cnumpy\nndarray.__new__\n", "GLOBAL with 'numpy.ndarray.__new__'"),
    "codecs.decode": (b"c_codecs\ndecode\n", "GLOBAL with '_codecs.decode'"),
    "GLOBAL without an end": (b"cnumpy", "GLOBAL with 'numpy..'"),
    "GLOBAL of control characters": (b"c\x1b[31m\nx\n", r"GLOBAL with '\x1b[31m.x'"),
    "STACK_GLOBAL": (b"X\x05\0\0\0posixX\x06\0\0\0system\x93", "the opcode STACK_GLOBAL"),
    "INST": (b"(U\x04trueiposix\nsystem\n", "the opcode INST"),
    "OBJ": (b"(U\x04trueo", "the opcode OBJ"),
    "NEWOBJ": (b")\x81", "the opcode NEWOBJ"),
    "NEWOBJ_EX": (b")}\x92", "the opcode NEWOBJ_EX"),
    "EXT1": (b"\x82\x01", "the opcode EXT1"),
    "EXT2": (b"\x83\x01\0", "the opcode EXT2"),
    "EXT4": (b"\x84\x01\0\0\0", "the opcode EXT4"),
    "PERSID": (b"P1\n", "the opcode PERSID"),
    "BINPERSID": (b"K\x01Q", "the opcode BINPERSID"),
    "STRING": (b"S'x'\n", "the opcode STRING"),
    "INT": (b"I1\n", "the opcode INT"),
    "LONG1": (b"\x8a\xff", "the opcode LONG1"),
    "FRAME": (b"\x95" + bytes(8), "the opcode FRAME"),
    "an unknown opcode": (b"\xff", "the opcode 0xff"),
    "a second PROTO": (b"\x80\x02", "the opcode PROTO at byte 5"),
    "a call of ndarray": (b"cnumpy\nndarray\n(K\x01tR", "REDUCE of ndarray"),
    "a dtype of objects": (b"cnumpy\ndtype\nU\x02O8K\x00K\x01\x87R", "REDUCE of dtype"),
    "another codec": (b"c_codecs\nencode\nX\x01\0\0\0xX\x05\0\0\0rot13\x86R", "REDUCE of encode"),
    "text that is no bytes": (b"c_codecs\nencode\nX\x03\0\0\0\xe2\x82\xacX\x06\0\0\0latin1\x86R", "that are no bytes"),
    "a state for a dict": (b"}(t b"[:3] + b"b", "without what it needs"),
    "a dtype of another kind": (
        b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|U\x01xNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb",
        "BUILD with the state of another type",
    ),
    "an array larger than its bytes": (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01J\xff\xff\xff\x7f\x85"
        b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R\x89U\x04abcdtb",
        "BUILD with a state that is no array",
    ),
    "an empty array of endless sides": (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01("
        + b"J\xff\xff\xff\x7f" * 3
        + b"K\x00tcnumpy\ndtype\nU\x02u1K\x00K\x01\x87R\x89U\x00tb",
        "BUILD with a state that is no array",
    ),
    "a string longer than the file": (b"T\xff\xff\xff\x7f", "2,147,483,647 announced bytes of which 1 are there"),
    "a string of negative length": (b"T\xff\xff\xff\xff", "-1 announced bytes"),
    "text longer than the file": (b"X\xff\xff\xff\xffa", "4,294,967,295 announced bytes of which 2 are there"),
    "text that is not UTF-8": (b"X\x01\0\0\0\xff", "text that is not UTF-8"),
    "an empty memo": (b"h\x07", "memo 7, which is empty"),
    "a memo of a mark": (b"(q\x02", "without what it needs on the stack at byte 6"),
    "a list to be made an array": (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x01\x85U\x01b\x87R",
        "REDUCE of _reconstruct",
    ),
    "an end without a beginning": (b"t", "without its mark"),
    "a list that is none": (b"K\x01K\x02a", "without what it needs"),
    "a key that is a list": (b"]K\x01s", "whose keys are no names"),
    "a key without a value": (b"(U\x01au", "whose keys are no names"),
    "something left over": (b"}", "an end before its end"),
    "a result that is no dict": (b"K\x01", "without what it needs"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_batch_with_anything_foreign_is_refused_by_name_and_place(name):
    code, message = FOREIGN[name]
    with pytest.raises(DataError) as caught:
        read_batch(a_batch_with(code), "some/data_batch_1")
    assert message in str(caught.value)
    assert "some/data_batch_1 holds" in str(caught.value)
    assert "at byte " in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("protocol", [0, 1, 3, 4, 5])
def test_a_batch_of_another_protocol_is_refused(protocol):
    with pytest.raises(DataError, match="no pickle of protocol 2"):
        read_batch(pickle.dumps({"labels": [1, 2]}, protocol=protocol), "other")


def test_a_file_that_asks_for_the_same_bytes_again_and_again_is_refused():
    text = b"X" + struct.pack("<I", 1 << 20) + b"a" * (1 << 20) + b"q\x02"
    again = b"c_codecs\nencode\nq\x03" + b"X\x06\0\0\0latin1q\x04" + b"h\x03h\x02h\x04\x86R" * 50_000
    with pytest.raises(DataError, match="again and again"):
        read_batch(a_batch_with(text + again), "bomb")


def test_a_file_of_endless_opcodes_is_refused():
    with pytest.raises(DataError, match="more than 150,000 opcodes"):
        read_batch(a_batch_with(b"]" * 1_000_000), "long")


def test_a_list_in_itself_is_no_trouble():
    with pytest.raises(DataError, match="NoneType as its data"):
        parse_python_batch(a_batch_with(b"U\x06labels]q\x02h\x02as"), "circle")


def test_refusing_a_foreign_batch_runs_nothing(tmp_path):
    for number, (code, _) in enumerate(FOREIGN.values()):
        (tmp_path / f"{number:03}").write_bytes(a_batch_with(code))
    (tmp_path / "050").write_bytes(a_batch_with(FOREIGN["os.system"][0]))
    script = """
        import sys
        from pathlib import Path
        from gansmith.data.formats.cifar_pickle import read_batch
        from gansmith.errors import DataError

        files = {path.name: path.read_bytes() for path in sorted(Path(sys.argv[1]).iterdir())}
        loads = sys.argv[2] == "pickle"
        if loads:
            import pickle
        seen = set()
        harmless = {"builtins.id", "object.__getattr__", "object.__setattr__", "sys._getframe"}
        sys.addaudithook(lambda event, arguments: seen.add(event))
        refused = 0
        for name, content in files.items():
            if loads:
                try:
                    pickle.loads(content)
                except Exception:
                    pass
                continue
            try:
                read_batch(content, name)
            except DataError:
                refused += 1
        events = sorted(seen - harmless)
        sys.stdout.write(f"{refused} of {len(files)} refused; {events}")
    """

    def run(reader):
        command = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path), reader]
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout

    num_files = len(list(tmp_path.iterdir()))
    assert run("ours") == f"{num_files} of {num_files} refused; []"
    assert not (tmp_path / "pwn").exists()
    assert "pickle.find_class" in run("pickle"), "the hook sees what Python's own pickle does"


# --- damage


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({b"labels": [1]}, "holds NoneType as its data"),
        ({b"data": b"abc", b"labels": [1]}, "holds bytes as its data"),
        ({b"data": np.zeros((2, 5), np.uint8), b"labels": [1, 2]}, r"an array of shape \(2, 5\)"),
        ({b"data": np.zeros((0, 3072), np.uint8), b"labels": []}, r"an array of shape \(0, 3072\)"),
        ({b"data": np.zeros((2, 3072), np.uint8), b"labels": [1]}, "holds 2 images but not as many"),
        ({b"data": np.zeros((1, 3072), np.uint8), b"labels": [b"cat"]}, "not as many whole numbers"),
        ({b"data": np.zeros((1, 3072), np.uint8), b"labels": [10]}, "holds labels 10 to 10; there are 10 classes"),
        ({b"data": np.zeros((1, 3072), np.uint8), b"labels": [-1]}, "holds labels -1 to -1"),
    ],
)
def test_a_python_batch_that_is_none_of_cifar_s_says_why(value, message):
    with pytest.raises(DataError, match=message):
        parse_python_batch(make_sets.python2_pickle(value), "batch")


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "is 0 bytes"), (bytes(3072), "is 3,072 bytes, no multiple"), (b"\x0a" + bytes(3072), "labels 10 to 10")],
)
def test_a_binary_batch_of_another_length_or_label_says_so(content, message):
    with pytest.raises(DataError, match=message):
        parse_binary_batch(content, "batch")


def test_missing_and_doubled_batches_are_named(tmp_path, images, labels):
    files = make_sets.cifar_binary_files(images, labels)
    make_sets.write_folder(tmp_path, files)
    (tmp_path / "cifar-10-batches-bin/data_batch_3.bin").unlink()
    with pytest.raises(DataError, match=r"has no data_batch_3\.bin; give the folder"):
        read_cifar(tmp_path, "train")
    make_sets.write_folder(tmp_path / "again", files)
    with pytest.raises(DataError, match=r"holds again/.*batch.* and cifar-10-batches-bin/.*; give the folder of one"):
        read_cifar(tmp_path, "train")
    with pytest.raises(DataError, match="cannot be read"):
        read_cifar(tmp_path / "nothing", "train")


def test_class_names_come_from_the_folder_and_must_be_names(tmp_path, images, labels):
    make_sets.write_folder(tmp_path, make_sets.cifar_python_files(images, labels))
    meta = tmp_path / "cifar-10-batches-py/batches.meta"
    meta.write_bytes(make_sets.python2_pickle({b"label_names": [b"one", b"two"]}))
    with pytest.raises(DataError, match="there are 2 classes"):
        read_cifar(tmp_path, "train")
    meta.write_bytes(make_sets.python2_pickle({b"label_names": [1, 2]}))
    with pytest.raises(DataError, match="no list of 1 to 256 class names"):
        read_cifar(tmp_path, "train")
    meta.unlink()
    assert read_cifar(tmp_path, "test").class_names[0] == "airplane"


# --- fuzzing


@FUZZ
@given(content=st.binary(max_size=200))
def test_any_bytes_are_a_batch_or_a_data_error(content):
    for start in (b"", b"\x80\x02}q\x01("):
        with contextlib.suppress(DataError):
            parse_python_batch(start + content, "fuzz")
    with contextlib.suppress(DataError):
        parse_binary_batch(content, "fuzz")


@FUZZ
@given(codes=st.lists(st.sampled_from(sorted(cifar_pickle._ACTIONS) + list(cifar_pickle._SYMBOLS)), max_size=40))
def test_any_order_of_known_opcodes_is_a_batch_or_a_data_error(codes):
    code = b"".join(code + b"\n" if len(code) > 1 else code + b"\1" * (code in b"KUqh") for code in codes)
    with contextlib.suppress(DataError):
        parse_python_batch(a_batch_with(code), "fuzz")


@FUZZ
@given(where=st.floats(0, 1, exclude_max=True), what=st.binary(max_size=4), cut=st.integers(0, 4))
def test_a_mutated_batch_is_a_batch_or_a_data_error(batch, where, what, cut):
    short = batch[:200] + batch[-250:] if where < 0.5 else batch
    at = int(where * len(short))
    with contextlib.suppress(DataError):
        assert parse_python_batch(short[:at] + what + short[at + cut :], "fuzz").images.shape[1:] == (3, 32, 32)
