# SPDX-License-Identifier: Apache-2.0
"""Where the numbers lie that share one plaintext."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pyfate_gpu.encoding.numbers import as_integer
from pyfate_gpu.errors import EncodingError, ShapeError

MAX_BITS = 8192
"""Bits of all slots together: a key of no length that there is holds more."""

HIDING_BITS = 64
"""How many bits a mask of a slot is wider than what it hides."""


@dataclass(frozen=True)
class SlotLayout:
    """`count` signed numbers of `width` bits in one plaintext; public.

    Numbers m_0, m_1, ... stand in the plaintext ``sum of m_s * 2**(width * s)``. Each is at most
    `bound` in size, so that the lowest slot tells m_0, the borrow that it takes from its neighbour
    is known, and so on to the top: no offset travels (docs/algorithms/slots.md).

    Parameters
    ----------
    width : int
        Bits of a slot, the sign included; at least 2.
    count : int
        Slots of a plaintext; at least 1.

    Raises
    ------
    EncodingError
        If they are no such integers, or more than 8192 bits together.

    Examples
    --------
    >>> from pyfate_gpu import SlotLayout, generate_keypair
    >>> public, private = generate_keypair(512, allow_insecure_key_size=True)
    >>> c = public.encrypt([[3, -1, 4], [1, -5, 9]], slots=SlotLayout(width=100, count=3))
    >>> c.shape
    (2,)
    >>> private.decrypt(c.sum())
    array([ 4, -6, 13])
    """

    width: int
    count: int

    def __post_init__(self) -> None:
        for name, least in (("width", 2), ("count", 1)):
            value = as_integer(getattr(self, name), f"the {name} of slots")
            if value < least:
                raise EncodingError(f"the {name} of slots is {value}; it must be at least {least}")
            object.__setattr__(self, name, value)
        if self.bits > MAX_BITS:
            raise EncodingError(
                f"{self.count} slots of {self.width} bits take {self.bits} bits, the limit is "
                f"{MAX_BITS}; take fewer or narrower slots"
            )

    @property
    def bits(self) -> int:
        """Bits of all slots together."""
        return self.width * self.count

    @property
    def bound(self) -> int:
        """Largest ``|m|`` of a slot: ``2**(width - 1) - 1``."""
        return (1 << (self.width - 1)) - 1

    @property
    def product(self) -> SlotLayout:
        """The layout of a product of two such plaintexts, taken as polynomials: 2 count - 1 slots."""
        return SlotLayout(self.width, 2 * self.count - 1)

    @property
    def middle(self) -> int:
        """The slot with as many below as above it (the upper one of two)."""
        return self.count // 2

    def groups(self, length: int) -> int:
        """Plaintexts that so many numbers take."""
        return -(-length // self.count)

    def group(self, values: npt.ArrayLike) -> npt.NDArray[np.generic]:
        """Cut the last axis into groups of `count` neighbours, the last one filled up with zeros.

        Parameters
        ----------
        values : array-like of shape ``(..., length)``

        Returns
        -------
        array of shape ``(..., groups(length), count)``, as `PublicKey.encrypt` takes it

        Raises
        ------
        ShapeError
            If there is no last axis.

        Examples
        --------
        >>> from pyfate_gpu import SlotLayout
        >>> SlotLayout(width=64, count=2).group([1, 2, 3])
        array([[1, 2],
               [3, 0]])
        """
        array = np.asarray(values)
        if array.ndim == 0:
            raise ShapeError("a single number cannot be grouped; it needs an axis, such as [x]")
        *front, length = array.shape
        padded = np.zeros((*front, self.groups(length) * self.count), dtype=array.dtype)
        padded[..., :length] = array
        return padded.reshape(*front, self.groups(length), self.count)

    def ungroup(self, values: npt.ArrayLike, length: int) -> npt.NDArray[np.generic]:
        """The way back from `group`: ``(..., groups, count)`` to ``(..., length)``.

        Raises
        ------
        ShapeError
            If there are not as many groups as `length` numbers take.
        """
        array = np.asarray(values)
        if array.shape[-2:] != (self.groups(length), self.count):
            raise ShapeError(
                f"values have shape {array.shape}; {length} numbers in slots take "
                f"{(self.groups(length), self.count)} in the last two axes"
            )
        return array.reshape(*array.shape[:-2], -1)[..., :length]


def hiding_width(bound: int) -> int:
    """Bits of a slot that holds numbers up to `bound` in size under a mask of `HIDING_BITS` bits more."""
    return bound.bit_length() + HIDING_BITS + 1
