# SPDX-License-Identifier: Apache-2.0
"""Putting our classes in the places of FATE 1's."""

from __future__ import annotations

import collections
import collections.abc
import importlib
import re
import sys
import warnings
from pathlib import Path
from typing import Any

from pyfate_gpu.integrations.fate1.keys import PrivateKey

TESTED = "1.11."
PAILLIER = "federatedml.secureprotol.fate_paillier"
ENCRYPT = "federatedml.secureprotol.encrypt"
NAMES = (
    "PaillierEncrypt",
    "PaillierEncryptedNumber",
    "PaillierKeypair",
    "PaillierPrivateKey",
    "PaillierPublicKey",
)


def install(*, share_private_key: bool = False) -> None:
    """Let FATE 1.11 compute with this engine in this process; call it in every party.

    Modules of federatedml that took the names before take ours, too. Calling it twice does no harm.

    Parameters
    ----------
    share_private_key : bool
        Let the private key be pickled, which FATE does to decrypt in this party's worker processes
        (`distribute_decrypt`, SecureBoost). Pickles of it are then in the hands of the computing engine.

    Raises
    ------
    ImportError
        If FATE 1's federatedml is not importable.

    Warns
    -----
    UserWarning
        If the checkout is of another version than this was tested with.
    """
    if not hasattr(collections, "Iterable"):
        # FATE 1.11 takes it from where Python 3.10 no longer has it.
        collections.Iterable = collections.abc.Iterable  # type: ignore[attr-defined]
    try:
        paillier: Any = importlib.import_module(PAILLIER)
        importlib.import_module(ENCRYPT)
    except ImportError as error:
        raise ImportError(
            f"FATE 1 does not load here ({error}); put the folder python/ of a checkout of FATE "
            f"v1.11.4 on PYTHONPATH and install its requirements"
        ) from error
    _warn_of_version(Path(str(paillier.__file__)))
    ours: Any = importlib.import_module("pyfate_gpu.integrations.fate1.classes")
    PrivateKey.shared_with_workers = share_private_key
    for module in [m for n, m in list(sys.modules.items()) if n.startswith("federatedml")]:
        for name in NAMES:
            if getattr(module, name, None) is not None:
                setattr(module, name, getattr(ours, name))


def _warn_of_version(file: Path) -> None:
    """The version is in fate.env, three folders above federatedml.secureprotol; nowhere else."""
    found = file.resolve().parents[3] / "fate.env"
    match = re.search(r"^FATE=(\S+)", found.read_text(), re.M) if found.is_file() else None
    if match and not match[1].startswith(TESTED):
        warnings.warn(f"FATE {match[1]} is installed; this was tested with {TESTED}x", stacklevel=3)
