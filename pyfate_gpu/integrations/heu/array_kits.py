# SPDX-License-Identifier: Apache-2.0
"""Kits for arrays, and arrays of plaintexts."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pyfate_gpu.encoding.numbers import as_numbers, as_objects
from pyfate_gpu.integrations.heu import kits
from pyfate_gpu.integrations.heu.array_encoding import encode_array
from pyfate_gpu.integrations.heu.array_evaluator import Decryptor, Encryptor, Evaluator
from pyfate_gpu.integrations.heu.arrays import PlaintextArray
from pyfate_gpu.integrations.heu.encoders import (
    BatchIntegerEncoder,
    BigintEncoder,
    BigintEncoderParams,
    Encoder,
    FloatEncoder,
    IntegerEncoder,
    declared_bound,
)
from pyfate_gpu.integrations.heu.plaintext import Plaintext
from pyfate_gpu.integrations.heu.schema import PheRuntimeError

ENCODERS = (BigintEncoder, IntegerEncoder, FloatEncoder, BatchIntegerEncoder)


def array(object: Any, encoder: Encoder) -> PlaintextArray:  # noqa: A002 - HEU's name
    """Encode an array or nested list of at most two axes.

    Parameters
    ----------
    object : array-like of numbers or of `phe.Plaintext`
    encoder : one of phe's encoders

    Raises
    ------
    PheRuntimeError
        For other dtypes, more axes, or rows of different lengths.
    EncodingError
        For NaN, infinities, masked elements, integers among floats which no float64 holds, and numbers beyond the
        slot of a batch encoder.
    UnsupportedOperationError
        (a TypeError) for objects other than integers, floats and plaintexts.
    """
    if not isinstance(encoder, ENCODERS):
        raise TypeError(f"array takes one of phe's encoders, not {type(encoder).__name__}")
    values = _read(object)
    encoded = encode_array(values, encoder)
    return PlaintextArray(encoded, _bound(values, encoded, encoder), encoder.schema)


def _read(values: Any) -> npt.NDArray[Any]:
    """The array that NumPy makes of values, but for integers, which stay integers."""
    try:
        array = np.asarray(values)
    except ValueError:
        raise PheRuntimeError("the rows of the array have different lengths") from None
    if array.dtype.kind in "iuf" and array.dtype.itemsize <= 8:
        return as_numbers(values)
    return as_objects(values) if array.dtype.kind == "O" else array


def _bound(values: npt.NDArray[Any], encoded: npt.NDArray[Any], encoder: Encoder) -> int | None:
    """From dtype and encoder where they say it, otherwise None: by size class."""
    if isinstance(encoder, BatchIntegerEncoder):
        return encoder.bound_of(values.dtype)
    if values.dtype.kind in "iu":
        limits = np.iinfo(values.dtype)
        return max(int(limits.max), -int(limits.min)) * abs(encoder.scale)
    if values.dtype.kind == "f":
        return declared_bound(map(int, encoded.ravel()), encoder.scale)
    declared = [each.bound if isinstance(each, Plaintext) else None for each in values.ravel()]
    return max(filter(None, declared), default=None) if declared and all(declared) else None


class _Arrays:
    """The method that both kits have for arrays."""

    _schema: Any

    def array(
        self,
        object: Any,  # noqa: A002 - HEU's name
        encoder: Any = None,
        *,
        encoder_params: Any = None,
    ) -> PlaintextArray:
        """Encode an array; by default integers as they are.

        Parameters
        ----------
        object : array-like
        encoder or encoder_params : an encoder of phe, or parameters of one
        """
        chosen: Any = encoder if encoder is not None else encoder_params or BigintEncoderParams()
        return array(
            object, chosen.instance(self._schema) if hasattr(chosen, "instance") else chosen
        )


class HeKit(_Arrays, kits.HeKitSecretBase):
    """Of the owner of the key.

    Parameters
    ----------
    arg0 : phe.HeKit
    """

    def __init__(self, arg0: kits.HeKit) -> None:
        super().__init__(arg0.get_schema(), arg0.public_key(), arg0.secret_key())

    def encryptor(self) -> Encryptor:
        """The encryptor."""
        return Encryptor(self._schema, self._key)

    def decryptor(self) -> Decryptor:
        """The decryptor."""
        return Decryptor(self._schema, self._key)

    def evaluator(self) -> Evaluator:
        """The evaluator."""
        return Evaluator(self._public_key._key)


class DestinationHeKit(_Arrays, kits.HeKitPublicBase):
    """Of a party with the public key of another.

    Parameters
    ----------
    arg0 : phe.DestinationHeKit
    """

    def __init__(self, arg0: kits.DestinationHeKit) -> None:
        super().__init__(arg0.get_schema(), arg0.public_key())

    def encryptor(self) -> Encryptor:
        """The encryptor."""
        return Encryptor(self._schema, self._public_key._key)

    def evaluator(self) -> Evaluator:
        """The evaluator."""
        return Evaluator(self._public_key._key)


def setup(*args: Any, **kwargs: Any) -> Any:
    """`phe.setup` for arrays.

    Examples
    --------
    >>> from pyfate_gpu.integrations.heu import numpy as hnp, phe
    >>> kit = hnp.setup(phe.SchemaType.ZPaillier, 2048)
    >>> x = kit.array([1.5, -2.25], phe.FloatEncoderParams(100))
    >>> c = kit.evaluator().add(kit.encryptor().encrypt(x), x)
    >>> kit.decryptor().decrypt(c).to_numpy(kit.float_encoder(100))
    array([ 3. , -4.5])
    """
    kit = kits.setup(*args, **kwargs)
    return HeKit(kit) if isinstance(kit, kits.HeKit) else DestinationHeKit(kit)
