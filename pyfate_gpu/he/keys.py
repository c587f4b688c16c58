# SPDX-License-Identifier: Apache-2.0
"""Key pairs by the name of their scheme. A new scheme is one folder beside `paillier` and one line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.he.paillier.keygen import generate_paillier_keypair
from pyfate_gpu.he.paillier.private_key import PrivateKey
from pyfate_gpu.he.paillier.public_key import PublicKey
from pyfate_gpu.he.short_subgroup.keygen import generate_short_subgroup_keypair
from pyfate_gpu.he.short_subgroup.private_key import ShortSubgroupPrivateKey
from pyfate_gpu.he.short_subgroup.public_key import ShortSubgroupPublicKey

DEFAULT_KEY_BITS = 3072


@dataclass(frozen=True)
class Scheme:
    """The keys of a scheme, and `algorithm`, how key files call it (member alg)."""

    algorithm: str
    generate: Callable[[int, bool], tuple[PublicKey, PrivateKey]]
    public_key: type[PublicKey]
    private_key: type[PrivateKey]


SCHEMES: dict[str, Scheme] = {
    PublicKey.scheme: Scheme("PAI-GN1", generate_paillier_keypair, PublicKey, PrivateKey),
    ShortSubgroupPublicKey.scheme: Scheme(
        "PAI-SSG1", generate_short_subgroup_keypair, ShortSubgroupPublicKey, ShortSubgroupPrivateKey
    ),
}


def generate_keypair(
    key_bits: int = DEFAULT_KEY_BITS,
    scheme: str = "paillier",
    *,
    allow_insecure_key_size: bool = False,
) -> tuple[PublicKey, PrivateKey]:
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
