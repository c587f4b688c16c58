# SPDX-License-Identifier: Apache-2.0
"""``pyfate-gpu keys``: make key files, look at them, check them, take the public half out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from pyfate_gpu.errors import KeyFileError
from pyfate_gpu.he import (
    generate_keypair,
    load_private_key,
    load_public_key,
    save_private_key,
    save_public_key,
)
from pyfate_gpu.he.key_files import sealed_public_half
from pyfate_gpu.he.scheme.private_key import SchemePrivateKey
from pyfate_gpu.he.scheme.public_key import SchemePublicKey
from pyfate_gpu.he.scheme.registry import SCHEMES, public_from_jwk

app = typer.Typer(help="Key files: JSON that python-paillier reads as well.", no_args_is_help=True)

_Insecure = Annotated[
    bool, typer.Option("--allow-insecure-key-size", help="Accept keys below 2048 bits, for tests.")
]
_PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file", help="File whose first line is the private key's passphrase."
    ),
]
_Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace files; what the old key encrypted is lost.")
]


@app.command()
def generate(
    private: Annotated[Path, typer.Argument(help="File for the private key (mode 0600).")],
    public: Annotated[
        Path | None,
        typer.Option(help="File for the public key; by default PRIVATE with .pub.json."),
    ] = None,
    key_bits: Annotated[int, typer.Option(help="Bits of n, even, 2048 to 8192.")] = 3072,
    scheme: Annotated[str, typer.Option(help=f"One of {', '.join(SCHEMES)}.")] = "paillier",
    passphrase_file: _PassphraseFile = None,
    overwrite: _Overwrite = False,
    allow_insecure_key_size: _Insecure = False,
) -> None:
    """Make a key pair."""
    public = public or private.with_suffix(".pub.json")
    _check_apart(private, public)
    for path in (private, public):
        if path.exists() and not overwrite:
            raise KeyFileError(
                f"{path} exists; choose another name, or --overwrite to lose the key in it"
            )
    passphrase = _read_passphrase(passphrase_file)
    public_key, private_key = generate_keypair(
        key_bits, scheme, allow_insecure_key_size=allow_insecure_key_size
    )
    save_private_key(private_key, private, passphrase=passphrase, overwrite=overwrite)
    save_public_key(public_key, public, overwrite=overwrite)
    _print(f"private key: {private}", f"public key:  {public}", repr(public_key))


@app.command()
def show(
    path: Annotated[Path, typer.Argument(help="Key file, public or private.")],
    passphrase_file: _PassphraseFile = None,
    allow_insecure_key_size: _Insecure = False,
) -> None:
    """Say what a key file holds, without any secret."""
    kind, public_key = _public_half(path, passphrase_file, allow_insecure_key_size)
    table = Table(show_header=False)
    table.add_row("kind", kind)
    table.add_row("scheme", public_key.scheme)
    table.add_row("bits", str(public_key.key_bits))
    table.add_row("fingerprint", public_key.fingerprint)
    short = public_key.numbers.blinding
    table.add_row("blinding", "full r^n (no h)" if short is None else "short exponents (h)")
    Console().print(table)


@app.command()
def check(
    path: Annotated[Path, typer.Argument(help="Key file, public or private.")],
    passphrase_file: _PassphraseFile = None,
    allow_insecure_key_size: _Insecure = False,
) -> None:
    """Load a key with every check there is, and use it once."""
    key = _load(path, passphrase_file, allow_insecure_key_size)
    public_key = key.public_key if isinstance(key, SchemePrivateKey) else key
    ciphertext = public_key.encrypt(-1.5) + 4.0
    if isinstance(key, SchemePrivateKey) and key.decrypt(ciphertext) != 2.5:
        raise KeyFileError(
            f"{path}: the private key does not decrypt what its public half encrypts"
        )
    _print(f"{path}: good, {public_key!r}")


@app.command()
def public(
    private: Annotated[Path, typer.Argument(help="File of the private key.")],
    out: Annotated[Path, typer.Argument(help="File for the public key.")],
    passphrase_file: _PassphraseFile = None,
    overwrite: _Overwrite = False,
    allow_insecure_key_size: _Insecure = False,
) -> None:
    """Write the public half of a private key."""
    _check_apart(private, out)
    key = load_private_key(
        private,
        passphrase=_read_passphrase(passphrase_file),
        allow_insecure_key_size=allow_insecure_key_size,
    )
    save_public_key(key.public_key, out, overwrite=overwrite)
    _print(f"public key: {out}", repr(key.public_key))


def _check_apart(private: Path, public: Path) -> None:
    if private.resolve() == public.resolve():
        raise KeyFileError(
            f"{public} is the file of the private key: the public key takes another, or the private one is lost"
        )


def _load(
    path: Path, passphrase_file: Path | None, insecure: bool
) -> SchemePrivateKey | SchemePublicKey:
    if _is_public(path):
        public: SchemePublicKey = load_public_key(path, allow_insecure_key_size=insecure)
        return public
    private: SchemePrivateKey = load_private_key(
        path, passphrase=_read_passphrase(passphrase_file), allow_insecure_key_size=insecure
    )
    return private


def _public_half(
    path: Path, passphrase_file: Path | None, insecure: bool
) -> tuple[str, SchemePublicKey]:
    """Return what a file holds and its public key, which lies in the open also where a passphrase seals the rest."""
    if passphrase_file is None and (document := sealed_public_half(path)) is not None:
        key: SchemePublicKey = public_from_jwk(document, allow_insecure_key_size=insecure)
        return "private key under a passphrase; its public half, as the file says", key
    loaded = _load(path, passphrase_file, insecure)
    if isinstance(loaded, SchemePrivateKey):
        return "private key", loaded.public_key
    return "public key", loaded


def _is_public(path: Path) -> bool:
    """Whether the file says that it is for encrypting; whatever else it is, a loader will tell."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise KeyFileError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and document.get("key_ops") == ["encrypt"]


def _read_passphrase(path: Path | None) -> str | None:
    """Return the first line of a file: passphrases on the command line end up in logs."""
    if path is None:
        return None
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise KeyFileError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise KeyFileError(
            f"{path} is no text in UTF-8; its first line is the passphrase"
        ) from None
    if not lines or not lines[0]:
        raise KeyFileError(f"{path} is empty; its first line is the passphrase")
    return lines[0]


def _print(*lines: str) -> None:
    console = Console(soft_wrap=True)
    for line in lines:
        console.print(line, markup=False, highlight=False)
