# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import copy
import hashlib
import json
import pickle

import gmpy2
import numpy as np
import pytest

from pyfate_gpu import PrivateKey, PublicKey, generate_keypair
from pyfate_gpu.errors import (
    BoundError,
    ConfigurationError,
    EncodingError,
    InsecureKeyError,
    InvalidKeyError,
    KeyMismatchError,
    ShapeError,
    UnsupportedOperationError,
)
from pyfate_gpu.he.scheme.paillier.checks import check_factors

P, Q = 2**127 - 1, 2**521 - 1  # Mersenne primes


def is_prime(value: int) -> bool:
    return bool(gmpy2.is_prime(value, 40))


@pytest.mark.parametrize("key_bits", [256, 258, 320, 384, 510, 512, 1024])
def test_generated_keys(key_bits):
    public, private = generate_keypair(key_bits, allow_insecure_key_size=True)
    p, q = private._secret_factors()
    assert public.n == p * q
    assert public.n.bit_length() == public.key_bits == key_bits
    assert p % 4 == q % 4 == 3
    assert gmpy2.gcd(p - 1, q - 1) == 2
    assert is_prime(p)
    assert is_prime(q)
    assert gmpy2.jacobi(public.h, public.n) == 1
    assert gmpy2.legendre(public.h, p) == gmpy2.legendre(public.h, q) == -1
    assert private.decrypt(public.encrypt([1.5, -2.5])).tolist() == [1.5, -2.5]


def test_no_two_keys_are_alike():
    keys = [generate_keypair(256, allow_insecure_key_size=True)[0] for _ in range(5)]
    assert len({key.n for key in keys}) == len({key.h for key in keys}) == 5


@pytest.mark.parametrize("key_bits", [255, 257, 0, -2, 254, 8194, 2049, 3072.0, "3072", True, None])
def test_refused_sizes(key_bits):
    with pytest.raises(InvalidKeyError, match="key_bits is"):
        generate_keypair(key_bits, allow_insecure_key_size=True)


@pytest.mark.parametrize("key_bits", [256, 1024, 2046])
def test_short_keys_need_an_opt_in(key_bits):
    with pytest.raises(InsecureKeyError, match=f"{key_bits} bits.*2048.*allow_insecure_key_size"):
        generate_keypair(key_bits)


def test_short_modulus_needs_an_opt_in(keypair):
    with pytest.raises(InsecureKeyError):
        PublicKey(keypair[0].n)


def test_unknown_scheme():
    with pytest.raises(ConfigurationError, match=r"'elgamal' is unknown.*paillier"):
        generate_keypair(2048, "elgamal")


def test_there_is_no_seed():
    with pytest.raises(TypeError):
        generate_keypair(2048, seed=1)


@pytest.mark.parametrize(
    ("n", "reason"),
    [(2**511, "even"), (P**4, "square"), (15, "key_bits is 4"), (0, "not positive"), (-P * Q, "not positive"),
     (float(2**300), "Python integer"), ("abc", "Python integer"), (True, "Python integer"),
     (2**521 - 1, "key_bits is 521"), ((2**107 - 1) * (2**521 - 1) * 3, "factor below|key_bits"),
     (int(gmpy2.next_prime(2**511)), "prime"), (3 * int(gmpy2.next_prime(2**510)), "factor below 4096")],
)  # fmt: skip
def test_refused_moduli(n, reason):
    with pytest.raises(InvalidKeyError, match=reason):
        PublicKey(n, allow_insecure_key_size=True)


def test_refused_blinding_bases(keypair):
    public, private = keypair
    n, p = public.n, private._secret_factors()[0]
    outside = next(y for y in range(2, 1000) if gmpy2.jacobi(y, n) == -1)
    for h, reason in (
        (0, "between 1"), (1, "between 1"), (n - 1, "between 1"), (n, "between 1"), (-5, "between 1"),
        (p, "coprime"), (outside, "Jacobi"), (1.5, "Python integer"),
    ):  # fmt: skip
        with pytest.raises(InvalidKeyError, match=reason):
            PublicKey(n, h, allow_insecure_key_size=True)


def test_refused_factors(keypair, other_keypair):
    public, private = keypair
    p, q = private._secret_factors()
    for a, b, reason in (
        (p, p, "p equals q"), (p, q + 2, "not n"), (1, public.n, "not n"), (-p, -q, "not n"),
        (*other_keypair[1]._secret_factors(), "not n"), (float(p), q, "Python integer"),
    ):  # fmt: skip
        with pytest.raises(InvalidKeyError, match=reason):
            PrivateKey(public, a, b)
    with pytest.raises(InvalidKeyError, match="must be the public key"):
        PrivateKey(public.n, p, q)
    assert PrivateKey(public, q, p).decrypt(public.encrypt(5)) == 5


def test_factors_that_are_not_prime_or_not_coprime():
    with pytest.raises(InvalidKeyError, match="not prime"):
        check_factors(15 * 7, 15, 7)
    with pytest.raises(InvalidKeyError, match="not coprime"):
        check_factors(3 * 7, 3, 7)


