# SPDX-License-Identifier: Apache-2.0
"""Key files: mode 0600, written whole or not at all, private ones under a passphrase if wanted."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

from pyfate_gpu.backends.numbers import PrivateNumbers
from pyfate_gpu.config import environment
from pyfate_gpu.errors import KeyFileError, StorageError
from pyfate_gpu.he import passphrases
from pyfate_gpu.he.scheme.private_key import SchemePrivateKey
from pyfate_gpu.he.scheme.public_key import SchemePublicKey
from pyfate_gpu.he.scheme.registry import private_from_jwk, public_from_jwk
from pyfate_gpu.storage.files import write_atomically

MAX_FILE_BYTES = 1 << 20
PathLike = str | os.PathLike[str]


def save_public_key(key: SchemePublicKey, path: PathLike, *, overwrite: bool = False) -> None:
    """Write a public key as JSON that python-paillier reads as well.

    Raises
    ------
    KeyFileError
        If the file exists and `overwrite` is not set, or cannot be written, or `key` is another.
    """
    _check_kind(key, SchemePublicKey, "public")
    _write(Path(path), key.to_jwk(), overwrite)


def load_public_key(path: PathLike, *, allow_insecure_key_size: bool = False) -> Any:
    """Read a public key of any scheme, of this package or of python-paillier.

    Raises
    ------
    KeyFileError
        If the file cannot be read or is no public key.
    InvalidKeyError
        If its numbers are no key.
    """
    return public_from_jwk(_read(Path(path)), allow_insecure_key_size=allow_insecure_key_size)


def save_private_key(
    key: SchemePrivateKey,
    path: PathLike,
    *,
    passphrase: str | bytes | None = None,
    overwrite: bool = False,
) -> None:
    """Write a private key, readable by its owner only (mode 0600).

    Parameters
    ----------
    key : private key of any scheme
    path : path
    passphrase : str or bytes, optional
        Encrypt the file (scrypt and AES-256-GCM; needs the extra ``pyfate-gpu[keys]``).
        Without it the file is JSON that python-paillier reads.
    overwrite : bool
        Replace an existing file: whatever was encrypted under its key is lost then.

    Raises
    ------
    KeyFileError
        If the file exists and `overwrite` is not set, cannot be written, or the extra is missing;
        if `key` or `passphrase` are no such thing.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from pyfate_gpu import generate_keypair
    >>> from pyfate_gpu.he import load_private_key, save_private_key
    >>> public, private = generate_keypair(512, allow_insecure_key_size=True)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "key.json")
    ...     save_private_key(private, path)
    ...     again = load_private_key(path, allow_insecure_key_size=True)
    >>> again.public_key == public
    True
    """
    _check_kind(key, SchemePrivateKey, "private")
    document = key.to_secret_jwk()
    if passphrase is not None:
        document = passphrases.seal(document, passphrase)
    _write(Path(path), document, overwrite)


def load_private_key(
    path: PathLike,
    *,
    passphrase: str | bytes | None = None,
    allow_insecure_key_size: bool = False,
) -> Any:
    """Read a private key of any scheme, of this package or of python-paillier.

    Raises
    ------
    KeyFileError
        If the file is readable by others, malformed, or needs a (different) passphrase.
    InvalidKeyError
        If its numbers are no key.
    """
    _check_mode(Path(path))
    document = _read(Path(path))
    if passphrases.is_sealed(document):
        if passphrase is None:
            raise KeyFileError(f"{path} is encrypted; pass passphrase=...")
        document = passphrases.unseal(document, passphrase)
    elif passphrase is not None:
        raise KeyFileError(f"{path} is not encrypted; leave passphrase out")
    return private_from_jwk(document, allow_insecure_key_size=allow_insecure_key_size)


def read_numbers(path: PathLike) -> PrivateNumbers:
    """The numbers of a private key file, for workers of a cluster; its passphrase is in a file as well.

    Raises
    ------
    KeyFileError, InvalidKeyError
        As `load_private_key`.
    """
    key: SchemePrivateKey = load_private_key(
        path, passphrase=_passphrase_of_workers(), allow_insecure_key_size=True
    )
    return key._numbers


def _passphrase_of_workers() -> str | None:
    path = environment().passphrase_file
    return None if path is None else Path(path).read_text(encoding="utf-8").partition("\n")[0]


def sealed_public_half(path: PathLike) -> Any:
    """Return the JSON Web Key of the public half of a private key under a passphrase, None of other files.

    Nothing vouches for it without the passphrase: to look at, not to encrypt with.

    Raises
    ------
    KeyFileError
        If the file cannot be read or is no key file.
    """
    document = _read(Path(path))
    return document.get("pub") if passphrases.is_sealed(document) else None


def _check_kind(key: Any, kind: type, half: str) -> None:
    if not isinstance(key, kind):
        raise KeyFileError(f"the key is a {type(key).__name__}; it must be a {half} key")


def _reason(error: Exception) -> str:
    """What the system said; a ValueError is a name that no file can have."""
    return getattr(error, "strerror", None) or str(error)


def _write(path: Path, document: dict[str, Any], overwrite: bool) -> None:
    data = json.dumps(document, indent=1).encode("ascii") + b"\n"
    try:
        write_atomically(path, data, overwrite=overwrite)
    except FileExistsError:
        raise KeyFileError(
            f"{path} exists; choose another name, or pass overwrite=True to lose the key in it"
        ) from None
    except StorageError as error:
        raise KeyFileError(str(error)) from None


def _read(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            raise KeyFileError(f"{path} is longer than {MAX_FILE_BYTES} bytes; it is no key file")
        return json.loads(data)  # in any encoding that JSON may have, with a mark of it or without
    except OSError as error:
        raise KeyFileError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise KeyFileError(f"{path} is no JSON; it is no key file or is damaged") from None


def _check_mode(path: Path) -> None:
    """Refuse a private key that others can read (POSIX)."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except (OSError, ValueError) as error:
        raise KeyFileError(f"cannot read {path}: {_reason(error)}") from None
    if os.name == "posix" and mode & 0o077:
        raise KeyFileError(
            f"{path} has mode {mode:04o}; a private key must be readable by its owner only: "
            f"chmod 600 {path}"
        )
