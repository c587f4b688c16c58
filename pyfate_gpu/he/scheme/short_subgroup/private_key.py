# SPDX-License-Identifier: Apache-2.0
"""The private key: decrypts by powers of the subgroup orders."""

from __future__ import annotations

import gmpy2

from pyfate_gpu.backends.numbers import PrivateNumbers
from pyfate_gpu.errors import InvalidKeyError
from pyfate_gpu.he.scheme.paillier.primes import is_prime_of_anybody
from pyfate_gpu.he.scheme.paillier.private_key import PrivateKey
from pyfate_gpu.he.scheme.paillier.public_key import PublicKey
from pyfate_gpu.he.scheme.short_subgroup.public_key import ShortSubgroupPublicKey
from pyfate_gpu.he.scheme.short_subgroup.sizes import order_bits


class ShortSubgroupPrivateKey(PrivateKey):
    """The primes of a `ShortSubgroupPublicKey`, and the orders of its subgroup modulo each.

    Decryption raises `c` to twice the order modulo each square. Whatever blinds `c` is 1 then, or
    `c` is none of this scheme and InvalidCiphertextError is raised: never a wrong number.

    Parameters
    ----------
    public_key : ShortSubgroupPublicKey
    p, q : int
        Its primes.
    p_order, q_order : int
        Primes that divide p - 1 and q - 1, such that h**2 has that order modulo each.

    Raises
    ------
    InvalidKeyError
        If the numbers are not those of the public key.
    """

    __slots__ = ()

    scheme = ShortSubgroupPublicKey.scheme
    secret_members = ("p", "q", "p_order", "q_order")

    def __init__(self, public_key: PublicKey, p: int, q: int, p_order: int, q_order: int) -> None:
        super().__init__(public_key, p, q)
        for name, order, prime in (("p_order", p_order, p), ("q_order", q_order, q)):
            _check_order(name, order, prime, public_key)
        self._numbers = PrivateNumbers(public_key.numbers, p, q, (2 * p_order, 2 * q_order))

    def _secret_numbers(self) -> tuple[int, ...]:
        p_exponent, q_exponent = self._numbers.exponents
        return self._numbers.p, self._numbers.q, p_exponent // 2, q_exponent // 2


def _check_order(name: str, order: int, prime: int, public_key: PublicKey) -> None:
    """Raise unless `order` is prime, of its length, divides prime - 1 and is that of h**2."""
    if isinstance(order, bool) or not isinstance(order, int):
        raise InvalidKeyError(f"{name} is a {type(order).__name__}; it must be a Python integer")
    bits = order_bits(public_key.key_bits)
    if order.bit_length() != bits:
        raise InvalidKeyError(
            f"{name} has {order.bit_length()} bits; a key of {public_key.key_bits} bits has "
            f"subgroups of {bits}"
        )
    square = gmpy2.powmod(public_key.h, 2, prime)
    if (
        (prime - 1) % order
        or not is_prime_of_anybody(order)
        or square == 1
        or gmpy2.powmod(square, order, prime) != 1
    ):
        raise InvalidKeyError(f"{name} is not the order of h^2; it does not belong to this key")
