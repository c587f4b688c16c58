# SPDX-License-Identifier: Apache-2.0
"""What other parties hear of the error that ends one: who and what kind, and the text where that gives nothing away."""

from __future__ import annotations

from pyfate_gpu.errors import (
    ConfigurationError,
    DataError,
    DistrustError,
    PyFateError,
    StorageError,
)
from pyfate_gpu.federation.roles import Party

#: The first that fits; of an error whose text does not travel.
_KINDS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
    ((KeyboardInterrupt, SystemExit), "it was told to"),
    (MemoryError, "its machine has no memory left"),
    (StorageError, "it cannot read or write a file of its own"),
    (DataError, "its own data cannot be used"),
    (DistrustError, "there is no trust between it and another party"),
    (ConfigurationError, "it is not set up rightly"),
)


def told(party: Party, error: BaseException) -> str:
    """Return what the others are told when `party` ends by `error`.

    Examples
    --------
    >>> from pyfate_gpu import Party
    >>> from pyfate_gpu.errors import DataError, ProtocolError
    >>> from pyfate_gpu.federation.farewell import told
    >>> told(Party.parse("host-0"), DataError("secret.csv: column 'debt' has no numbers"))
    'host-0 stopped: its own data cannot be used (DataError); its own log says more'
    >>> told(Party.parse("guest"), ProtocolError("the arbiter said nothing"))
    'guest stopped by ProtocolError: the arbiter said nothing'
    """
    name = type(error).__name__
    if isinstance(error, PyFateError) and error.travels:
        return f"{party} stopped by {name}: {error}"
    for kinds, words in _KINDS:
        if isinstance(error, kinds):
            return f"{party} stopped: {words} ({name}); its own log says more"
    return f"{party} stopped by {name}; its own log says more"
