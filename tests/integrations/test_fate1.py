# SPDX-License-Identifier: Apache-2.0
"""FATE 1's numbers, keys and encrypter as far as they go without FATE; tests/interop has the rest."""

import math
import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfate_gpu import PyFateError
from pyfate_gpu.integrations import fate1
from pyfate_gpu.integrations.fate1 import installation
from pyfate_gpu.integrations.fate1.encoding import decode, encode
from pyfate_gpu.integrations.fate1.encrypt import Encrypt
from pyfate_gpu.integrations.fate1.keys import PrivateKey

pytestmark = pytest.mark.filterwarnings(
    "ignore::pyfate_gpu.integrations.key_sizes.InsecureKeySizeWarning"
)
NUMBERS = st.one_of(
    st.floats(-1e9, 1e9).filter(lambda x: abs(x) > 1e-9), st.integers(-(2**40), 2**40)
)


@pytest.fixture(scope="module")
def tool():
    tool = Encrypt()
    tool.generate_key(512)
    return tool


@given(value=NUMBERS, least=st.one_of(st.none(), st.integers(-5, 30)))
def test_encoding_is_the_rule(tool, value, least):
    n, limit = tool.public_key.n, tool.public_key.max_int
    encoding, exponent = encode(value, n, limit, least_exponent=least)
    rule = 0 if isinstance(value, int) else math.floor((53 - math.frexp(value)[1]) / 4)
    assert exponent == (rule if least is None else max(rule, least))
    signed = encoding - n if encoding > limit else encoding
    assert signed == round(value * 16**exponent)
    assert decode(encoding, exponent, n, limit) == pytest.approx(value, rel=2**-49)


@given(a=NUMBERS, b=NUMBERS, x=NUMBERS)
def test_formulas(tool, a, b, x):
    c, d = tool.encrypt(a), tool.encrypt(b)
    assert (c + d).exponent == max(c.exponent, d.exponent)
    for result, expected in (
        (c + d, a + b), (c - d, a - b), (c * x + d, a * x + b), (x - c, x - a), (c + x, a + x), (c - x, a - x),
        (c / 8 + d * x + c, a / 8 + b * x + a), (sum([c, d, c]), 2 * a + b),
    ):  # fmt: skip
        scale = max(abs(expected), abs(a * x), abs(b * x), abs(a), abs(b), abs(x))
        assert tool.decrypt(result) == pytest.approx(expected, abs=1e-12 * scale)


def test_aligning_increases_the_exponent(tool):
    c = tool.encrypt(3)
    assert (c.exponent, c.increase_exponent_to(5).exponent) == (0, 5)
    assert tool.decrypt(c.increase_exponent_to(5)) == 3.0
    with pytest.raises(ValueError, match="only a greater"):
        tool.encrypt(0.5).increase_exponent_to(0)


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.uint64, np.float32, np.float64])
def test_numpy_operands(tool, dtype):
    c, value = tool.encrypt(np.int64(2**40)), dtype(100)
    for result, expected in (
        (c * value, 2**40 * 100),
        (value * c, 2**40 * 100),
        (c + value, 2**40 + 100),
    ):
        assert tool.decrypt(result) == expected


def test_gradients_of_arrays(tool, rng):
    x, d = rng.normal(size=(20, 3)), rng.normal(size=20)
    c = np.array(tool.encrypt_list(d))
    gradient = None
    for row, number in zip((x * 2**23).astype(int), c, strict=True):
        gradient = row * number if gradient is None else gradient + row * number
    found = np.array(tool.decrypt_list(gradient / 20))
    np.testing.assert_allclose(found, (x * 2**23).astype(int).T @ d / 20, rtol=1e-9)


def test_nested_values_are_one_batch(tool, monkeypatch):
    batches = []
    original = type(tool.public_key).encrypt_many
    monkeypatch.setattr(
        type(tool.public_key), "encrypt_many", lambda *a: batches.append(len(a[1])) or original(*a)
    )
    nested = [1, (2.5, [np.arange(6).reshape(2, 3)]), [], np.array(-1.5)]
    encrypted = tool.recursive_encrypt(nested)
    assert batches == [9]
    assert encrypted[1][1][0].shape == (2, 3)
    decrypted = tool.recursive_decrypt(encrypted)
    assert isinstance(decrypted[1], tuple)
    assert [*decrypted[:1], decrypted[1][0], *decrypted[1][1][0].tolist()] == [
        1,
        2.5,
        [0, 1, 2],
        [3, 4, 5],
    ]
    raw = tool.recursive_raw_encrypt(np.array([5, tool.public_key.n - 1], dtype=object), exponent=2)
    assert tool.recursive_raw_decrypt(raw).tolist() == [5, tool.public_key.n - 1]
    assert raw[0].exponent == 2
    assert tool.raw_decrypt(tool.raw_encrypt(7)) == 7


