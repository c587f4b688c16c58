# SPDX-License-Identifier: Apache-2.0
"""Putting the module in the place of FATE's own."""

from __future__ import annotations

import importlib
import warnings
from importlib import metadata
from typing import Any

from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.integrations.fate2.encryption import encrypt_in_one_pass
from pyfate_gpu.integrations.fate2.histograms import batch_histograms
from pyfate_gpu.integrations.fate2.tables import watch_the_border

TESTED = "2.2."
MODULE = "fate.arch.protocol.phe.paillier"
NAMES = ("keygen", "SK", "PK", "Coder", "evaluator")

# What a message between parties may hold of ours: data and the public half of a key.
RECEIVED = {
    "pyfate_gpu.integrations.fate2.coder": {"Coder"},
    "pyfate_gpu.integrations.fate2.evaluator": {"evaluator"},
    "pyfate_gpu.integrations.fate2.keys": {"restore_pk"},
    "pyfate_gpu.integrations.fate2.vectors": {"restore_vector"},
}


def install() -> None:
    """Let FATE compute with this engine in this process; call it in every party.

    Replaces what ``kind="paillier"`` means and adds our classes to those that FATE's federation
    accepts in messages. Calling it twice does no harm.

    Raises
    ------
    ImportError
        If pyfate is not installed here.

    Warns
    -----
    UserWarning
        If the version of pyfate is not one this was tested with.
    """
    try:
        paillier: Any = importlib.import_module(MODULE)
        serdes: Any = importlib.import_module("fate.arch.federation.api._serdes")
    except ImportError as error:
        raise ImportError(
            f"FATE does not load here ({error}); install it with: pip install pyfate==2.2.0"
        ) from error
    version = metadata.version("pyfate")
    if not version.startswith(TESTED):
        warnings.warn(
            f"pyfate {version} is installed; this was tested with {TESTED}x", stacklevel=2
        )
    ours: Any = importlib.import_module("pyfate_gpu.integrations.fate2")
    for name in NAMES:
        setattr(paillier, name, getattr(ours, name))
    _allow(serdes.TableRemotePersistentUnpickler)
    watch_the_border()
    encrypt_in_one_pass()
    batch_histograms()


def _allow(unpickler: Any) -> None:
    allowed = getattr(unpickler, f"_{unpickler.__name__}__ALLOW_CLASSES", None)
    if not isinstance(allowed, dict):
        raise ConfigurationError(
            "this version of FATE keeps no list of classes it accepts where 2.2 did; "
            "install pyfate==2.2.0"
        )
    for module, names in RECEIVED.items():
        allowed.setdefault(module, set()).update(names)
