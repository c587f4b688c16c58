# SPDX-License-Identifier: Apache-2.0
"""HEU's interface on our engine, as NumPy computes; `make interop` compares it with HEU itself."""

import pickle
import subprocess
import sys
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfate_gpu import PyFateError
from pyfate_gpu.errors import BoundError, EncodingError, KeyMismatchError, WireFormatError
from pyfate_gpu.integrations.heu import keys, phe
from pyfate_gpu.integrations.heu import numpy as hnp

pytestmark = pytest.mark.filterwarnings(
    "ignore::pyfate_gpu.integrations.key_sizes.InsecureKeySizeWarning"
)
SCHEMA = phe.SchemaType.ZPaillier


@pytest.fixture(scope="module")
def kit():
    return hnp.setup(SCHEMA, 512)


@pytest.fixture(scope="module")
def party(kit):
    """Somebody with the public key, as it comes over the wire."""
    return hnp.setup(phe.PublicKey.load_from(kit.public_key().serialize()))


def encrypt(kit, values):
    return kit.encryptor().encrypt(kit.array(np.asarray(values)))


def decrypt(kit, value):
    plain = kit.decryptor().decrypt(value)
    return plain.to_numpy().tolist() if isinstance(plain, hnp.PlaintextArray) else int(plain)


def test_arithmetic_of_arrays(kit, party, rng):
    a, b = rng.integers(-99, 99, (4, 3)), rng.integers(-99, 99, (4, 3))
    c, d, e, x = encrypt(party, a), encrypt(kit, b), party.evaluator(), party.array(b)
    for result, expected in (
        (e.add(c, d), a + b), (e.add(c, x), a + b), (e.add(x, c), a + b),
        (e.sub(c, d), a - b), (e.sub(c, x), a - b), (e.sub(x, c), b - a), (e.mul(c, x), a * b), (e.mul(x, c), a * b),
        (e.matmul(c, party.array(b.T)), a @ b.T), (e.matmul(party.array(b.T), c), b.T @ a),
        (e.add(c, party.array(b[:, 0])), a + b[:, :1]),
    ):  # fmt: skip
        assert decrypt(kit, result) == expected.tolist()
    assert decrypt(kit, e.sum(c)) == a.sum()
    for operation in (e.mul, e.matmul):
        with pytest.raises(TypeError, match="one factor must be plain"):
            operation(c, d)
    for wrong in (lambda: e.add(c, encrypt(kit, [1, 2, 3])), lambda: e.matmul(c, x)):
        with pytest.raises(phe.PheRuntimeError, match="of shapes"):
            wrong()


@given(data=st.data())
def test_selection_is_numpys(kit, data):
    axis = st.one_of(
        st.integers(-3, 2), st.lists(st.integers(-3, 2), max_size=4),
        st.slices(3),
    )  # fmt: skip
    key = data.draw(st.one_of(axis, st.tuples(axis), st.tuples(axis, axis)))
    a = np.arange(9).reshape(3, 3)
    rows, columns = (*(key if isinstance(key, tuple) else (key,)), slice(None))[:2]
    picked = a[:, columns][rows]
    assert np.array_equal(
        np.asarray(decrypt(kit, encrypt(kit, a)[key])).ravel().tolist(), picked.ravel()
    )
    assert decrypt(kit, kit.evaluator().select_sum(encrypt(kit, a), key)) == picked.sum()


def test_elements_are_replaced(kit):
    c = encrypt(kit, [[1, 2], [3, 4]])
    c[0, 1] = c[1, 0]
    c[:, 0] = encrypt(kit, [8, 9])
    assert decrypt(kit, c) == [[8, 3], [9, 4]]
    x = kit.array([1, 2, 3])
    x[1:] = kit.array([2**70, 5])
    assert x.to_numpy().tolist() == [1, 2**70, 5]
    for key, value in ((0, 5), (0, x), ((0, 0), kit.plaintext(1)), ((5, 0), c[0, 0])):
        with pytest.raises(phe.PheRuntimeError):
            c[key] = value


