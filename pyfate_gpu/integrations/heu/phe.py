# SPDX-License-Identifier: Apache-2.0
"""The names of ``heu.phe``."""

from __future__ import annotations

from pyfate_gpu.integrations.heu.ciphertext import Ciphertext
from pyfate_gpu.integrations.heu.encoders import (
    BatchFloatEncoder,
    BatchFloatEncoderParams,
    BatchIntegerEncoder,
    BatchIntegerEncoderParams,
    BigintDecoder,
    BigintEncoder,
    BigintEncoderParams,
    FloatEncoder,
    FloatEncoderParams,
    IntegerEncoder,
    IntegerEncoderParams,
)
from pyfate_gpu.integrations.heu.evaluator import Decryptor, Encryptor, Evaluator
from pyfate_gpu.integrations.heu.keys import PublicKey, SecretKey
from pyfate_gpu.integrations.heu.kits import (
    DestinationHeKit,
    HeKit,
    HeKitPublicBase,
    HeKitSecretBase,
    setup,
)
from pyfate_gpu.integrations.heu.plaintext import Plaintext
from pyfate_gpu.integrations.heu.schema import PheRuntimeError, SchemaType, parse_schema_type

Mock, OU, IPCL, ZPaillier, FPaillier, IcPaillier, ElGamal, DGK, DJ = SchemaType

__all__ = [
    "DGK",
    "DJ",
    "IPCL",
    "OU",
    "BatchFloatEncoder",
    "BatchFloatEncoderParams",
    "BatchIntegerEncoder",
    "BatchIntegerEncoderParams",
    "BigintDecoder",
    "BigintEncoder",
    "BigintEncoderParams",
    "Ciphertext",
    "Decryptor",
    "DestinationHeKit",
    "ElGamal",
    "Encryptor",
    "Evaluator",
    "FPaillier",
    "FloatEncoder",
    "FloatEncoderParams",
    "HeKit",
    "HeKitPublicBase",
    "HeKitSecretBase",
    "IcPaillier",
    "IntegerEncoder",
    "IntegerEncoderParams",
    "Mock",
    "PheRuntimeError",
    "Plaintext",
    "PublicKey",
    "SchemaType",
    "SecretKey",
    "ZPaillier",
    "parse_schema_type",
    "setup",
]
