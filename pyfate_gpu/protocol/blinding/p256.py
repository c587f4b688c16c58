# SPDX-License-Identifier: Apache-2.0
"""Ids on P-256, by OpenMined's PSI library, which calls a first blinding a request and a further one a response."""

from __future__ import annotations

from collections.abc import Iterable

#: Bytes of a point, compressed.
SIZE = 33


class Blinder:
    """A secret exponent and what it does; takes ``openmined-psi``.

    Parameters
    ----------
    secret : bytes
        32 of them, the first bit of which does not count: the exponent has to be below the curve's order.
    """

    def __init__(self, secret: bytes) -> None:
        import private_set_intersection.python as library

        secret = bytes([secret[0] & 0x7F]) + secret[1:]
        self._request = library.Request
        self._first = library.client.CreateFromKey(secret, True)
        self._further = library.server.CreateFromKey(secret, True)

    def blind(self, ids: Iterable[bytes]) -> bytes:
        """Return the points of the ids' hashes under the exponent, one after the other."""
        names = [name.decode("utf-8", "surrogatepass") for name in ids]
        return b"".join(self._first.CreateRequest(names).encrypted_elements)

    def blind_again(self, points: bytes) -> bytes:
        """Return points of another exponent under this one too.

        Raises
        ------
        ValueError
            When one of them is no point of the curve.
        """
        parts = [points[start : start + SIZE] for start in range(0, len(points), SIZE)]
        request = self._request(reveal_intersection=True, encrypted_elements=parts)
        try:
            return b"".join(self._further.ProcessRequest(request).encrypted_elements)
        except RuntimeError:  # whatever the library finds wrong
            raise ValueError("no point of the curve") from None
