# SPDX-License-Identifier: Apache-2.0
"""Ids of rows: one text for each, and the words to tell the forms of two parties' ids apart."""

from __future__ import annotations

import string
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from numbers import Integral
from typing import Any
from uuid import UUID

import numpy as np

from pyfate_gpu.data.cells import is_missing
from pyfate_gpu.data.columns import Column
from pyfate_gpu.errors import DataError

#: Stands between the parts of an id of several columns; in a part it has a backslash before it, as has a backslash.
SEPARATOR = "|"
_ADVICE = "ids are texts, whole numbers or dates: write it as one of these"
_KINDS = {
    "digits": string.digits,
    "lower-case letters": string.ascii_lowercase,
    "capital letters": string.ascii_uppercase,
}


def id_texts(columns: Sequence[Column]) -> list[str]:
    """Return the id of each row as one text.

    Texts are taken without the spaces around them, whole numbers as decimal digits, dates as ``2026-01-31``. Floats
    and truth values are refused: other programs write the same ones in other ways.

    Raises
    ------
    DataError
        When a column is of another type, or lacks the id of a row.
    """
    parts = [_texts_of(column) for column in columns]
    if len(parts) == 1:
        return parts[0]
    return [SEPARATOR.join(map(_escape, row)) for row in zip(*parts, strict=True)]


def check_once(ids: Sequence[str], source: str = "") -> None:
    """Raise DataError when an id is there more than once."""
    first: dict[str, int] = {}
    again = [row for row, name in enumerate(ids) if first.setdefault(name, row) != row]
    if again:
        count = len({ids[row] for row in again})
        raise DataError(
            f"{source}{count} ids are there more than once, in rows {first[ids[again[0]]] + 1} and {again[0] + 1} "
            "for one: keep one row of each"
        )


def look_of(ids: Sequence[str]) -> str:
    """Return what ids look like and none of them: characters, lengths, leading zeros.

    Examples
    --------
    >>> from pyfate_gpu.data.ids import look_of
    >>> look_of(["0000417", "0012345"])
    'digits, 7 long, with leading zeros'
    >>> look_of(["A-17", "b-9"])
    "digits, lower-case letters, capital letters and '-', 3 to 4 long"
    """
    if not ids:
        return "none"
    used: set[str] = set()
    for name in ids:
        used.update(name)
    kinds = [kind for kind, characters in _KINDS.items() if used & set(characters)]
    rest = used - set(string.digits + string.ascii_letters)
    kinds += [f"'{character}'" for character in sorted(rest & set(string.punctuation + " "))]
    kinds += ["other characters"] * bool(rest - set(string.punctuation + " "))
    text = " and ".join([", ".join(kinds[:-1]), kinds[-1]]) if len(kinds) > 1 else "".join(kinds)
    lengths = sorted({min(map(len, ids)), max(map(len, ids))})
    text += f", {' to '.join(map(str, lengths))} long"
    zeros = sum(name.startswith("0") and len(name) > 1 for name in ids)
    if zeros:
        text += ", with leading zeros" if zeros == len(ids) else ", some with leading zeros"
    return text


def _texts_of(column: Column) -> list[str]:
    values = column.values
    if values is None or (isinstance(values, np.ndarray) and values.dtype.kind not in "iu"):
        raise column.refuse(_ADVICE)
    found = []
    for row, value in enumerate(values.tolist() if isinstance(values, np.ndarray) else values):
        try:
            text = _text(value)
        except TypeError:
            raise column.refuse(_ADVICE, row) from None
        if not text:
            raise DataError(
                f"{column.source}column {column.name!r} lacks the id of some row, {column.row(row)} for one"
            )
        found.append(text)
    return found


def _text(value: Any) -> str:
    """Return the text of an id, an empty one where it is missing."""
    if is_missing(value):
        return ""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        whole = value.as_tuple().exponent == 0
    else:
        whole = isinstance(value, Integral) and not isinstance(value, bool | np.timedelta64)
    if not whole:
        raise TypeError("no id")
    return str(int(value))


def _escape(part: str) -> str:
    return part.replace("\\", "\\\\").replace(SEPARATOR, "\\" + SEPARATOR)
