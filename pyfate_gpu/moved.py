# SPDX-License-Identifier: Apache-2.0
"""Old paths of modules, for pickles and imports that name them.

The finder is asked before Python's own, which would take a folder that moved for one with copies.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

#: Folders within the package and what moved out of them, by where it is now.
_MOVED = {
    "glm": {
        "data": "tables labels",
        "protocol": "batching masking parameters progress report report_page scoring validation",
        "learning": "convergence metrics optimizers penalties",
        "storage": "archive",
    },
    "jobs": {"protocol": "messages", "storage": "files toml"},
    "federation": {"protocol": "id_cipher psi"},
    "he": {
        "he.array": "arithmetic arrays bounds export linalg masks numpy_functions operands reductions selection"
    },
    "he.paillier": {"he.scheme.paillier": "blinding checks keygen primes private_key public_key"},
    "he.short_subgroup": {
        "he.scheme.short_subgroup": "keygen private_key public_key sizes",
    },
}
_RENAMED = {
    "datasets": "data.examples",
    "glm.features": "data.preparation",
    "glm.fitted": "glm.model",
    "glm.half": "glm.weights",
    "glm.model_io": "glm.model_file",
    "he.ciphertexts": "he.validity",
    "he.keys": "he.scheme.registry",
    "he.paillier": "he.scheme.paillier",
    "he.short_subgroup": "he.scheme.short_subgroup",
    "jobs.tables": "data.sources",
}


def _homes() -> dict[str, str]:
    moved = {
        f"{old}.{name}": f"{new}.{name}"
        for old, rooms in _MOVED.items()
        for new, names in rooms.items()
        for name in names.split()
    }
    return {f"pyfate_gpu.{old}": f"pyfate_gpu.{new}" for old, new in {**moved, **_RENAMED}.items()}


class MovedFinder(MetaPathFinder, Loader):
    """Finds a module by its old path and gives the module itself, not a copy.

    Examples
    --------
    >>> from pyfate_gpu.glm.metrics import log_loss as old
    >>> from pyfate_gpu.learning.metrics import log_loss
    >>> old is log_loss
    True
    """

    homes = _homes()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return a spec for an old path, None for any other name."""
        return ModuleSpec(fullname, self) if fullname in self.homes else None

    def exec_module(self, module: ModuleType) -> None:
        """Put the module at its present path in place of `module`, as modules may do."""
        sys.modules[module.__name__] = importlib.import_module(self.homes[module.__name__])


def install() -> None:
    """Let old paths be found, once in a process."""
    if not any(isinstance(finder, MovedFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, MovedFinder())
