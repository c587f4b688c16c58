# SPDX-License-Identifier: Apache-2.0
"""Ids as points of a curve under a secret exponent, by OpenMined's PSI library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.backends import backend_info
from pyfate_gpu.errors import ConfigurationError, ProtocolError
from pyfate_gpu.extras import install_line

#: Of a compressed point of P-256.
POINT_BYTES = 33

Points = NDArray[np.uint8]


class IdCipher:
    """A secret exponent, drawn by the library from the operating system, and what it does to ids.

    Exponents commute: whatever the order in which ciphers work on an id, the point is the same. The library calls
    a first blinding a client's request and a further one a server's response.

    Raises
    ------
    ConfigurationError
        Without the package openmined-psi.

    Examples
    --------
    >>> from pyfate_gpu.protocol.id_cipher import IdCipher
    >>> one, other = IdCipher(), IdCipher()
    >>> points = one.blind(["ann", "bob"])
    >>> points.shape
    (2, 33)
    >>> bool((other.blind_again(points) == one.blind_again(other.blind(["ann", "bob"]))).all())
    True
    """

    def __init__(self) -> None:
        try:
            import private_set_intersection.python as library
        except ImportError:
            raise ConfigurationError(
                f"private set intersection takes openmined-psi: {install_line('psi')}"
            ) from None
        key = library.client.CreateWithNewKey(True).GetPrivateKeyBytes()
        self._request = library.Request
        self._pairs = [  # one for each thread: they have scratch space that must not be shared
            (library.client.CreateFromKey(key, True), library.server.CreateFromKey(key, True))
            for _ in range(backend_info().threads)
        ]

    def blind(self, ids: Sequence[str]) -> Points:
        """Return a point for each id, [ids, 33]: its hash, under the secret exponent."""

        def work(pair: Any, part: Sequence[str]) -> list[bytes]:
            return list(pair[0].CreateRequest(list(part)).encrypted_elements)

        return self._in_threads(work, ids)

    def blind_again(self, points: Points) -> Points:
        """Return points of another cipher under this exponent too, in the same order.

        Raises
        ------
        ProtocolError
            When one of them is no point of the curve.
        """

        def work(pair: Any, part: Sequence[bytes]) -> list[bytes]:
            request = self._request(reveal_intersection=True, encrypted_elements=part)
            return list(pair[1].ProcessRequest(request).encrypted_elements)

        try:
            return self._in_threads(work, [row.tobytes() for row in points])
        except RuntimeError:  # whatever the library finds wrong
            raise ProtocolError("a blinded id is no point of the curve") from None

    def _in_threads(self, work: Callable[[Any, Any], list[bytes]], items: Sequence[Any]) -> Points:
        """Work on the parts of a list side by side: the library lets go of Python's lock."""
        size = max(1, -(-len(items) // len(self._pairs)))
        parts = [items[start : start + size] for start in range(0, len(items), size)]
        with ThreadPoolExecutor(len(self._pairs)) as pool:
            done = b"".join(chain.from_iterable(pool.map(work, self._pairs, parts)))
        return np.frombuffer(done, dtype=np.uint8).reshape(-1, POINT_BYTES)
