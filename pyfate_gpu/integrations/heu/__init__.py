# SPDX-License-Identifier: Apache-2.0
"""The names of SecretFlow's HEU on the batched engine: ``from pyfate_gpu.integrations.heu import phe, numpy as hnp``.

Scalars are in `phe`, arrays in `numpy`, as in sf-heu 0.6. Paillier only; what differs is in
docs/integrations/heu.md.

Examples
--------
>>> import numpy as np
>>> from pyfate_gpu.integrations.heu import numpy as hnp, phe
>>> kit = hnp.setup(phe.SchemaType.ZPaillier, 2048)
>>> c = kit.encryptor().encrypt(kit.array(np.array([[1, 2], [3, 4]])))
>>> x = kit.array(np.array([10, -1]))
>>> kit.decryptor().decrypt(kit.evaluator().matmul(c, x)).to_numpy()
array([8, 26], dtype=object)
"""

from __future__ import annotations

import importlib
import sys

__all__ = ["install", "numpy", "phe"]


def install() -> None:
    """Answer ``from heu import phe`` and ``import heu.numpy`` with these modules, from now on."""
    sys.modules["heu"] = sys.modules[__name__]
    for name in ("numpy", "phe"):
        sys.modules[f"heu.{name}"] = importlib.import_module(f"{__name__}.{name}")
