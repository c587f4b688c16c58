# SPDX-License-Identifier: Apache-2.0
"""Far exponents, other bases, numbers of other types: python-paillier's result, or its refusal by its type."""

import json
import math
import warnings
from decimal import Decimal
from fractions import Fraction

import numpy as np
import phe as theirs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from pyfate_gpu import PyFateError
from pyfate_gpu.cli.phe import app
from pyfate_gpu.errors import KeyFileError
from pyfate_gpu.integrations import phe
from pyfate_gpu.integrations.phe import documents

pytestmark = pytest.mark.filterwarnings(
    "ignore::pyfate_gpu.integrations.key_sizes.InsecureKeySizeWarning",
    "ignore:divide by zero:RuntimeWarning",  # python-paillier's own divisions
)


class Base10(phe.EncodedNumber):
    BASE = 10
    LOG2_BASE = math.log2(10)


class TheirBase10(theirs.EncodedNumber):
    BASE = 10
    LOG2_BASE = math.log2(10)


class Library:
    """One library under one key: the same formulas on both."""

    def __init__(self, module, public, private, base10):
        self.module, self.public, self.private, self.base10 = module, public, private, base10

    def encrypt(self, value, precision=None):
        return self.public.encrypt(value, precision, r_value=12345)

    def encode(self, value, **options):
        return self.module.EncodedNumber.encode(self.public, value, **options)

    def outcome(self, formula):
        """Ciphertext, exponent and number, or the error."""
        try:
            result = formula(self)
            if isinstance(result, self.module.EncryptedNumber):
                number = self.private.decrypt(result)
                return result.ciphertext(be_secure=False), result.exponent, number, type(number)
            if isinstance(result, self.module.EncodedNumber):
                return result.encoding, result.exponent, result.decode()
            return result
        except Exception as error:
            return error


@pytest.fixture(scope="module")
def ours():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        public, private = phe.generate_paillier_keypair(n_length=1024)
    return Library(phe, public, private, Base10)


@pytest.fixture(scope="module")
def other(ours):
    public = theirs.PaillierPublicKey(ours.public.n)
    private = theirs.PaillierPrivateKey(public, ours.private.p, ours.private.q)
    return Library(theirs, public, private, TheirBase10)


def agree(ours, other, formula):
    """The same integers, or an error of ours that is one of theirs, too."""
    mine, yours = ours.outcome(formula), other.outcome(formula)
    if isinstance(yours, Exception):
        assert isinstance(mine, type(yours)), (mine, yours)
    else:
        assert mine == yours, (mine, yours)


FAR = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, -0.0, 1e200, -1e-200, 1e308, 5e-324, 2.0**-1022]),
    st.integers(-(2**1023), 2**1023),
    st.integers(-9, 9),
)
EXPONENTS = st.integers(-600, 300)


@given(a=FAR, b=FAR, x=FAR)
def test_every_sum_and_product_is_theirs(ours, other, a, b, x):
    for formula in (
        lambda at: at.encrypt(a),
        lambda at: at.encrypt(a) + at.encrypt(b),
        lambda at: at.encrypt(a) - at.encrypt(b),
        lambda at: at.encrypt(a) + x,
        lambda at: at.encrypt(a) - x,
        lambda at: x - at.encrypt(a),
        lambda at: at.encrypt(a) * x,
        lambda at: at.encrypt(a) / x,
        lambda at: at.encrypt(a) * b + x,
        lambda at: at.encrypt(a) * at.encode(x),
    ):
        agree(ours, other, formula)


@given(a=FAR, exponent=EXPONENTS, precision=st.sampled_from([None, 1e-300, 1e-9, 1e9, 1e300]))
def test_every_exponent_is_theirs(ours, other, a, exponent, precision):
    for formula in (
        lambda at: at.encrypt(a, precision),
        lambda at: at.encrypt(a).decrease_exponent_to(exponent),
        lambda at: at.encrypt(a, precision).decrease_exponent_to(exponent),
        lambda at: at.encode(a, precision=precision, max_exponent=exponent),
        lambda at: at.private.decrypt(
            at.module.EncryptedNumber(at.public, 1 + 5 * at.public.n, exponent)
        ),
        lambda at: at.module.EncodedNumber(at.public, 5, exponent).decode(),
        lambda at: at.module.EncodedNumber(at.public, at.public.n - 5, exponent).decode(),
    ):
        agree(ours, other, formula)


