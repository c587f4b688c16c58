# SPDX-License-Identifier: Apache-2.0
"""FATE 2's packed numbers: the right sums, or a refusal; and what its coder rounds, cuts and clamps."""

import math
import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfate_gpu import PyFateError, generate_keypair
from pyfate_gpu.errors import BoundError, EncodingError, InvalidKeyError, WireFormatError
from pyfate_gpu.integrations.fate2 import Coder, PlaintextVector, evaluator, keygen
from pyfate_gpu.integrations.fate2.keys import SK, restore_pk
from pyfate_gpu.integrations.fate2.packing import ROOM, Packing
from tests.integrations.fake_fate2 import FakeTensor, decrypt, encrypt, pack, unpack

pytestmark = [
    pytest.mark.usefixtures("torch"),
    pytest.mark.filterwarnings("ignore::pyfate_gpu.integrations.key_sizes.InsecureKeySizeWarning"),
]
BITS = 20


@pytest.fixture(scope="module")
def keys():
    """Of a size that has room for ten packed numbers."""
    public, private = generate_keypair(768, allow_insecure_key_size=True)
    return SK(private), restore_pk(public.n, public.h)


@given(
    rows=st.lists(
        st.lists(st.integers(0, 2**BITS - 1), min_size=2, max_size=2), min_size=1, max_size=5
    ),
    signs=st.lists(st.sampled_from([1, 1, 1, -1]), min_size=5, max_size=5),
)
def test_sums_are_right_or_refused(keys, rows, signs):
    total, expected = evaluator.zeros(1), np.zeros(2, dtype=np.int64)
    for row, sign in zip(rows, signs, strict=False):
        operation = evaluator.add if sign == 1 else evaluator.sub
        total = operation(total, pack(keys, row, BITS, 2), keys[1])
        expected += sign * np.array(row)
    if ((expected >= 0) & (expected < 2**BITS)).all():
        assert unpack(keys, total, BITS, 2, 2) == expected.tolist()
    else:
        with pytest.raises(EncodingError, match="negative or needs more than the 20 bits"):
            unpack(keys, total, BITS, 2, 2)


