# SPDX-License-Identifier: Apache-2.0
"""Who a party is, by certificate; or nobody in particular, on this machine only."""

from __future__ import annotations

import ipaddress
import logging
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.federation.pem import read_certificates, read_key
from pyfate_gpu.federation.roles import Party
from pyfate_gpu.federation.transports.grpc.calls import printable
from pyfate_gpu.federation.transports.grpc.rehearsal import rehearse

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
    from cryptography.x509 import Certificate

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Credentials:
    """A party's certificate with its key, and the authorities that all parties trust; PEM.

    The name of the party (``guest``, ``host-0``, ``arbiter``) is a DNS name among the subject's alternative names.

    Parameters
    ----------
    authority : bytes
        Certificates that are trusted: of authorities, of those between them and parties, or of parties.
    certificate : bytes
        The party's own, and those between it and an authority, in any order.
    key : bytes
        The private key.
    files : tuple of str
        What the three are called in errors.
    passphrase : bytes or None
        Of an encrypted private key.
    """

    authority: bytes
    certificate: bytes
    key: bytes = field(repr=False)
    files: tuple[str, str, str] = field(
        default=("the authority's file", "the party's file", "the key's file"), compare=False
    )
    passphrase: bytes | None = field(default=None, repr=False)

    @classmethod
    def load(
        cls, authority: Path, certificate: Path, key: Path, passphrase: Path | None = None
    ) -> Credentials:
        """Read the files; the first line of that of the passphrase opens an encrypted key.

        Raises
        ------
        ConfigurationError
            When one cannot be read, or others may read key or passphrase.
        """
        try:
            for secret in (key, passphrase):
                if secret is not None and stat.S_IMODE(secret.stat().st_mode) & 0o077:
                    raise ConfigurationError(
                        f"others can read {secret}, which is for its owner only: chmod 600 {secret}"
                    )
            contents = authority.read_bytes(), certificate.read_bytes(), key.read_bytes()
            word = (
                None
                if passphrase is None
                else passphrase.read_bytes().split(b"\n")[0].rstrip(b"\r")
            )
        except OSError as error:
            raise ConfigurationError(
                f"cannot read {error.filename}: {error.strerror}; pyfate-gpu certs makes certificates"
            ) from None
        files = (str(authority), str(certificate), str(key))
        return cls(*contents, files=files, passphrase=word)

    def check(self, party: Party) -> Credentials:
        """Return the same as gRPC takes it, and refuse what it would not take with a better reason than its own.

        The party's certificate comes first, followed by those on the way to an authority, and nothing is out of
        date: gRPC takes the first for the party's own, and stops at what is out of date though there is another way.

        Raises
        ------
        ConfigurationError
            When one of the files cannot be used for `party`, saying which, why and what to do.
        """
        from pyfate_gpu.federation.transports.grpc.chain import Chain, dns_names

        authority_file, file, key_file = self.files
        certificates = read_certificates(file, self.certificate)
        trusted = read_certificates(authority_file, self.authority)
        key = read_key(key_file, self.key, self.passphrase)
        own = _certificate_of(key, certificates, file, key_file)
        names = dns_names(own)
        if party_of(names) != party:
            raise ConfigurationError(
                f"this is {party}, its certificate in {file} names {', '.join(names) or 'nobody'}: it takes one "
                f"with the DNS name {party} among its subject's alternative names and no other party's"
            )
        chain = Chain(own, certificates, trusted, file=file, authority=authority_file)
        rest = [c for c in certificates if c not in chain.path]
        canonical = replace(
            self,
            authority=_pem(_in_date(trusted) or trusted),
            certificate=_pem([*chain.path, *_in_date(rest)]),
            key=_key_pem(key),
            passphrase=None,
        )
        reason = rehearse(party, canonical.authority, canonical.certificate, canonical.key)
        if reason is not None:
            raise ConfigurationError("; ".join(chain.problems) or canonical._refused(reason))
        _tell_of_others(trusted, authority_file)
        _tell_of_others(rest, file)
        return canonical

    def _refused(self, reason: str) -> str:
        return (
            f"gRPC makes no connection by the certificates in {self.files[1]} and {self.files[0]}: "
            f"{printable(reason)}; have others issued"
        )


def _certificate_of(
    key: PrivateKeyTypes, certificates: list[Certificate], file: str, key_file: str
) -> Certificate:
    """Return the one that is of `key`; of several the first in date."""
    from pyfate_gpu.federation.transports.grpc.chain import describe, out_of_date

    own = [c for c in certificates if c.public_key() == key.public_key()]
    if not own:
        named = ", ".join(map(describe, certificates))
        raise ConfigurationError(
            f"the private key in {key_file} is not that of {named} in {file}: give the key that the "
            "certificate was asked for with"
        )
    return next((c for c in own if out_of_date(c) is None), own[0])


def _in_date(certificates: Iterable[Certificate]) -> list[Certificate]:
    from pyfate_gpu.federation.transports.grpc.chain import out_of_date

    return [certificate for certificate in certificates if out_of_date(certificate) is None]


def _tell_of_others(certificates: Iterable[Certificate], file: str) -> None:
    """Log what stands in a file and is out of date."""
    from pyfate_gpu.federation.transports.grpc.chain import describe, out_of_date

    for certificate in certificates:
        if text := out_of_date(certificate):
            logger.warning("%s in %s %s: passed over", describe(certificate), file, text)


def _pem(certificates: Iterable[Certificate]) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)


def _key_pem(key: PrivateKeyTypes) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem


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
