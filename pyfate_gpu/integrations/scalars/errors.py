# SPDX-License-Identifier: Apache-2.0
"""What both interfaces raise for numbers and keys that do not belong together."""

from __future__ import annotations

from pyfate_gpu.errors import KeyMismatchError


class DifferentKeyError(KeyMismatchError, ValueError):
    """Numbers or keys that do not belong together: a ValueError, as in python-paillier and FATE."""
