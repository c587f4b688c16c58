# SPDX-License-Identifier: Apache-2.0
"""Random plaintexts, from the operating system: masks."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable

import numpy as np

from pyfate_gpu.integrations.heu.arrays import PlaintextArray, to_objects
from pyfate_gpu.integrations.heu.plaintext import Plaintext
from pyfate_gpu.integrations.heu.schema import PheRuntimeError, SchemaType, size_parameter


class random:  # noqa: N801 - HEU's name
    """HEU's namespace of functions."""

    @staticmethod
    def randint(min: Plaintext, max: Plaintext, shape: Iterable[int]) -> PlaintextArray:  # noqa: A002
        """Uniform integers in [min, max), a range that is their bound: masks may fill half a key."""
        low, width = int(min), int(max) - int(min)
        if width <= 0:
            raise PheRuntimeError(f"the range from {min} to {max} is empty")
        return _fill(shape, lambda: low + secrets.randbelow(width), (low, low + width))

    @staticmethod
    def randbits(schema: SchemaType, bits: int, shape: Iterable[int]) -> PlaintextArray:
        """Uniform integers of `bits` bits."""
        bits = size_parameter(bits, "the number of bits")
        return _fill(shape, lambda: secrets.randbits(bits), (0, 1 << bits))


def _fill(shape: Iterable[int], draw: Callable[[], int], limits: tuple[int, int]) -> PlaintextArray:
    bound = max(map(abs, limits))
    lengths = tuple(size_parameter(length, "the length of an axis") for length in shape)
    if len(lengths) > 2:
        raise PheRuntimeError(f"{len(lengths)} axes were asked for; HEU's arrays have at most 2")
    count = int(np.prod(lengths, dtype=np.int64))
    return PlaintextArray(to_objects([draw() for _ in range(count)]).reshape(lengths), bound)
