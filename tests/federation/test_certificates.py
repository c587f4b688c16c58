# SPDX-License-Identifier: Apache-2.0
"""Certificates as authorities of all kinds issue them: those that work, those that cannot, those of others."""

from __future__ import annotations

import logging
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID

from pyfate_gpu.errors import ChannelTimeoutError, ConfigurationError
from pyfate_gpu.federation.certificates import Authority
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.federation.transports.grpc import Credentials, GrpcChannel
from pyfate_gpu.jobs.ports import reserved_ports
from tests.federation.issuing import CLIENT, SERVER, issue
from tests.federation.network import HOST, PATIENCE, run_together

TRADITIONAL = PrivateFormat.TraditionalOpenSSL
P256_PARAMETERS = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"


@pytest.fixture(scope="module")
def root():
    return issue("root", ca=True)


@pytest.fixture(scope="module")
def middle(root):
    return issue("middle", root, ca=True)


def credentials(issued, *chain, trust):
    """Of a certificate, with others beside it."""
    return Credentials(
        b"".join(each.pem for each in trust),
        b"".join(each.pem for each in (issued, *chain)),
        issued.key_pem(),
        files=("ca.pem", "guest.pem", "guest.key"),
    )


@pytest.fixture
def two():
    """Open the channels of a guest and a host; closed after the test."""
    opened = []
    with reserved_ports(2) as ports:
        addresses = dict(zip((GUEST, HOST), (f"127.0.0.1:{port}" for port in ports), strict=True))

        def make(guest, host):
            for party, other, own in ((GUEST, HOST, guest), (HOST, GUEST, host)):
                peers = {other: addresses[other]}
                channel = GrpcChannel(
                    party, addresses[party], peers, credentials=own, timeout=PATIENCE
                )
                opened.append(channel)
            return opened

        yield make
        run_together(channel.close for channel in opened)


def opened_by(own):
    """Open a guest that has nobody to call."""
    with GrpcChannel(GUEST, "127.0.0.1:0", {}, credentials=own):
        pass


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
DATES = r"\d{4}-\d\d-\d\d \d\d:\d\d"
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
        "guest.key is encrypted, and a party asks for no passphrase: openssl pkey -in guest.key",
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


def warnings_of(caplog):
    return [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]


@pytest.fixture
def meet_in_vain(monkeypatch, caplog):
    """Connect until as many warnings are there as channels, then let the time be over."""
    over = threading.Event()

    def clock():
        return time.monotonic() + (10 * PATIENCE if over.is_set() else 0)

    def meet(*channels):
        deadline = time.monotonic() + PATIENCE

        def wait_for_warnings():
            while len(warnings_of(caplog)) < len(channels) and time.monotonic() < deadline:
                time.sleep(0.05)
            over.set()

        timed = SimpleNamespace(monotonic=clock, sleep=time.sleep)
        monkeypatch.setattr("pyfate_gpu.federation.transports.grpc.channel.time", timed)
        *errors, _ = run_together([*(c.connect for c in channels), wait_for_warnings])
        assert all(isinstance(error, ChannelTimeoutError) for error in errors), errors
        return [str(error) for error in errors], warnings_of(caplog)

    return meet


def test_parties_of_different_authorities_say_so_at_once_on_both_sides(two, meet_in_vain):
    ours, theirs = issue("ours", ca=True), issue("theirs", ca=True)
    guest, host = issue("guest", ours), issue("host-0", theirs)
    own = credentials(guest, trust=[ours]), credentials(host, trust=[theirs])
    errors, warned = meet_in_vain(*two(*own))
    for error, name, issuer, end in zip(
        errors, ("host-0", "guest"), ("theirs", "ours"), (host.end, guest.end), strict=True
    ):
        text = (
            rf"CN={name}, DNS names {name}, issued by CN={issuer}, valid from {DATES} to {end} UTC"
        )
        reason = "its certificate is not to be trusted, nobody trusted by ca.pem issued it: "
        assert re.search(rf"for {name} at \S+: .*{reason}{text}", error)
        assert len([w for w in warned if re.search(rf"to {name} at .*{reason}{text}", w)]) == 1


