# SPDX-License-Identifier: Apache-2.0
"""Who a party is, by certificate; or nobody in particular, on this machine only."""

from __future__ import annotations

import ipaddress
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.federation.roles import Party


@dataclass(frozen=True)
class Credentials:
    """A party's certificate with its key, and the authority that all parties trust; PEM.

    The name of the party (``guest``, ``host-0``, ``arbiter``) is a DNS name among the subject's alternative names.
    """

    authority: bytes
    certificate: bytes
    key: bytes = field(repr=False)

    @classmethod
    def load(cls, authority: Path, certificate: Path, key: Path) -> Credentials:
        """Read the three files.

        Raises
        ------
        ConfigurationError
            When one cannot be read, or others may read the key.
        """
        try:
            if stat.S_IMODE(key.stat().st_mode) & 0o077:
                raise ConfigurationError(f"others can read {key}, a private key: chmod 600 {key}")
            return cls(authority.read_bytes(), certificate.read_bytes(), key.read_bytes())
        except OSError as error:
            raise ConfigurationError(
                f"cannot read {error.filename}: {error.strerror}; pyfate-gpu certs makes certificates"
            ) from None

    def check(self, party: Party) -> None:
        """Refuse what the other parties would refuse, with a better reason than a broken handshake.

        Raises
        ------
        ConfigurationError
            When the certificate is expired, of another authority, of another party, or not of this key.
        """
        from cryptography import x509
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            chain = x509.load_pem_x509_certificates(self.certificate)
            authorities = x509.load_pem_x509_certificates(self.authority)
            key = load_pem_private_key(self.key, password=None)
        except (ValueError, TypeError) as error:
            raise ConfigurationError(
                f"certificate, key or authority is no PEM file: {error}"
            ) from None
        own, now = chain[0], datetime.now(timezone.utc)
        if not own.not_valid_before_utc <= now <= own.not_valid_after_utc:
            raise ConfigurationError(
                f"the certificate of {party} is valid from {own.not_valid_before_utc:%Y-%m-%d} to "
                f"{own.not_valid_after_utc:%Y-%m-%d}: make a new one (pyfate-gpu certs) or set the clock"
            )
        names = _dns_names(own)
        if party_of(names) != party:
            raise ConfigurationError(
                f"this is {party}, its certificate names {', '.join(names) or 'nobody'}: "
                f"it takes one with the DNS name {party} and no other party's"
            )
        if key.public_key() != own.public_key():
            raise ConfigurationError(f"the private key is not that of the certificate of {party}")
        for issuer in authorities:
            if issuer.subject == chain[-1].issuer:
                try:
                    chain[-1].verify_directly_issued_by(issuer)
                except (InvalidSignature, ValueError, TypeError):
                    continue
                return
        raise ConfigurationError(
            f"the certificate of {party} was not issued by the authority given: all parties take "
            "certificates of the same one"
        )


def _dns_names(certificate: Any) -> list[str]:
    from cryptography import x509

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return list(names.get_values_for_type(x509.DNSName))


def party_of(names: Iterable[str]) -> Party | None:
    """Return the one party among the names of a certificate; None for none or several."""
    found = []
    for name in names:
        try:
            found.append(Party.parse(name))
        except ConfigurationError:
            continue  # the name of a machine, for example
    return found[0] if len(found) == 1 else None


def check_loopback(address: str) -> None:
    """Refuse to talk in plaintext to another machine.

    Raises
    ------
    ConfigurationError
        Unless `address` (``host:port``) is of this machine by its very form.
    """
    host = address.rpartition(":")[0].strip("[]")
    try:
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        raise ConfigurationError(
            f"{address} is not on this machine: without certificates parties talk over 127.0.0.1 only"
        )
