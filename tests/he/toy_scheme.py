# SPDX-License-Identifier: Apache-2.0
"""A third scheme as somebody would add it: one file, on what is common to all; its keys have other members.

It is Paillier's with r^n, under another name and with a number of its own in keys, and nobody should use it.
"""

from __future__ import annotations

from pyfate_gpu.backends.numbers import PrivateNumbers, PublicNumbers
from pyfate_gpu.errors import InvalidKeyError
from pyfate_gpu.he.scheme.paillier.keygen import generate_paillier_keypair
from pyfate_gpu.he.scheme.paillier.public_key import PublicKey
from pyfate_gpu.he.scheme.private_key import SchemePrivateKey
from pyfate_gpu.he.scheme.public_key import SchemePublicKey
from pyfate_gpu.he.scheme.registry import Scheme


class ToyPublicKey(SchemePublicKey):
    scheme = "toy"
    algorithm = "TOY1"
    public_members = ("modulus", "salt")

    def __init__(self, modulus, salt, *, allow_insecure_key_size=False):
        super().__init__()
        self._plain = PublicKey(modulus, allow_insecure_key_size=allow_insecure_key_size)
        self.modulus, self.salt = modulus, salt

    @property
    def n(self):
        return self.modulus

    @property
    def plaintext_bound(self):
        return self.modulus // 2

    @property
    def ciphertext_limit(self):
        return self.modulus**2

    @property
    def fingerprint(self):
        return f"{self.salt ^ self.modulus % 2**64:016x}"

    @property
    def numbers(self):
        return PublicNumbers(self.modulus, None)

    def random_residues(self, shape):
        return self._plain.random_residues(shape)

    def decode_residues(self, *arguments, **options):
        return self._plain.decode_residues(*arguments, **options)


class ToyPrivateKey(SchemePrivateKey):
    __slots__ = ()

    scheme = "toy"
    secret_members = ("smaller", "larger")

    def __init__(self, public_key, smaller, larger):
        self._check_public_half(public_key)
        if smaller * larger != public_key.modulus:
            raise InvalidKeyError("the factors are not those of the modulus")
        super().__init__(public_key, PrivateNumbers(public_key.numbers, smaller, larger))

    def _secret_numbers(self):
        return self._numbers.p, self._numbers.q


def generate(key_bits, allow_insecure_key_size):
    _, private = generate_paillier_keypair(key_bits, allow_insecure_key_size)
    p, q = sorted(private._secret_factors())
    public = ToyPublicKey(p * q, 7, allow_insecure_key_size=allow_insecure_key_size)
    return public, ToyPrivateKey(public, p, q)


TOY = Scheme(generate, ToyPublicKey, ToyPrivateKey)
