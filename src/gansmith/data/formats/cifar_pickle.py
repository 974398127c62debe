"""CIFAR's python batches without unpickling: a stack machine that knows the few opcodes such a file holds.

Pickle runs what it is told to. This machine can make bytes, text, whole numbers, lists, tuples, dicts and arrays of
bytes, and nothing else; three names stand for NumPy's constructors and one for Python's `codecs.encode` but are only
ever compared, never imported. The opcodes are those of protocol 2, see PEP 307 and CPython's Lib/pickletools.py.
"""

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gansmith.data.formats.idx import MAX_BYTES
from gansmith.errors import DataError

MAX_OPCODES = 150_000
"""Most opcodes run, which bounds the stack, the memo and every list, too; a published batch has about 30,000."""

_ARRAY, _DTYPE, _MAKE_ARRAY, _ENCODE = "ndarray", "dtype", "_reconstruct", "encode"
_SYMBOLS = {
    b"numpy.core.multiarray\n_reconstruct": _MAKE_ARRAY,
    b"numpy._core.multiarray\n_reconstruct": _MAKE_ARRAY,  # NumPy 2
    b"numpy\nndarray": _ARRAY,
    b"numpy\ndtype": _DTYPE,
    b"_codecs\nencode": _ENCODE,  # Python 3 writes bytes in protocol 2 as text to be encoded
}

_MAX_NAME = 100

_FOREIGN = {
    b"i": "INST", b"o": "OBJ", b"P": "PERSID", b"Q": "BINPERSID", b"0": "POP", b"2": "DUP", b"I": "INT", b"L": "LONG",
    b"S": "STRING", b"V": "UNICODE", b"F": "FLOAT", b"G": "BINFLOAT", b"d": "DICT", b"l": "LIST", b"p": "PUT",
    b"g": "GET", b"\x80": "PROTO", b"\x81": "NEWOBJ", b"\x82": "EXT1", b"\x83": "EXT2", b"\x84": "EXT4",
    b"\x8a": "LONG1", b"\x8c": "SHORT_BINUNICODE", b"\x8e": "BINBYTES8", b"\x92": "NEWOBJ_EX", b"\x93": "STACK_GLOBAL",
    b"\x94": "MEMOIZE", b"\x95": "FRAME", b"\x96": "BYTEARRAY8", b"\x97": "NEXT_BUFFER",
}  # fmt: skip
"""Names for messages."""


class _Mark:
    """Marks where a list, a tuple or the new items of a dict begin on the stack."""


@dataclass(frozen=True, slots=True)
class _Symbol:
    """A global name that the file may use; it stands for itself."""

    name: str


@dataclass(slots=True, eq=False)
class _Dtype:
    """NumPy's dtype for bytes, the only one that is known here."""


@dataclass(slots=True, eq=False)
class _Array:
    """An array between its making and the BUILD that fills it."""

    pixels: np.ndarray | None = None


@dataclass(slots=True)
class _Machine:
    data: bytes
    name: str
    at: int = 0
    opcode_at: int = 0
    encoded: int = 0
    """Bytes made of text so far: a file can ask for the same ones again and again."""
    stack: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def refuse(self, what: str) -> DataError:
        return DataError(
            f"{self.name} holds {what} at byte {self.opcode_at:,}, which no CIFAR batch does; nothing of it was run. "
            "Fetch it again from where it was published."
        )

    def take(self, num_bytes: int) -> bytes:
        if num_bytes < 0 or num_bytes > len(self.data) - self.at:
            raise self.refuse(f"{num_bytes:,} announced bytes of which {len(self.data) - self.at:,} are there")
        self.at += num_bytes
        return self.data[self.at - num_bytes : self.at]

    def number(self, form: str) -> int:
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def pop(self, wanted: type | tuple[type, ...] = object) -> Any:
        if not self.stack or isinstance(self.stack[-1], _Mark) or not isinstance(self.stack[-1], wanted):
            raise self.refuse("an opcode without what it needs on the stack")
        return self.stack.pop()

    def pop_items(self) -> list[Any]:
        """Take everything above the last mark off the stack, and the mark."""
        for at in range(len(self.stack) - 1, -1, -1):
            if isinstance(self.stack[at], _Mark):
                items = self.stack[at + 1 :]
                del self.stack[at:]
                return items
        raise self.refuse("an opcode without its mark on the stack")


def read_batch(data: bytes, name: str) -> dict[str, Any]:
    """The dict in a CIFAR python batch, its keys as text.

    Values are whole numbers, bytes or text, lists and tuples of these, and uint8 arrays. `name` is for messages.
    Raises DataError, naming the opcode and its offset, for everything that a published batch does not hold.
    """
    machine = _Machine(data, name)
    if machine.take(2) != b"\x80\x02":
        raise machine.refuse(f"no pickle of protocol 2 (its first bytes are {data[:2].hex()})")
    for _ in range(MAX_OPCODES):
        machine.opcode_at = machine.at
        opcode = machine.take(1)
        if opcode == b".":
            return _result(machine)
        action = _ACTIONS.get(opcode)
        if action is None:
            raise machine.refuse(f"the opcode {_FOREIGN.get(opcode, '0x' + opcode.hex())}")
        action(machine)
    raise machine.refuse(f"more than {MAX_OPCODES:,} opcodes")


def _result(machine: _Machine) -> dict[str, Any]:
    batch = machine.pop(dict)
    if machine.stack or machine.at != len(machine.data):
        raise machine.refuse("an end before its end")
    return {_text(key): value.pixels if isinstance(value, _Array) else value for key, value in batch.items()}