@given(a=FAR, exponent=EXPONENTS)
def test_encoded_numbers_are_never_shifted_past_the_key(ours, other, a, exponent):
    """Theirs wrap around there, so that another number is decrypted; ours are refused."""
    for formula in (
        lambda at: at.encode(a).decrease_exponent_to(exponent),
        lambda at: at.encrypt(1.5).decrease_exponent_to(min(exponent, -13)) + at.encode(a),
        lambda at: at.encode(a) - at.encrypt(1.5).decrease_exponent_to(min(exponent, -13)),
    ):
        mine, yours = ours.outcome(formula), other.outcome(formula)
        if isinstance(mine, ValueError) and not isinstance(yours, Exception):
            far = abs(Fraction(a)) * Fraction(16) ** -min(exponent, -13)
            assert far > ours.public.max_int
        elif isinstance(yours, Exception):
            assert isinstance(mine, ValueError | type(yours))
        else:
            assert mine == yours


@pytest.mark.parametrize(
    "formula",
    [
        lambda at: at.encrypt(1e200) + 1e-200,
        lambda at: at.encrypt(1e-200) + 1e200,
        lambda at: at.encrypt(1e200) + at.encrypt(1e-200),
        lambda at: at.encrypt(1e200) - at.encrypt(1e-200),
        lambda at: at.encrypt(1e-20).decrease_exponent_to(-400),
        lambda at: at.encrypt(0).decrease_exponent_to(-(10**9)),
        lambda at: at.encode(1.0).decrease_exponent_to(-400),
        lambda at: at.encode(1.0, max_exponent=-(10**12)),
        lambda at: at.encrypt(1e200, 1e-200),
        lambda at: at.encrypt(0.5) + phe.EncryptedNumber(at.public, 1, 10**9),
        lambda at: at.encrypt(0.5) + phe.EncodedNumber(at.public, 1, 10**9),
    ],
)
def test_what_passes_the_key_is_a_value_error(ours, formula):
    """Also where computing the shift would take all memory, as theirs does."""
    with pytest.raises(ValueError, match="key") as caught:
        formula(ours)
    assert isinstance(caught.value, PyFateError)


def test_far_exponents_of_zeros(ours):
    assert ours.encode(0, max_exponent=-(10**12)).decrease_exponent_to(-(10**13)).decode() == 0
    number = phe.EncodedNumber(ours.public, 1, 10**12)
    with pytest.raises(OverflowError, match="corrupt or foreign"):
        number.decode()
    assert (
        math.copysign(1, phe.EncodedNumber(ours.public, ours.public.n - 1, -(10**9)).decode()) == -1
    )
    longer = phe.PaillierPublicKey(2**2047 + 1)
    with pytest.raises(OverflowError, match="too large for a float"):
        phe.EncodedNumber(longer, 2**2040, -1).decode()


SCALARS = [
    *(dtype(3) for dtype in (np.int8, np.uint8, np.int16, np.int64, np.uint64, np.float16, np.float32, np.float64)),
    np.longdouble(3), 3, 3.0, True,
]  # fmt: skip


@pytest.mark.parametrize("scalar", SCALARS, ids=lambda scalar: type(scalar).__name__)
def test_operands_are_widened_before_anything_is_computed(ours, scalar):
    one, decrypt = ours.public.encrypt(1.0), ours.private.decrypt
    value = float(scalar)
    assert decrypt(one / scalar) == 1 / value
    assert decrypt(one * scalar) == decrypt(scalar * one) == value
    assert decrypt(one + scalar) == decrypt(scalar + one) == 1 + value
    assert decrypt(one - scalar) == -decrypt(scalar - one) == 1 - value
    assert decrypt(ours.public.encrypt(scalar)) == value
    assert [decrypt(each) for each in one / np.array([scalar, scalar])] == [1 / value] * 2


def test_floats_keep_every_digit(ours):
    for scalar in (np.float16(0.1), np.float32(0.1), np.float64(0.1), np.longdouble(0.25)):
        assert ours.private.decrypt(ours.public.encrypt(1) * scalar) == float(scalar)
    assert ours.private.decrypt(ours.public.encrypt(1) / np.float16(0.1)) == 1 / float(
        np.float16(0.1)
    )
    longer = np.longdouble(1) / 3
    assert longer != float(longer)
    c = ours.public.encrypt(1)
    for inexact in (
        lambda: c * longer,
        lambda: c / longer,
        lambda: c + longer,
        lambda: ours.public.encrypt(longer),
    ):
        with pytest.raises(TypeError, match="more digits"):
            inexact()


