# SPDX-License-Identifier: Apache-2.0
"""Choosing, reordering and joining ciphertexts.

NumPy itself does the indexing, on an array of row numbers; the engine then copies those rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pyfate_gpu.encoding.numbers import is_integer, is_masked
from pyfate_gpu.errors import ArrayIndexError, ShapeError, UnsupportedOperationError
from pyfate_gpu.he.array.freshness import DERIVED, merge
from pyfate_gpu.he.array.operands import align, check_same_home, common_kind, is_ciphertext

if TYPE_CHECKING:
    from pyfate_gpu.he.array.arrays import CiphertextArray


def row_numbers(c: CiphertextArray) -> npt.NDArray[np.int64]:
    """The number of each ciphertext's row, in the shape of the array."""
    return np.arange(c.size, dtype=np.int64).reshape(c.shape)


def gather(c: CiphertextArray, numbers: npt.NDArray[np.int64]) -> CiphertextArray:
    """Ciphertexts by row number, in the shape of `numbers`; fresh if none comes twice."""
    flat = np.ascontiguousarray(numbers).ravel()
    seen = np.zeros(c.size, dtype=np.bool_)
    seen[flat] = True
    batches = c._batches if np.count_nonzero(seen) == flat.size else DERIVED
    rows = c._engine.take(c._rows, flat)
    return c._replace(rows, np.shape(numbers), batches=batches)


def getitem(c: CiphertextArray, key: Any) -> CiphertextArray:
    """``c[key]`` for everything NumPy can index by."""
    _refuse_masked(c, key)
    try:
        numbers = np.asarray(row_numbers(c)[key])
    except (IndexError, ValueError, TypeError) as error:
        raise ArrayIndexError(
            f"cannot index a CiphertextArray of shape {c.shape}: {error}"
        ) from None
    return gather(c, numbers)


def _refuse_masked(c: CiphertextArray, key: Any) -> None:
    """NumPy would take the rows that masked elements of an index name under their mask."""
    if is_masked(key):
        raise ArrayIndexError(
            f"cannot index a CiphertextArray of shape {c.shape} by masked elements, which name no row; "
            f"fill them with .filled(...) or leave them out with .compressed()"
        )


def take(c: CiphertextArray, indices: npt.ArrayLike, axis: int | None) -> CiphertextArray:
    """As `numpy.take`, but for truth values, which are no row numbers."""
    _refuse_masked(c, indices)
    try:
        places = np.asarray(indices)
        if places.dtype == np.bool_:
            raise TypeError("truth values number no rows; choose by them with c[mask]")
        return gather(c, np.asarray(np.take(row_numbers(c), places, axis=axis)))
    except (IndexError, ValueError, TypeError) as error:
        raise ArrayIndexError(f"cannot take from shape {c.shape}: {error}") from None


def reshape(c: CiphertextArray, shape: tuple[Any, ...]) -> CiphertextArray:
    """Another shape over the same rows."""
    wanted = shape[0] if len(shape) == 1 else shape
    try:
        # A zero-strided array of the right shape costs nothing and lets NumPy check the request.
        new_shape = np.empty(c.shape, dtype=np.bool_).reshape(wanted).shape
    except (ValueError, TypeError) as error:
        raise ShapeError(f"cannot reshape {c.shape} into {wanted}: {error}") from None
    return c._replace(c._rows, new_shape, batches=c._batches)


def transpose(c: CiphertextArray, axes: tuple[Any, ...] | None) -> CiphertextArray:
    """As `numpy.transpose`."""
    if axes is not None and len(axes) == 1 and not is_integer(axes[0]):
        axes = axes[0]
    try:
        numbers = row_numbers(c).transpose(axes)
    except (ValueError, TypeError) as error:
        raise ShapeError(f"cannot transpose {c.shape} by {axes}: {error}") from None
    if c.ndim < 2 or min(c.shape) == c.size:
        return c._replace(c._rows, numbers.shape, batches=c._batches)
    return gather(c, numbers)


def broadcast_to(c: CiphertextArray, shape: tuple[int, ...]) -> CiphertextArray:
    """As `numpy.broadcast_to`, but copying."""
    try:
        return gather(c, np.broadcast_to(row_numbers(c), shape))
    except (ValueError, TypeError) as error:
        raise ShapeError(f"cannot broadcast {c.shape} to {shape}: {error}") from None


def concatenate(arrays: Iterable[CiphertextArray], axis: int | None = 0) -> CiphertextArray:
    """Join arrays of one key along an existing axis, as `numpy.concatenate` does.

    Exponents are aligned to the finest.

    Raises
    ------
    ShapeError
        If there is nothing to join or the shapes differ elsewhere.
    UnsupportedOperationError
        If one of them is not encrypted.
    KeyMismatchError, DeviceMismatchError
        If the arrays do not belong together.

    Examples
    --------
    >>> from pyfate_gpu import concatenate, generate_keypair
    >>> public, private = generate_keypair(512, allow_insecure_key_size=True)
    >>> private.decrypt(concatenate([public.encrypt([1, 2]), public.encrypt([3])]))
    array([1, 2, 3])
    """
    arrays = list(arrays)
    if not arrays:
        raise ShapeError("need at least one CiphertextArray to concatenate")
    first = arrays[0]
    for other in arrays:
        if not is_ciphertext(other):
            raise UnsupportedOperationError(
                f"concatenate takes ciphertexts, not {type(other).__name__}; encrypt it first"
            )
        check_same_home(first, other)
    exponent = min(c.exponent for c in arrays)
    parts = [align(c, exponent) for c in arrays]
    starts = np.cumsum([0, *(c.size for c in parts)])
    try:
        numbers = np.concatenate(
            [row_numbers(c) + start for c, start in zip(parts, starts[:-1], strict=True)], axis=axis
        )
    except (ValueError, TypeError) as error:
        raise ShapeError(f"cannot concatenate shapes {[c.shape for c in parts]}: {error}") from None
    engine = first._engine
    rows = engine.concatenate([c._rows for c in parts])
    flat = numbers.ravel()
    if not np.array_equal(flat, np.arange(flat.size)):
        rows = engine.take(rows, flat)
    kind, encoder = common_kind(parts)
    return first._replace(
        rows, numbers.shape, exponent=exponent, bound=max(c.bound for c in parts), kind=kind,
        encoder=encoder, batches=merge(c._batches for c in parts),
    )  # fmt: skip