@given(count=st.integers(1, 11), pairs=st.integers(1, 6), data=st.data())
def test_squeezed_numbers(keys, count, pairs, data):
    """As many together as the key has room for; the same numbers, and the same refusals."""
    numbers = data.draw(
        st.lists(st.integers(0, 2**BITS - 1), min_size=2 * count, max_size=2 * count)
    )
    a = pack(keys, numbers, BITS, 2)
    squeezed = evaluator.pack_squeeze(a, pairs, 2 * BITS, keys[1])
    together = min(pairs, 766 // (2 * (BITS + ROOM)))
    assert len(squeezed) == -(-count // together)
    assert unpack(keys, squeezed, BITS, 2 * pairs, 2 * count) == numbers
    doubled = evaluator.pack_squeeze(evaluator.add(a, a, keys[1]), pairs, 2 * BITS, keys[1])
    if max(numbers) < 2 ** (BITS - 1):
        right = [2 * number for number in numbers]
        assert unpack(keys, doubled, BITS, 2 * pairs, 2 * count) == right
    else:
        with pytest.raises(EncodingError, match="sum of packed numbers"):
            unpack(keys, doubled, BITS, 2 * pairs, 2 * count)
    sent = pickle.loads(pickle.dumps(squeezed))
    assert unpack(keys, sent, BITS, 2 * pairs, 2 * count) == numbers


@given(values=st.lists(st.integers(0, 2**30), min_size=1, max_size=9), together=st.integers(1, 9))
def test_integers_that_were_not_packed_are_squeezed(keys, values, together):
    squeezed = evaluator.pack_squeeze(encrypt(keys, values), together, 31, keys[1])
    assert unpack(keys, squeezed, 31, together, len(values)) == values


def test_histograms_of_packed_numbers(keys, rng):
    """Updates, running sums, a child by subtraction and squeezing, as boosting does it."""
    rows, features, bins, bits = 12, 2, 4, 30
    gh = rng.integers(0, 2**BITS, (rows, 2))
    places = rng.integers(0, bins, (rows, features)) + np.arange(features) * bins
    left = rng.random(rows) < 0.5
    b = pack(keys, gh.ravel(), bits, 2)
    parent, child = evaluator.zeros(features * bins), evaluator.zeros(features * bins)
    evaluator.i_update(keys[1], parent, b, places.tolist(), 1)
    evaluator.i_update_with_masks(keys[1], child, b, places[left].tolist(), left.tolist(), 1)
    sums = np.zeros((2, features * bins, 2), dtype=np.int64)
    for row in range(rows):
        for place in places[row]:
            sums[0, place] += gh[row]
            sums[1, place] += gh[row] * left[row]
    sums = sums.reshape(2, features, bins, 2).cumsum(axis=2).reshape(2, features * bins, 2)
    for vector in (parent, child):
        evaluator.chunking_cumsum_with_step(keys[1], vector, [bins] * features, 1)
    both = evaluator.zeros(2 * features * bins)
    size = features * bins
    evaluator.i_add(keys[1], both, child, 0, 0, size)
    evaluator.i_add(keys[1], both, parent, size, 0, size)
    evaluator.i_sub(keys[1], both, child, size, 0, size)
    squeezed = evaluator.pack_squeeze(both, 3, 2 * bits, keys[1])
    expected = np.concatenate([sums[1], sums[0] - sums[1]]).ravel().tolist()
    assert unpack(keys, squeezed, bits, 6, len(expected)) == expected


def test_ranges_that_nothing_was_added_to_keep_bounds_small(keys):
    """Else the bound of a vector would double with every range of another node that is filled."""
    a, whole = encrypt(keys, [1, 2]), evaluator.zeros(20)
    for node in range(10):
        evaluator.i_add(keys[1], whole, a, 2 * node, 0, 2)
    assert whole.array.bound == a.array.bound
    evaluator.i_sub(keys[1], whole, a, 4, 0, 2)
    assert whole.array.bound == 2 * a.array.bound
    assert decrypt(keys, whole) == [1, 2, 1, 2, 0, 0] + [1, 2] * 7


def test_bounds_tell_row_counts_only(keys, rng):
    b, bounds = pack(keys, [1] * 24, BITS, 2), set()
    for places in (np.zeros((12, 1), int), rng.integers(0, 4, (12, 1))):
        for mask in (np.ones(12, bool), np.arange(12) < 1):
            a = evaluator.zeros(4)
            evaluator.i_update_with_masks(keys[1], a, b, places[mask].tolist(), mask.tolist(), 1)
            bounds.add(a.array.bound)
    assert bounds == {12 * Packing.of(BITS, 2).bound}
    tiny, full = (pack(keys, [value] * 2, BITS, 2) for value in (0, 2**BITS - 1))
    assert tiny.array.bound == full.array.bound


def test_bounds_of_products_tell_the_dtype_only(keys):
    """The exponent follows the factors, as docs/security-model.md says; the bound does not."""
    a, bounds = encrypt(keys, [1, 2]), set()
    for factors in ([0.0, 0.0], [1e-9, 1e9], [3.0, 5.0]):
        product = evaluator.mul_plain(a, FakeTensor(factors), keys[1], Coder())
        bounds.add(product.array.bound)
        matrix = evaluator.rmatmul(a, FakeTensor([factors]), (2, 1), (1, 2), keys[1], Coder(), None)
        bounds.add(matrix.array.bound)
    assert bounds == {a.array.bound << 192, 2 * a.array.bound << 62}


def test_zeros_that_nothing_was_added_to(keys):
    zeros = evaluator.zeros(4)
    squeezed = evaluator.pack_squeeze(zeros, 3, 2 * BITS, keys[1])
    assert len(squeezed) == 2
    assert unpack(keys, squeezed, BITS, 6, 8) == [0] * 8
    joined = evaluator.cat([pack(keys, [5, 6], BITS, 2), zeros])
    assert unpack(keys, joined, BITS, 2, 10) == [5, 6, *[0] * 8]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda keys: evaluator.pack_squeeze(pack(keys, [1] * 8, BITS, 2), 20, 40, keys[1]),
        lambda keys: evaluator.pack_squeeze(encrypt(keys, [1] * 8), 2, 400, keys[1]),
        lambda keys: evaluator.pack_squeeze(pack(keys, [1] * 30, BITS, 30), 1, 600, keys[1]),
        lambda keys: pack(keys, [1] * 60, BITS, 60),
    ],
)
def test_what_passes_the_key_is_refused(keys, wrong):
    with pytest.raises(BoundError):
        wrong(keys)


