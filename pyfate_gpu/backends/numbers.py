# SPDX-License-Identifier: Apache-2.0
"""The numbers of a key as backends need them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NoReturn

from pyfate_gpu.errors import UnsupportedOperationError


class Secret:
    """Holds a private key, in whatever form, and stays in its process: no pickle and no copy of it is made.

    Examples
    --------
    >>> import copy
    >>> copy.copy(PrivateNumbers(PublicNumbers(35), 5, 7))
    Traceback (most recent call last):
        ...
    pyfate_gpu.errors.UnsupportedOperationError: a private key is never pickled, copied or sent; ...
    """

    __slots__ = ()

    def __reduce__(self) -> NoReturn:
        raise UnsupportedOperationError(
            "a private key is never pickled, copied or sent; save it with save_private_key(...)"
        )

    __copy__ = __reduce__

    def __deepcopy__(self, memo: Any) -> NoReturn:
        self.__reduce__()


@dataclass(frozen=True)
class BlindingNumbers:
    """Fixed base of short-exponent blinding: ``base**a * sign_base**b`` mod n^2.

    `base` is h_s = h^n with an exponent a of `exponent_bits` random bits, `sign_base` is y^n, y the
    smallest integer with Jacobi symbol -1, with one random bit b (docs/design/0004).
    """

    base: int
    sign_base: int
    exponent_bits: int


@dataclass(frozen=True)
class PublicNumbers:
    """A public key as a backend needs it; without `blinding` every r^n takes the full exponent."""

    n: int
    blinding: BlindingNumbers | None = None

    @property
    def words(self) -> int:
        """Words of a residue mod n."""
        return -(-self.n.bit_length() // 64)


@dataclass(frozen=True)
class PrivateNumbers(Secret):
    """The factors of n. Never printed, never compared by value in a message.

    With `orders`, what blinds ciphertexts has those orders modulo p^2 and q^2 (or divisors of them),
    and decryption must refuse whatever else it is given, or decrypt it by p - 1 and q - 1.
    """

    public: PublicNumbers
    p: int = field(repr=False)
    q: int = field(repr=False)
    orders: tuple[int, int] | None = field(default=None, repr=False)

    @property
    def exponents(self) -> tuple[int, int]:
        """Powers that leave nothing but the plaintext of a ciphertext, modulo p^2 and q^2."""
        return self.orders or (self.p - 1, self.q - 1)
