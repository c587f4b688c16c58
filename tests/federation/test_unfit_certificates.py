# SPDX-License-Identifier: Apache-2.0
"""Certificates that cannot work are refused at the start: which, why, and what to do."""

from __future__ import annotations

import re

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID

from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.federation.certificates import Authority
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.federation.transports.grpc import Credentials
from tests.federation.issuing import CLIENT, DATES, SERVER, credentials, issue, opened_by

TRADITIONAL = PrivateFormat.TraditionalOpenSSL


def guest_of(root, **options):
    return credentials(issue("guest", root, **options), trust=[root])


def below(root, leaf=None, **options):
    """A guest below an intermediate of some shape."""
    middle = issue("middle", root, ca=True, **options)
    return credentials(issue("guest", middle), middle, trust=[root])


def under(**options):
    """A guest below an authority of some shape."""
    ca = issue("root", ca=True, **options)
    return credentials(issue("guest", ca), trust=[ca])


PURPOSES = ".*extended key usage has to name serverAuth and clientAuth"
KIND = r"CN=guest in guest.pem has a key of a kind \({}\) .* for a key of RSA, or of ECDSA on P-256"
ISSUER_KIND = r"CN=root in ca.pem has a key of a kind \({}\) whose signatures gRPC does not take"
ENDED = rf" ended at {DATES} UTC, the clock says {DATES}: have a new one issued, or set the clock"
BEGINS = rf" begins at {DATES} UTC only, the clock says {DATES}: "
CANNOT = {
    "expired": (lambda root: guest_of(root, days=(-3, -1)), "CN=guest in guest.pem" + ENDED),
    "not yet valid": (lambda root: guest_of(root, days=(1, 3)), "CN=guest in guest.pem" + BEGINS),
    "expired issuer": (lambda root: below(root, days=(-3, -1)), "CN=middle in guest.pem" + ENDED),
    "expired authority": (lambda root: under(days=(-3, -1)), "CN=root in ca.pem" + ENDED),
    "authority to come": (lambda root: under(days=(1, 3)), "CN=root in ca.pem" + BEGINS),
    "no purpose of ours": (
        lambda root: guest_of(root, purposes=[ExtendedKeyUsageOID.CODE_SIGNING]),
        "CN=guest in guest.pem is not for serverAuth" + PURPOSES,
    ),
    "server only": (
        lambda root: guest_of(root, purposes=[SERVER]),
        "CN=guest in guest.pem is not for clientAuth" + PURPOSES,
    ),
    "client only": (
        lambda root: guest_of(root, purposes=[CLIENT]),
        "CN=guest in guest.pem is not for serverAuth" + PURPOSES,
    ),
    "issuer for servers": (
        lambda root: below(root, extensions=[(x509.ExtendedKeyUsage([SERVER]), False)]),
        "CN=middle in guest.pem is not for clientAuth" + PURPOSES,
    ),
    "not for signatures": (
        lambda root: guest_of(root, usage="key_encipherment"),
        "CN=guest in guest.pem is not for signatures: its key usage has to name digitalSignature",
    ),
    "no authority": (
        lambda root: below(root, constraints=False),
        "CN=middle in guest.pem is not that of an authority",
    ),
    "may not sign": (
        lambda root: below(root, usage="crl_sign"),
        "CN=middle in guest.pem may not sign certificates: .* keyCertSign",
    ),
    "P-521": (lambda root: guest_of(root, key="p521"), KIND.format("ECDSA on secp521r1")),
    "P-224": (lambda root: guest_of(root, key="p224"), KIND.format("ECDSA on secp224r1")),
    "secp256k1": (lambda root: guest_of(root, key="secp256k1"), KIND.format("ECDSA on secp256k1")),
    "Ed25519": (lambda root: guest_of(root, key="ed25519"), KIND.format("Ed25519")),
    "Ed448": (lambda root: guest_of(root, key="ed448"), KIND.format("Ed448")),
    "DSA": (lambda root: guest_of(root, key="dsa"), KIND.format("DSA")),
    "secp256k1 signed": (
        lambda root: under(key="secp256k1"),
        ISSUER_KIND.format("ECDSA on secp256k1"),
    ),
    "Ed448 signed": (lambda root: under(key="ed448"), ISSUER_KIND.format("Ed448")),
    "DSA signed": (lambda root: under(key="dsa"), ISSUER_KIND.format("DSA")),
    "another name": (
        lambda root: guest_of(root, names=["bank.example", "arbiter"]),
        "this is guest, its certificate in guest.pem names bank.example, arbiter: .* DNS name guest",
    ),
    "two names": (
        lambda root: guest_of(root, names=["guest", "arbiter"]),
        "this is guest, its certificate in guest.pem names guest, arbiter: .* no other party's",
    ),
    "another authority": (
        lambda root: credentials(
            issue("guest", issue("other", ca=True)), trust=[root, issue("third", ca=True)]
        ),
        "CN=guest in guest.pem was issued by CN=other, of whom there is no certificate; "
        "ca.pem trusts CN=root, CN=third: all parties take certificates of one authority",
    ),
    "authority of one name": (
        lambda root: credentials(issue("guest", issue("root", ca=True)), trust=[root]),
        "CN=guest in guest.pem was issued by another CN=root than that in ca.pem",
    ),
    "by itself": (
        lambda root: credentials(issue("guest"), trust=[root]),
        "CN=guest in guest.pem is signed by itself; ca.pem trusts CN=root",
    ),
    "what is between is missing": (
        lambda root: credentials(issue("guest", issue("middle", root, ca=True)), trust=[root]),
        "issued by CN=middle, of whom there is no certificate; .* stand in the party's file",
    ),
    "constraints on names": (
        lambda root: under(
            extensions=[(x509.NameConstraints([x509.DNSName("bank.example")], None), True)]
        ),
        "gRPC makes no connection by the certificates in guest.pem and ca.pem: .*handshake failed",
    ),
}


