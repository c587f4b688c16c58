# SPDX-License-Identifier: Apache-2.0
"""The rule that keeps results from wrapping around: every integer stays below what the key holds."""

from __future__ import annotations

from typing import Protocol

from pyfate_gpu.errors import BoundError


class _HasBound(Protocol):
    @property
    def plaintext_bound(self) -> int: ...
    @property
    def key_bits(self) -> int: ...


def check_bound(bound: int, public_key: _HasBound, operation: str) -> int:
    """Return `bound` if results up to it decrypt unmistakably, otherwise raise BoundError."""
    if not isinstance(bound, int) or bound < 0:
        raise BoundError(f"bound is {bound!r}; it must be a non-negative integer")
    if bound >= public_key.plaintext_bound:
        raise BoundError(
            f"{operation} could need integers of {bound.bit_length()} bits, but the "
            f"{public_key.key_bits}-bit key holds less than {public_key.plaintext_bound.bit_length()} bits with "
            f"sign; use a longer key, fewer fraction bits, a smaller encoder bound, or decrypt and "
            f"encrypt again in between"
        )
    return bound
