# SPDX-License-Identifier: Apache-2.0
"""Exit codes, by the kind of error; docs/parameters.md lists them."""

from __future__ import annotations

from pyfate_gpu.errors import (
    BackendError,
    ConfigurationError,
    DataError,
    InvalidKeyError,
    KeyFileError,
    PartyFailedError,
    ProtocolError,
    StorageError,
)

DONE = 0
OTHER = 1
USAGE = 2
#: Of a party that ended because another one did.
ECHO = 3
CONFIGURATION = 4
DATA = 5
PEERS = 6
MACHINE = 7
#: Added to the number of the signal that told a process to end.
SIGNAL = 128

#: What each code means, for the documentation.
MEANINGS = {
    DONE: "done",
    OTHER: "an error of none of the kinds below",
    USAGE: "the command line itself: an unknown option, a value missing",
    ECHO: "another party ended, and the error says which; its own log says why",
    CONFIGURATION: "what is set: keys, values, parameters, certificates; or other parties are set differently",
    DATA: "this party's tables, or a file of a model",
    PEERS: "other parties did not come, did not answer in time, or did not keep to the protocol",
    MACHINE: "this machine: a file that cannot be written, memory, a backend or device",
    SIGNAL + 2: "interrupted (SIGINT, Ctrl-C)",
    SIGNAL + 15: "told to end (SIGTERM)",
}

#: The first that fits.
_CODES: tuple[tuple[type[BaseException], int], ...] = (
    (PartyFailedError, ECHO),
    (ProtocolError, PEERS),
    (StorageError, MACHINE),
    (MemoryError, MACHINE),
    (BackendError, MACHINE),
    (ConfigurationError, CONFIGURATION),
    (KeyFileError, CONFIGURATION),
    (InvalidKeyError, CONFIGURATION),
    (DataError, DATA),
)


def code_of(error: BaseException) -> int:
    """Return the exit code of an error; the one that it carries, if it does.

    Examples
    --------
    >>> from pyfate_gpu.jobs.exits import code_of
    >>> from pyfate_gpu.errors import DataError
    >>> code_of(DataError("no rows"))
    5
    """
    carried = getattr(error, "exit_code", None)
    if isinstance(carried, int):
        return carried
    return next((code for kind, code in _CODES if isinstance(error, kind)), OTHER)
