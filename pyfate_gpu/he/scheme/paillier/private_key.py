# SPDX-License-Identifier: Apache-2.0
"""The private key: the primes of n."""

from __future__ import annotations

from typing import ClassVar

from pyfate_gpu.backends.numbers import PrivateNumbers
from pyfate_gpu.he.scheme.paillier.checks import check_factors
from pyfate_gpu.he.scheme.paillier.public_key import PublicKey
from pyfate_gpu.he.scheme.private_key import SchemePrivateKey


class PrivateKey(SchemePrivateKey):
    """The primes of a public key.

    Parameters
    ----------
    public_key : PublicKey
    p, q : int
        Its primes, in any order.

    Raises
    ------
    InvalidKeyError
        If p and q are not the two primes of n, or the public key is one of another scheme.

    Examples
    --------
    >>> from pyfate_gpu import generate_keypair
    >>> public_key, private_key = generate_keypair(512, allow_insecure_key_size=True)
    >>> private_key.decrypt(public_key.encrypt([3, 4]) + 1)
    array([4, 5])
    """

    __slots__ = ()

    scheme = PublicKey.scheme
    secret_members: ClassVar[tuple[str, ...]] = ("p", "q")

    def __init__(self, public_key: PublicKey, p: int, q: int) -> None:
        self._check_public_half(public_key)
        check_factors(public_key.n, p, q)
        self._hold(public_key, p, q)

    @classmethod
    def _of_new_primes(cls, public_key: PublicKey, p: int, q: int) -> PrivateKey:
        """The key of primes that were just found, whose checks would take longer than finding them."""
        key = cls.__new__(cls)
        key._hold(public_key, p, q)
        return key

    def _hold(self, public_key: PublicKey, p: int, q: int) -> None:
        super().__init__(public_key, PrivateNumbers(public_key.numbers, p, q))

    @property
    def public_key(self) -> PublicKey:
        """The public half."""
        assert isinstance(self._public_key, PublicKey)
        return self._public_key

    def _secret_factors(self) -> tuple[int, int]:
        """The primes, for peers of the same scheme."""
        return self._numbers.p, self._numbers.q

    def _secret_numbers(self) -> tuple[int, ...]:
        """The values of `secret_members`, for key files only."""
        return self._secret_factors()