@pytest.mark.parametrize("case", CANNOT)
def test_own_certificates_that_cannot_work_are_explained(root, case):
    make, text = CANNOT[case]
    with pytest.raises(ConfigurationError, match=text):
        opened_by(make(root))


def encrypted(own, form):
    return own.key_pem(form, BestAvailableEncryption(b"secret"))


FILES = {
    "PKCS#8 encrypted": (
        "key",
        lambda own: encrypted(own, PrivateFormat.PKCS8),
        "guest.key is encrypted: name a file whose first line is its passphrase, passphrase in",
    ),
    "PKCS#1 encrypted": ("key", lambda own: encrypted(own, TRADITIONAL), "guest.key is encrypted"),
    "another key": (
        "key",
        lambda own: issue("other").key_pem(),
        "private key in guest.key is not that of the certificate of CN=guest in guest.pem: give",
    ),
    "keys": (
        "key",
        lambda own: own.key_pem() * 2,
        "guest.key holds 2 private keys: leave the right",
    ),
    "certificate as key": (
        "key",
        lambda own: own.pem,
        r"guest.key holds no private key: it has CERTIFICATE; were files exchanged\?",
    ),
    "key as certificate": (
        "certificate",
        lambda own: own.key_pem(),
        "guest.pem holds no certificate: it has PRIVATE KEY; were files exchanged",
    ),
    "empty": ("authority", lambda own: b"\n", "ca.pem holds no certificate: it is empty"),
    "DER": (
        "certificate",
        lambda own: own.certificate.public_bytes(Encoding.DER),
        "guest.pem holds no certificate: it is no PEM file; openssl x509 -inform der",
    ),
    "cut certificate": (
        "authority",
        lambda own: own.pem + own.pem[:300] + b"\n-----END CERTIFICATE-----\n",
        r"certificate 2 of 2 in ca.pem cannot be read \(.*\): export it again, or take it out",
    ),
    "cut key": (
        "key",
        lambda own: own.key_pem()[:90] + b"\n-----END PRIVATE KEY-----\n",
        r"private key in guest.key cannot be read \(.*\): export it again",
    ),
}


@pytest.mark.parametrize("case", FILES)
def test_files_that_cannot_be_used_are_named(root, case):
    name, make, text = FILES[case]
    own = issue("guest", root)
    contents = {"authority": root.pem, "certificate": own.pem, "key": own.key_pem()}
    contents[name] = make(own)
    with pytest.raises(ConfigurationError, match=text):
        opened_by(Credentials(**contents, files=("ca.pem", "guest.pem", "guest.key")))


def test_files_are_named_by_their_paths(tmp_path, root):
    own, paths = issue("guest", root, days=(-3, -1)), [tmp_path / n for n in ("ca", "own", "key")]
    for path, data in zip(paths, (root.pem, own.pem, own.key_pem()), strict=True):
        path.write_bytes(data)
        path.chmod(0o600)
    with pytest.raises(
        ConfigurationError, match=re.escape(f"CN=guest in {paths[1]} ended at {own.end}")
    ):
        opened_by(Credentials.load(*paths))


def test_an_authority_that_ended_issues_nothing(tmp_path):
    Authority.create(days=-1).save(tmp_path)
    with pytest.raises(
        ConfigurationError, match=r"ca.pem ended at .* UTC: remove ca.key and ca.pem"
    ):
        Authority.load(tmp_path)


def test_keys_that_are_not_of_the_authority_issue_nothing(tmp_path):
    Authority.create().save(tmp_path)
    (tmp_path / "ca.key").write_bytes(issue("ca").key_pem())
    with pytest.raises(ConfigurationError, match=r"ca.key is not that of \S+ca.pem: remove"):
        Authority.load(tmp_path)
    (tmp_path / "ca.key").write_bytes(encrypted(issue("ca"), PrivateFormat.PKCS8))
    with pytest.raises(ConfigurationError, match=r"ca.key is encrypted"):
        Authority.load(tmp_path)


def test_encrypted_keys_open_by_a_passphrase(tmp_path, root):
    own = issue("guest", root)
    files = {
        "ca.pem": root.pem,
        "guest.pem": own.pem,
        "guest.key": encrypted(own, PrivateFormat.PKCS8),
    }
    for name, data in (files | {"word": b"secret\r\nmore", "wrong": b"other"}).items():
        (tmp_path / name).write_bytes(data)
        (tmp_path / name).chmod(0o600)
    paths = [tmp_path / name for name in files]
    opened = Credentials.load(*paths, tmp_path / "word").check(GUEST)
    assert b"ENCRYPTED" not in opened.key
    assert "secret" not in repr(opened)
    with pytest.raises(ConfigurationError, match=r"guest.key does not open .*another passphrase"):
        Credentials.load(*paths, tmp_path / "wrong").check(GUEST)
    (tmp_path / "word").chmod(0o644)
    with pytest.raises(ConfigurationError, match="others can read .*word"):
        Credentials.load(*paths, tmp_path / "word")
