# SPDX-License-Identifier: Apache-2.0
"""``pyfate-gpu phe``: the commands of python-paillier's `pheutil`, same arguments, same files."""

from __future__ import annotations

import json
import math
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from pyfate_gpu.errors import KeyFileError
from pyfate_gpu.integrations.phe import (
    EncryptedNumber,
    PaillierPublicKey,
    generate_paillier_keypair,
)
from pyfate_gpu.integrations.phe import documents as doc

app = typer.Typer(
    name="phe",
    help="The commands of python-paillier's pheutil. A file '-' is standard input or output.",
    no_args_is_help=True,
)

_Output = Annotated[str, typer.Option(help="File for the result; by default standard output.")]
_Public = Annotated[str, typer.Argument(help="File of the public key.")]
_Private = Annotated[str, typer.Argument(help="File of the private key.")]
_Ciphertext = Annotated[str, typer.Argument(help="File of a ciphertext.")]
_Plaintext = Annotated[str, typer.Argument(help="A number; put '--' before negative ones.")]


@app.callback()
def _options(
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Accepted for pheutil's sake.")
    ] = False,
) -> None:
    """Take what `pheutil` takes."""


@app.command()
def genpkey(
    output: Annotated[str, typer.Argument(help="File for the private key (mode 0600).")],
    keysize: Annotated[int, typer.Option(help="Bits of n.")] = 2048,
    id: Annotated[str | None, typer.Option(help="Name of the key.")] = None,  # noqa: A002 - pheutil's
) -> None:
    """Make a key pair; the file holds both halves."""
    _, private_key = generate_paillier_keypair(n_length=keysize)
    _write(output, doc.private_to_jwk(private_key, id))


@app.command()
def extract(
    private: _Private, output: Annotated[str, typer.Argument(help="File for the public key.")]
) -> None:
    """Write the public half of a private key."""
    document = _read(private)
    key = doc.private_from_jwk(document).public_key
    _write(output, doc.public_to_jwk(key, document["pub"].get("kid")))


@app.command()
def encrypt(public: _Public, plaintext: _Plaintext, output: _Output = "-") -> None:
    """Encrypt a number."""
    key = doc.public_from_jwk(_read(public))
    _write(output, doc.number_to_document(key.encrypt(_number(plaintext))))


@app.command()
def decrypt(private: _Private, ciphertext: _Ciphertext, output: _Output = "-") -> None:
    """Decrypt a number."""
    key = doc.private_from_jwk(_read(private))
    number = doc.number_from_document(_read(ciphertext), key.public_key)
    _print(output, str(key.decrypt(number)))


@app.command()
def addenc(
    public: _Public, encrypted_a: _Ciphertext, encrypted_b: _Ciphertext, output: _Output = "-"
) -> None:
    """Add two encrypted numbers."""
    _combine(public, encrypted_a, output, lambda a, key: a + _load(encrypted_b, key))


@app.command()
def add(
    public: _Public, encrypted: _Ciphertext, plaintext: _Plaintext, output: _Output = "-"
) -> None:
    """Add a plain number to an encrypted one."""
    _combine(public, encrypted, output, lambda a, key: a + _number(plaintext))


@app.command()
def multiply(
    public: _Public, encrypted: _Ciphertext, plaintext: _Plaintext, output: _Output = "-"
) -> None:
    """Multiply an encrypted number by a plain one."""
    _combine(public, encrypted, output, lambda a, key: a * _number(plaintext))


def _combine(
    public: str,
    encrypted: str,
    output: str,
    operation: Callable[[EncryptedNumber, PaillierPublicKey], EncryptedNumber],
) -> None:
    key = doc.public_from_jwk(_read(public))
    _write(output, doc.number_to_document(operation(_load(encrypted, key), key)))


def _load(path: str, key: PaillierPublicKey) -> EncryptedNumber:
    return doc.number_from_document(_read(path), key)


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise typer.BadParameter(f"{text!r} is no finite number")
    return number


def _read(path: str) -> Any:
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
        return json.loads(text)
    except OSError as error:
        raise KeyFileError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise KeyFileError(f"{path} is no JSON; it is no key or ciphertext of pheutil") from None


def _write(path: str, document: dict[str, Any]) -> None:
    _print(path, json.dumps(document), private="p" in document)


def _print(path: str, text: str, private: bool = False) -> None:
    """Write a line to standard output for '-', or to a file: in place, for who has it open, as pheutil does."""
    if path == "-":
        typer.echo(text)
        return
    mode = 0o600 if private else 0o666
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            if private and stat.S_ISREG(os.fstat(descriptor).st_mode):
                os.fchmod(descriptor, mode)  # the file may have been there, open to others
            file.write(text + "\n")
    except OSError as error:
        raise KeyFileError(f"cannot write {path}: {error.strerror}") from None
