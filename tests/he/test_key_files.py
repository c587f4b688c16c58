# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import base64
import json
import os
import stat
import sys

import pytest

from pyfate_gpu import (
    generate_keypair,
    load_private_key,
    load_public_key,
    save_private_key,
    save_public_key,
)
from pyfate_gpu.errors import InsecureKeyError, InvalidKeyError, KeyFileError
from pyfate_gpu.he import passphrases

INSECURE = {"allow_insecure_key_size": True}


@pytest.fixture(autouse=True)
def cheap_scrypt(monkeypatch):
    monkeypatch.setitem(passphrases.SCRYPT, "n", 1 << 10)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "key.json"


def change(path, **members):
    document = json.loads(path.read_text()) | members
    path.write_text(json.dumps({k: v for k, v in document.items() if v is not ...}))


def test_public_round_trip(keypair, path):
    public, private = keypair
    save_public_key(public, path)
    again = load_public_key(path, **INSECURE)
    assert (again.n, again.h) == (public.n, public.h)
    assert private.decrypt(again.encrypt(3)) == 3
    assert str(private._secret_factors()[0]) not in path.read_text()


def test_bare_public_round_trip(plain_keypair, path):
    save_public_key(plain_keypair[0], str(path))
    assert "h" not in json.loads(path.read_text())
    assert load_public_key(str(path), **INSECURE).h is None


@pytest.mark.parametrize("passphrase", [None, "correct horse", b"\xff\x00", "Käse"])
def test_private_round_trip(keypair, path, passphrase):
    public, private = keypair
    save_private_key(private, path, passphrase=passphrase)
    again = load_private_key(path, passphrase=passphrase, **INSECURE)
    assert again.public_key == public
    assert again.public_key.h == public.h
    assert again.decrypt(public.encrypt([1.5])) == [1.5]


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
@pytest.mark.parametrize("umask", [0, 0o022, 0o077])
def test_files_are_for_their_owner_only(keypair, tmp_path, umask):
    before = os.umask(umask)
    try:
        save_public_key(keypair[0], tmp_path / "public")
        save_private_key(keypair[1], tmp_path / "private")
    finally:
        os.umask(before)
    for name in ("public", "private"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o777])
def test_readable_private_keys_are_refused(keypair, path, mode):
    save_private_key(keypair[1], path)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match=f"mode {mode:04o}.*chmod 600"):
        load_private_key(path, **INSECURE)


def test_existing_files_are_kept(keypair, other_keypair, path):
    save_private_key(keypair[1], path)
    before = path.read_bytes()
    with pytest.raises(KeyFileError, match=r"exists.*overwrite=True"):
        save_private_key(other_keypair[1], path)
    assert path.read_bytes() == before
    save_private_key(other_keypair[1], path, overwrite=True)
    assert load_private_key(path, **INSECURE).public_key == other_keypair[0]
    assert list(path.parent.iterdir()) == [path]


def test_the_wrong_half_is_not_saved(keypair, path):
    public, private = keypair
    with pytest.raises(KeyFileError, match="must be a private key"):
        save_private_key(public, path)
    with pytest.raises(KeyFileError, match="must be a public key"):
        save_public_key(private, path)
    assert not path.exists()


def test_a_number_is_no_passphrase(keypair, path):
    """bytes(1234) are 1234 zeros."""
    pytest.importorskip("cryptography")
    with pytest.raises(KeyFileError, match="passphrase is a int"):
        save_private_key(keypair[1], path, passphrase=1234)
    assert not path.exists()


def test_nothing_is_left_half_written(keypair, path, monkeypatch):
    def full(*unused, **also_unused):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pyfate_gpu.storage.files.os.fsync", full)
    with pytest.raises(KeyFileError, match="No space left"):
        save_private_key(keypair[1], path)
    assert list(path.parent.iterdir()) == []


def test_folders_that_are_not_there(keypair, tmp_path):
    with pytest.raises(KeyFileError, match="cannot write"):
        save_public_key(keypair[0], tmp_path / "nowhere" / "key")
    with pytest.raises(KeyFileError, match="cannot read"):
        load_public_key(tmp_path / "nowhere")
    with pytest.raises(KeyFileError, match="cannot read"):
        load_private_key(tmp_path / "nowhere")
    with pytest.raises(KeyFileError, match="cannot write"):
        save_public_key(keypair[0], f"{tmp_path}/null\0")
    with pytest.raises(KeyFileError, match="cannot read"):
        load_private_key(f"{tmp_path}/null\0")


