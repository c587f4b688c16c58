# SPDX-License-Identifier: Apache-2.0
"""Labels of one type, and classes as the columns of zeros and ones that logistic families take."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.cells import exact_floats, is_missing, number_of
from pyfate_gpu.errors import ConfigurationError, DataError
from pyfate_gpu.typing import Floats


def as_labels(values: Sequence[Any]) -> NDArray[Any]:
    """Return Python's values as an array of truth values, whole numbers, float64 or texts; bytes are UTF-8.

    Whole numbers are int64, uint64 or, where neither holds all of them, Python's. Where some values are missing,
    all are Python's and these are None.

    Raises
    ------
    TypeError
        When they are neither, or numbers and texts.
    OverflowError
        When float64 does not hold a whole number beside one that is none.
    UnicodeDecodeError
        When bytes are no text.

    Examples
    --------
    >>> from pyfate_gpu.data.labels import as_labels
    >>> as_labels([2**63, 1])
    array([9223372036854775808, 1], dtype=uint64)
    >>> as_labels([1, float("nan")])
    array([1, None], dtype=object)
    """
    values = [value.decode() if isinstance(value, bytes) else value for value in values]
    known = [value for value in values if not is_missing(value)]
    kinds = {_kind(value) for value in known}
    if kinds == {"text"}:
        found = _objects([str(value) for value in known])
    elif kinds <= {"truth"}:
        found = np.array(known, dtype=bool)
    elif kinds <= {"truth", "whole"}:
        found = _whole_numbers([int(value) for value in known])
    elif "text" not in kinds:
        found = np.array([number_of(value) for value in known])
    else:
        raise TypeError("numbers and texts")
    if len(known) == len(values):
        return found
    rest = iter(found.tolist())
    return _objects([None if is_missing(value) else next(rest) for value in values])


def tidy_labels(y: NDArray[Any], name: str = "y") -> NDArray[Any]:
    """Return an array of labels as one of those that `as_labels` returns, or of texts of fixed width.

    Raises
    ------
    DataError
        When they are neither numbers nor texts, or some are numbers and others texts.
    """
    try:
        if y.dtype.kind == "S":
            y = np.char.decode(y, "utf-8")
        if y.dtype.kind == "O":
            return as_labels(y.tolist())
        if y.dtype.kind == "f":
            return exact_floats(y)
    except OverflowError:
        raise DataError(
            f"{name} holds a whole number beyond 2**53 that float64 does not: use whole numbers only"
        ) from None
    except UnicodeDecodeError:
        raise DataError(f"{name} holds bytes that are no text in UTF-8: use texts") from None
    except TypeError:
        raise DataError(
            f"{name} mixes types that have no order, or is neither of numbers nor of texts: "
            "use one type for all labels"
        ) from None
    if y.dtype.kind not in "biuU":
        raise DataError(f"{name} has dtype {y.dtype}: labels are numbers or texts")
    return y.astype(y.dtype.newbyteorder("="), copy=False)


def has_label(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Return for each row whether it has a label: whether that is not missing.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.data.labels import has_label
    >>> has_label(np.array([1, None], dtype=object))
    array([ True, False])
    """
    if labels.dtype.kind == "f":
        return np.asarray(~np.isnan(labels), dtype=np.bool_)
    if labels.dtype.kind == "O":
        return np.array([not is_missing(label) for label in labels.tolist()], dtype=bool)
    return np.ones(len(labels), dtype=bool)


def count_classes(labels: NDArray[Any] | None) -> dict[Any, int]:
    """Return how many rows each class has, those without a label apart.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.data.labels import count_classes
    >>> count_classes(np.array(["b", None, "a", "b"], dtype=object))
    {'a': 1, 'b': 2}
    """
    if labels is None:
        return {}
    found, counts = np.unique(labels[has_label(labels)], return_counts=True)
    return dict(zip(found.tolist(), counts.tolist(), strict=True))


def find_classes(y: NDArray[Any]) -> NDArray[Any]:
    """Return the distinct values of `y`, sorted.

    Raises
    ------
    DataError
        When there are fewer than two, they have no order, or some are missing or no whole numbers.
    """
    y = tidy_labels(y)
    if y.dtype.kind == "f" and (y != np.rint(y)).any():
        raise DataError(
            "y holds numbers that are no whole ones: a classifier takes classes, whole numbers or texts; "
            "for numbers take a regression"
        )
    if not has_label(y).all():
        raise DataError("y holds missing values: drop those rows at every party")
    classes = np.unique(y)
    if len(classes) < 2:
        raise DataError(f"y has {len(classes)} distinct values, a classifier takes 2 or more")
    return classes


def encode_classes(y: NDArray[Any], classes: NDArray[Any]) -> Floats:
    """Return float64 [rows, 1], 1 for the second of two classes; of more, a column for each.

    Raises
    ------
    DataError
        When a label is none of `classes`.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.data.labels import encode_classes
    >>> encode_classes(np.array(["b", "a"]), np.array(["a", "b"])).tolist()
    [[1.0], [0.0]]
    >>> encode_classes(np.array([3, 1]), np.array([1, 2, 3])).tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    found = _places(tidy_labels(y), classes)
    unknown = found < 0
    if unknown.any():
        raise DataError(
            f"y[{int(np.argmax(unknown))}] is none of the {len(classes)} classes trained on; "
            f"so are {int(unknown.sum())} labels in all"
        )
    wanted = np.arange(len(classes))[1:] if len(classes) == 2 else np.arange(len(classes))
    return np.asarray(found[:, np.newaxis] == wanted, dtype=np.float64)


def _kind(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "truth"
    if isinstance(value, str):
        return "text"
    if isinstance(value, Decimal):
        exponent = value.as_tuple().exponent
        return "whole" if isinstance(exponent, int) and exponent >= 0 else "number"
    if isinstance(value, float | np.floating):
        return "number"
    if isinstance(value, np.timedelta64) or not isinstance(value, Integral):
        raise TypeError("neither a number nor a text")
    return "whole"


def _whole_numbers(values: list[int]) -> NDArray[Any]:
    for dtype in (np.int64, np.uint64):
        limits = np.iinfo(dtype)  # beyond them NumPy 1 wraps around
        if all(limits.min <= value <= limits.max for value in values):
            return np.array(values, dtype=dtype)
    return _objects(values)


def _objects(values: list[Any]) -> NDArray[Any]:
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found


def plain_classes(classes: NDArray[Any]) -> NDArray[Any]:
    """Return classes as files take them: texts that came as Python objects, from pandas above all, as texts.

    Raises
    ------
    ConfigurationError
        When they are neither numbers nor texts.
    """
    if classes.dtype != object:
        return classes
    if all(isinstance(label, str) for label in classes.tolist()):
        return classes.astype(str)
    raise ConfigurationError(
        f"classes are {type(classes[0]).__name__} objects: use numbers or texts as labels to save the model"
    )


def _places(labels: NDArray[Any], classes: NDArray[Any]) -> NDArray[np.int64]:
    """Return the number of each label's class, -1 for none of them."""
    if labels.dtype.kind == classes.dtype.kind == "i" and len(classes):
        order = np.argsort(classes)
        places = order[np.minimum(np.searchsorted(classes, labels, sorter=order), len(order) - 1)]
        return np.where(classes[places] == labels, places, -1).astype(np.int64)
    # Python compares whole numbers and floats exactly, NumPy by way of float64
    known = {label: place for place, label in enumerate(classes.tolist())}
    return np.array([known.get(label, -1) for label in labels.tolist()], dtype=np.int64)
