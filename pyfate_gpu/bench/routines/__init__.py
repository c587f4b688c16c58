# SPDX-License-Identifier: Apache-2.0
"""The routines in the order of the table. A new one: a file beside this and a line in ROUTINES."""

from __future__ import annotations

from pyfate_gpu.bench.routines import (
    addition,
    decryption,
    device,
    encryption,
    keys,
    matrix,
    reduction,
    scaling,
    selection,
    sparse,
    training,
    wire,
)
from pyfate_gpu.bench.routines.base import Routine, Size, Target

ROUTINES: dict[str, Routine] = {
    "add": addition.ADD,
    "add_plain": addition.ADD_PLAIN,
    "add_broadcast": addition.BROADCAST,
    "subtract": addition.SUBTRACT,
    "negate": addition.NEGATE,
    "encrypt": encryption.DJN,
    "encrypt_floats": encryption.FLOATS,
    "encrypt_owner": encryption.OWNER,
    "encrypt_full": encryption.FULL,
    "encrypt_short_subgroup": encryption.SHORT_SUBGROUP,
    "encrypt_hardened": encryption.HARDENED,
    "encrypt_owner_hardened": encryption.OWNER_HARDENED,
    "decrypt": decryption.DECRYPT,
    "decrypt_short_subgroup": decryption.SHORT_SUBGROUP,
    "scale": scaling.SCALE,
    "scale_common": scaling.SCALE_COMMON,
    "matvec": matrix.GRADIENT,
    "scores": matrix.SCORES,
    "matmul_right": matrix.RIGHT,
    "sparse": sparse.CSR,
    "one_hot": sparse.ONE_HOT,
    "sum": reduction.SUM,
    "segment_sum": reduction.SEGMENT_SUM,
    "histograms": reduction.HISTOGRAMS,
    "take": selection.TAKE,
    "concatenate": selection.CONCATENATE,
    "reblind": wire.REBLIND,
    "wire": wire.ROUND_TRIP,
    "from_wire": wire.RECEIVE,
    "to_ints": wire.TO_INTEGERS,
    "from_ints": wire.FROM_INTEGERS,
    "to_host": device.TO_HOST,
    "to_device": device.TO_DEVICE,
    "keypair": keys.KEYPAIR,
    "linear": training.LINEAR,
    "logistic": training.LOGISTIC,
    "poisson": training.POISSON,
    "linear_parity": training.LINEAR_PARITY,
    "logistic_parity": training.LOGISTIC_PARITY,
    "poisson_parity": training.POISSON_PARITY,
    "add_portable": addition.PORTABLE,
    "encrypt_portable": encryption.PORTABLE,
}

__all__ = ["ROUTINES", "Routine", "Size", "Target"]