def test_so_many_terms_that_slots_could_be_carried_are_refused(keys):
    """By the declared bound: whatever the numbers are, here 0."""
    a = pack(keys, [0, 0], BITS, 2)
    for _ in range(ROOM):
        a = evaluator.add(a, a, keys[1])
    nonzero = evaluator.add(a, pack(keys, [0, 1], BITS, 2), keys[1])
    for use in (
        lambda: unpack(keys, nonzero, BITS, 2, 2),
        lambda: evaluator.pack_squeeze(a, 2, 2 * BITS, keys[1]),
    ):
        with pytest.raises(BoundError, match="wider slots, fewer terms"):
            use()


def test_numbers_packed_in_two_ways_do_not_mix(keys):
    a, b, c = (
        pack(keys, [1, 2], BITS, 2),
        pack(keys, [1, 2], BITS + 1, 2),
        pack(keys, [1, 2], BITS, 1),
    )
    plain = evaluator.mul_plain_scalar(a, 0.5, keys[1], Coder(), None)
    for wrong in (
        lambda: evaluator.add(a, b, keys[1]), lambda: evaluator.sub(a, c, keys[1]), lambda: evaluator.cat([a, b]),
        lambda: evaluator.i_add(keys[1], b, a), lambda: unpack(keys, a, BITS + 1, 2, 2),
        lambda: unpack(keys, a, BITS, 2, 3), lambda: unpack(keys, encrypt(keys, [1]), BITS, 2, 2),
        lambda: evaluator.pack_squeeze(a, 2, BITS, keys[1]), lambda: evaluator.pack_squeeze(a, 0, 2 * BITS, keys[1]),
        lambda: unpack(keys, plain, BITS, 2, 2), lambda: evaluator.pack_squeeze(plain, 2, 2 * BITS, keys[1]),
    ):  # fmt: skip
        with pytest.raises(PyFateError):
            wrong()


@given(
    values=st.lists(st.floats(0, 100), min_size=1, max_size=5),
    precision=st.integers(0, 52),
    together=st.integers(1, 3),
)
def test_floats_are_rounded_as_fate_rounds(values, precision, together):
    packed = Coder().pack_floats(FakeTensor(values), 60, together, precision)
    numbers = [math.floor(Fraction(v) * 2**precision + Fraction(1, 2)) for v in values]
    assert unpack((None, None), packed, 60, together, len(values)) == numbers
    floats = Coder().unpack_floats(packed, 60, together, precision, len(values)).array
    assert floats.tolist() == [np.float32(n / 2**precision) for n in numbers]


def test_halves_go_away_from_zero():
    packed = Coder().pack_floats(FakeTensor([0.5, 1.5, 2.5, 3.5, 0.49, -0.25]), 8, 6, 0)
    assert unpack((None, None), packed, 8, 6, 6) == [1, 2, 3, 4, 0, 0]


@pytest.mark.parametrize("values", [[math.nan], [math.inf], [-0.5], [256.0], [1e300], [255.5]])
def test_floats_that_fit_no_slot(values):
    with pytest.raises(EncodingError):
        Coder().pack_floats(FakeTensor(values), 8, 1, 0)


@pytest.mark.parametrize(
    ("value", "exponent", "int64", "int32"),
    [
        (5, 0, 5, 5),
        (-11, -1, -6, -5),
        (11, -1, 5, 5),
        (-1, -60, -1, 0),
        (2**40, 0, 2**40, 2**31 - 1),
        (-(2**40), 0, -(2**40), -(2**31)),
        (2**31, 0, 2**31, 2**31 - 1),
        (-(2**31) - 1, 0, -(2**31) - 1, -(2**31)),
        (2**90 - 1, -90, 0, 1),  # the float64 of it is 1
        (3, 70, None, 2**31 - 1),
        (2**63, 0, None, 2**31 - 1),
        (-(2**63), 0, -(2**63), -(2**31)),
        (2**2000, 0, None, 2**31 - 1),
        (-(2**2000), -3, None, -(2**31)),
    ],
)
def test_integers_are_decoded_as_fate_decodes(torch, value, exponent, int64, int32):
    import torch as module

    vector, coder = PlaintextVector.of_integers([value], exponent), Coder()
    for dtype, expected, one in (
        (module.int64, int64, coder.decode_i64), (module.int32, int32, coder.decode_i32),
    ):  # fmt: skip
        if expected is None:
            with pytest.raises(EncodingError):
                coder.decode_vec(vector, dtype)
            continue
        found = coder.decode_vec(vector, dtype)
        assert found.array.tolist() == [expected]
        assert found.array.dtype == np.int64
        assert one(vector) == expected
    with pytest.raises(NotImplementedError):
        coder.decode_vec(vector, "int8")


