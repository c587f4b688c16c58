# SPDX-License-Identifier: Apache-2.0
"""The routines in the order of the table. A new one: a file beside this and a line in ROUTINES."""

from __future__ import annotations

from bench.routines import (
    addition,
    blinding,
    decryption,
    encryption,
    matrix,
    reduction,
    scaling,
    wire,
)
from bench.routines.base import Routine, Target

ROUTINES: dict[str, Routine] = {
    "add": addition.ADD,
    "add_plain": addition.ADD_PLAIN,
    "encrypt": encryption.DJN,
    "encrypt_full": encryption.FULL,
    "decrypt": decryption.DECRYPT,
    "scale": scaling.SCALE,
    "matvec_24": matrix.BITS_24,
    "matvec_40": matrix.BITS_40,
    "sum": reduction.SUM,
    "segment_sum": reduction.SEGMENT_SUM,
    "reblind": blinding.REBLIND,
    "wire": wire.ROUND_TRIP,
    "multiply_portable": addition.PORTABLE,
}

__all__ = ["ROUTINES", "Routine", "Target"]