def test_fingerprint(keypair):
    n = keypair[0].n
    expected = hashlib.sha256(n.to_bytes((n.bit_length() + 7) // 8, "big")).hexdigest()[:16]
    assert keypair[0].fingerprint == expected


def test_public_keys_compare_by_modulus(keypair, other_keypair):
    public = keypair[0]
    twin = PublicKey(public.n, allow_insecure_key_size=True)
    assert public == twin
    assert hash(public) == hash(twin)
    assert public != other_keypair[0]
    assert public != public.n


def test_public_keys_pickle(keypair):
    public, private = keypair
    again = pickle.loads(pickle.dumps(public))
    assert (again.n, again.h) == (public.n, public.h)
    assert private.decrypt(again.encrypt(4)) == 4


def test_keys_without_a_base_use_the_full_power(engine, plain_keypair):
    public, private = plain_keypair
    assert public.h is None
    values = np.array([1.5, -2.0, 0.0])
    c = public.encrypt(values)
    np.testing.assert_array_equal(private.decrypt(c), values)
    np.testing.assert_array_equal(private.decrypt(public.from_wire((c + c).to_wire())), 2 * values)
    np.testing.assert_array_equal(private.decrypt(private.encrypt(values)), values)


def test_the_owner_encrypts(engine, keypair):
    public, private = keypair
    values = np.arange(-4, 5) / 8
    c = private.encrypt(values)
    assert c.blinding == "fresh"
    np.testing.assert_array_equal(private.decrypt(c + public.encrypt(values)), 2 * values)
    integers = c.to_ints()
    assert len({int(v) for v in integers}) == len(values)


def test_owners_of_primes_of_different_lengths(engine):
    p, q = P, int(gmpy2.next_prime(2**201))
    n = p * q
    public = PublicKey(n, 3**200 % n, allow_insecure_key_size=True)
    private = PrivateKey(public, p, q)
    for c in (private.encrypt([1, -2]), public.encrypt([1, -2])):
        assert private.decrypt(c + 1).tolist() == [2, -1]


def test_decrypting_with_the_wrong_key(keypair, other_keypair):
    with pytest.raises(KeyMismatchError, match=keypair[0].fingerprint):
        other_keypair[1].decrypt(keypair[0].encrypt(1))
    with pytest.raises(UnsupportedOperationError, match="CiphertextArray, not int"):
        keypair[1].decrypt(5)


def test_private_keys_keep_their_secret(keypair):
    _, private = keypair
    p, q = private._secret_factors()
    for text in (repr(private), str(private), f"{private}", repr(private._numbers)):
        assert str(p) not in text
        assert str(q) not in text
        assert hex(p)[2:20] not in text
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(UnsupportedOperationError, match="never pickled"):
            attempt(private)
    with pytest.raises(TypeError):
        json.dumps(private)
    with pytest.raises((TypeError, AttributeError)):
        vars(private)


def test_residues_and_masks(engine, keypair):
    public, private = keypair
    values = np.array([[1.5, -2.0], [0.0, 8.25]])
    c = public.encrypt(values) * 2.0
    mask = public.random_residues(c.shape)
    masked = c.add_residue_mask(mask)
    assert masked.blinding == "fresh"
    assert (masked.bound, masked.exponent, masked.shape) == (c.bound, c.exponent, c.shape)
    residues = private.decrypt_residues(public.from_wire(masked.to_wire()))
    assert all(0 <= r < public.n for r in residues.ravel())
    plain = private.decrypt_residues(c)
    assert ((residues - plain - mask) % public.n == 0).all()
    decoded = public.decode_residues(residues - mask, c.exponent, bound=c.bound)
    np.testing.assert_array_equal(decoded, 2 * values)
    assert public.decode_residues([-3 % public.n, 5], 0, "i").tolist() == [-3, 5]
    assert public.decode_residues(residues - mask, c.exponent, shape=(4,)).shape == (4,)


def test_edges_of_masks(engine, keypair):
    public, private = keypair
    c = public.encrypt([1, 2, 3])
    mask = np.array([0, public.n - 1, public.n // 2], dtype=object)
    residues = private.decrypt_residues(c.add_residue_mask(mask))
    assert residues.tolist() == [1, 1, public.n // 2 + 3]
    residue = private.decrypt_residues(c[0].add_residue_mask(7))
    assert residue.shape == ()


def test_refused_masks(keypair):
    public, _ = keypair
    c = public.encrypt([1, 2])
    for bad in ([0, public.n], [-1, 0], [0.5, 1], [True, 1]):
        with pytest.raises(EncodingError, match="random_residues"):
            c.add_residue_mask(np.array(bad, dtype=object))
    with pytest.raises(ShapeError, match="masks nothing"):
        c.add_residue_mask(5)


def test_refused_residues(keypair):
    public, _ = keypair
    for bad in ([1.5], ["1"], [None]):
        with pytest.raises(EncodingError):
            public.decode_residues(bad, 0)
    for exponent, kind in ((0.5, "f"), (0, "x"), (-1, "i")):
        with pytest.raises(EncodingError):
            public.decode_residues([1], exponent, kind)
    with pytest.raises(BoundError):
        public.decode_residues([1], 0, bound=1.5)
    with pytest.raises(ShapeError, match="2 residues"):
        public.decode_residues([1, 2], 0, shape=(3,))
    for shape in (-1, "a", None, 2.5):
        with pytest.raises(ShapeError, match="lengths of axes"):
            public.random_residues(shape)


def test_masked_values_do_not_decrypt_as_numbers(keypair):
    public, private = keypair
    c = public.encrypt([1.0]).add_residue_mask(np.array([public.n // 2], dtype=object))
    with pytest.raises(BoundError, match="decrypt_residues"):
        private.decrypt(c)
