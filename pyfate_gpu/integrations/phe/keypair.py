# SPDX-License-Identifier: Apache-2.0
"""Key generation, also of the toy sizes that python-paillier allows."""

from __future__ import annotations

import gmpy2

from pyfate_gpu.encoding.numbers import as_integer
from pyfate_gpu.errors import InvalidKeyError
from pyfate_gpu.he.scheme.paillier.checks import MIN_KEY_BITS
from pyfate_gpu.he.scheme.paillier.keygen import generate_paillier_keypair as generate_keypair
from pyfate_gpu.integrations.phe.keyring import PaillierPrivateKeyring
from pyfate_gpu.integrations.phe.private_key import PaillierPrivateKey
from pyfate_gpu.integrations.phe.public_key import PaillierPublicKey
from pyfate_gpu.integrations.phe.util import getprimeover

DEFAULT_KEYSIZE = 3072


def generate_paillier_keypair(
    private_keyring: PaillierPrivateKeyring | None = None, n_length: int = DEFAULT_KEYSIZE
) -> tuple[PaillierPublicKey, PaillierPrivateKey]:
    """Make a key pair and, if given, add it to a keyring.

    From 256 bits on these are keys of Damgard, Jurik and Nielsen: whoever has the public key object
    (or its JSON form) encrypts with short exponents; whoever has n alone with full ones.

    Parameters
    ----------
    private_keyring : PaillierPrivateKeyring, optional
    n_length : int
        Bits of n; even.

    Raises
    ------
    InvalidKeyError
        If `n_length` is no integer, odd, below 8 or above 8192.
    """
    n_length = as_integer(n_length, "n_length", InvalidKeyError)
    if n_length >= MIN_KEY_BITS or n_length < 8 or n_length % 2:
        key, private = generate_keypair(n_length, allow_insecure=True)
        public_key = PaillierPublicKey._with_base(key.n, key.h)
        p, q = private._secret_factors()
    else:
        p, q = _toy_primes(n_length)
        public_key = PaillierPublicKey(p * q)
    private_key = PaillierPrivateKey(public_key, p, q)
    if private_keyring is not None:
        private_keyring.add(private_key)
    return public_key, private_key


def _toy_primes(n_length: int) -> tuple[int, int]:
    """Two primes whose product has `n_length` bits, too few for anything but a lesson."""
    while True:
        p, q = getprimeover(n_length // 2), getprimeover(n_length // 2)
        n = p * q
        if p != q and n.bit_length() == n_length and gmpy2.gcd(n, (p - 1) * (q - 1)) == 1:
            return p, q
