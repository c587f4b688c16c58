# SPDX-License-Identifier: Apache-2.0
"""From a party's certificate to an authority: the way, and what stands in it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from pyfate_gpu.federation.transports.grpc.calls import printable

#: Curves of the keys by which gRPC makes connections, and of those it takes signatures of authorities by.
_OWN_CURVES = ("secp256r1", "secp384r1")
_ISSUER_CURVES = ("secp224r1", "secp256r1", "secp384r1", "secp521r1")
_PURPOSES = {
    ExtendedKeyUsageOID.SERVER_AUTH: "serverAuth",
    ExtendedKeyUsageOID.CLIENT_AUTH: "clientAuth",
}


class Chain:
    """The way from a certificate to one that is trusted, through others.

    Parameters
    ----------
    own : Certificate
        Where it begins.
    others, trusted : sequence of Certificate
        What it may go through, and where it may end.
    file, authority : str
        Where those are, for texts.

    Attributes
    ----------
    path : list of Certificate
        From `own` on, as far as it leads.
    problems : list of str
        Why it leads no further; empty where it reaches a trusted one.
    """

    def __init__(
        self,
        own: x509.Certificate,
        others: Sequence[x509.Certificate],
        trusted: Sequence[x509.Certificate],
        *,
        file: str,
        authority: str,
    ) -> None:
        self._trusted = trusted
        self._authority = authority
        self._places = dict.fromkeys(trusted, authority)
        self._places |= dict.fromkeys((*others, own), file)
        self.problems = [self._place(own) + text for text in _unfit(own)]
        found = self._search([own])
        self.path = found or [own]
        if found and not _unfit(own):
            self.problems = []

    def _search(self, path: list[x509.Certificate]) -> list[x509.Certificate] | None:
        last = path[-1]
        if last in self._trusted:
            return path
        issuers = [c for c in self._places if c not in path and _signed(last, c)]
        for issuer in issuers:
            unfit = _unfit_issuer(issuer, anchor=issuer in self._trusted)
            self.problems += [self._place(issuer) + text for text in unfit]
            found = None if unfit else self._search([*path, issuer])
            if found:
                return found
        if not issuers:
            self.problems.append(self._place(last) + self._unknown_issuer(last))
        return None

    def _unknown_issuer(self, certificate: x509.Certificate) -> str:
        names = ", ".join(sorted({name_of(trusted.subject) for trusted in self._trusted}))
        if certificate.issuer == certificate.subject:
            text = "is signed by itself"
        elif any(trusted.subject == certificate.issuer for trusted in self._trusted):
            text = f"was issued by another {name_of(certificate.issuer)} than that in {self._authority}"
        else:
            text = f"was issued by {name_of(certificate.issuer)}, of whom there is no certificate"
        return (
            f"{text}; {self._authority} trusts {names}: all parties take certificates of one authority, "
            "and those between it and a party stand in the party's file"
        )

    def _place(self, certificate: x509.Certificate) -> str:
        return f"{describe(certificate)} in {self._places[certificate]} "


def describe(certificate: x509.Certificate) -> str:
    """Return how a certificate is spoken of."""
    return f"the certificate of {name_of(certificate.subject)}"


def name_of(name: x509.Name) -> str:
    """Return a subject or an issuer as text."""
    return printable(name.rfc4514_string()) or "nobody"


def out_of_date(certificate: x509.Certificate, now: datetime | None = None) -> str | None:
    """Return what is wrong with its dates; None if nothing."""
    now = now or datetime.now(timezone.utc)
    if now > certificate.not_valid_after_utc:
        return f"ended at {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
    if now < certificate.not_valid_before_utc:
        return f"begins at {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC only"
    return None


def dns_names(certificate: x509.Certificate) -> list[str]:
    """Return the DNS names among the subject's alternative names."""
    names = _extension(certificate, x509.SubjectAlternativeName)
    return [] if names is None else list(names.get_values_for_type(x509.DNSName))


def _unfit(certificate: x509.Certificate) -> list[str]:
    """Return why a party cannot use it."""
    found = _dates(certificate)
    key = certificate.public_key()
    curve = isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _OWN_CURVES
    if not curve and not isinstance(key, rsa.RSAPublicKey):
        found.append(
            f"has a key of a kind ({_kind(key)}) by which gRPC makes no connection: have one issued for a key "
            "of RSA, or of ECDSA on P-256 or P-384"
        )
    usage = _extension(certificate, x509.KeyUsage)
    if usage is not None and not usage.digital_signature:
        found.append("is not for signatures: its key usage has to name digitalSignature")
    return found + _purposes(certificate)


def _unfit_issuer(certificate: x509.Certificate, *, anchor: bool) -> list[str]:
    """Return why nobody trusts what it signed."""
    found = _dates(certificate)
    key = certificate.public_key()
    curve = isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _ISSUER_CURVES
    if not curve and not isinstance(key, rsa.RSAPublicKey | ed25519.Ed25519PublicKey):
        found.append(
            f"has a key of a kind ({_kind(key)}) whose signatures gRPC does not take: RSA, Ed25519 and ECDSA "
            "on curves of NIST (P-224 and longer) do"
        )
    constraints = _extension(certificate, x509.BasicConstraints)
    if not (anchor if constraints is None else constraints.ca):
        found.append("is not that of an authority (its basic constraints do not say CA)")
    usage = _extension(certificate, x509.KeyUsage)
    if usage is not None and not usage.key_cert_sign:
        found.append("may not sign certificates: its key usage has to name keyCertSign")
    return found if anchor else found + _purposes(certificate)


def _dates(certificate: x509.Certificate) -> list[str]:
    text = out_of_date(certificate)
    now = f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M}"
    return (
        []
        if text is None
        else [f"{text}, the clock says {now}: have a new one issued, or set the clock"]
    )


def _purposes(certificate: x509.Certificate) -> list[str]:
    purposes = _extension(certificate, x509.ExtendedKeyUsage)
    if purposes is None:
        return []
    missing = [name for purpose, name in _PURPOSES.items() if purpose not in purposes]
    return [
        f"is not for {name}: parties call each other, so its extended key usage has to name serverAuth and "
        "clientAuth, or be left out"
        for name in missing[:1]
    ]


def _signed(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Return whether `issuer` signed it, or may have, where the algorithm is not known here."""
    if certificate.issuer != issuer.subject:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except InvalidSignature:
        return False
    except (TypeError, ValueError, UnsupportedAlgorithm):
        return True
    return True


def _extension(certificate: x509.Certificate, kind: type[x509.ExtensionType]) -> Any:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _kind(key: object) -> str:
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"ECDSA on {key.curve.name}"
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "Ed25519"
    if isinstance(key, ed448.Ed448PublicKey):
        return "Ed448"
    return type(key).__name__.strip("_").removesuffix("PublicKey")
