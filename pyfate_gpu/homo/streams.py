# SPDX-License-Identifier: Apache-2.0
"""Streams of random words from 256-bit keys: ChaCha20."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt

from pyfate_gpu.federation.certificates import require_cryptography

CHUNK = 1 << 15
"""Words of a piece: all buffers of one stay in the cache."""
KEY_BYTES = 32
_ZEROS = memoryview(bytes(8 * CHUNK))
_BLOCK = 64  # bytes that update_into may want beyond its output


class Stream:
    """Words of one dtype from one key, each word once.

    Parameters
    ----------
    key : bytes
        32 bytes that no other stream has had.
    dtype : dtype
        An unsigned integer, or uint8 for bytes.
    """

    def __init__(self, key: bytes, dtype: npt.DTypeLike) -> None:
        require_cryptography()
        from cryptography.hazmat.primitives.ciphers import Cipher
        from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

        assert len(key) == KEY_BYTES
        self._dtype = np.dtype(dtype).newbyteorder("<")
        self.key = key
        self._cipher = Cipher(ChaCha20(key, bytes(16)), None).encryptor()
        self._buffer = bytearray(CHUNK * self._dtype.itemsize + _BLOCK)
        self._words: npt.NDArray[Any] = np.frombuffer(self._buffer, self._dtype, CHUNK)

    def take(self, count: int) -> npt.NDArray[Any]:
        """The next words, at most `CHUNK`; valid until the next call."""
        self._cipher.update_into(_ZEROS[: count * self._dtype.itemsize], self._buffer)
        return self._words[:count]


def fresh_stream(dtype: npt.DTypeLike) -> Stream:
    """A stream from randomness of the operating system."""
    return Stream(os.urandom(KEY_BYTES), dtype)
