# SPDX-License-Identifier: Apache-2.0
"""Numbers to integers with a public exponent and a public bound, and back."""

from __future__ import annotations

from pyfate_gpu.encoding.decode import decode_residues
from pyfate_gpu.encoding.fixed_point import FixedPointEncoder
from pyfate_gpu.encoding.integer import IntegerEncoder
from pyfate_gpu.encoding.plaintext import Encoder, PlaintextArray
from pyfate_gpu.encoding.registry import default_encoder, from_description
from pyfate_gpu.encoding.slots import SlotLayout
from pyfate_gpu.encoding.sparse import PlaintextCsr

__all__ = [
    "Encoder",
    "FixedPointEncoder",
    "IntegerEncoder",
    "PlaintextArray",
    "PlaintextCsr",
    "SlotLayout",
    "decode_residues",
    "default_encoder",
    "from_description",
]
