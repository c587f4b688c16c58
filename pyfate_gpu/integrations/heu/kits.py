# SPDX-License-Identifier: Apache-2.0
"""What a party has: a key pair, or the public key of another."""

from __future__ import annotations

from typing import Any

from pyfate_gpu.he import generate_keypair
from pyfate_gpu.integrations.heu.encoders import (
    BatchFloatEncoder,
    BatchIntegerEncoder,
    BigintEncoder,
    FloatEncoder,
    IntegerEncoder,
)
from pyfate_gpu.integrations.heu.evaluator import Decryptor, Encryptor, Evaluator
from pyfate_gpu.integrations.heu.keys import PublicKey, SecretKey
from pyfate_gpu.integrations.heu.plaintext import Plaintext
from pyfate_gpu.integrations.heu.schema import (
    PheRuntimeError,
    SchemaType,
    check_schema,
    parse_schema_type,
    size_parameter,
)
from pyfate_gpu.integrations.key_sizes import warn_of_short_key

DEFAULT_KEY_SIZE = 2048


class HeKitPublicBase:
    """What both kits have."""

    def __init__(self, schema: SchemaType, public_key: PublicKey) -> None:
        self._schema = check_schema(schema)
        self._public_key = public_key

    def public_key(self) -> PublicKey:
        """The public key."""
        return self._public_key

    def get_schema(self) -> SchemaType:
        """The scheme that the kit was set up with."""
        return self._schema

    def plaintext(self, int_num: int) -> Plaintext:
        """An integer as plaintext."""
        return Plaintext(self._schema, int_num)

    def bigint_encoder(self) -> BigintEncoder:
        """Encoder of integers of any size."""
        return BigintEncoder(self._schema)

    def integer_encoder(self, scale: int = 10**6) -> IntegerEncoder:
        """Encoder of integers times a scale."""
        return IntegerEncoder(self._schema, scale)

    def float_encoder(self, scale: int = 10**6) -> FloatEncoder:
        """Encoder of floats times a scale."""
        return FloatEncoder(self._schema, scale)

    def batch_integer_encoder(self, scale: int = 1, padding_bits: int = 32) -> BatchIntegerEncoder:
        """Encoder of two integers to a plaintext."""
        return BatchIntegerEncoder(self._schema, scale, padding_bits)

    def batch_float_encoder(self, scale: int = 10**6, padding_bits: int = 32) -> BatchFloatEncoder:
        """Encoder of two floats to a plaintext."""
        return BatchFloatEncoder(self._schema, scale, padding_bits)


class HeKitSecretBase(HeKitPublicBase):
    """What the owner of the key has besides."""

    def __init__(self, schema: SchemaType, public_key: PublicKey, secret_key: SecretKey) -> None:
        super().__init__(schema, public_key)
        self._secret_key = secret_key
        self._key = secret_key.belongs_to(public_key._key)

    def secret_key(self) -> SecretKey:
        """The secret key."""
        return self._secret_key


class HeKit(HeKitSecretBase):
    """Of the owner of the key."""

    def encryptor(self) -> Encryptor:
        """The encryptor."""
        return Encryptor(self._schema, self._key)

    def decryptor(self) -> Decryptor:
        """The decryptor."""
        return Decryptor(self._schema, self._key)

    def evaluator(self) -> Evaluator:
        """The evaluator."""
        return Evaluator(self._public_key._key)


class DestinationHeKit(HeKitPublicBase):
    """Of a party with the public key of another."""

    def encryptor(self) -> Encryptor:
        """The encryptor."""
        return Encryptor(self._schema, self._public_key._key)

    def evaluator(self) -> Evaluator:
        """The evaluator."""
        return Evaluator(self._public_key._key)


def setup(*args: Any, **kwargs: Any) -> Any:
    """Make keys, or a kit of keys that are there.

    Parameters
    ----------
    schema_type or schema_string : SchemaType or str
        By default ``SchemaType.ZPaillier``; the other schemes than Paillier are refused.
    key_size : int
        Bits of n, by default 2048.
    public_key : PublicKey
        In place of both: one that was made before.
    secret_key : SecretKey, optional
        With a public key: its secret one.

    Returns
    -------
    HeKit, or DestinationHeKit for a public key alone

    Raises
    ------
    PheRuntimeError
        For a scheme that is not Paillier or arguments that do not go together.
    InvalidKeyError
        For a key size that cannot be.

    Examples
    --------
    >>> from pyfate_gpu.integrations.heu import phe
    >>> kit = phe.setup(phe.SchemaType.ZPaillier, 2048)
    >>> c = phe.setup(kit.public_key()).encryptor().encrypt_raw(20)
    >>> kit.decryptor().decrypt_raw(kit.evaluator().mul(c, -3))
    -60
    """
    public_key, secret_key, schema, key_size = _arguments(list(args), kwargs)
    if public_key is None:
        return _generate(schema, key_size)
    if secret_key is None:
        return DestinationHeKit(schema, public_key)
    return HeKit(schema, public_key, secret_key)


def _generate(schema: SchemaType, key_size: int) -> HeKit:
    check_schema(schema)
    warn_of_short_key(key_size)
    public_key, private_key = generate_keypair(key_size, allow_insecure_key_size=True)
    return HeKit(schema, PublicKey(public_key), SecretKey(private_key))


def _arguments(
    args: list[Any], kwargs: dict[str, Any]
) -> tuple[PublicKey | None, SecretKey | None, SchemaType, int]:
    """HEU's overloads: (schema, key_size), (public_key), (public_key, secret_key)."""
    known = {"public_key", "secret_key", "schema_type", "schema_string", "key_size"}
    if unknown := kwargs.keys() - known:
        raise TypeError(f"setup has no argument {', '.join(sorted(unknown))}")
    if args and isinstance(args[0], PublicKey):
        kwargs = dict(zip(("public_key", "secret_key"), args, strict=False)) | kwargs
    elif args:
        kwargs = dict(zip(("schema_type", "key_size"), args, strict=False)) | kwargs
    public_key, secret_key = kwargs.get("public_key"), kwargs.get("secret_key")
    if len(args) > 2 or (public_key is None) != (
        kwargs.keys() <= known - {"public_key", "secret_key"}
    ):
        raise PheRuntimeError(
            "setup takes a scheme and a key size, or a public key and a secret one"
        )
    schema = kwargs.get("schema_type", kwargs.get("schema_string", SchemaType.ZPaillier))
    if isinstance(schema, str):
        schema = parse_schema_type(schema)
    if not isinstance(schema, SchemaType):
        raise TypeError(f"setup takes a SchemaType or a str, not {type(schema).__name__}")
    key_size = size_parameter(kwargs.get("key_size", DEFAULT_KEY_SIZE), "key_size")
    return public_key, secret_key, schema, key_size