def test_a_party_that_is_not_trusted_hears_of_it(two, meet_in_vain):
    """The guest knows both authorities, the host its own only."""
    ours, theirs = issue("ours", ca=True), issue("theirs", ca=True)
    guest = credentials(issue("guest", ours), trust=[ours, theirs])
    host = credentials(issue("host-0", theirs), trust=[theirs])
    errors, warned = meet_in_vain(*two(guest, host))
    hangs_up = r"its certificate is good, but it hangs up at ours \(CN=guest, .*issued by CN=ours"
    assert re.search(rf"for host-0 at \S+: .*{hangs_up}", errors[0])
    assert re.search(r"for guest at \S+: .*its certificate is not to be trusted", errors[1])
    assert len(warned) == 2


@pytest.mark.parametrize("plain", [0, 1])
def test_plaintext_and_tls_do_not_meet(two, root, plain, meet_in_vain):
    own = [credentials(issue(name, root), trust=[root]) for name in ("guest", "host-0")]
    own[plain] = None
    errors, warned = meet_in_vain(*two(*own))
    assert "it talks by TLS, this party in plaintext" in errors[plain]
    assert "it talks in plaintext, this party by TLS" in errors[1 - plain]
    assert len(warned) == 2


@pytest.fixture
def peer():
    """A server of some other program that shows a certificate."""
    servers = []

    def start(issued, trust):
        server = grpc.server(ThreadPoolExecutor(1))
        secure = grpc.ssl_server_credentials([(issued.key_pem(), issued.pem)], trust.pem, True)
        servers.append(server)
        port = server.add_secure_port("127.0.0.1:0", secure)
        server.start()
        return f"127.0.0.1:{port}"

    yield start
    for server in servers:
        server.stop(None).wait()


@pytest.mark.parametrize(
    ("name", "days", "text"),
    [
        ("host-0", (-3, -1), "certificate has expired: CN=host-0, .* to {end} UTC"),
        ("host-0", (1, 3), "certificate is not yet valid: CN=host-0, .* from {start} to"),
        (
            "arbiter",
            (-1, 3),
            "certificate is not valid for 'host-0'.*: CN=arbiter, DNS names arbiter",
        ),
    ],
)
def test_what_is_wrong_with_the_certificate_of_a_peer_is_said(
    root, peer, meet_in_vain, name, days, text
):
    shown = issue(name, root, days=days)
    own = credentials(issue("guest", root), trust=[root])
    with GrpcChannel(GUEST, "127.0.0.1:0", {HOST: peer(shown, root)}, credentials=own) as channel:
        (error,), (warned,) = meet_in_vain(channel)
    for each in (error, warned):
        assert re.search(text.format(end=shown.end, start=shown.start), each)


def test_a_party_set_right_is_met(two, root, caplog):
    """What was wrong at first is logged, and the wait goes on."""
    stranger = issue("host-0", issue("other", ca=True))
    own = credentials(issue("guest", root), trust=[root])
    with reserved_ports(2) as ports:
        addresses = {GUEST: f"127.0.0.1:{ports[0]}", HOST: f"127.0.0.1:{ports[1]}"}
        guest = GrpcChannel(GUEST, addresses[GUEST], {HOST: addresses[HOST]}, credentials=own)

        def come_twice():
            wrong = Credentials(stranger.pem, stranger.pem, stranger.key_pem())
            with GrpcChannel(HOST, addresses[HOST], {GUEST: addresses[GUEST]}, credentials=wrong):
                deadline = time.monotonic() + PATIENCE
                while not warnings_of(caplog):
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
            right = credentials(issue("host-0", root), trust=[root])
            channel = GrpcChannel(
                HOST, addresses[HOST], {GUEST: addresses[GUEST]}, credentials=right
            )
            channel.connect()
            return channel

        met, host = run_together([guest.connect, come_twice])
        run_together([guest.close, host.close])
    assert met is None


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
