# SPDX-License-Identifier: Apache-2.0
"""Arrays as the native module takes them: a wrong one is an error, results have their shape."""

from __future__ import annotations

import json
import math

import numpy as np

from pyfate_gpu.backends import _cpu
from pyfate_gpu.errors import WireFormatError
from tests.fuzz.readers.keys import PRIVATE, PUBLIC
from tests.fuzz.target import Target

WORDS = 4
ROW = 2 * WORDS
EXPONENT_BITS = 128
#: What an array of a case may have at most, and its axes where it has nothing.
MOST_ITEMS, LONGEST = 1 << 12, 1 << 50


def _bytes(number):
    return int(number).to_bytes(-(-number.bit_length() // 8), "little")


def _contexts():
    p, q = PRIVATE._secret_factors()
    public = _cpu.PublicContext(_bytes(PUBLIC.n), "portable")
    public.set_blinding_base(b"\x04", EXPONENT_BITS, b"\x09", 1 << 14)
    private = _cpu.PrivateContext(*map(_bytes, (p, q, p - 1, q - 1)), "portable")
    private.set_blinding_base(b"\x04", EXPONENT_BITS, b"\x09", 1 << 14)
    return public, private


CONTEXT, OWNER = _contexts()

_ROWS = ["uint64", [3, 2, WORDS]]
_VALUES = ["int64", [3, 1]]
_INDEX = ["int64", [3]]

#: The operations with arguments that suit them; arrays by type and shape.
CALLS = {
    "enter": {"canonical": ["uint64", [3, ROW]]},
    "leave": {"rows": _ROWS},
    "multiply": {"a": _ROWS, "a_index": _INDEX, "b": _ROWS, "b_index": None},
    "multiply_plain": {"a": _ROWS, "a_index": None, "plain": _VALUES, "plain_index": _INDEX},
    "invert": {"rows": _ROWS},
    "scale": {"a": _ROWS, "a_index": None, "scalars": _VALUES, "scalar_index": None},
    "multi_exponentiate": {"matrix": ["int64", [2, 3, 1]], "c": _ROWS, "columns": 1},
    "multi_exponentiate_csr": {
        "indptr": _INDEX, "indices": ["int64", [2]], "data": ["int64", [2, 1]], "rows": 2, "c": _ROWS, "columns": 1,
    },
    "segment_multiply": {"offsets": _INDEX, "index": ["int64", [2]], "a": _ROWS},
    "encrypt": {"plain": _VALUES, "exponents": ["uint64", [3, 3]]},
    "blind": {"rows": _ROWS, "exponents": None},
    "encrypt_full": {"plain": _VALUES, "r": ["uint64", [3, WORDS]]},
    "blind_full": {"rows": _ROWS, "r": None},
    "owner.decrypt": {"rows": _ROWS},
    "owner.encrypt": {"plain": _VALUES, "exponents": None},
}  # fmt: skip


def seed(name):
    """A call whose arrays are filled with small numbers, as indices have to be."""
    total = sum(math.prod(value[1]) for value in CALLS[name].values() if isinstance(value, list))
    numbers = [0, 1, 2] if {"a_index", "indptr", "offsets"} & set(CALLS[name]) else [3]
    return join(
        {"call": name, **CALLS[name], "threads": 1},
        np.resize(numbers, total).astype("<u8").tobytes(),
    )


def split(data):
    text, _, body = data.partition(b"\n")
    return json.loads(text), body


def join(document, body):
    return json.dumps(document).encode() + b"\n" + body


class _Body:
    """Hands out arrays of the bytes that follow the description; zeros when there are no more."""

    def __init__(self, data):
        self.data = data

    def array(self, kind, shape):
        if kind not in ("uint64", "int64", "int32", "float64", "bool", "object"):
            raise ValueError(kind)
        if any(type(n) is not int or not 0 <= n <= LONGEST for n in shape) or len(shape) > 8:
            raise ValueError(shape)
        count = math.prod(shape)
        if count > MOST_ITEMS:
            raise ValueError(shape)
        taken, self.data = self.data[: 8 * count], self.data[8 * count :]
        numbers = np.frombuffer(taken.ljust(8 * count, b"\0"), np.uint64)
        found = numbers.view(kind) if kind in ("int64", "float64") else numbers.astype(kind)
        return found.reshape(shape)


def _read(data):
    try:
        document, body = split(data)
        call, source = document.pop("call"), _Body(body)
        if call not in CALLS or not all(map(str.isascii, document)):
            raise ValueError(call)  # names are the caller's own
        arguments = {
            name: source.array(*value) if isinstance(value, list) else value
            for name, value in document.items()
        }
        if type(arguments.get("threads")) is int and arguments["threads"] > 2:
            raise ValueError("threads")  # a thousand of them are more than a case may have
    except Exception as error:
        raise WireFormatError(f"no call: {error}") from None
    owner, _, name = call.rpartition(".")
    try:
        if owner:
            return call, arguments, getattr(OWNER, name)(CONTEXT, **arguments)
        return call, arguments, getattr(CONTEXT, name)(**arguments)
    except (ValueError, TypeError, ArithmeticError) as error:
        raise WireFormatError(str(error)) from None
    except MemoryError:
        if any(
            max(a.shape, default=0) > MOST_ITEMS
            for a in arguments.values()
            if isinstance(a, np.ndarray)
        ):
            raise WireFormatError("as many rows as asked for do not fit") from None
        if arguments.get("columns", 0) > MOST_ITEMS:
            raise WireFormatError("as many columns as asked for do not fit") from None
        raise


def _rows_of(call, given):
    """How many rows the documents promise."""
    if call == "multi_exponentiate":
        return len(given["matrix"]) * given["columns"]
    if call == "multi_exponentiate_csr":
        return given["rows"] * given["columns"]
    if call == "segment_multiply":
        return len(given["offsets"]) - 1
    first = next(name for name in given if name in ("canonical", "rows", "a", "plain"))
    index = given.get(f"{first}_index")
    return len(given[first] if index is None else index)


def _holds(data, read):
    call, given, result = read
    shape = {"leave": (ROW,), "owner.decrypt": (WORDS,)}.get(call, (2, WORDS))
    right = result.dtype == np.uint64 and result.shape == (_rows_of(call, given), *shape)
    if call == "enter":
        return right and np.array_equal(CONTEXT.leave(result, 1), given["canonical"])
    return right


ROWS = Target("rows", _read, _holds, split, join)
