# SPDX-License-Identifier: Apache-2.0
"""Far exponents and numbers of other types under FATE 1's rules, which compute with floats; `make interop`
compares random ones with FATE itself."""

import math
import warnings

import numpy as np
import phe as theirs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfate_gpu import PyFateError
from pyfate_gpu.integrations import fate1, phe
from pyfate_gpu.integrations.fate1.encoding import decode, encode

pytestmark = pytest.mark.filterwarnings(
    "ignore::pyfate_gpu.integrations.key_sizes.InsecureKeySizeWarning"
)
N, LIMIT = 2**1023 - 1, (2**1023 - 1) // 3 - 1


class FixedPointNumber:
    """As FATE's: an encoding, an exponent, a base."""

    BASE = 16

    def __init__(self, encoding, exponent):
        self.encoding, self.exponent = encoding, exponent

    def decode(self):
        return self.encoding * self.BASE**-self.exponent


class Base10(FixedPointNumber):
    BASE = 10


@pytest.fixture(scope="module")
def keys():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fate1.generate_keypair(1024)


def outcome(function):
    try:
        return function()
    except Exception as error:
        return error


FAR = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**1100), 2**1100),
    st.integers(-9, 9),
    st.sampled_from([1e200, -1e-199, 1e308, 2.0**-660]),
)


@given(value=FAR, least=st.integers(-300, 700))
def test_what_an_operand_becomes(value, least):
    """By FATE's own arithmetic, written in Python's floats: its integer, or its error."""

    def rule():
        number = 0 if abs(value) < 1e-200 else value
        own = 0 if isinstance(number, int) else (53 - math.frexp(number)[1]) // 4
        significand = round(number * 16 ** max(own, least))
        if abs(significand) > LIMIT:
            raise ValueError
        return significand % N, max(own, least)

    if isinstance(value, int) and least < 0:
        least = 0  # where FATE rounds an integer as a float
    mine, right = outcome(lambda: encode(value, N, LIMIT, least_exponent=least)), outcome(rule)
    if isinstance(right, Exception):
        assert isinstance(mine, type(right)), (mine, right)
        assert isinstance(mine, PyFateError)
    else:
        assert mine == right


@given(significand=st.integers(-LIMIT, LIMIT), exponent=st.integers(-500, 500))
def test_what_a_plaintext_becomes(significand, exponent):
    """A number correctly rounded; where FATE's float of the significand overflows, as there."""
    mine = outcome(lambda: decode(significand % N, exponent, N, LIMIT))
    if exponent <= 0:
        assert mine == significand * 16**-exponent
    else:
        assert mine == significand / 16**exponent


def test_decoding_refuses_what_passes_a_float():
    n = 2**2047 - 1
    with pytest.raises(OverflowError, match="FATE cannot decode"):
        decode(2**1030, 3, n, n // 3 - 1)
    assert decode(2**1030, 0, n, n // 3 - 1) == 2**1030


@pytest.mark.parametrize(
    ("formula", "kind"),
    [
        (lambda key: key.encrypt(1e200) + 1e-190, ValueError),
        (lambda key: key.encrypt(1e-190) + 1e200, OverflowError),
        (lambda key: key.encrypt(1e200) + key.encrypt(1e-190), ValueError),
        (lambda key: key.encrypt(1e-20) - key.encrypt(1e300), ValueError),
        (lambda key: key.encrypt(1e-20).increase_exponent_to(400), ValueError),
        (lambda key: key.encrypt(1).increase_exponent_to(10**9), ValueError),
        (lambda key: key.encrypt(1).increase_exponent_to(np.int64(300)), ValueError),
        (lambda key: key.encrypt(0.5) * 1e-190 * 1e-190 + 1.5, OverflowError),
        (lambda key: key.encrypt(0.5) * 1e-190 * 1e-190 + 5, ValueError),
        (lambda key: key.encrypt(1e300, precision=1e300), OverflowError),
        (lambda key: key.encrypt(1.0, precision=0), ValueError),
        (lambda key: key.encrypt(1.0, precision=math.inf), OverflowError),
        (lambda key: key.encrypt(math.nan), ValueError),
        (lambda key: key.encrypt(math.inf), OverflowError),
        (lambda key: key.encrypt(1) / 0, ZeroDivisionError),
        (lambda key: key.encrypt(1) / np.float64(0), OverflowError),
        (lambda key: key.encrypt(1) * np.bool_(True), TypeError),
        (lambda key: key.encrypt(1) * np.longdouble("0.1"), TypeError),
        (lambda key: fate1.EncryptedNumber(key, 5, 1.5), TypeError),
        (lambda key: fate1.EncryptedNumber(phe.PaillierPublicKey(key.n), 5), TypeError),
    ],
)
def test_refusals_are_fates(keys, formula, kind):
    with pytest.raises(kind):
        formula(keys[0])


@pytest.mark.parametrize(
    "scalar",
    [3, 3.0, True, *(t(3) for t in (np.int8, np.uint64, np.float16, np.float32, np.longdouble)),
     FixedPointNumber(3, 0), FixedPointNumber(3 * 16**2, 2), Base10(300, 2)],
    ids=lambda scalar: type(scalar).__name__,
)  # fmt: skip
def test_operands_of_every_type(keys, scalar):
    """Widened before anything is computed; a number of another base is its value."""
    one, decrypt = keys[0].encrypt(1.0), keys[1].decrypt
    value = float(scalar.decode() if isinstance(scalar, FixedPointNumber) else scalar)
    assert decrypt(one * scalar) == value
    assert decrypt(one + scalar) == 1 + value
    assert decrypt(one - scalar) == 1 - value
    if not isinstance(
        scalar, FixedPointNumber
    ):  # FATE's has a division of its own, and floats lose three bits
        assert decrypt(one / scalar) == pytest.approx(1 / value, rel=2**-49)


def test_foreign_numbers(keys):
    public, private = phe.generate_paillier_keypair(n_length=256)
    c = keys[0].encrypt(1)
    for other in (
        public.encrypt(1), phe.EncodedNumber.encode(public, 1), theirs.EncodedNumber(public, 1, 0), "1", None, [1], 1j,
    ):  # fmt: skip
        for operation in (lambda o=other: c + o, lambda o=other: c * o, lambda o=other: c - o):
            with pytest.raises((TypeError, NotImplementedError)):
                operation()
    with pytest.raises(TypeError):
        keys[1].decrypt(public.encrypt(1))
    with pytest.raises(TypeError):
        private.decrypt(c)


def test_integers_of_numpy_are_parameters(keys):
    number = fate1.EncryptedNumber(keys[0], keys[0].raw_encrypt(np.int64(48)), np.int64(1))
    assert keys[1].decrypt(number) == 3
    assert type(number.exponent) is int
    assert fate1.generate_keypair(np.int64(256))[0].n.bit_length() == 256
    assert keys[1].decrypt(keys[0].encrypt(5, random_value=0)) == 5
    for wrong in (True, 256.0):
        with pytest.raises(ValueError, match="n_length"):
            fate1.generate_keypair(wrong)
