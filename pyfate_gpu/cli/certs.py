# SPDX-License-Identifier: Apache-2.0
"""``pyfate-gpu certs``: a certificate authority for development, and certificates of parties."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.federation import Party
from pyfate_gpu.federation.certificates import AUTHORITY, Authority, write_new
from pyfate_gpu.storage.files import write_atomically


def certs(
    folder: Annotated[Path, typer.Argument(help="Folder for the files; made if need be.")],
    parties: Annotated[
        list[str] | None,
        typer.Argument(help="Parties to certify; by default guest, host-0 and arbiter."),
    ] = None,
    days: Annotated[int, typer.Option(min=1, help="How long they are valid.")] = 90,
    renew: Annotated[
        bool,
        typer.Option("--renew", help="Replace NAME.pem of the parties; keys stay as they are."),
    ] = False,
) -> None:
    """Make certificates for parties, and the authority that signs them where there is none yet.

    Give each party NAME.pem, NAME.key and ca.pem. Keep ca.key away from all of them: who has it can be anybody.
    A certificate that is renewed takes the place of the old NAME.pem; nothing else has to be handed over.
    """
    named = [Party.parse(name) for name in parties or ("guest", "host-0", "arbiter")]
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigurationError(f"cannot make {folder}: {error.strerror}") from None
    if (folder / f"{AUTHORITY}.key").exists():
        authority = Authority.load(folder)
    else:
        authority = Authority.create()
        authority.save(folder)
    for party in named if renew else ():
        path = folder / f"{party}.pem"
        try:
            old = path.read_bytes()
        except OSError as error:
            raise ConfigurationError(f"cannot read {path}: {error.strerror}") from None
        write_atomically(path, authority.renew(party, str(path), old, days), mode=0o644)
        Console(soft_wrap=True).print(f"{party}: {path}", markup=False, highlight=False)
    for party in () if renew else named:
        key, certificate = authority.issue(party, days)
        write_new(folder / f"{party}.key", key, mode=0o600)
        write_new(folder / f"{party}.pem", certificate, mode=0o644)
        Console(soft_wrap=True).print(
            f"{party}: {folder / f'{party}.pem'}, {folder / f'{party}.key'}",
            markup=False,
            highlight=False,
        )
