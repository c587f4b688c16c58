# SPDX-License-Identifier: Apache-2.0
"""FATE 2.2's Paillier on the batched engine: ``install()`` in every party, and jobs run unchanged.

The module has the names that FATE takes from ``fate.arch.protocol.phe.paillier``. torch and fate are
imported when something needs them. Whatever is encrypted is blinded, whether FATE asks for it or
not, and whatever was computed is blinded again when it is pickled. docs/integrations/fate2.md.

Examples
--------
In the script of each party, before the job::

    from pyfate_gpu.integrations import fate2
    fate2.install()
"""

from __future__ import annotations

from pyfate_gpu.integrations.fate2.coder import Coder
from pyfate_gpu.integrations.fate2.evaluator import evaluator
from pyfate_gpu.integrations.fate2.installation import install
from pyfate_gpu.integrations.fate2.keys import PK, SK, keygen
from pyfate_gpu.integrations.fate2.vectors import CiphertextVector, PlaintextVector

__all__ = [
    "PK",
    "SK",
    "CiphertextVector",
    "Coder",
    "PlaintextVector",
    "evaluator",
    "install",
    "keygen",
]
