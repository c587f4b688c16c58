# SPDX-License-Identifier: Apache-2.0
"""Random expressions of arrays with slots; what is known has the slots as its last axis, as `decrypt` gives it."""

from __future__ import annotations

import pickle

import numpy as np

from pyfate_gpu import (
    FixedPointEncoder,
    IntegerEncoder,
    PlaintextArray,
    SlotLayout,
    concatenate,
)
from pyfate_gpu.errors import PyFateError
from tests.numerics import dice as st
from tests.numerics.expressions import (
    SHAPES,
    Pair,
    leaf,
    numbers,
    plain,
    rounding,
    segments,
    twice,
)
from tests.numerics.known import Known

WIDTHS = (9, 20, 33, 48, 64, 70, 100, 128, 170, 254)
ENCODERS = st.one_of(
    st.builds(
        FixedPointEncoder,
        st.sampled_from((0, 1, 8, 24, 40, 62)),
        st.sampled_from((1, 1.5, 100, 2**23)),
    ),
    st.builds(IntegerEncoder, st.sampled_from((None, 1, 100, 255, 2**20, 2**31, 2**64))),
)


def layouts(draw, public):
    """A layout that fits the key or, now and then, one that does not."""
    width = draw(st.sampled_from(WIDTHS))
    most = max(1, (public.key_bits - 2) // width)
    return SlotLayout(width, draw(st.sampled_from((1, 2, 3, most, most, most + 1))))


def encrypted(draw, public, private, shape=None, layout=None):
    """A leaf: numbers encrypted into slots, or one by one and squeezed."""
    shape = draw(st.sampled_from(SHAPES)) if shape is None else shape
    layout = layouts(draw, public) if layout is None else layout
    encoder, key = draw(ENCODERS), draw(st.sampled_from((public, private)))
    values = numbers(draw, (*shape, layout.count))
    known = Known.of(np.asarray(values, dtype=object), rounding(values, encoder))
    if draw(st.integers(0, 3)) or not shape:
        return Pair(key.encrypt(values, encoder, slots=layout), known)
    return Pair(key.encrypt(values, encoder).squeeze(layout)[..., 0], known)


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
    count = pair.c.slots.count
    shapes = [(*pair.c.shape, count), (count,), (1,), (), (*pair.c.shape, 1)]
    operand, known = plain(draw, pair.c.encoder, draw(st.sampled_from(shapes)))
    left = isinstance(operand, PlaintextArray | list) or draw(st.booleans())
    if draw(st.booleans()):
        return Pair(pair.c + operand if left else operand + pair.c, pair.known + known)
    if left:
        return Pair(pair.c - operand, pair.known - known)
    return Pair(operand - pair.c, known - pair.known)


def multiply(draw, pair, public, private):
    shape = draw(st.sampled_from([pair.c.shape, (), pair.c.shape[-1:]]))
    operand, known = plain(draw, pair.c.encoder, shape)
    left = draw(st.booleans()) or isinstance(operand, PlaintextArray | list)
    # The package first: an empty list has lost its other axes, and no product with fractions either.
    product = pair.c * operand if left else operand * pair.c
    return Pair(product, pair.known * known.each(lambda a: a[..., None]))


def combine(draw, pair, public, private):
    layout = pair.c.slots if draw(st.integers(0, 5)) else None
    other = encrypted(draw, public, private, draw(st.sampled_from([pair.c.shape, ()])), layout)
    if draw(st.booleans()):
        return Pair(pair.c + other.c, pair.known + other.known)
    return Pair(other.c - pair.c, other.known - pair.known)


def add_up(draw, pair, public, private):
    axes = [None, *range(-pair.c.ndim, pair.c.ndim)]
    axis, keepdims = draw(st.sampled_from(axes)), draw(st.booleans())
    every = tuple(range(pair.c.ndim)) if axis is None else (axis % pair.c.ndim,)
    known = pair.known.each(lambda a: np.sum(a, axis=every, keepdims=keepdims))
    return Pair(pair.c.sum(axis=axis, keepdims=keepdims), known)


def choose(draw, pair, public, private):
    c, known = pair.c, pair.known
    if c.ndim == 0 or len(c) == 0:
        return pair
    picked = np.array(draw(st.lists(st.integers(-len(c), len(c) - 1), max_size=3)), dtype=np.int64)
    mask = np.array([draw(st.booleans()) for _ in range(len(c))])
    key = draw(st.sampled_from((picked, mask, slice(None, None, -1), slice(1, None), 0, -1, None)))
    return Pair(c[key], known.each(lambda a: a[key]))


def reshape(draw, pair, public, private):
    c, known, slots = pair.c, pair.known, pair.c.slots.count
    turned = (*reversed(range(c.ndim)), c.ndim)
    spread = (2, *c.shape)
    return draw(st.sampled_from((
        lambda: Pair(c.T, known.each(lambda a: a.transpose(turned))),
        lambda: Pair(c.ravel(), known.each(lambda a: a.reshape(c.size, slots))),
        lambda: Pair(c.broadcast_to(spread), known.each(lambda a: np.broadcast_to(a, (*spread, slots)))),
    )))()  # fmt: skip


def join(draw, pair, public, private):
    if pair.c.ndim == 0:
        return pair
    layout = pair.c.slots if draw(st.integers(0, 5)) else None
    other = encrypted(draw, public, private, pair.c.shape, layout)
    axis = draw(st.integers(0, pair.c.ndim - 1))
    joined = concatenate([pair.c, other.c], axis)
    known = Known(
        np.concatenate([pair.known.value, other.known.value], axis),
        np.concatenate([pair.known.error, other.known.error], axis),
    )
    return Pair(joined, known)


def bilinear(product, a, b):
    """``product(a, b)`` of known numbers, with the errors that it passes on."""
    return Known(
        np.asarray(product(a.value, b.value), dtype=object),
        np.asarray(
            product(abs(a.value), b.error) + product(a.error, abs(b.value) + b.error), dtype=object
        ),
    )


def matmul(draw, pair, public, private):
    if pair.c.ndim not in (1, 2):
        return pair
    left, outer = draw(st.booleans()), draw(st.sampled_from((None, 1, 2)))
    axis = 0 if left else pair.c.ndim - 1
    inner = pair.c.shape[axis]
    shape = (inner,) if outer is None else (outer, inner) if left else (inner, outer)
    operand, known = plain(draw, pair.c.encoder, shape)
    if left and isinstance(operand, list):
        return pair
    if left:
        product = bilinear(lambda m, a: np.tensordot(m, a, (m.ndim - 1, 0)), known, pair.known)
        return Pair(operand @ pair.c, product)

    def right(a, m):
        contracted = np.tensordot(a, m, (axis, 0))
        return contracted if m.ndim == 1 else np.moveaxis(contracted, -1, -2)

    return Pair(pair.c @ operand, bilinear(right, pair.known, known))


def squeeze(draw, pair, public, private):
    """Slots laid side by side in wider plaintexts."""
    if pair.c.ndim == 0:
        return pair
    layout = pair.c.slots
    wide = SlotLayout(layout.width, layout.count * draw(st.sampled_from((1, 2, 3))))

    def side_by_side(a):
        return wide.group(a.reshape(*a.shape[:-2], a.shape[-2] * layout.count))

    return Pair(pair.c.squeeze(wide), pair.known.each(side_by_side))


def rows(draw, pair, public, private):
    """Every coefficient of the product of rows in slots and a vector."""
    if pair.c.ndim != 1:
        return pair
    count = pair.c.slots.count
    length = max(0, len(pair.c) * count - draw(st.integers(0, count - 1)))
    operand, known = plain(draw, pair.c.encoder, (length,))
    if isinstance(operand, list):
        return pair

    def coefficients(x, a):
        result = np.zeros(2 * count - 1, dtype=object)
        for row, factor in enumerate(x):
            for slot in range(count):
                place = slot + count - 1 - row % count
                result[place] = result[place] + a[row // count, slot] * factor
        return result

    product = bilinear(coefficients, known, pair.known)
    return Pair(pair.c.rows_product(operand), product)


def travel(draw, pair, public, private):
    if draw(st.booleans()):
        return Pair(public.from_wire(pair.c.to_wire()), pair.known)
    return Pair(pickle.loads(pickle.dumps(pair.c)), pair.known)


OPERATIONS = (
    add, multiply, combine, twice, add_up, segments, choose, reshape, join, matmul, squeeze, rows, travel,
)  # fmt: skip
