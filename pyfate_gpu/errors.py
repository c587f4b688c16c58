# SPDX-License-Identifier: Apache-2.0
"""Every error this package raises on purpose, as one tree.

Each text names the offending value, the limit it broke and what to do about it. Errors that NumPy or the standard
library would have raised keep that base class too, so that ``except ValueError`` written for NumPy still works.
"""

from __future__ import annotations


class PyFateError(Exception):
    """Root of the tree: catch this one to catch everything raised on purpose.

    Attributes
    ----------
    travels : bool
        Whether other parties of a job are told the text: it then has no path, id, cell or other value of a party in
        it. Of all other errors they hear the kind.
    """

    travels = False


class EncodingError(PyFateError, ValueError):
    """A value cannot be encoded (NaN, infinite, beyond the declared bound, wrong type) or decoded."""


class BoundError(PyFateError, OverflowError):
    """A result could pass what the key holds and wrap around, or a decrypted value lies outside its declared bound."""


class ShapeError(PyFateError, ValueError):
    """Shapes do not fit the operation or do not broadcast."""


class ArrayIndexError(PyFateError, IndexError):
    """An index is out of range or of a kind that NumPy would refuse."""


class UnsupportedOperationError(PyFateError, TypeError):
    """The operation has no meaning on ciphertexts, or would give a secret away."""


class DeviceMismatchError(PyFateError):
    """Operands live on different devices or in different engines."""


class KeyMismatchError(PyFateError):
    """Operands belong to different keys."""


class SlotMismatchError(PyFateError):
    """Operands have their numbers in different slots, or one of them has none."""


class InvalidKeyError(PyFateError, ValueError):
    """Numbers that form no key of their scheme."""


class InsecureKeyError(InvalidKeyError):
    """A key too small to protect anything; allowed in tests by an explicit opt-in."""


class KeyFileError(PyFateError):
    """A key file is malformed, readable by others, in the way, or needs another passphrase."""


class WireFormatError(PyFateError, ValueError):
    """Bytes that are not a frame of this package: truncated, tampered with, or of an unknown version."""


class InvalidCiphertextError(PyFateError, ValueError):
    """An integer that is no ciphertext of the key: out of range, not coprime to n, or blinded by another scheme."""


class BackendError(PyFateError):
    """A backend failed."""


class BackendUnavailableError(BackendError):
    """The backend or instruction set asked for is unknown or cannot run on this machine."""


class DeviceMemoryError(BackendError, MemoryError):
    """A GPU has no memory left for an operation; the process and its arrays stay usable."""


class HostMemoryError(BackendError, MemoryError):
    """The machine has no memory left for an operation; the process and its arrays stay usable."""


class WorkerLostError(BackendError):
    """A worker of a cluster has died, and the ciphertexts that it held with it."""


class ConfigurationError(PyFateError, ValueError):
    """An environment variable or an option has a value that makes no sense."""


class DisagreementError(ConfigurationError):
    """Parties are set differently, or what they bring does not fit together; all of them are told."""

    travels = True


class DistrustError(ConfigurationError):
    """Two parties do not trust each other's certificates, or one of them talks in plaintext."""


class DataError(PyFateError, ValueError):
    """Training data that a model cannot take."""


class DivergenceError(ConfigurationError, DataError):
    """Training that moves ever farther away: the learning rate is too high for these data."""

    travels = True


class StorageError(PyFateError, OSError):
    """A file could not be written: no room, no permission, a broken disk."""


class ProtocolError(PyFateError):
    """A message of the federation came in the wrong order, from the wrong party or in the wrong form."""

    travels = True


class ChannelTimeoutError(ProtocolError, TimeoutError):
    """A message did not arrive in time; the text says which and from whom."""


class PartyFailedError(ProtocolError):
    """Another party stopped; the text says which and, where that gives nothing away, why."""
