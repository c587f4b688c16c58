# SPDX-License-Identifier: Apache-2.0
"""The scheme "paillier-short-subgroup": its keys, what it blinds with, and that nothing mixes."""

from __future__ import annotations

import json
import pickle

import gmpy2
import numpy as np
import pytest

from pyfate_gpu import PrivateKey, PublicKey, generate_keypair
from pyfate_gpu.errors import (
    InvalidCiphertextError,
    InvalidKeyError,
    KeyFileError,
    KeyMismatchError,
    WireFormatError,
)
from pyfate_gpu.he import load_private_key, load_public_key, save_private_key, save_public_key
from pyfate_gpu.he.scheme.short_subgroup.private_key import ShortSubgroupPrivateKey
from pyfate_gpu.he.scheme.short_subgroup.public_key import ShortSubgroupPublicKey
from pyfate_gpu.he.scheme.short_subgroup.sizes import exponent_bits, order_bits, security_level

SCHEME = "paillier-short-subgroup"
INSECURE = {"allow_insecure_key_size": True}


@pytest.fixture(scope="module")
def short_pair() -> tuple[PublicKey, PrivateKey]:
    return generate_keypair(512, SCHEME, **INSECURE)


def plain_twin(public: PublicKey) -> PublicKey:
    """The key of the default scheme that has the same n: full r^n."""
    return PublicKey(public.n, **INSECURE)


@pytest.mark.parametrize(
    ("key_bits", "level"),
    [(2048, 112), (2050, 128), (3072, 128), (3074, 152), (4096, 152), (7680, 192), (8192, 200)],
)
def test_orders_have_twice_the_bits_of_security_of_the_modulus(key_bits, level):
    assert security_level(key_bits) == level
    assert order_bits(key_bits) == 2 * level
    assert exponent_bits(key_bits) == 4 * level
    assert exponent_bits(key_bits) < key_bits // 2


@pytest.mark.parametrize("key_bits", [256, 258, 512, 1024])
def test_generated_keys(key_bits):
    public, private = generate_keypair(key_bits, SCHEME, **INSECURE)
    p, q, p_order, q_order = private._secret_numbers()
    n, h = public.n, public.h
    assert n == p * q
    assert n.bit_length() == key_bits
    assert p % 4 == q % 4 == 3
    assert gmpy2.gcd(p - 1, q - 1) == 2
    for prime, order in ((p, p_order), (q, q_order)):
        assert gmpy2.is_prime(order, 40)
        assert order.bit_length() == order_bits(key_bits)
        assert (prime - 1) % order == 0
        assert (prime - 1) // order % order != 0
        assert pow(h, 2 * order, prime) == 1
        assert pow(h, 2, prime) != 1
        assert pow(h, order, prime) == prime - 1  # -1 itself is in the group
    assert gmpy2.jacobi(h, n) == 1
    assert public.numbers.blinding.base == pow(h, n, n * n)
    assert private.decrypt(public.encrypt([1.5, -2.5])).tolist() == [1.5, -2.5]


def test_never_the_default():
    assert generate_keypair(256, **INSECURE)[0].scheme == "paillier"


def test_arrays(engine, short_pair, rng):
    public, private = short_pair
    values = rng.integers(-1000, 1000, size=(6, 4)) / 8
    weights = rng.integers(-50, 50, size=4) / 4
    c = public.encrypt(values)
    d = private.encrypt(values)
    assert (c.blinding, d.blinding) == ("fresh", "fresh")
    for got, expected in (
        (c + d, 2 * values),
        (c - d.sum(axis=0), values - values.sum(axis=0)),
        (c * -2.5, values * -2.5),
        (c @ weights, values @ weights),
        (c.segment_sum([0, 1, 0, 1, 2, 2], 4)[3], np.zeros(4)),
        (public.from_wire((c + 1).to_wire()), values + 1),
    ):
        np.testing.assert_allclose(private.decrypt(got), expected, atol=1e-9)


def test_all_randomness_is_in_the_subgroup(engine, short_pair):
    """Fresh, of the owner, and re-blinded: no two alike, each of order 2 u v at most, symbol +1."""
    public, private = short_pair
    _, _, u, v = private._secret_numbers()
    n, n2 = public.n, public.n**2
    zeros = np.zeros(40, dtype=np.int64)
    derived = public.encrypt(zeros) * 3
    parts = []
    for c in (public.encrypt(zeros), private.encrypt(zeros), derived, public.from_ints(derived.to_ints())):  # fmt: skip
        integers = [int(x) for x in c.to_ints()]
        assert all(gmpy2.powmod(x, 2 * u * v, n2) == 1 for x in integers)
        assert all(gmpy2.jacobi(x, n) == 1 for x in integers)
        parts += integers
    assert len(set(parts)) == len(parts)


def test_other_randomness_raises_instead_of_decrypting_wrong(engine, short_pair):
    public, private = short_pair
    foreign = plain_twin(public).encrypt([1, 2, 3])
    mixed = [*(int(c) for c in public.encrypt([4]).to_ints()), *map(int, foreign.to_ints())]
    with pytest.raises(InvalidCiphertextError, match="row 1 is not a ciphertext of this key"):
        private.decrypt(public.from_ints(mixed))
    with pytest.raises(InvalidCiphertextError, match="row 0"):
        private.decrypt_residues(public.from_ints(mixed[1:]) + 1)
    assert private.decrypt(public.from_ints(mixed[:1], bound=4)).tolist() == [4]