@pytest.mark.parametrize("cumulate", [False, True])
def test_histograms(kit, rng, cumulate):
    rows, features, buckets = 20, 3, 4
    values = rng.integers(-99, 99, (rows, 2))
    bins = rng.integers(0, buckets, (rows, features))
    groups = [rng.integers(0, 2, rows), np.zeros(rows, dtype=np.int8)]
    expected = np.zeros((2, features, buckets, 2), dtype=int)
    for number, group in enumerate(groups):
        for row in np.flatnonzero(group):
            for feature in range(features):
                expected[number, feature, bins[row, feature]] += values[row]
    if cumulate:
        expected = expected.cumsum(axis=2)
    expected = expected.reshape(2, features * buckets, 2).tolist()
    e = kit.evaluator()
    for x in (encrypt(kit, values), kit.array(values)):
        parts = e.batch_feature_wise_bucket_sum(x, groups, bins, buckets, cumulate)
        found = [
            p.to_numpy().tolist() if isinstance(p, hnp.PlaintextArray) else decrypt(kit, p)
            for p in parts
        ]
        assert found == expected
    for wrong in ((groups[0][:3], bins), (groups[0], bins + 9), (groups[0], bins[:3])):
        with pytest.raises(phe.PheRuntimeError):
            e.feature_wise_bucket_sum(kit.array(values), *wrong, buckets, cumulate)


