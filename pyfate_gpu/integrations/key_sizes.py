# SPDX-License-Identifier: Apache-2.0
"""Partners still use keys below 2048 bits: they work, and the user is told once."""

from __future__ import annotations

import warnings

from pyfate_gpu.he.scheme.paillier.checks import MIN_SECURE_KEY_BITS


class InsecureKeySizeWarning(UserWarning):
    """A key is too short to protect anything."""


_warned = False


def warn_of_short_key(key_bits: int) -> None:
    """Warn of a key below 2048 bits, once a process."""
    global _warned
    if key_bits >= MIN_SECURE_KEY_BITS or _warned:
        return
    _warned = True
    warnings.warn(
        f"a Paillier key of {key_bits} bits can be broken; use {MIN_SECURE_KEY_BITS} or more "
        f"(said once)",
        InsecureKeySizeWarning,
        stacklevel=3,
    )
