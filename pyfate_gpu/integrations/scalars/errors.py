# SPDX-License-Identifier: Apache-2.0
"""What both interfaces raise where this package and the partner have different types for one fault."""

from __future__ import annotations

from pyfate_gpu.errors import BoundError, EncodingError, KeyMismatchError


class DifferentKeyError(KeyMismatchError, ValueError):
    """Numbers or keys that do not belong together: a ValueError, as in python-paillier and FATE."""


class OutOfRangeError(BoundError, EncodingError):
    """A number, or an exponent that shifts one, beyond what the key or the partner's floats hold.

    The partners raise ValueError for some of it and OverflowError for the rest; this is both.
    """