@given(a=st.integers(-(2**63), 2**63 - 1), b=st.integers(-(2**63), 2**63 - 1))
def test_pairs_share_a_plaintext(a, b):
    encoder = phe.BatchIntegerEncoder(SCHEMA)
    assert encoder.decode(encoder.encode(a, b)) == (a, b)
    total = encoder.encode(a // 4, b // 4) + encoder.encode(a // 8, -b // 8)
    assert encoder.decode(total) == (a // 4 + a // 8, b // 4 + -b // 8)


@given(value=st.floats(-1e12, 1e12), scale=st.sampled_from([1, 10, 10**6]))
def test_encoders_cut_off(value, scale):
    floats, integers = phe.FloatEncoder(SCHEMA, scale), phe.IntegerEncoder(SCHEMA, scale)
    assert int(floats.encode(value)) == int(value * scale)
    assert integers.decode(integers.encode(value)) == int(value)
    array = hnp.array(np.array([value]), floats)
    assert array.to_numpy(floats).tolist() == [floats.decode(floats.encode(value))]


@pytest.mark.parametrize("values", [[float("nan")], [float("inf")], [1e308], np.array([1e30])])
def test_what_has_no_encoding_is_refused(values):
    with pytest.raises(EncodingError):
        hnp.array(values, phe.IntegerEncoder(SCHEMA)).to_numpy(phe.IntegerEncoder(SCHEMA))


def test_one_number(kit):
    one = phe.setup(kit.public_key(), kit.secret_key())
    e, v, d = one.encryptor(), one.evaluator(), one.decryptor()
    a, p = e.encrypt_raw(5), one.plaintext(-7)
    for result, expected in (
        (v.add(a, p), -2), (v.sub(p, a), -12), (v.sub(a, p), 12),
        (v.mul(a, p), -35), (v.mul(3, a), 15), (v.negate(a), -5),
    ):  # fmt: skip
        assert d.decrypt_raw(result) == expected
    v.sub_inplace(a, p)
    assert int(d.decrypt_in_range(a, 4)) == 12
    with pytest.raises(phe.PheRuntimeError, match="expected are at most 3"):
        d.decrypt_in_range(a, 3)
    with pytest.raises(BoundError, match="plaintext has 512 bits"):
        e.encrypt_raw(2**511)
    assert (
        d.decrypt_raw(e.encrypt(kit.public_key().plaintext_bound()))
        == kit.public_key()._key.n // 2 - 1
    )


def test_masks_of_half_a_key_make_secret_shares(kit, party):
    """As SecretFlow turns ciphertexts into shares mod 2**128."""
    values = [[-5, 2**40], [0, 7]]
    half = party.public_key().plaintext_bound() / phe.Plaintext(SCHEMA, 2)
    mask = hnp.random.randint(-half, half, (2, 2))
    masked = party.evaluator().sub(encrypt(party, values), mask)
    shares = [array.to_bytes(16, "little") for array in (kit.decryptor().decrypt(masked), mask)]
    words = [
        [int.from_bytes(share[i : i + 16], "little") for i in range(0, 64, 16)] for share in shares
    ]
    totals = [(a + b) % 2**128 for a, b in zip(*words, strict=True)]
    assert totals == [value % 2**128 for row in values for value in row]


def test_results_leave_blinded(kit, party):
    c = party.evaluator().mul(encrypt(party, [1, 2]), party.array([3, 3]))
    inside = c._array.to_ints(reblind=False).tolist()
    for sent in (hnp.CiphertextArray.load_from(c.serialize()), pickle.loads(pickle.dumps(c))):
        assert not set(sent._array.to_ints(reblind=False)) & set(inside)
        assert decrypt(kit, sent) == [3, 6]
    assert str(inside[0]) not in str(c)


def test_secret_keys_are_not_pickled(kit):
    with pytest.raises(PyFateError, match="never pickled"):
        pickle.dumps(kit.secret_key())
    again = phe.SecretKey.load_from(kit.secret_key().serialize())
    assert str(kit.secret_key()._key._secret_factors()[0]) not in repr(again)
    assert phe.setup(kit.public_key(), again).secret_key() is again
    assert pickle.loads(pickle.dumps(kit.public_key())) == kit.public_key()


def test_other_schemes_and_keys_are_refused(kit):
    for schema in (phe.SchemaType.OU, "elgamal", phe.Mock):
        with pytest.raises(phe.PheRuntimeError, match="another scheme than Paillier"):
            hnp.setup(schema, 512)
    stranger = hnp.setup(SCHEMA, 512)
    for wrong in (
        lambda: stranger.decryptor().decrypt(encrypt(kit, [1])),
        lambda: kit.evaluator().add(encrypt(kit, [1]), encrypt(stranger, [1])),
        lambda: phe.setup(kit.public_key(), stranger.secret_key()),
    ):
        with pytest.raises(KeyMismatchError):
            wrong()


@pytest.mark.parametrize(
    "data", [b"", b"xx", pickle.dumps([1]), b"PFHEU\x01" + b"\xff" * 8, "text"]
)
def test_foreign_bytes_are_refused(kit, data):
    for kind in (
        phe.PublicKey,
        phe.SecretKey,
        phe.Ciphertext,
        hnp.CiphertextArray,
        hnp.PlaintextArray,
    ):
        with pytest.raises(WireFormatError):
            kind.load_from(data)
    with pytest.raises(WireFormatError):
        phe.SecretKey.load_from(kit.public_key().serialize())


def test_bytes_bring_no_other_base(kit):
    n = kit.public_key()._key.n
    assert keys.engine_key(n, None) is kit.public_key()._key
    assert phe.PublicKey.load_from(kit.public_key().serialize())._key is kit.public_key()._key


def test_install_answers_for_heu():
    program = (
        "import pyfate_gpu.integrations.heu as ours; ours.install();"
        "from heu import phe; import heu.numpy as hnp;"
        "assert hnp.setup(phe.SchemaType.ZPaillier, 2048).get_schema() == phe.ZPaillier"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([2**64 - 1, -1], [2**64 - 1, -1]),
        ([np.uint64(2**64 - 1), np.int64(-1)], [2**64 - 1, -1]),
        (np.array([2**53 + 1, 5], dtype=">u8"), [2**53 + 1, 5]),
        (pd.Series([2**53 + 1, 1], dtype="Int64"), [2**53 + 1, 1]),
        (pd.DataFrame({"a": [-1], "b": np.array([2**64 - 1], np.uint64)}), [[-1, 2**64 - 1]]),
        (np.array([2**70, 1.0], dtype=object), [2**70, 1]),
    ],
    ids=["list", "NumPy's", "big-endian", "nullable", "mixed columns", "objects"],
)
def test_integers_are_never_floats(kit, values, expected):
    for encoder in (phe.BigintEncoderParams(), phe.FloatEncoderParams(1)):
        assert kit.array(values, encoder).to_numpy().tolist() == expected


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([2**53 + 1, 0.5], "is among floats and has 54 bits"),
        (np.ma.array([1, 2], mask=[0, 1]), "masked elements"),
        ([Decimal("0.1"), 1], "a Decimal cannot be encoded"),
        ([pd.NA, 1], "a NAType cannot be encoded"),
        (np.array(["1"], dtype=object), "a str cannot be encoded"),
    ],
    ids=["integer among floats", "masked", "decimal", "missing", "text"],
)
def test_what_loses_digits_or_has_no_value_is_refused(kit, values, message):
    for encoder in (phe.BigintEncoderParams(), phe.FloatEncoderParams(1)):
        with pytest.raises(PyFateError, match=message):
            kit.array(values, encoder)