def test_short_keys_need_an_opt_in(keypair, path):
    save_private_key(keypair[1], path)
    with pytest.raises(InsecureKeyError):
        load_private_key(path)


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"[]", b"{}", b"5", b"\xff\xfe", b"[" * 100000, b" " * (2 << 20)]
)
def test_files_that_are_no_keys(path, content):
    path.write_bytes(content)
    path.chmod(0o600)
    for load in (load_public_key, load_private_key):
        with pytest.raises(KeyFileError):
            load(path)


@pytest.mark.parametrize(
    "members",
    [{"kty": "RSA"}, {"alg": "PAI-XX"}, {"key_ops": ["decrypt"]}, {"key_ops": "encrypt"}, {"n": ...},
     {"n": 5}, {"n": ""}, {"n": "!!"}, {"n": "A" * 5000}, {"n": "AAAAA"}, {"h": 5}],
    ids=str,
)  # fmt: skip
def test_malformed_public_keys(keypair, path, members):
    save_public_key(keypair[0], path)
    change(path, **members)
    with pytest.raises((KeyFileError, InvalidKeyError)):
        load_public_key(path, **INSECURE)


def big_endian(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


WRITERS = {
    "a sign byte": lambda data: base64.urlsafe_b64encode(b"\0" + data).rstrip(b"="),
    "a fixed length": lambda data: base64.urlsafe_b64encode(bytes(40) + data).rstrip(b"="),
    "plain base64": lambda data: base64.b64encode(data),
    "plain base64 without padding": lambda data: base64.b64encode(b"\0\0" + data).rstrip(b"="),
    "padding": lambda data: base64.urlsafe_b64encode(data),
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize("scheme", ["paillier", "paillier-short-subgroup"])
def test_numbers_as_other_tools_write_them(path, write, scheme):
    public, private = generate_keypair(256, scheme, **INSECURE)
    save_private_key(private, path)
    document = json.loads(path.read_text())
    for half in (document, document["pub"]):
        for name in {"n", "h", "p", "q", "p_order", "q_order"} & half.keys():
            half[name] = write(big_endian(half[name])).decode()
    path.write_text(json.dumps(document))
    assert load_private_key(path, **INSECURE).decrypt(public.encrypt([3])) == [3]
    path.write_text(json.dumps(document["pub"]))
    again = load_public_key(path, **INSECURE)
    assert (again.n, again.h, again.fingerprint) == (public.n, public.h, public.fingerprint)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_members_that_other_tools_leave_out_or_add(keypair, path, encoding):
    save_private_key(keypair[1], path)
    document = json.loads(path.read_text())
    for half in (document, document["pub"]):
        del half["key_ops"], half["kid"]
        half |= {"use": "enc", "x5c": [], "note": "Schlüssel"}
    path.write_text(json.dumps(document, ensure_ascii=False), encoding=encoding)
    assert load_private_key(path, **INSECURE).public_key == keypair[0]
    with pytest.raises(KeyFileError, match="not for 'encrypt'"):
        load_public_key(path, **INSECURE)
    path.write_text(json.dumps(document["pub"], ensure_ascii=False), encoding=encoding)
    assert load_public_key(path, **INSECURE) == keypair[0]
    with pytest.raises(KeyFileError, match="not for 'decrypt'"):
        load_private_key(path, **INSECURE)


def flip_the_last_bit(text):
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + letters[letters.index(text[-1]) ^ 1]


@pytest.mark.parametrize(
    ("where", "change", "text"),
    [
        ((), {"kty": "RSA"}, "member 'kty' of the key is 'RSA'; 'DAJ' was expected"),
        ((), {"kty": ...}, "member 'kty' of the key is None"),
        ((), {"key_ops": "decrypt"}, "member 'key_ops' of the key is 'decrypt'; a list"),
        ((), {"key_ops": []}, "the key is for .., not for 'decrypt'"),
        ((), {"p": ...}, "member 'p' of the key is missing"),
        ((), {"q": 17}, "member 'q' of the key is no base64url"),
        ((), {"q": "AQ!"}, "member 'q' of the key is no base64url"),
        ((), {"pub": ...}, "member 'pub' of the key, its public half, is missing"),
        ((), {"pub": []}, "member 'pub' of the key is no JSON object"),
        (("pub",), {"kty": "EC"}, "member 'kty' of member 'pub' of the key is 'EC'"),
        (("pub",), {"key_ops": ["decrypt"]}, "member 'pub' of the key is for .*, not for 'encrypt'"),
        (("pub",), {"alg": ...}, "member 'alg' of the key is None; one of .'PAI-GN1'"),
        (("pub",), {"n": ...}, "member 'n' of member 'pub' of the key is missing"),
        (("pub",), {"h": None}, "member 'h' of member 'pub' of the key is no base64url"),
        (("pub",), {"n": "A"}, "member 'n' of member 'pub' of the key is a base64url number cut short"),
        (("pub",), {"n": flip_the_last_bit}, "member 'n' of member 'pub' of the key is a base64url number cut short"),
    ],
    ids=lambda value: str(value).partition(" at 0x")[0],
)  # fmt: skip
def test_errors_name_the_member(keypair, path, where, change, text):
    save_private_key(keypair[1], path)
    document = json.loads(path.read_text())
    half = document["pub"] if where else document
    for name, value in change.items():
        if value is ...:
            del half[name]
        else:
            half[name] = value(half[name]) if callable(value) else value
    path.write_text(json.dumps(document))
    with pytest.raises(KeyFileError, match=text):
        load_private_key(path, **INSECURE)


@pytest.mark.parametrize(
    "members", [{"p": ...}, {"q": "AQ"}, {"pub": ...}, {"pub": []}, {"kty": 1}]
)
def test_malformed_private_keys(keypair, path, members):
    save_private_key(keypair[1], path)
    change(path, **members)
    with pytest.raises((KeyFileError, InvalidKeyError)):
        load_private_key(path, **INSECURE)


def test_public_and_private_files_are_not_mixed_up(keypair, tmp_path):
    save_public_key(keypair[0], tmp_path / "public")
    save_private_key(keypair[1], tmp_path / "private")
    with pytest.raises(KeyFileError, match="not for 'decrypt'"):
        load_private_key(tmp_path / "public", **INSECURE)
    with pytest.raises(KeyFileError, match="not for 'encrypt'"):
        load_public_key(tmp_path / "private", **INSECURE)


def test_sealed_files_show_nothing(keypair, path):
    save_private_key(keypair[1], path, passphrase="secret")
    plain = path.with_name("plain")
    save_private_key(keypair[1], plain)
    members = json.loads(plain.read_text())
    text = path.read_text()
    assert members["p"] not in text
    assert members["q"] not in text
    assert members["pub"]["n"] in text


def test_passphrases(keypair, path):
    save_private_key(keypair[1], path, passphrase="secret")
    with pytest.raises(KeyFileError, match="encrypted; pass passphrase"):
        load_private_key(path, **INSECURE)
    with pytest.raises(KeyFileError, match="wrong passphrase"):
        load_private_key(path, passphrase="Secret", **INSECURE)
    for empty in ("", b""):
        with pytest.raises(KeyFileError, match="passphrase is empty"):
            save_private_key(keypair[1], path, passphrase=empty, overwrite=True)
    save_private_key(keypair[1], path, overwrite=True)
    with pytest.raises(KeyFileError, match="not encrypted"):
        load_private_key(path, passphrase="secret", **INSECURE)


@pytest.mark.parametrize(
    "members",
    [{"version": 2}, {"kdf": {"name": "scrypt"}}, {"kdf": []}, {"cipher": {}}, {"data": "!"}, {"data": ...},
     {"data": "AAAA"}, {"pub": {}}, {"kdf": {"name": "scrypt", "n": 1 << 30, "r": 8, "p": 1, "salt": "AAAA"}},
     {"cipher": {"name": "ROT13", "nonce": "AAAAAAAAAAAAAAAA"}}],
    ids=str,
)  # fmt: skip
def test_tampered_sealed_files(keypair, path, members):
    save_private_key(keypair[1], path, passphrase="secret")
    change(path, **members)
    with pytest.raises(KeyFileError):
        load_private_key(path, passphrase="secret", **INSECURE)


def test_the_extra_is_named_when_it_is_missing(keypair, path, monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    with pytest.raises(KeyFileError, match=r"pip install 'cryptography"):
        save_private_key(keypair[1], path, passphrase="secret")
    assert not path.exists()
