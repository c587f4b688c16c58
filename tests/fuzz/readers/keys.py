# SPDX-License-Identifier: Apache-2.0
"""Key files: whatever is accepted has the numbers of the file, and these are a key."""

from __future__ import annotations

import base64
import hashlib
import json
from unittest import mock

import gmpy2

from pyfate_gpu.he import passphrases
from pyfate_gpu.he.key_files import load_private_key, load_public_key
from tests.fuzz.target import CORPUS, Target, from_file, join_json, split_json

KEY_FILE = CORPUS / "private_key" / "key.json"
PASSPHRASE = "fuzzing"


def _key_pair():
    KEY_FILE.chmod(0o600)  # git keeps no modes but that for execution
    private = load_private_key(KEY_FILE, allow_insecure_key_size=True)
    return private.public_key, private


PUBLIC, PRIVATE = _key_pair()


def _number(text):
    text = text.replace("+", "-").replace("/", "_")
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")


def _public_holds(data, key):
    """n and h are the numbers of the file and pass every check that takes no factors."""
    document = json.loads(data)
    n, h = key.n, key.h
    return (
        n == _number(document["n"].rstrip("="))
        and n % 2 == 1
        and n.bit_length() % 2 == 0
        and not gmpy2.is_square(n)
        and not gmpy2.is_prime(n)
        and (h is None) == ("h" not in document)
        and (h is None or (1 < h < n - 1 and gmpy2.gcd(h, n) == 1 and gmpy2.jacobi(h, n) == 1))
    )


def _private_holds(data, key):
    """The primes of the key that was changed: no other ones are found by chance."""
    return set(key._secret_factors()) == set(PRIVATE._secret_factors())


def cheap():
    """In place of scrypt, which takes a third of a second and 128 MiB, so that many cases reach the cipher."""
    return mock.patch.object(
        passphrases, "_derive", lambda secret, salt: hashlib.sha256(salt + secret.encode()).digest()
    )


def _load_public(path):
    return load_public_key(path, allow_insecure_key_size=True)


def _load_private(path):
    return load_private_key(path, allow_insecure_key_size=True)


def _load_sealed(path):
    with cheap():
        return load_private_key(path, passphrase=PASSPHRASE, allow_insecure_key_size=True)


PUBLIC_KEY = Target(
    "public_key", from_file("public", _load_public), _public_holds, split_json, join_json
)
PRIVATE_KEY = Target(
    "private_key", from_file("private", _load_private), _private_holds, split_json, join_json
)
SEALED_KEY = Target(
    "sealed_key", from_file("sealed", _load_sealed), _private_holds, split_json, join_json
)