def test_keys_of_one_modulus_and_two_schemes_do_not_mix(short_pair):
    public, private = short_pair
    twin = plain_twin(public)
    twin_private = PrivateKey(twin, *private._secret_factors())
    assert public != twin
    assert public.fingerprint != twin.fingerprint
    assert len({public, twin}) == 2
    a, b = public.encrypt([1]), twin.encrypt([1])
    with pytest.raises(KeyMismatchError):
        a + b
    for key, array in ((private, b), (twin_private, a)):
        with pytest.raises(KeyMismatchError):
            key.decrypt(array)
    for key, frame in ((twin, a.to_wire()), (public, b.to_wire())):
        with pytest.raises(WireFormatError, match="scheme"):
            key.from_wire(frame)


def test_refused_keys(short_pair, other_keypair):
    public, private = short_pair
    p, q, u, v = private._secret_numbers()
    with pytest.raises(InvalidKeyError, match="n alone is a key of scheme 'paillier'"):
        ShortSubgroupPublicKey(public.n, **INSECURE)
    with pytest.raises(InvalidKeyError, match="scheme 'paillier-short-subgroup'.*'paillier'"):
        PrivateKey(public, p, q)
    with pytest.raises(InvalidKeyError, match="scheme 'paillier'"):
        ShortSubgroupPrivateKey(plain_twin(public), p, q, u, v)
    wrong = int(gmpy2.next_prime(u))
    for orders, reason in (
        ((v, u), "p_order is not the order"), ((u, wrong), "q_order is not the order"),
        ((1, v), "p_order has 1 bits"), ((-u, v), "p_order is not the order"), ((u, 2 * v), "q_order has 129"),
        ((float(u), v), "Python integer"), ((True, v), "Python integer"),
    ):  # fmt: skip
        with pytest.raises(InvalidKeyError, match=reason):
            ShortSubgroupPrivateKey(public, p, q, *orders)
    # A base of full order is a base of the default scheme, not of this one.
    full = ShortSubgroupPublicKey(other_keypair[0].n, other_keypair[0].h, **INSECURE)
    with pytest.raises(InvalidKeyError, match="not the order"):
        ShortSubgroupPrivateKey(full, *other_keypair[1]._secret_factors(), u, v)


@pytest.mark.parametrize("passphrase", [None, "a long one"])
def test_key_files(short_pair, tmp_path, passphrase):
    public, private = short_pair
    save_public_key(public, tmp_path / "public.json")
    save_private_key(private, tmp_path / "private.json", passphrase=passphrase)
    again = load_public_key(tmp_path / "public.json", **INSECURE)
    assert (again.scheme, again.n, again.h) == (SCHEME, public.n, public.h)
    key = load_private_key(tmp_path / "private.json", passphrase=passphrase, **INSECURE)
    assert key.scheme == SCHEME
    assert key.decrypt(again.encrypt([5, -6])).tolist() == [5, -6]


def test_key_files_without_what_the_scheme_needs(short_pair, tmp_path):
    public, private = short_pair
    save_private_key(private, tmp_path / "private.json")
    document = json.loads((tmp_path / "private.json").read_text())
    assert document["pub"]["alg"] == "PAI-SSG1"
    for change, error in (
        ({"p_order": None}, KeyFileError),
        ({"pub": document["pub"] | {"alg": "PAI-SSG2"}}, KeyFileError),
        ({"pub": document["pub"] | {"alg": ["PAI-SSG1"]}}, KeyFileError),
        ({"pub": {k: v for k, v in document["pub"].items() if k != "h"}}, InvalidKeyError),
    ):
        (tmp_path / "changed.json").write_text(json.dumps(document | change))
        (tmp_path / "changed.json").chmod(0o600)
        with pytest.raises(error):
            load_private_key(tmp_path / "changed.json", **INSECURE)
    assert public.h is not None


def test_phe_refuses_the_public_key(short_pair, keypair):
    """It would blind by a full r^n, which the owner of the key refuses to decrypt."""
    pheutil = pytest.importorskip("phe.command_line", exc_type=ImportError)
    assert pheutil.load_public_key(keypair[0].to_jwk()).n == keypair[0].n
    with pytest.raises(AssertionError, match="Invalid public key"):
        pheutil.load_public_key(short_pair[0].to_jwk())


def test_pickles_of_public_keys_and_arrays(short_pair):
    public, private = short_pair
    again = pickle.loads(pickle.dumps(public))
    assert again == public
    assert again.scheme == SCHEME
    c = pickle.loads(pickle.dumps(public.encrypt([7])))
    assert private.decrypt(c).tolist() == [7]


def test_secrets_stay_out_of_text(short_pair):
    _, private = short_pair
    text = repr(private) + repr(private._numbers)
    assert not any(str(secret) in text for secret in private._secret_numbers())
    with pytest.raises(TypeError):
        pickle.dumps(private)