@pytest.mark.parametrize(
    "scalar",
    [0, 0.0, np.float64(0), np.int64(0), np.float64("nan"), math.inf, "3", None, 1j, Fraction(3), Decimal(3),
     np.complex128(3), np.str_("3"), np.bool_(True), [3], {}],
    ids=repr,
)  # fmt: skip
def test_what_they_refuse_to_compute_with_we_refuse(ours, other, scalar):
    for formula in (
        lambda at: at.encrypt(1.0) / scalar,
        lambda at: at.encrypt(1.0) * scalar,
        lambda at: at.encrypt(1.0) + scalar,
        lambda at: at.encrypt(1.0) - scalar,
    ):
        mine, yours = ours.outcome(formula), other.outcome(formula)
        if isinstance(yours, Exception) and not isinstance(scalar, np.integer | np.floating):
            assert isinstance(mine, type(yours))
        elif not isinstance(yours, Exception):
            assert mine == yours


def test_another_base(ours, other):
    """Operands of a base that a number has not: its integers, or a refusal; within one base all is right."""
    public, private = ours.public, ours.private
    agree(ours, other, lambda at: at.encrypt(1) + at.base10.encode(at.public, 2))
    assert private.decrypt(public.encrypt(1.5) + Base10.encode(public, 2)) == 3.5
    agree(ours, other, lambda at: at.encrypt(1.5) * at.base10.encode(at.public, 2))
    agree(ours, other, lambda at: at.encrypt(1) - at.base10.encode(at.public, 2))
    agree(ours, other, lambda at: at.encrypt(1) - at.encode(2))
    tenth = Base10.encode(public, 0.1)
    for wrong in (
        lambda: public.encrypt(1.5) + tenth,
        lambda: tenth + public.encrypt(1.5),
        lambda: public.encrypt(1.5) * tenth,
        lambda: public.encrypt(1.5) + public.encrypt(tenth),
        lambda: public.encrypt(1.5) - public.encrypt(tenth),
        lambda: public.encrypt(tenth) - tenth,
    ):
        with pytest.raises(TypeError):
            wrong()
    c = public.encrypt(tenth)
    for number, expected in (
        (c, 0.1), (c + tenth, 0.2), (c + 0.25, 0.35), (c * 2, 0.2), (c * 2.5, 0.25), (c - c * 3, -0.2), (1 - c, 0.9),
        (c.decrease_exponent_to(c.exponent - 5) + c, 0.2), (public.encrypt_many([tenth])[0], 0.1),
        (public.encrypt(3) * tenth, 0.3),
    ):  # fmt: skip
        assert private.decrypt(number) == pytest.approx(expected, rel=1e-15)
        assert private.decrypt_encoded(number, Base10).decode() == private.decrypt(number)


def test_foreign_objects(ours, other):
    """Numbers and keys of python-paillier's own classes are none of ours: refused as they refuse ours."""
    c, number = ours.public.encrypt(1.5), other.public.encrypt(1.5)
    encoded = other.encode(2)
    for wrong in (
        lambda: c + number, lambda: c * number, lambda: c - number, lambda: c + encoded, lambda: c * encoded,
        lambda: ours.public.encrypt(encoded), lambda: ours.private.decrypt(number),
        lambda: phe.EncryptedNumber(other.public, 5), lambda: phe.EncryptedNumber(ours.public, c),
        lambda: phe.EncryptedNumber(ours.public, 5, 1.5), lambda: phe.PaillierPrivateKey(other.public, 3, 5),
        lambda: phe.EncryptedNumber(ours.public, 5.5), lambda: c + phe.EncodedNumber(ours.public, 2.5, 0),
        lambda: c * phe.EncodedNumber(ours.public, 2.5, 0), lambda: c.decrease_exponent_to(-20.0),
    ):  # fmt: skip
        with pytest.raises(TypeError):
            wrong()
    stranger = phe.PaillierPublicKey(other.public.n + 2)
    for wrong in (
        lambda: ours.public.encrypt(phe.EncodedNumber(stranger, 2, 0)),
        lambda: ours.public.encrypt_many([phe.EncodedNumber(stranger, 2, 0)]),
        lambda: c + phe.EncodedNumber(stranger, 2, 0),
        lambda: c * phe.EncodedNumber(stranger, 2, 0),
    ):
        with pytest.raises(ValueError, match="key"):
            wrong()


