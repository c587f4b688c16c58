# SPDX-License-Identifier: Apache-2.0
"""Random expressions of the public API, each worked out twice: under encryption, and in fractions."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import scipy.sparse

from pyfate_gpu import FixedPointEncoder, IntegerEncoder, PlaintextArray, concatenate
from pyfate_gpu.errors import PyFateError
from tests.numerics import dice as st
from tests.numerics.known import Known

INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
FLOATS = ("float16", "float32", "float64")
SHAPES = ((), (1,), (3,), (0,), (2, 3), (1, 3), (2, 1), (3, 2), (2, 0))
ENCODERS = st.one_of(
    st.none(),
    st.builds(
        FixedPointEncoder,
        st.sampled_from((0, 1, 8, 24, 40, 61, 62, 63, 64, 100)),
        st.sampled_from((1, 1.5, 100, 2**23, 2**40, 1e-3)),
    ),
    st.builds(IntegerEncoder, st.sampled_from((None, 1, 255, 2**63, 2**64, 2**70))),
)


@dataclass(frozen=True)
class Pair:
    """One value twice."""

    c: Any
    known: Known


def numbers(draw, shape):
    """Plain numbers of any type the API takes: dtypes, scalars, lists, Python integers of any size."""
    kind = draw(st.sampled_from((*INTEGERS, *FLOATS, "bool", "python", "huge", "pyfloat")))
    count = int(np.prod(shape))
    if kind in INTEGERS:
        info = np.iinfo(kind)
        edges = st.sampled_from((0, 1, int(info.min), int(info.max), int(info.max) - 1))
        every = st.integers(int(info.min), int(info.max))
        elements = draw(st.sampled_from((edges, every, st.integers(0, 3))))
    elif kind == "bool":
        elements = st.booleans()
    elif kind == "python":
        elements = st.one_of(st.integers(-(2**63), 2**63), st.integers(-9, 9))
    elif kind == "huge":
        elements = st.one_of(
            st.integers(-(2**70), 2**70), st.sampled_from((2**63, 2**64, -(2**63)))
        )
    else:
        width = {"float16": 16, "float32": 32}.get(kind, 64)
        wide = st.floats(width=width)
        near = st.floats(-8, 8, width=width)
        ties = st.integers(-64, 64).map(lambda k: k / 16)
        elements = draw(st.sampled_from((near, near, ties, ties, wide)))
    drawn = draw(st.lists(elements, min_size=count, max_size=count))
    if kind in ("python", "huge"):
        array = np.empty(count, dtype=object)
        array[:] = drawn
        array = array.reshape(shape)
        return array.tolist() if draw(st.booleans()) or not shape else array
    array = np.array(drawn, dtype="float64" if kind == "pyfloat" else kind).reshape(shape)
    if kind == "pyfloat" or draw(st.integers(0, 3)) == 0:
        return array.tolist()
    if draw(st.booleans()):
        array = array.astype(array.dtype.newbyteorder())  # of another machine
    return array[()] if draw(st.booleans()) else array


def rounding(operand, encoder):
    """The documented rounding of plain numbers by an encoder: integers have none."""
    array = np.asarray(operand)
    floats = array.dtype.kind == "f" and not _all_python_integers(operand)
    if isinstance(encoder, FixedPointEncoder) and floats:
        return Fraction(1, 2 ** (encoder.fraction_bits + 1))
    return Fraction(0)


def _all_python_integers(operand):
    # NumPy makes floats of integers beyond 64 bits; the package does not.
    if not isinstance(operand, list | int):
        return False
    return all(isinstance(value, int) for value in np.asarray(operand, dtype=object).ravel())


def plain(draw, encoder, shape):
    """A plain operand for an array with that encoder, and its exact value."""
    values = numbers(draw, shape)
    own = draw(ENCODERS) if draw(st.integers(0, 3)) == 0 else None
    exact = np.asarray(values, dtype=object)
    if own is None:
        return values, Known.of(exact, rounding(values, encoder))
    return own.encode(values), Known.of(exact, rounding(values, own))


def encrypted(draw, public, private, shape=None):
    """A leaf."""
    shape = draw(st.sampled_from(SHAPES)) if shape is None else shape
    values, encoder = numbers(draw, shape), draw(ENCODERS)
    key = draw(st.sampled_from((public, private)))
    c = key.encrypt(values, encoder)
    return Pair(c, Known.of(np.asarray(values, dtype=object), rounding(values, c.encoder)))


def leaf(encrypted, draw, public, private, refused):
    """What `encrypted` makes, after a few tries: numbers may be beyond an encoder, slots beyond the key."""
    for _ in range(3):
        try:
            return encrypted(draw, public, private)
        except PyFateError as error:
            refused[type(error).__name__] += 1
    return encrypted(draw, public, private)


def expression(draw, public, private, depth, refused):
    """A pair of any shape, and those of up to `depth` operations on it; `refused` counts errors by type."""
    pair = leaf(encrypted, draw, public, private, refused)
    yield pair
    for _ in range(depth):
        operation = draw(st.sampled_from(OPERATIONS))
        try:
            pair = operation(draw, pair, public, private)
        except PyFateError as error:  # goes no further; the next one takes what it would have taken
            refused[type(error).__name__] += 1
        else:
            yield pair


def add(draw, pair, public, private):
    operand, known = plain(draw, pair.c.encoder, _fitting(draw, pair.c.shape))
    side = draw(st.integers(0, 3))
    if side == 0:
        return Pair(pair.c + operand, pair.known + known)
    if side == 1:
        return Pair(pair.c - operand, pair.known - known)
    if isinstance(
        operand, PlaintextArray | list
    ):  # these do not know what to do with us on the right
        return Pair(pair.c + operand, pair.known + known)
    if side == 2:
        return Pair(operand + pair.c, known + pair.known)
    return Pair(operand - pair.c, known - pair.known)


def multiply(draw, pair, public, private):
    operand, known = plain(draw, pair.c.encoder, _fitting(draw, pair.c.shape))
    if draw(st.booleans()) or isinstance(operand, PlaintextArray | list):
        return Pair(pair.c * operand, pair.known * known)
    return Pair(operand * pair.c, known * pair.known)


def combine(draw, pair, public, private):
    other = encrypted(draw, public, private, _fitting(draw, pair.c.shape))
    if draw(st.booleans()):
        other = multiply(draw, other, public, private)  # another exponent
    if draw(st.booleans()):
        return Pair(pair.c + other.c, pair.known + other.known)
    return Pair(other.c - pair.c, other.known - pair.known)


def twice(draw, pair, public, private):
    return draw(st.sampled_from((
        lambda: Pair(pair.c + pair.c, pair.known + pair.known),
        lambda: Pair(pair.c - pair.c, pair.known - pair.known),
        lambda: Pair(-pair.c, -pair.known),
    )))()  # fmt: skip


def add_up(draw, pair, public, private):
    axes = (None, *range(-pair.c.ndim, pair.c.ndim))
    axis, keepdims = draw(st.sampled_from(axes)), draw(st.booleans())
    known = pair.known.each(lambda a: np.sum(a, axis=axis, keepdims=keepdims))
    return Pair(pair.c.sum(axis=axis, keepdims=keepdims), known)


def segments(draw, pair, public, private):
    if pair.c.ndim == 0:
        return pair
    count = draw(st.integers(1, 4))
    index = draw(st.lists(st.integers(0, count - 1), min_size=len(pair.c), max_size=len(pair.c)))

    def histogram(a):
        bins = np.zeros((count, *a.shape[1:]), dtype=object)
        for row, where in enumerate(index):
            bins[where] = bins[where] + a[row]
        return bins

    dtype = draw(st.sampled_from(INTEGERS))
    return Pair(pair.c.segment_sum(np.array(index, dtype=dtype), count), pair.known.each(histogram))


def choose(draw, pair, public, private):
    c, known = pair.c, pair.known
    if c.size == 0:
        return pair
    positions = draw(st.lists(st.integers(-c.size, c.size - 1), max_size=4))
    if draw(st.booleans()) or c.ndim == 0:
        picked = np.array(positions, dtype=np.int64)
        return Pair(c.take(picked), known.each(lambda a: np.take(a, picked)))
    mask = np.array([draw(st.booleans()) for _ in range(len(c))])
    key = draw(st.sampled_from((mask, slice(None, None, -1), slice(1, None), (..., None), 0, -1)))
    return Pair(c[key], known.each(lambda a: a[key]))


def reshape(draw, pair, public, private):
    c, known = pair.c, pair.known
    return draw(st.sampled_from((
        lambda: Pair(c.T, known.each(np.transpose)),
        lambda: Pair(c.ravel(), known.each(np.ravel)),
        lambda: Pair(c.reshape(1, -1), known.each(lambda a: a.reshape(1, c.size))) if c.size else pair,
        lambda: Pair(c.broadcast_to((2, *c.shape)), known.each(lambda a: np.broadcast_to(a, (2, *c.shape)))),
    )))()  # fmt: skip


def join(draw, pair, public, private):
    if pair.c.ndim == 0:
        return pair
    other = encrypted(draw, public, private, pair.c.shape)
    if draw(st.booleans()):
        other = multiply(draw, other, public, private)
    if other.c.shape != pair.c.shape:
        return pair
    axis = draw(st.integers(0, pair.c.ndim - 1))
    known = Known(
        np.concatenate([pair.known.value, other.known.value], axis),
        np.concatenate([pair.known.error, other.known.error], axis),
    )
    return Pair(concatenate([pair.c, other.c], axis), known)


def matmul(draw, pair, public, private):
    if pair.c.ndim not in (1, 2):
        return pair
    left = draw(st.booleans())
    inner = pair.c.shape[0] if left else pair.c.shape[-1]
    outer = draw(st.sampled_from((None, 1, 2)))
    shape = (inner,) if outer is None else (outer, inner) if left else (inner, outer)
    operand, known = plain(draw, pair.c.encoder, shape)
    dense = isinstance(operand, np.ndarray) and operand.ndim == 2 and operand.dtype.kind in "iuf"
    known_to_scipy = dense and operand.dtype.isnative and operand.dtype != np.float16
    if known_to_scipy and draw(st.booleans()):
        operand = getattr(
            scipy.sparse, draw(st.sampled_from(("csr_array", "coo_array", "csc_array")))
        )(operand)
    if left and not isinstance(operand, PlaintextArray | list):
        return Pair(operand @ pair.c, known @ pair.known)
    if left:
        return pair
    return Pair(pair.c @ operand, pair.known @ known)


def travel(draw, pair, public, private):
    if draw(st.booleans()):
        return Pair(public.from_wire(pair.c.to_wire()), pair.known)
    return Pair(pickle.loads(pickle.dumps(pair.c)), pair.known)


OPERATIONS = (
    add, multiply, combine, twice, add_up, segments, choose, reshape, join, matmul, travel,
)  # fmt: skip


def _fitting(draw, shape):
    """A shape that broadcasts with `shape`."""
    options = [shape, ()]
    if shape:
        options += [shape[-1:], (*shape[:-1], 1)]
    return draw(st.sampled_from(options))