def _text(value: Any) -> Any:
    """A name as text: Python 2 wrote bytes where Python 3 writes text."""
    return value.decode("latin-1") if isinstance(value, bytes) and len(value) <= _MAX_NAME else value


# --- values


def _unicode(machine: _Machine) -> None:
    try:
        machine.stack.append(machine.take(machine.number("<I")).decode("utf-8"))
    except UnicodeDecodeError as error:
        raise machine.refuse("text that is not UTF-8") from error


def _tuple(machine: _Machine, size: int) -> None:
    machine.stack.append(tuple([machine.pop() for _ in range(size)][::-1]))


def _append(machine: _Machine, items: list[Any]) -> None:
    target = machine.pop(list)
    target.extend(items)
    machine.stack.append(target)


def _set_items(machine: _Machine, items: list[Any]) -> None:
    target = machine.pop(dict)
    if len(items) % 2 or not all(isinstance(key, bytes | str) for key in items[::2]):
        raise machine.refuse("a dict whose keys are no names")
    target.update(zip(items[::2], items[1::2], strict=True))
    machine.stack.append(target)


def _put(machine: _Machine, key: int) -> None:
    value = machine.pop()
    machine.stack.append(value)
    machine.memo[key] = value


def _get(machine: _Machine, key: int) -> None:
    if key not in machine.memo:
        raise machine.refuse(f"a look-up of memo {key}, which is empty,")
    machine.stack.append(machine.memo[key])


# --- arrays


def _global(machine: _Machine) -> None:
    head = machine.data[machine.at : machine.at + _MAX_NAME]
    module, _, rest = head.partition(b"\n")
    name, end, _ = rest.partition(b"\n")
    symbol = _SYMBOLS.get(module + b"\n" + name) if end else None
    if symbol is None:
        shown = ascii((module + b"." + name).decode("latin-1"))
        raise machine.refuse(f"the opcode GLOBAL with {shown}")
    machine.at += len(module) + len(name) + 2
    machine.stack.append(_Symbol(symbol))


def _reduce(machine: _Machine) -> None:
    arguments, symbol = machine.pop(tuple), machine.pop(_Symbol)
    plain = tuple(_text(argument) for argument in arguments)
    if symbol.name == _DTYPE and plain == ("u1", 0, 1):
        machine.stack.append(_Dtype())
    elif symbol.name == _MAKE_ARRAY and plain == (_Symbol(_ARRAY), (0,), "b"):
        machine.stack.append(_Array())
    elif symbol.name == _ENCODE and len(plain) == 2 and isinstance(arguments[0], str) and plain[1] == "latin1":
        machine.stack.append(_encoded(machine, arguments[0]))
    else:
        raise machine.refuse(f"the opcode REDUCE of {symbol.name} with other arguments than an array of bytes has")


def _encoded(machine: _Machine, text: str) -> bytes:
    machine.encoded += len(text)
    if machine.encoded > len(machine.data):
        raise machine.refuse("the same text to be encoded again and again")
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError as error:
        raise machine.refuse("bytes written as text that are no bytes") from error


def _build(machine: _Machine) -> None:
    state, target = machine.pop(tuple), machine.pop((_Dtype, _Array))
    machine.stack.append(target)
    if isinstance(target, _Dtype):
        if tuple(map(_text, state)) != (3, "|", None, None, None, -1, -1, 0):
            raise machine.refuse("the opcode BUILD with the state of another type than bytes")
        return
    match state:
        case (1, tuple(shape), _Dtype(), fortran, bytes(pixels)) if not fortran and target.pixels is None:
            sides = [side for side in shape if type(side) is int and side >= 0]
            most = math.prod(max(1, side) for side in sides)  # NumPy counts so, too
            if len(sides) == len(shape) <= 8 and math.prod(sides) == len(pixels) and most <= MAX_BYTES:
                target.pixels = np.frombuffer(pixels, np.uint8).reshape(sides)
                return
    raise machine.refuse("the opcode BUILD with a state that is no array of bytes")


_ACTIONS: dict[bytes, Callable[[_Machine], None]] = {
    b"(": lambda m: m.stack.append(_Mark()),
    b"N": lambda m: m.stack.append(None),
    b"\x88": lambda m: m.stack.append(True),
    b"\x89": lambda m: m.stack.append(False),
    b"J": lambda m: m.stack.append(m.number("<i")),
    b"K": lambda m: m.stack.append(m.number("<B")),
    b"M": lambda m: m.stack.append(m.number("<H")),
    b"U": lambda m: m.stack.append(m.take(m.number("<B"))),
    b"T": lambda m: m.stack.append(m.take(m.number("<i"))),
    b"X": _unicode,
    b"]": lambda m: m.stack.append([]),
    b"}": lambda m: m.stack.append({}),
    b")": lambda m: m.stack.append(()),
    b"\x85": lambda m: _tuple(m, 1),
    b"\x86": lambda m: _tuple(m, 2),
    b"\x87": lambda m: _tuple(m, 3),
    b"t": lambda m: m.stack.append(tuple(m.pop_items())),
    b"a": lambda m: _append(m, [m.pop()]),
    b"e": lambda m: _append(m, m.pop_items()),
    b"s": lambda m: _set_items(m, [m.pop(), m.pop()][::-1]),
    b"u": lambda m: _set_items(m, m.pop_items()),
    b"q": lambda m: _put(m, m.number("<B")),
    b"r": lambda m: _put(m, m.number("<I")),
    b"h": lambda m: _get(m, m.number("<B")),
    b"j": lambda m: _get(m, m.number("<I")),
    b"c": _global,
    b"R": _reduce,
    b"b": _build,
}
