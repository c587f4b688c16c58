# SPDX-License-Identifier: Apache-2.0
"""Arrays of numbers to arrays of integers and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from pyfate_gpu.errors import EncodingError
from pyfate_gpu.integrations.heu.encoders import (
    BatchIntegerEncoder,
    BigintDecoder,
    Encoder,
    FloatEncoder,
)
from pyfate_gpu.integrations.heu.schema import PheRuntimeError


def encode_array(array: npt.NDArray[Any], encoder: Encoder) -> npt.NDArray[Any]:
    """Integers of an array: int64 where a scale cannot pass that, otherwise Python integers.

    Raises
    ------
    PheRuntimeError
        For more than two axes, dtypes that are no numbers, pairs of a batch encoder that are none.
    EncodingError
        For NaN and infinities.
    """
    if array.ndim > 2:
        raise PheRuntimeError(f"the array has {array.ndim} axes; HEU's have at most 2")
    if array.dtype.kind not in "iufO" or array.dtype.itemsize > 8:
        raise PheRuntimeError(f"an array of dtype {array.dtype} cannot be encoded; take numbers")
    if isinstance(encoder, BatchIntegerEncoder):
        return _encode_pairs(array, encoder)
    if array.dtype.kind != "O":
        # In one go where every product surely fits int64; NaN and infinities never do.
        with np.errstate(over="ignore"):
            floats = array.astype(np.float64) * float(encoder.scale)
        if bool((np.abs(floats) < 2.0**62).all()):
            if array.dtype.kind == "f" and isinstance(encoder, FloatEncoder):
                return np.asarray(floats).astype(np.int64)
            return np.asarray(array.astype(np.int64) * encoder.scale)
    return _each(array, encoder._encode)


def decode_array(values: npt.NDArray[Any], encoder: BigintDecoder | Encoder) -> npt.NDArray[Any]:
    """Numbers of integers; a batch encoder makes a last axis of pairs of them.

    Raises
    ------
    EncodingError
        If a number does not fit int64, which HEU would cut off.
    """
    if isinstance(encoder, BatchIntegerEncoder):
        if values.ndim == 2 and values.shape[1] != 1:
            raise PheRuntimeError(
                f"a batch encoder makes pairs of a column; shape {values.shape} has "
                f"{values.shape[1]} of them"
            )
        pairs = [encoder._decode(int(value)) for value in values.ravel()]
        shape = (2,) if values.ndim < 2 and len(pairs) == 1 else (len(pairs), 2)
        return np.array(pairs, dtype=encoder.dtype).reshape(shape)
    if encoder.dtype is object:
        return np.array(int(values)) if not values.ndim else values.astype(object)
    decoded = _each(values, encoder._decode)
    try:
        return decoded.astype(encoder.dtype)
    except OverflowError:
        raise EncodingError(
            "a decoded number is beyond int64 or float64; decode with BigintDecoder()"
        ) from None


def _encode_pairs(array: npt.NDArray[Any], encoder: BatchIntegerEncoder) -> npt.NDArray[Any]:
    if not array.ndim or array.shape[-1] != 2:
        raise PheRuntimeError(
            f"a batch encoder takes pairs: the last axis of shape {array.shape} must be 2 long"
        )
    pairs = array.reshape(-1, 2)
    result = np.empty(len(pairs), dtype=object)
    result[:] = [encoder._encode(list(pair)) for pair in pairs]
    return result if array.ndim == 1 else result.reshape(-1, 1)


def _each(array: npt.NDArray[Any], function: Callable[[Any], Any]) -> npt.NDArray[Any]:
    flat = [function(value) for value in array.ravel().tolist()]
    result = np.empty(len(flat), dtype=object)
    result[:] = flat
    return result.reshape(array.shape)
