# SPDX-License-Identifier: Apache-2.0
"""Our phe against python-paillier itself, value by value, and where it promises more."""

import json
import math
import os
import pickle
import subprocess
import sys
import threading
import warnings

import numpy as np
import phe as theirs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from pyfate_gpu import PyFateError
from pyfate_gpu.cli.phe import app
from pyfate_gpu.errors import EncodingError
from pyfate_gpu.integrations import key_sizes, phe
from pyfate_gpu.integrations.phe import documents
from pyfate_gpu.integrations.scalars import deferred
from pyfate_gpu.integrations.scalars.blinding_stock import BlindingStock

pytestmark = pytest.mark.filterwarnings(
    "ignore::pyfate_gpu.integrations.key_sizes.InsecureKeySizeWarning"
)
# Both libraries refuse what needs more bits than the key has, each at another place of a formula.
FLOATS = st.floats(-1e9, 1e9).filter(lambda x: x == 0 or abs(x) > 1e-20)
NUMBERS = st.one_of(FLOATS, st.integers(-(2**60), 2**60))


@pytest.fixture(scope="module")
def keys():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return phe.generate_paillier_keypair(n_length=1024)


@pytest.fixture(scope="module")
def foreign(keys):
    """The same key as objects of python-paillier."""
    public, private = keys
    key = theirs.PaillierPublicKey(public.n)
    return key, theirs.PaillierPrivateKey(key, private.p, private.q)


def cross(number, key):
    """One of our numbers as one of theirs; unblinded, to compare integers."""
    return theirs.EncryptedNumber(key, number.ciphertext(be_secure=False), number.exponent)


@given(value=NUMBERS, precision=st.sampled_from([None, 1e-3, 2.0**-40, 1e-12]))
def test_encodings_are_theirs(keys, foreign, value, precision):
    ours = phe.EncodedNumber.encode(keys[0], value, precision)
    other = theirs.EncodedNumber.encode(foreign[0], value, precision)
    assert (ours.encoding, ours.exponent) == (other.encoding, other.exponent)
    assert ours.decode() == other.decode()
    assert type(ours.decode()) is type(other.decode())


@given(a=NUMBERS, b=NUMBERS, x=NUMBERS, y=NUMBERS)
def test_results_are_their_integers(keys, foreign, a, b, x, y):
    ours = [keys[0].encrypt(a), keys[0].encrypt(b)]
    other = [cross(number, foreign[0]) for number in ours]
    for p, q in (ours, other):
        assert p.public_key == q.public_key
    for formula in (
        lambda p, q: p * x + q * y,
        lambda p, q: p - q,
        lambda p, q: x - p,
        lambda p, q: (p + q) * x - q * 3 + y,
        lambda p, q: p / (1 + abs(x)) + q,
        lambda p, q: sum([p, q, p, q]) * y + x,
    ):
        mine, yours = formula(*ours), formula(*other)
        assert mine.exponent == yours.exponent
        assert mine.ciphertext(be_secure=False) == yours.ciphertext(be_secure=False)
        assert keys[1].decrypt(mine) == foreign[1].decrypt(yours)


def test_ciphertexts_and_keys_cross_both_ways(keys, foreign):
    public, private = keys
    for value in (3, -7, 2.5, -1e-9):
        ours = public.encrypt(value)
        assert foreign[1].decrypt(cross(ours, foreign[0])) == value
        other = foreign[0].encrypt(value)
        number = phe.EncryptedNumber(public, other.ciphertext(), other.exponent)
        assert private.decrypt(number * 2) == value * 2
    bare = phe.PaillierPublicKey(foreign[0].n)
    assert bare == public
    assert private.decrypt(bare.encrypt(1.25)) == 1.25
    assert private.decrypt_many(bare.encrypt_many([1.25, -2])) == [1.25, -2]
    assert phe.PaillierPrivateKey.from_totient(public, (private.p - 1) * (private.q - 1)) == private


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, np.uint64, np.float32, np.float64])
def test_numpy_operands(keys, dtype):
    public, private = keys
    value = dtype(100)
    number = public.encrypt(np.int64(2**62))
    for result, expected in (
        (number * value, 2**62 * 100),
        (value * number, 2**62 * 100),
        (number + value, 2**62 + 100),
        (value + number, 2**62 + 100),
        (number - value, 2**62 - 100),
        (value - number, 100 - 2**62),
    ):
        assert private.decrypt(result) == pytest.approx(
            expected, rel=1e-15 * (value.dtype.kind == "f")
        )


