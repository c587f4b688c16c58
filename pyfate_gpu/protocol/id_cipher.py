# SPDX-License-Identifier: Apache-2.0
"""Ids as points of a curve under a secret exponent."""

from __future__ import annotations

import importlib
import secrets
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.backends import backend_info
from pyfate_gpu.errors import ConfigurationError, ProtocolError
from pyfate_gpu.extras import install_line
from pyfate_gpu.protocol.blinding import worker
from pyfate_gpu.protocol.blinding.pool import Pool, parts_of

#: Curves by name, and what each takes.
CURVE25519, P256 = CURVES = ("curve25519", "p256")
_TAKES = {CURVE25519: ("cryptography", "grpc"), P256: ("openmined-psi", "psi")}
#: Ids below which the processes of workers take longer to start than they save.
_FEW = 4096

Points = NDArray[np.uint8]


class IdCipher:
    """A secret exponent and what it does to ids, in processes of their own where there are many.

    Exponents commute: whatever the order in which ciphers work on an id, the point is the same.

    Parameters
    ----------
    curve : str
        One of `CURVES`.
    secret : bytes or None
        32 of them, which say the exponent; by default fresh ones.
    count : int
        Ids to come, about.

    Raises
    ------
    ConfigurationError
        Without the package that knows the curve.

    Examples
    --------
    >>> from pyfate_gpu.protocol.id_cipher import IdCipher
    >>> with IdCipher() as one, IdCipher() as other:
    ...     points = one.blind(["ann", "bob"])
    ...     same = other.blind_again(points) == one.blind_again(other.blind(["ann", "bob"]))
    >>> points.shape, bool(same.all())
    ((2, 32), True)
    """

    def __init__(
        self, curve: str = CURVE25519, *, secret: bytes | None = None, count: int = 0
    ) -> None:
        self.point_bytes = self.point_bytes_of(curve)
        secret = secrets.token_bytes(32) if secret is None else secret
        try:
            blinder = _module(curve).Blinder(secret)
        except ImportError:
            package, extra = _TAKES[curve]
            raise ConfigurationError(
                f"private set intersection on {curve} takes {package}: {install_line(extra)}"
            ) from None
        self._pool = Pool(curve, secret, backend_info().threads) if count >= _FEW else None
        self._blinder: Any = blinder if self._pool is None else None

    @staticmethod
    def point_bytes_of(curve: str) -> int:
        """Return how many bytes a point of a curve takes."""
        size: int = _module(curve).SIZE
        return size

    def __enter__(self) -> IdCipher:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Forget the secret, and end the processes that know it."""
        self._blinder = None
        if self._pool is not None:
            self._pool.close()

    def blind(self, ids: Sequence[str]) -> Points:
        """Return a point for each id, [ids, bytes]: its hash, under the secret exponent."""
        return self.blind_later(ids).result()

    def blind_later(self, ids: Sequence[str]) -> Work:
        """Begin what `blind` does."""
        data = [name.encode("utf-8", "surrogatepass") for name in ids]
        if self._pool is None:
            return Work(self.point_bytes, [self._blinder.blind(data)])
        parts = parts_of(len(data), len(self._pool))
        return Work(
            self.point_bytes,
            [self._pool.submit(worker.IDS, worker.join_ids(data[part])) for part in parts],
        )

    def blind_again(self, points: Points) -> Points:
        """Return points of another cipher under this exponent too, in the same order.

        Raises
        ------
        ProtocolError
            When one of them is no point of the curve, or of small order.
        """
        try:
            if self._pool is None:
                return Work(
                    self.point_bytes, [self._blinder.blind_again(points.tobytes())]
                ).result()
            parts = parts_of(len(points), len(self._pool))
            futures = [self._pool.submit(worker.POINTS, points[part].tobytes()) for part in parts]
            return Work(self.point_bytes, futures).result()
        except ValueError:
            raise ProtocolError("a blinded id is no point of the curve") from None


def _module(curve: str) -> Any:
    return importlib.import_module(f"pyfate_gpu.protocol.blinding.{curve}")


class Work:
    """Points that come part by part."""

    def __init__(self, point_bytes: int, parts: Sequence[Future[bytes] | bytes]) -> None:
        self._size = point_bytes
        self._parts = parts

    def result(self) -> Points:
        """Wait for all of them and return them, [points, bytes]."""
        parts = [part if isinstance(part, bytes) else part.result() for part in self._parts]
        return np.frombuffer(b"".join(parts), dtype=np.uint8).reshape(-1, self._size)
