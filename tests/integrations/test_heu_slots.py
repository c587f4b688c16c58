# SPDX-License-Identifier: Apache-2.0
"""Pairs of a batch encoder: the right sums, or a refusal; bounds that say nothing of values."""

import pickle
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfate_gpu import PyFateError
from pyfate_gpu.errors import BoundError, EncodingError
from pyfate_gpu.integrations.heu import numpy as hnp
from pyfate_gpu.integrations.heu import phe

pytestmark = pytest.mark.filterwarnings(
    "ignore::pyfate_gpu.integrations.key_sizes.InsecureKeySizeWarning"
)
SCHEMA = phe.SchemaType.ZPaillier
INT64 = st.integers(-(2**63), 2**63 - 1)


@pytest.fixture(scope="module")
def kit():
    return hnp.setup(SCHEMA, 1024)


def encrypt(kit, pairs, encoder, dtype=np.int64):
    return kit.encryptor().encrypt(kit.array(np.array(pairs, dtype=dtype), encoder))


def decoded(kit, c, encoder):
    """The pair of a ciphertext, or of an array of one."""
    plain = kit.decryptor().decrypt(c)
    if isinstance(plain, phe.Plaintext):
        return list(encoder.decode(plain))
    return plain.to_numpy(encoder).ravel().tolist()


def decrypt(kit, c, encoder):
    return kit.decryptor().decrypt(c).to_numpy(encoder).tolist()


@given(
    pairs=st.lists(st.tuples(INT64, INT64), min_size=1, max_size=6),
    padding=st.sampled_from([3, 8, 32, 100]),
)
def test_sums_are_right_or_refused(kit, pairs, padding):
    encoder = phe.BatchIntegerEncoder(SCHEMA, 1, padding)
    c = encrypt(kit, pairs, encoder)
    totals = [sum(column) for column in zip(*pairs, strict=True)]
    sums = kit.evaluator().matmul(kit.array(np.ones((1, len(pairs)), dtype=np.int8)), c)
    total = c[0]
    for row in range(1, len(pairs)):
        total = kit.evaluator().add(total, c[row])
    fits = all(-(2**63) <= value < 2**63 for value in totals)
    for found in (total, kit.evaluator().sum(c), sums):
        if fits and padding > 16:
            assert decoded(kit, found, encoder) == totals
        else:  # by the bound, or by the numbers themselves
            with suppress(EncodingError, BoundError):
                assert decoded(kit, found, encoder) == totals
                assert fits


@pytest.mark.parametrize(
    "pairs", [[[2**62, 3]], [[3, 2**62]], [[-(2**62) - 1, -5]], [[7, -(2**62) - 1]]]
)
def test_a_sum_past_a_slot_is_refused(kit, pairs):
    encoder = phe.BatchIntegerEncoder(SCHEMA)
    c, e = encrypt(kit, pairs, encoder), kit.evaluator()
    plain = kit.array(np.array(pairs), encoder)
    factor = kit.array(np.array([[2]], dtype=np.int8))
    for total in (
        e.add(c, c), e.add(c, plain), e.mul(c, factor), e.select_sum(c, [0, 0]),
        e.feature_wise_bucket_sum(
            encrypt(kit, pairs * 2, encoder), np.ones(2, np.int8), np.zeros((2, 1), np.int8), 1
        ),
    ):  # fmt: skip
        with pytest.raises(EncodingError, match="outgrew"):
            decoded(kit, total, encoder)
    with pytest.raises(EncodingError, match="outgrew"):
        kit.evaluator().add(plain, plain).to_numpy(encoder)
    one = encoder.encode(*pairs[0])
    with pytest.raises(EncodingError, match="outgrew"):
        encoder.decode(one + one)


def test_what_could_carry_is_refused_by_what_was_declared(kit):
    """Whatever the values are: 64 bits times 64 bits, or more sums than the gap has room for."""
    encoder, e = phe.BatchIntegerEncoder(SCHEMA), kit.evaluator()
    c = encrypt(kit, [[1, -2]], encoder)
    with pytest.raises(BoundError, match="shorter dtype"):
        decrypt(kit, e.mul(c, kit.array(np.array([[3]], dtype=np.int64))), encoder)
    assert decrypt(kit, e.mul(c, kit.array(np.array([[3]], dtype=np.int16))), encoder) == [[3, -6]]
    one = kit.evaluator().phe
    assert encoder.decode(kit.decryptor().decrypt(one.mul(c[0, 0], np.int8(-3)))) == (-3, 6)
    with pytest.raises(BoundError, match="wider slots"):
        encoder.decode(kit.decryptor().decrypt(one.mul(c[0, 0], -3)))
    tight = phe.BatchIntegerEncoder(SCHEMA, 1, 0)
    c = encrypt(kit, [[1, -2]], tight)
    assert decrypt(kit, c, tight) == [[1, -2]]
    with pytest.raises(BoundError, match="wider slots"):
        decrypt(kit, e.add(c, c), tight)
    # Short integers leave room in the slots themselves.
    short = encrypt(kit, [[100, -100]], tight, np.int8)
    assert decrypt(kit, e.add(short, short), tight) == [[200, -200]]