def test_arrays(keys):
    public, private = keys
    x = np.random.default_rng(1).normal(size=(30, 4))
    d = np.random.default_rng(2).normal(size=30)
    c = public.encrypt_many(d)
    assert isinstance(c, np.ndarray)
    np.testing.assert_allclose(
        private.decrypt_many(np.dot(x.T, c)).astype(float), x.T @ d, atol=1e-12
    )
    np.testing.assert_allclose(private.decrypt_many(c * 2 + d).astype(float), 3 * d)
    np.testing.assert_allclose(private.decrypt_many(c[0] - x).astype(float), d[0] - x)
    np.testing.assert_allclose(private.decrypt(np.mean(c)), d.mean())
    assert private.decrypt_many(c.reshape(5, 6)).shape == (5, 6)
    assert public.encrypt_many([]) == private.decrypt_many([]) == []


def test_long_sums_and_shared_parts(keys):
    public, private = keys
    n = deferred.MOST_TERMS + 3
    c = public.encrypt_many(list(range(n)))
    total, partial = 0, []
    for factor, number in enumerate(c):
        total = number * factor + total
        partial.append(total)
    squares = np.cumsum(np.arange(n) ** 2).tolist()
    assert private.decrypt_many(partial[-3:]) == squares[-3:]
    assert private.decrypt(partial[100]) == squares[100]
    doubled = c[3] * 5
    for _ in range(60):
        doubled = doubled + doubled
    assert private.decrypt(doubled) == 15 * 2**60


def test_every_blinding_factor_is_used_once(keys):
    public, _ = keys
    same = [public.encrypt(1).ciphertext() for _ in range(40)]
    number = public.encrypt(1) + 1
    same += [number.ciphertext() for _ in range(2)][:1]
    assert len(set(same)) == len(same)
    taken = []
    stock = BlindingStock(lambda count: [object() for _ in range(count)], 8)
    threads = [
        threading.Thread(target=lambda: taken.extend(stock.take() for _ in range(100)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(each) for each in taken}) == 400


def test_a_forked_child_draws_its_own_factors():
    # In a process of its own: forking one with threads is asking for trouble.
    program = """
import os, warnings
warnings.simplefilter("ignore")
from pyfate_gpu.integrations import phe
public, private = phe.generate_paillier_keypair(n_length=512)
public.encrypt(0)  # leaves factors in stock
read, write = os.pipe()
if os.fork() == 0:
    os.write(write, str([public.encrypt(5).ciphertext() for _ in range(3)]).encode())
    os._exit(0)
mine = [public.encrypt(5).ciphertext() for _ in range(3)]
os.wait()
child = eval(os.read(read, 10**6))
assert len(set(mine + child)) == 6
"""
    environment = os.environ | {"PYFATE_GPU_THREADS": "1"}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)


def test_exports_are_blinded(keys):
    public, _ = keys
    number = public.encrypt(4) * 3
    inner = number.ciphertext(be_secure=False)
    assert number.ciphertext() != inner
    number = public.encrypt(4) * 3
    inner = number.ciphertext(be_secure=False)
    again = pickle.loads(pickle.dumps(number))
    assert again.ciphertext(be_secure=False) != inner
    assert keys[1].decrypt(again) == 12


def test_private_keys_stay(keys):
    assert str(keys[1].p) not in repr(keys[1])
    with pytest.raises(PyFateError, match="never pickled"):
        pickle.dumps(keys[1])
    public = pickle.loads(pickle.dumps(keys[0]))
    assert (public, public._h) == (keys[0], keys[0]._h)


def test_short_keys_warn_once(monkeypatch):
    monkeypatch.setattr(key_sizes, "_warned", False)
    with pytest.warns(key_sizes.InsecureKeySizeWarning, match="512 bits"):
        phe.generate_paillier_keypair(n_length=512)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        phe.generate_paillier_keypair(n_length=64)


@pytest.mark.parametrize("precision", [0, -1e-3, math.nan, math.inf])
def test_precisions_that_are_none(keys, precision):
    with pytest.raises(EncodingError, match="precision is"):
        keys[0].encrypt(1.5, precision)


@pytest.mark.parametrize(("value", "kind"), [(math.nan, ValueError), (-math.inf, OverflowError)])
def test_numbers_that_are_not_finite(keys, value, kind):
    with pytest.raises(kind) as caught:
        keys[0].encrypt(value)
    assert isinstance(caught.value, PyFateError)


