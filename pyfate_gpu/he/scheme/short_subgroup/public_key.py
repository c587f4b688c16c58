# SPDX-License-Identifier: Apache-2.0
"""The public key: that of Paillier with a base of a short subgroup."""

from __future__ import annotations

import hashlib
from functools import cached_property

import gmpy2

from pyfate_gpu.backends.numbers import BlindingNumbers, PublicNumbers
from pyfate_gpu.errors import InvalidKeyError
from pyfate_gpu.he.scheme.paillier.public_key import PublicKey
from pyfate_gpu.he.scheme.short_subgroup.sizes import exponent_bits


class ShortSubgroupPublicKey(PublicKey):
    """A public key whose ciphertexts take their randomness from a short subgroup.

    A ciphertext is ``(1 + m n) h**(n a)`` mod n^2 with a fresh a of `sizes.exponent_bits` bits: 448
    at 2048 bits. All have Jacobi symbol +1, and the owner decrypts by the orders of the subgroup,
    so nothing but powers of h may blind: n alone is no key of this scheme.

    **Assumption**, beyond Paillier's: powers of h with exponents of that length cannot be told from
    the squares modulo n times +-1, though the order of h has 4 bits for each bit of security only
    (Ma, Han, Lei, "Optimized Paillier's cryptosystem with fast encryption and decryption", ACSAC
    2021). See docs/design/0050-short-subgroups-by-name.md.

    Parameters
    ----------
    n : int
        The modulus, an even number of bits from 2048 to 8192.
    h : int
        Blinding base, of order twice the product of the two subgroup orders.
    allow_insecure_key_size : bool
        Accept n from 256 bits on: for tests.

    Raises
    ------
    InvalidKeyError
        If n or h is none of this scheme, as far as that shows without factors.
    InsecureKeyError
        If n is below 2048 bits without the opt-in.

    Examples
    --------
    >>> from pyfate_gpu import generate_keypair
    >>> public, private = generate_keypair(
    ...     512, "paillier-short-subgroup", allow_insecure_key_size=True
    ... )
    >>> private.decrypt(public.encrypt([1.5, -2.0]) * 2)
    array([ 3., -4.])
    """

    scheme = "paillier-short-subgroup"
    algorithm = "PAI-SSG1"

    def __init__(
        self, n: int, h: int | None = None, *, allow_insecure_key_size: bool = False
    ) -> None:
        super().__init__(n, h, allow_insecure_key_size=allow_insecure_key_size)
        if h is None:
            raise InvalidKeyError(
                f"a key of scheme {self.scheme!r} has a base h, without which its owner cannot "
                f"decrypt; n alone is a key of scheme {PublicKey.scheme!r}"
            )

    @cached_property
    def fingerprint(self) -> str:
        """First 16 hexadecimal digits of SHA-256 of the scheme's name and n, big-endian."""
        data = self.scheme.encode("ascii") + self.n.to_bytes((self.key_bits + 7) // 8, "big")
        return hashlib.sha256(data).hexdigest()[:16]

    @cached_property
    def numbers(self) -> PublicNumbers:
        """What backends need: h^n mod n^2 and no other base, since all symbols are +1."""
        base = int(gmpy2.powmod(self.h, self.n, self.n * self.n))
        return PublicNumbers(self.n, BlindingNumbers(base, 1, exponent_bits(self.key_bits)))
