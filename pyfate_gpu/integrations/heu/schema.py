# SPDX-License-Identifier: Apache-2.0
"""Names of HEU's schemes, and which of them this engine computes."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from pyfate_gpu.encoding.numbers import is_integer
from pyfate_gpu.errors import PyFateError, UnsupportedOperationError


class PheRuntimeError(PyFateError, RuntimeError):
    """What HEU's own code raises for arguments that it cannot compute with."""


class SchemaType(IntEnum):
    """HEU's schemes. The four Paillier ones mean the same here: our keys and ciphertexts."""

    Mock = 0
    OU = 1
    IPCL = 2
    ZPaillier = 4
    FPaillier = 5
    IcPaillier = 6
    ElGamal = 7
    DGK = 8
    DJ = 9


PAILLIER = (
    SchemaType.IPCL, SchemaType.ZPaillier, SchemaType.FPaillier, SchemaType.IcPaillier,
)  # fmt: skip

_ALIASES = {"paillier": SchemaType.ZPaillier, "paillierz": SchemaType.ZPaillier} | {
    schema.name.lower(): schema for schema in SchemaType
}


def parse_schema_type(arg0: str) -> SchemaType:
    """The scheme of a name such as "z-paillier", "ZPaillier" or "paillier".

    Raises
    ------
    PheRuntimeError
        For any other text.

    Examples
    --------
    >>> from pyfate_gpu.integrations.heu import phe
    >>> phe.parse_schema_type("z-paillier").name
    'ZPaillier'
    """
    try:
        return _ALIASES[arg0.lower().replace("-", "").replace("_", "")]
    except KeyError:
        names = ", ".join(schema.name for schema in SchemaType)
        raise PheRuntimeError(f"unknown schema type {arg0!r}; there are {names}") from None


def check_schema(schema: SchemaType) -> SchemaType:
    """Return a scheme that this engine computes; raise PheRuntimeError for the others."""
    if schema not in PAILLIER:
        raise PheRuntimeError(
            f"{SchemaType(schema).name} is another scheme than Paillier, which is all there is here: "
            f"take SchemaType.ZPaillier, or HEU itself"
        )
    return schema


def whole_parameter(value: Any, name: str) -> int:
    """A parameter as Python's integer, whoever's integer it is.

    Raises
    ------
    TypeError
        If it is none; truth values are none.
    """
    if not is_integer(value):
        raise UnsupportedOperationError(f"{name} is {value!r}; it must be a whole number")
    return int(value)


def size_parameter(value: Any, name: str) -> int:
    """A parameter that counts something: PheRuntimeError below 0, TypeError if it is no integer."""
    size = whole_parameter(value, name)
    if size < 0:
        raise PheRuntimeError(f"{name} is {size}; it must be 0 or more")
    return size