@given(a=INT64, b=INT64, padding=st.integers(0, 80))
def test_every_pair_comes_back(a, b, padding):
    encoder = phe.BatchIntegerEncoder(SCHEMA, 1, padding)
    if padding == 0 and -(2**63) in (a, b):
        with pytest.raises(EncodingError):
            encoder.encode(a, b)
        return
    pair = encoder.encode(a, b)
    for each in (pair, pickle.loads(pickle.dumps(pair))):
        assert encoder.decode(each) == (a, b)
    for sign, scaled in ((-1, -pair), (-2, pair * phe.Plaintext(SCHEMA, -2))):
        right = (sign * a, sign * b)
        if all(-(2**63) <= value < 2**63 for value in right) and padding:
            assert encoder.decode(scaled) == right
    array = hnp.array(np.array([[a, b]]), encoder)
    again = hnp.PlaintextArray.load_from(array.serialize())
    for each in (
        array,
        again,
        pickle.loads(pickle.dumps(array)),
        hnp.array([pair], phe.BigintEncoder(SCHEMA)),
    ):
        assert each.to_numpy(encoder).ravel().tolist() == [a, b]
    assert encoder.decode(array[0, 0]) == (a, b)


@given(a=st.floats(-1e9, 1e9), b=st.floats(-1e9, 1e9), scale=st.sampled_from([1, 1000, 10**6]))
def test_pairs_of_floats(kit, a, b, scale):
    encoder = phe.BatchFloatEncoder(SCHEMA, scale)
    x = kit.array(np.array([[a, b]]), encoder)
    right = [int(a * scale) / scale, int(b * scale) / scale]
    assert x.to_numpy(encoder).tolist() == [right]
    c = kit.encryptor().encrypt(x)
    assert decrypt(kit, kit.evaluator().sub(c, c), encoder) == [[0.0, 0.0]]
    with pytest.raises(EncodingError):
        encoder.encode(1e300, 0)


@pytest.mark.parametrize(
    "encoder",
    [phe.IntegerEncoder, phe.FloatEncoder, phe.BatchIntegerEncoder, phe.BatchFloatEncoder],
)
def test_parameters_of_encoders(encoder):
    with pytest.raises(phe.PheRuntimeError, match="scale is 0"):
        encoder(SCHEMA, 0)
    for wrong in (True, 10.0, "10", None):
        with pytest.raises(TypeError, match="scale"):
            encoder(SCHEMA, wrong)
    assert encoder(SCHEMA, np.int64(10)) == encoder(SCHEMA, 10)
    assert type(encoder(SCHEMA, np.int8(10)).scale) is int
    if issubclass(encoder, phe.BatchIntegerEncoder):
        for wrong in (-1, True, 1.5):
            with pytest.raises((TypeError, phe.PheRuntimeError), match="padding_bits"):
                encoder(SCHEMA, 1, wrong)
    for params in (phe.IntegerEncoderParams(0), phe.BatchFloatEncoderParams(0)):
        with pytest.raises(phe.PheRuntimeError, match="scale is 0"):
            params.instance(SCHEMA)


@pytest.mark.parametrize("scale", [10, -10])
def test_scales_of_either_sign(scale):
    encoder = phe.IntegerEncoder(SCHEMA, scale)
    for value in (57, -57, 0):
        assert encoder.decode(phe.Plaintext(SCHEMA, value)) == int(value / scale)
    array = hnp.array(np.array([5, -7]), encoder)
    assert array.to_numpy(encoder).tolist() == [5, -7]
    assert array._bound == 10 * 2**63


def bound_of(value):
    return hnp.CiphertextArray.load_from(value.serialize())._array.bound


def test_bounds_tell_row_counts_and_dtypes_only(kit, rng):
    """The header that travels: the same whether all rows are in one bin or none is, whatever is chosen."""
    e, rows = kit.evaluator(), 30
    c = kit.encryptor().encrypt(kit.array(rng.integers(-9, 9, (rows, 2)).astype(np.int16)))
    buckets = {
        "one bin": np.zeros((rows, 3), dtype=np.int8),
        "all bins": rng.integers(0, 5, (rows, 3)).astype(np.int8),
    }
    for cumulate in (False, True):
        found = {
            bound_of(e.feature_wise_bucket_sum(c, group, bins, 5, cumulate))
            for bins in buckets.values()
            for group in (np.ones(rows, np.int8), np.zeros(rows, np.int8), np.arange(rows) < 3)
        }
        assert found == {2**15 * rows}
    chosen = [[0], list(range(20)), [], ([0, 1], [1])]
    assert {bound_of(e.batch_select_sum(c, [key])) for key in chosen} == {2**15 * 2 * rows}
    plain = [kit.array(np.full((2, 2), value, dtype=np.int16)) for value in (0, 2**15 - 1)]
    for operation in (
        lambda x: e.add(x, x), lambda x: e.mul(x, x), lambda x: e.matmul(x, x), lambda x: e.sub(x, x),
        lambda x: e.feature_wise_bucket_sum(x, np.ones(2, np.int8), np.zeros((2, 1), np.int8), 1),
        lambda x: e.batch_select_sum(x, [[0]]),
    ):  # fmt: skip
        first, second = (bound_of(kit.encryptor().encrypt(operation(x))) for x in plain)
        assert first == second
    floats = [kit.array([[value, -value]], phe.FloatEncoderParams()) for value in (0.0, 1e-9, 1e15)]
    assert {bound_of(kit.encryptor().encrypt(each)) for each in floats} == {2**63 * 10**6}
    numbers = [kit.float_encoder().encode(value) for value in (0.0, -1e15)]
    assert {kit.encryptor().encrypt(each)._array.bound for each in numbers} == {2**63 * 10**6}
    for masks in (plain[0], plain[1]):
        assert bound_of(e.add(c[0:2], masks)) == 2 * 2**15