class Table:
    """As much of FATE's table as the encrypter uses; its functions cross a pickle, as FATE's do."""

    def __init__(self, records):
        self.records = records

    def mapPartitions(self, function, use_previous_behavior, preserves_partitioning):
        assert (use_previous_behavior, preserves_partitioning) == (False, True)
        function = pickle.loads(pickle.dumps(function))
        return Table(pickle.loads(pickle.dumps(list(function(iter(self.records))))))


def test_tables(tool, monkeypatch):
    records = [("a", 1.5), ("b", np.array([1.0, -2.0])), ("c", [3, 4])] * 500
    encrypted = tool.distribute_encrypt(Table(records))
    with pytest.raises(PyFateError, match="share_private_key"):
        tool.distribute_decrypt(encrypted)
    monkeypatch.setattr(PrivateKey, "shared_with_workers", True)
    decrypted = tool.distribute_decrypt(encrypted).records
    assert [key for key, _ in decrypted] == [key for key, _ in records]
    assert decrypted[0][1] == 1.5
    assert decrypted[-2][1].tolist() == [1.0, -2.0]
    assert decrypted[-1][1] == [3, 4]


def test_pickles(tool):
    number = tool.encrypt(4) * 3
    inside = number.ciphertext(be_secure=False)
    again = pickle.loads(pickle.dumps(number))
    assert again.ciphertext(be_secure=False) != inside
    assert tool.decrypt(again) == 12
    assert again.public_key._h == tool.public_key._h
    elsewhere = pickle.loads(pickle.loads(pickle.dumps(pickle.dumps(tool))))
    assert elsewhere.public_key == tool.public_key
    for decrypt in (
        elsewhere.decrypt,
        lambda c: elsewhere.decrypt_list([c]),
        elsewhere.raw_decrypt,
    ):
        with pytest.raises(PyFateError, match="not in this process"):
            decrypt(number)
    with pytest.raises(PyFateError, match="not pickled"):
        pickle.dumps(tool.privacy_key)
    foreign = fate1.EncryptedNumber.__new__(fate1.EncryptedNumber)
    with pytest.raises(PyFateError, match="FATE's own class"):
        foreign.__setstate__({"exponent": 0})


def test_everything_is_blinded(tool):
    key = tool.public_key
    same = [key.raw_encrypt(0) for _ in range(20)]
    same += [
        c.ciphertext(False)
        for c in [*tool.encrypt_list([0] * 20), *tool.recursive_raw_encrypt([0] * 9)]
    ]
    same += [tool.encrypt(0).ciphertext(False) for _ in range(9)]
    assert len(set(same)) == len(same)
    assert all((c - 1) % key.n for c in same)


@pytest.mark.parametrize("value", [math.nan, math.inf, "1", None, 1j, 10**400, object()])
def test_what_cannot_be_encrypted(tool, value):
    with pytest.raises((ValueError, TypeError)):
        tool.encrypt(value)


def test_foreign_numbers_are_refused(tool):
    other = Encrypt()
    other.generate_key(512)
    for wrong in (
        lambda: tool.decrypt(other.encrypt(1)),
        lambda: tool.encrypt(1) + other.encrypt(1),
    ):
        with pytest.raises(ValueError, match="key"):
            wrong()
    for wrong in (lambda: tool.encrypt(1) * tool.encrypt(1), lambda: tool.decrypt(5)):
        with pytest.raises(TypeError):
            wrong()
    with pytest.raises(PyFateError, match="must call install"):
        other.set_public_key(object())
    with pytest.raises(TypeError, match="before keys are made"):
        fate1.EncryptedNumber(object(), 5)
    limit = tool.public_key.max_int
    with pytest.raises(OverflowError, match="n/3"):
        tool.decrypt(tool.encrypt(limit) + limit // 2)


@pytest.mark.parametrize("exponent", [10**9, -(10**9)])
def test_foreign_exponents_are_refused(tool, exponent):
    number = fate1.EncryptedNumber(tool.public_key, tool.encrypt(1).ciphertext(), exponent)
    for operation in (lambda: number + tool.encrypt(1), lambda: tool.decrypt(number)):
        with pytest.raises(OverflowError, match="corrupt or foreign"):
            operation()
    for wrong in (1.5, None):
        with pytest.raises(TypeError, match="exponent is a"):
            fate1.EncryptedNumber(tool.public_key, 5, wrong)


@pytest.mark.parametrize(("version", "warns"), [("1.11.4", False), ("1.9.0", True), (None, False)])
def test_other_versions_warn(tmp_path, version, warns):
    if version:
        (tmp_path / "fate.env").write_text(f"FATE={version}\nEGGROLL=2.5.3\n")
    file = tmp_path / "python/federatedml/secureprotol/fate_paillier.py"
    if warns:
        with pytest.warns(UserWarning, match=r"FATE 1\.9\.0 .* tested with 1\.11"):
            installation._warn_of_version(file)
    else:
        installation._warn_of_version(file)


def test_absent_fate_is_named():
    program = (
        "from pyfate_gpu.integrations import fate1\n"
        "try:\n    fate1.install()\nexcept ImportError as e:\n    assert 'v1.11.4' in str(e)\n"
        "else:\n    raise SystemExit('installed')"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
