# SPDX-License-Identifier: Apache-2.0
"""Certificates of all shapes by which parties meet, however they were issued and written."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.serialization import (
    PrivateFormat,
)

from pyfate_gpu.federation.transports.grpc import Credentials
from tests.federation.issuing import credentials, issue, opened_by
from tests.federation.network import run_together

TRADITIONAL = PrivateFormat.TraditionalOpenSSL
P256_PARAMETERS = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"


def test_a_chain_in_any_order(root, middle, two):
    guest, host = issue("guest", middle), issue("host-0", root)
    for order in ([guest, middle, root], [middle, guest], [root, middle, guest]):
        own = Credentials(root.pem, b"".join(each.pem for each in order), guest.key_pem())
        opened_by(own)
    channels = two(own, credentials(host, trust=[root]))
    assert run_together(c.connect for c in channels) == [None, None]


def test_an_intermediate_as_authority(middle, root, two):
    guest = credentials(issue("guest", middle), trust=[middle])
    host = credentials(issue("host-0", middle), middle, trust=[root])
    assert run_together(
        c.connect for c in two(credentials(issue("guest", middle), middle, trust=[middle]), host)
    ) == [None, None]
    opened_by(guest)


def test_an_intermediate_beside_the_authority_is_passed_on(middle, root, two):
    """The host knows the root alone, and of the guest's chain only what the guest shows."""
    guest = credentials(issue("guest", middle), trust=[root, middle])
    host = credentials(issue("host-0", root), trust=[root])
    assert run_together(c.connect for c in two(guest, host)) == [None, None]


def test_certificates_of_parties_as_authority(two):
    guest, host = issue("guest"), issue("host-0")
    channels = two(*(credentials(each, trust=[guest, host]) for each in (guest, host)))
    assert run_together(c.connect for c in channels) == [None, None]


@pytest.mark.parametrize("first", [0, 1])
def test_an_authority_renewed_under_its_key(first, two, caplog):
    key = issue("root", ca=True).key
    old, new = issue("root", key=key, ca=True, days=(-9, -1)), issue("root", key=key, ca=True)
    trust = [issue("another", ca=True), *((old, new) if first == 0 else (new, old))]
    own = [credentials(issue(name, new), trust=trust) for name in ("guest", "host-0")]
    assert run_together(c.connect for c in two(*own)) == [None, None]
    assert (
        f"the certificate of CN=root in ca.pem ended at {old.end} UTC: passed over" in caplog.text
    )


def test_an_intermediate_below_an_expired_authority(two):
    old = issue("root", ca=True, days=(-9, -1))
    middle = issue("middle", old, ca=True)
    own = [
        credentials(issue(name, middle), middle, old, trust=[old, middle])
        for name in ("guest", "host-0")
    ]
    assert run_together(c.connect for c in two(*own)) == [None, None]


def test_an_intermediate_renewed_beside_the_old_one(root, two):
    key = issue("middle", ca=True).key
    old = issue("middle", root, key=key, ca=True, days=(-9, -1))
    new = issue("middle", root, key=key, ca=True)
    own = [credentials(issue(name, new), old, new, trust=[root]) for name in ("guest", "host-0")]
    assert run_together(c.connect for c in two(*own)) == [None, None]


@pytest.mark.parametrize("key", ["p256", "p384", "rsa"])
@pytest.mark.parametrize("authority", ["p224", "p384", "p521", "ed25519", "rsa"])
def test_keys_that_work(key, authority, two):
    ca = issue("ca", ca=True, key=authority)
    guest = credentials(issue("guest", ca, key=key), trust=[ca])
    host = credentials(issue("host-0", ca), trust=[ca])
    assert run_together(c.connect for c in two(guest, host)) == [None, None]


@pytest.mark.parametrize("options", [{"purposes": None}, {"constraints": False}], ids=str)
def test_certificates_that_say_less(root, options):
    opened_by(credentials(issue("guest", root, **options), trust=[root]))


def test_names_of_machines_beside_that_of_the_party(root, two):
    guest = issue("guest", root, names=["bank.example", "guest", "www.bank.example"])
    host = credentials(issue("host-0", root), trust=[root])
    channels = two(credentials(guest, trust=[root]), host)
    assert run_together(c.connect for c in channels) == [None, None]


WRITTEN = {
    "text before": lambda pem: (
        b"Bag Attributes\n  friendlyName: \xc3\xa9\nsubject=CN = guest\n" + pem
    ),
    "text after": lambda pem: pem + b"\nthe end",
    "CRLF": lambda pem: pem.replace(b"\n", b"\r\n"),
    "CR": lambda pem: pem.replace(b"\n", b"\r"),
    "no last newline": lambda pem: pem.rstrip(),
    "indented": lambda pem: b"".join(b"  " + line for line in pem.splitlines(keepends=True)),
    "UTF-8 with BOM": lambda pem: b"\xef\xbb\xbf" + pem,
    "UTF-16": lambda pem: pem.decode().encode("utf-16"),
    "old label": lambda pem: pem.replace(b" CERTIFICATE", b" X509 CERTIFICATE"),
}


@pytest.mark.parametrize("form", WRITTEN)
def test_files_as_other_programs_write_them(root, middle, form):
    own, written = issue("guest", middle), WRITTEN[form]
    opened_by(Credentials(written(root.pem), written(own.pem + middle.pem), written(own.key_pem())))


@pytest.mark.parametrize("kind", ["rsa", "p256", "p384"])
@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, TRADITIONAL])
def test_keys_as_other_programs_write_them(root, kind, form):
    own = issue("guest", root, key=kind)
    opened_by(Credentials(root.pem, own.pem, own.key_pem(form)))


def test_a_key_behind_the_parameters_of_its_curve(root):
    own = issue("guest", root)
    opened_by(Credentials(root.pem, own.pem, P256_PARAMETERS + own.key_pem(TRADITIONAL)))


def test_everything_in_one_file(root):
    own = issue("guest", root)
    all_of_it = own.key_pem() + root.pem + own.pem
    opened_by(Credentials(root.pem, all_of_it, all_of_it))