def test_integers_of_numpy_are_parameters(ours):
    exponent = np.int64(-20)
    assert ours.private.decrypt(ours.public.encrypt(1.5).decrease_exponent_to(exponent)) == 1.5
    with pytest.raises(ValueError, match="key"):
        ours.public.encrypt(1.5).decrease_exponent_to(np.int64(-400))
    c = phe.EncryptedNumber(ours.public, ours.public.raw_encrypt(3), exponent)
    assert type((c + 1).exponent) is int
    assert ours.private.decrypt(c) == 3 / 16**20
    assert ours.encode(2, max_exponent=exponent).decode() == 2
    public, _ = phe.generate_paillier_keypair(n_length=np.int64(256))
    assert public.n.bit_length() == 256
    for wrong in (True, 256.0, "256"):
        with pytest.raises(PyFateError):
            phe.generate_paillier_keypair(n_length=wrong)


@pytest.mark.parametrize("bits", [8, 16, 64, 128, 254])
def test_keys_of_lessons(bits):
    """Every size that python-paillier makes; the engine is the reference one."""
    public, private = phe.generate_paillier_keypair(n_length=bits)
    key = theirs.PaillierPublicKey(public.n)
    secret = theirs.PaillierPrivateKey(key, private.p, private.q)
    c = public.encrypt_many([3, -2, 0])
    total = c[0] * 4 + c[1] + 1
    assert private.decrypt_many([*c, total]) == [3, -2, 0, 11]
    assert secret.decrypt(theirs.EncryptedNumber(key, total.ciphertext(), total.exponent)) == 11
    assert private.decrypt(public.encrypt(5, r_value=0)) == 5


def call(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_the_command_line_refuses_alike(tmp_path, ours):
    """A far number in a file: an error, and no file with another number."""
    private, public, a, b, out = (
        tmp_path / name for name in ("private", "public", "a", "b", "out")
    )
    private.write_text(json.dumps(documents.private_to_jwk(ours.private)))
    public.write_text(json.dumps(documents.public_to_jwk(ours.public)))
    for file, value in ((a, 1e200), (b, 1e-200)):
        number = ours.public.encrypt(value)
        file.write_text(json.dumps({"v": str(number.ciphertext()), "e": number.exponent}))
    for arguments in (
        ("addenc", public, a, b), ("add", public, a, 1e-200), ("add", public, b, 1e200), ("encrypt", public, 1e300),
    ):  # fmt: skip
        result = call(*arguments, "--output", out)
        assert isinstance(result.exception, ValueError), result.output
        assert isinstance(result.exception, PyFateError)
        assert not out.exists()
    assert call("decrypt", private, a).output.strip() == str(int(1e200))


@pytest.mark.parametrize("form", ["sign byte", "standard alphabet", "padding", "no key_ops"])
def test_keys_of_other_tools(ours, form):
    """As Java and others write big integers; what is no number names its member."""

    def changed(jwk):
        jwk = dict(jwk)
        for member in jwk.keys() & {"n", "h", "p", "q"}:
            number = phe.util.base64_to_int(jwk[member])
            if form == "sign byte":
                jwk[member] = phe.util.base64url_encode(
                    b"\0" + number.to_bytes((number.bit_length() + 7) // 8, "big")
                )
            elif form == "standard alphabet":
                jwk[member] = jwk[member].replace("-", "+").replace("_", "/")
            elif form == "padding":
                jwk[member] += "=" * (-len(jwk[member]) % 4)
        if form == "no key_ops":
            del jwk["key_ops"]
        return jwk

    document = documents.private_to_jwk(ours.private)
    again = documents.private_from_jwk(changed(document) | {"pub": changed(document["pub"])})
    assert (again.p, again.q) == (ours.private.p, ours.private.q)
    assert again.public_key._h == ours.public._h


@pytest.mark.parametrize("member", ["p", "q"])
@pytest.mark.parametrize("value", ["", "!!!!", "ab cd", "a\nb", 5, None, [], "é", "A"])
def test_the_wrong_member_is_named(ours, member, value):
    document = documents.private_to_jwk(ours.private) | {member: value}
    with pytest.raises(KeyFileError, match=f"member '{member}'"):
        documents.private_from_jwk(document)
    document["pub"] = document["pub"] | {"n": value}
    with pytest.raises(KeyFileError, match="member 'n'"):
        documents.private_from_jwk(document)


@pytest.mark.parametrize("half", [..., None, [], "n"])
def test_a_missing_public_half_is_named(ours, half):
    document = documents.private_to_jwk(ours.private) | {"pub": half}
    if half is ...:
        del document["pub"]
    with pytest.raises(KeyFileError, match="member 'pub'"):
        documents.private_from_jwk(document)
