# SPDX-License-Identifier: Apache-2.0
"""Key pairs by the name of their scheme. A new scheme is one folder beside `paillier` and one line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, cast, overload

from pyfate_gpu.errors import ConfigurationError, KeyFileError
from pyfate_gpu.he.jwk import check_type, decode_number
from pyfate_gpu.he.scheme.paillier.keygen import generate_paillier_keypair
from pyfate_gpu.he.scheme.paillier.private_key import PrivateKey
from pyfate_gpu.he.scheme.paillier.public_key import PublicKey
from pyfate_gpu.he.scheme.private_key import SchemePrivateKey
from pyfate_gpu.he.scheme.public_key import SchemePublicKey
from pyfate_gpu.he.scheme.short_subgroup.keygen import generate_short_subgroup_keypair
from pyfate_gpu.he.scheme.short_subgroup.private_key import ShortSubgroupPrivateKey
from pyfate_gpu.he.scheme.short_subgroup.public_key import ShortSubgroupPublicKey

DEFAULT_KEY_BITS = 3072


@dataclass(frozen=True)
class Scheme:
    """The keys of a scheme, and what generates them, given bits and whether short ones are welcome."""

    generate: Callable[[int, bool], tuple[SchemePublicKey, SchemePrivateKey]]
    public_key: type[SchemePublicKey]
    private_key: type[SchemePrivateKey]


SCHEMES: dict[str, Scheme] = {
    PublicKey.scheme: Scheme(generate_paillier_keypair, PublicKey, PrivateKey),
    ShortSubgroupPublicKey.scheme: Scheme(
        generate_short_subgroup_keypair, ShortSubgroupPublicKey, ShortSubgroupPrivateKey
    ),
}


def scheme_of_algorithm(algorithm: object) -> Scheme:
    """The scheme that key files call `algorithm`.

    Raises
    ------
    KeyFileError
        If there is none.
    """
    known = {scheme.public_key.algorithm: scheme for scheme in SCHEMES.values()}
    if not isinstance(algorithm, str) or algorithm not in known:
        raise KeyFileError(
            f"member 'alg' of the key is {algorithm!r:.40}; one of {list(known)} was expected"
        )
    return known[algorithm]


def public_from_jwk(jwk: Any, *, allow_insecure_key_size: bool = False) -> Any:
    """A public key of any scheme, a `SchemePublicKey`, from its JSON form.

    Raises
    ------
    KeyFileError
        If it is no such JSON object.
    InvalidKeyError
        If its numbers are no key.
    """
    return _read_public(jwk, "the key", allow_insecure_key_size)


def private_from_jwk(jwk: Any, *, allow_insecure_key_size: bool = False) -> Any:
    """A private key of any scheme, a `SchemePrivateKey`, from its JSON form; raises as `public_from_jwk`."""
    check_type(jwk, "decrypt")
    if "pub" not in jwk:
        raise KeyFileError("member 'pub' of the key, its public half, is missing")
    public_key = _read_public(jwk["pub"], "member 'pub' of the key", allow_insecure_key_size)
    kind: Any = SCHEMES[public_key.scheme].private_key
    return kind(public_key, **{name: decode_number(jwk, name) for name in kind.secret_members})


def _read_public(jwk: Any, name: str, allow_insecure: bool) -> SchemePublicKey:
    """A public key from what errors call `name`."""
    check_type(jwk, "encrypt", name)
    kind: Any = scheme_of_algorithm(jwk.get("alg")).public_key
    there = (m for m in kind.public_members if m in jwk or m not in kind.optional_members)
    members = {member: decode_number(jwk, member, name) for member in there}
    return cast(SchemePublicKey, kind(**members, allow_insecure_key_size=allow_insecure))


@overload
def generate_keypair(
    key_bits: int = ...,
    scheme: Literal["paillier", "paillier-short-subgroup"] = ...,
    *,
    allow_insecure_key_size: bool = ...,
) -> tuple[PublicKey, PrivateKey]: ...


@overload
def generate_keypair(
    key_bits: int, scheme: str, *, allow_insecure_key_size: bool = ...
) -> tuple[Any, Any]: ...


@overload
def generate_keypair(
    key_bits: int = ..., *, scheme: str, allow_insecure_key_size: bool = ...
) -> tuple[Any, Any]: ...


def generate_keypair(
    key_bits: int = DEFAULT_KEY_BITS,
    scheme: str = "paillier",
    *,
    allow_insecure_key_size: bool = False,
) -> tuple[Any, Any]:
    """Generate a key pair from the randomness of the operating system. There is no seed.

    Parameters
    ----------
    key_bits : int
        Bits of n, even, from 2048 to 8192. 3072 is worth about 128 bits of security, 2048 about 112.
    scheme : str
        "paillier", or "paillier-short-subgroup": at 2048 bits exponents of 448 bits encrypt and of
        225 decrypt, not of 1024, on an assumption of its own (`he.short_subgroup.public_key`). Never the
        default; its keys cannot be used as n alone, nor by other libraries.
    allow_insecure_key_size : bool
        Accept 256 to 2046 bits, which protect nothing: for tests.

    Returns
    -------
    (PublicKey, PrivateKey)
        Those of the scheme: subclasses of `SchemePublicKey` and `SchemePrivateKey`.

    Raises
    ------
    InvalidKeyError
        If `key_bits` is odd or out of range.
    InsecureKeyError
        If `key_bits` is below 2048 without the opt-in.
    ConfigurationError
        If the scheme is unknown.

    Examples
    --------
    >>> from pyfate_gpu import generate_keypair
    >>> public, private = generate_keypair(512, allow_insecure_key_size=True)
    >>> private.decrypt(public.encrypt([1.5, -2.25]) * 2.0)
    array([ 3. , -4.5])
    """
    if not isinstance(scheme, str) or scheme not in SCHEMES:
        raise ConfigurationError(f"scheme {scheme!r} is unknown; choose one of {sorted(SCHEMES)}")
    return SCHEMES[scheme].generate(key_bits, allow_insecure_key_size)
