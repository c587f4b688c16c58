# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: F401 - the imports below tell type checkers what __getattr__ gives
"""Batched Paillier encryption on arrays, and vertical federated learning on top of it.

Public names load when they are first used: importing the package costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyfate_gpu.backends import available_backends, backend_info, use_backend
    from pyfate_gpu.encoding import FixedPointEncoder, IntegerEncoder, PlaintextArray
    from pyfate_gpu.errors import PyFateError
    from pyfate_gpu.he import (
        CiphertextArray,
        PrivateKey,
        PublicKey,
        concatenate,
        generate_keypair,
        load_private_key,
        load_public_key,
        save_private_key,
        save_public_key,
    )

_HOMES = {
    "available_backends": "backends",
    "backend_info": "backends",
    "use_backend": "backends",
    "FixedPointEncoder": "encoding",
    "IntegerEncoder": "encoding",
    "PlaintextArray": "encoding",
    "PyFateError": "errors",
    "CiphertextArray": "he",
    "PrivateKey": "he",
    "PublicKey": "he",
    "concatenate": "he",
    "generate_keypair": "he",
    "load_private_key": "he",
    "load_public_key": "he",
    "save_private_key": "he",
    "save_public_key": "he",
    "Channel": "federation",
    "Frame": "federation",
    "Party": "federation",
    "Role": "federation",
    "Session": "federation",
    "simulate": "federation",
    "HeteroLinearRegression": "glm",
    "HeteroLogisticRegression": "glm",
}

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> Any:
    """Load a public name from the module it lives in."""
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("pyfate-gpu")
    elif name in _HOMES:
        value = getattr(importlib.import_module(f"pyfate_gpu.{_HOMES[name]}"), name)
    else:
        raise AttributeError(f"module 'pyfate_gpu' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Public names, loaded or not."""
    return sorted(__all__)