def test_parameters_of_arrays_and_kits(kit):
    """Whole numbers of any library; no truth values, nothing below 0."""
    assert list(hnp.Shape(np.int64(3), np.uint8(4))) == [3, 4]
    assert hnp.random.randbits(SCHEMA, np.int64(5), (np.int32(2),)).size == 2
    assert hnp.setup(SCHEMA, np.int64(512)).public_key().plaintext_bound().bit_count() == 511
    p = phe.Plaintext(SCHEMA, np.int64(300))
    assert p.to_bytes(np.int8(2), "big").hex() == "012c"
    assert (p << np.int64(70)) >> np.int64(70) == p
    x = kit.array([[1, 2], [3, 4]])
    sums = kit.evaluator().feature_wise_bucket_sum(x, [1, 1], np.array([[0], [1]]), np.int64(2))
    assert sums.to_numpy().tolist() == [[1, 2], [3, 4]]
    for wrong in (
        lambda: hnp.Shape(True, 2), lambda: hnp.Shape(-1), lambda: hnp.setup(SCHEMA, True),
        lambda: hnp.random.randbits(SCHEMA, -5, (2,)), lambda: hnp.random.randbits(SCHEMA, 5, (-2,)),
        lambda: hnp.random.randbits(SCHEMA, True, (2,)), lambda: hnp.random.randbits(SCHEMA, 5, (1, 1, 1)),
        lambda: p.to_bytes(-1, "big"), lambda: p.to_bytes(1.5, "big"), lambda: x.to_bytes(-1, "big"),
        lambda: p << -1, lambda: p >> 1.5, lambda: kit.array(np.array([1.5], dtype=np.longdouble)),
        lambda: kit.evaluator().feature_wise_bucket_sum(x, [1, 1], np.array([[0], [1]]), True),
        lambda: kit.evaluator().feature_wise_bucket_sum(x, [1, 1], np.array([[0], [1]]), -1),
        lambda: kit.decryptor().decrypt_in_range(kit.encryptor().encrypt(x), -1),
    ):  # fmt: skip
        with pytest.raises((TypeError, ValueError, phe.PheRuntimeError)) as caught:
            wrong()
        assert isinstance(caught.value, PyFateError)
    assert p.to_bytes(0, "big") == x.to_bytes(0, "little") == b""


def test_bytes_that_are_too_short(kit):
    """Every beginning of what `serialize` wrote, and every one of it with a byte missing inside."""
    things = [
        kit.public_key(), kit.secret_key(), kit.array([[1, -2]]), kit.encryptor().encrypt(kit.array([1])),
        kit.encryptor().encrypt(kit.array([1]))[0],
    ]  # fmt: skip
    for thing in things:
        data = thing.serialize()
        for stop in {*range(min(80, len(data))), *range(80, len(data), 37), len(data) - 1}:
            for damaged in (data[:stop], data[:stop] + data[stop + 1 :]):
                try:
                    type(thing).load_from(damaged)
                except PyFateError:
                    continue
                assert type(thing) in (hnp.PlaintextArray, phe.PublicKey, phe.SecretKey)


@pytest.mark.parametrize(
    "numbers",
    [[], [3, 1], [2, 1], [1, -1], [2, -1, -2, 5, 5], [1, 2, 5], [0], [1, 1, 5, 4], [-1, 5]],
)
def test_plaintext_arrays_of_no_shape(numbers):
    from pyfate_gpu.integrations.heu.packing import pack

    with pytest.raises(PyFateError):
        hnp.PlaintextArray.load_from(pack("plaintext_array", numbers=numbers))


def test_plaintext_arrays_of_older_releases():
    from pyfate_gpu.integrations.heu.packing import pack

    old = hnp.PlaintextArray.load_from(pack("plaintext_array", numbers=[1, 2, 5, -6]))
    assert old.to_numpy().tolist() == [5, -6]
