# SPDX-License-Identifier: Apache-2.0
"""Old paths of modules, for pickles and imports that name them.

The finder is asked before Python's own, which would take a folder that moved for one with copies. It imports
nothing before something asks for an old path: everybody who imports the package pays for this file.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
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
    "backends.cuda_availability": "backends.cuda.availability",
    "backends.cuda_device": "backends.cuda.device",
    "backends.cuda_matmul": "backends.cuda.matmul",
    "backends.cuda_ring": "backends.cuda.ring",
    "backends.cuda_streamed": "backends.cuda.streamed",
    "datasets": "data.examples",
    "glm.data": "glm.rows",
    "glm.features": "data.preparation",
    "glm.fitted": "glm.model",
    "glm.half": "glm.weights",
    "glm.handshake": "glm.plan",
    "glm.model_io": "glm.model_file",
    "he.ciphertexts": "he.validity",
    "he.keys": "he.scheme.registry",
    "he.paillier": "he.scheme.paillier",
    "he.short_subgroup": "he.scheme.short_subgroup",
    "jobs.models": "estimators",
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


class MovedFinder:
    """Finds a module by its old path and gives the module itself, not a copy.

    A finder and a loader by its methods: the base classes of importlib would take longer to import than
    the rest of the package.

    Examples
    --------
    >>> from pyfate_gpu.glm.metrics import log_loss as old
    >>> from pyfate_gpu.learning.metrics import log_loss
    >>> old is log_loss
    True
    """

    homes = _homes()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return a spec for an old path, None for any other name."""
        if fullname not in self.homes:
            return None
        from importlib.machinery import ModuleSpec

        return ModuleSpec(fullname, self)  # type: ignore[arg-type]  # a loader by its methods

    def create_module(self, spec: ModuleSpec) -> None:
        """Let Python make the module that `exec_module` puts another in place of."""

    def exec_module(self, module: ModuleType) -> None:
        """Put the module at its present path in place of `module`, as modules may do."""
        from importlib import import_module

        sys.modules[module.__name__] = import_module(self.homes[module.__name__])


def install() -> None:
    """Let old paths be found, once in a process."""
    if not any(isinstance(finder, MovedFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, MovedFinder())