def test_floats_beyond_float64_are_refused(torch):
    import torch as module

    for vector in (
        PlaintextVector.of_integers([2**2000]),
        PlaintextVector.of_integers([2**2000], -5),
    ):
        with pytest.raises(EncodingError, match="beyond float64"):
            Coder().decode_vec(vector, module.float64)


def test_parameters(keys):
    coder = Coder()
    packed = coder.pack_floats(FakeTensor([1.5, 2.0]), np.int64(8), np.int8(2), np.uint8(1))
    assert coder.unpack_floats(packed, np.int64(8), 2, np.int64(1), np.int64(2)).array.tolist() == [
        1.5,
        2,
    ]
    squeezed = evaluator.pack_squeeze(pack(keys, [1, 2], 8, 1), np.int64(2), np.int64(8), keys[1])
    assert unpack(keys, squeezed, 8, 2, 2) == [1, 2]
    assert keygen(np.int64(256))[1].key.key_bits == 256
    for wrong in (
        lambda: coder.pack_floats(FakeTensor([1.0]), True, 2, 1),
        lambda: coder.pack_floats(FakeTensor([1.0]), 8, 0, 1),
        lambda: coder.pack_floats(FakeTensor([1.0]), 0, 2, 1),
        lambda: coder.pack_floats(FakeTensor([1.0]), 8.0, 2, 1),
        lambda: coder.pack_floats(FakeTensor([1.0]), 8, 2, 1.5),
        lambda: evaluator.pack_squeeze(encrypt(keys, [1]), True, 8, keys[1]),
    ):
        with pytest.raises(PyFateError):
            wrong()
    for size in (True, 256.0, "256"):
        with pytest.raises(InvalidKeyError):
            keygen(size)


@pytest.mark.parametrize(
    "packing",
    [
        True,
        (),
        (1, 2),
        (0, 8, 1),
        (8, 8, 1),
        (4, 8, 0),
        (True, 8, 1),
        ("4", 8, 1),
        (4, 8, 1, 1),
        5,
        (4, 10**6, 9),
    ],
)
def test_packings_of_others_are_checked(keys, packing):
    function, (n, h, data, size, _) = pack(keys, [1, 2], BITS, 2).__reduce__()
    with pytest.raises(WireFormatError, match="must run the same"):
        function(n, h, data, size, packing)


@pytest.mark.parametrize(
    "value", [3, 0.1, np.float16(0.1), np.float32(0.1), np.int8(-3), np.uint64(7), True]
)
def test_single_numbers_are_exact(keys, value):
    c = evaluator.mul_plain_scalar(encrypt(keys, [4]), value, keys[1], Coder(), None)
    integer, exponent = decrypt(keys, c)[0], c.array.exponent
    assert Fraction(integer) * Fraction(2) ** exponent == 4 * Fraction(float(value))


@pytest.mark.parametrize(
    ("value", "kind"),
    [("3", TypeError), (None, TypeError), (1j, TypeError), (np.longdouble(1) / 3, TypeError),
     (math.nan, ValueError), (math.inf, ValueError)],
    ids=repr,
)  # fmt: skip
def test_what_is_no_number(keys, torch, value, kind):
    import torch as module

    for operation in (
        evaluator.add_plain_scalar,
        evaluator.sub_plain_scalar,
        evaluator.mul_plain_scalar,
    ):
        with pytest.raises(kind) as caught:
            operation(encrypt(keys, [4]), value, keys[1], Coder(), None)
        assert isinstance(caught.value, PyFateError)
    with pytest.raises(TypeError, match="no integer"):
        Coder().encode(2.5, module.int64)
    assert Coder().encode(2.0, module.int64).integers() == [2]


def test_unpacked_integers_fit_int64(keys):
    assert unpack(keys, pack(keys, [2**63 - 1], 70, 1), 70, 1, 1) == [2**63 - 1]
    packed = Packing.of(70, 1)
    vector = PlaintextVector.of_integers([2**63], bound=packed.bound, packing=packed)
    with pytest.raises(EncodingError, match="int64"):
        unpack(keys, vector, 70, 1, 1)