@pytest.mark.parametrize("value", [math.nan, math.inf, "1", None, 1j, [1], 10**400])
def test_what_they_refuse_we_refuse(keys, foreign, value):
    with pytest.raises((ValueError, TypeError, OverflowError)) as other:
        foreign[0].encrypt(value)
    with pytest.raises(other.type):
        keys[0].encrypt(value)


@pytest.mark.parametrize("exponent", [10**9, -(10**9)])
def test_foreign_exponents_are_refused(keys, exponent):
    number = phe.EncryptedNumber(keys[0], keys[0].encrypt(1).ciphertext(), exponent)
    with pytest.raises(OverflowError, match="corrupt or foreign"):
        number + keys[0].encrypt(1)


def test_pickles_of_their_classes_are_refused(keys, foreign):
    state = vars(foreign[0].encrypt(1))
    with pytest.raises(PyFateError, match="python-paillier's own"):
        phe.EncryptedNumber.__new__(phe.EncryptedNumber).__setstate__(state)


def test_foreign_numbers_are_refused(keys):
    public, private = phe.generate_paillier_keypair(n_length=512)
    with pytest.raises(ValueError, match="encrypted for"):
        private.decrypt(keys[0].encrypt(1))
    with pytest.raises(ValueError, match="different keys"):
        public.encrypt(1) + keys[0].encrypt(1)
    with pytest.raises(NotImplementedError):
        public.encrypt(1) * public.encrypt(1)
    with pytest.raises(ValueError, match="not n"):
        phe.PaillierPrivateKey(public, 5, 7)
    with pytest.raises(ValueError, match="totient"):
        phe.PaillierPrivateKey.from_totient(public, 12)


def run(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_command_line(tmp_path):
    private, public, a, b = (tmp_path / name for name in ("private", "public", "a", "b"))
    private.write_text("old")
    private.chmod(0o644)
    with private.open() as already_open:  # as a temporary file is, whose name is passed on
        run("genpkey", "--keysize", 512, "--id", "mine", private)
        assert json.load(already_open)["kty"] == "DAJ"
    assert private.stat().st_mode & 0o777 == 0o600
    run("extract", private, public)
    assert json.loads(public.read_text())["kid"] == "mine"
    run("encrypt", public, "--output", a, "--", -2.5)
    assert json.loads(a.read_text())["e"] == documents.CIPHERTEXT_EXPONENT
    run("multiply", public, a, 4, "--output", b)
    run("add", public, b, 1, "--output", b)
    run("addenc", public, a, b, "--output", b)
    assert float(run("decrypt", private, b)) == -11.5
    # python-paillier reads the key and the number
    key = json.loads(private.read_text())
    number = json.loads(b.read_text())
    p, q, n = (theirs.util.base64_to_int(x) for x in (key["p"], key["q"], key["pub"]["n"]))
    secret = theirs.PaillierPrivateKey(theirs.PaillierPublicKey(n), p, q)
    encrypted = theirs.EncryptedNumber(secret.public_key, int(number["v"]), number["e"])
    assert secret.decrypt(encrypted) == -11.5


def test_files_that_cannot_be_written(tmp_path, keys):
    public = tmp_path / "public"
    public.write_text(json.dumps(documents.public_to_jwk(keys[0])))
    nowhere = tmp_path / "no folder" / "file"
    for arguments in (
        ("genpkey", "--keysize", "512", nowhere),
        ("encrypt", public, "1", "--output", nowhere),
    ):
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert isinstance(result.exception, PyFateError)
    assert "kty" in run("genpkey", "--keysize", 512, "-")


@pytest.mark.parametrize(
    "document", [[], {}, {"v": 5, "e": 0}, {"v": "-5", "e": 0}, {"v": "5", "e": 10**9},
                 {"v": "0", "e": 0}, {"v": "9" * 5000, "e": 0}, {"v": "5", "e": True}],
)  # fmt: skip
def test_damaged_ciphertext_files_are_refused(keys, document):
    with pytest.raises(PyFateError):
        documents.number_from_document(document, keys[0])
    with pytest.raises(PyFateError):
        documents.private_from_jwk(document)


def test_install_answers_for_phe():
    program = (
        "import pyfate_gpu.integrations.phe as ours; ours.install();"
        "from phe import paillier; import phe.encoding, phe.util, phe;"
        "assert phe is ours and paillier.EncryptedNumber is ours.EncryptedNumber"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@given(st.tuples(*[st.integers(1, 2**63 - 1)] * 3))
def test_products_of_numpys_integers_are_those_of_integers(numbers):
    a, b, c = (np.int64(number) for number in numbers)
    assert phe.util.mulmod(a, b, c) == math.prod(numbers[:2]) % numbers[2]
