# SPDX-License-Identifier: Apache-2.0
"""What a party can say of its own tables before it waits for anybody; it goes to its own log only."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pyfate_gpu.data.elsewhere import ColumnsElsewhere
from pyfate_gpu.data.ids import look_of
from pyfate_gpu.data.rows import Rows
from pyfate_gpu.errors import DataError
from pyfate_gpu.federation import Party
from pyfate_gpu.jobs.configuration import ALONE

if TYPE_CHECKING:
    from pyfate_gpu.protocol.estimator import Estimator

logger = logging.getLogger(__name__)

#: Rows of a class below which a model learns little of it.
FEW = 10
_NAMED = 5


def judge_tables(party: Party, model: Estimator, tables: Mapping[str, Rows]) -> None:
    """Refuse tables that the model cannot take, and warn of what is unlikely to be meant.

    Parameters
    ----------
    tables : mapping
        By what they are for, the one that the model works on first.

    Raises
    ------
    DataError, ConfigurationError
        As the model would when all others are waiting for this party.
    """
    for kind, rows in tables.items():
        logger.info("%s: [%s] has %d rows, %d columns", party, kind, len(rows.ids), len(rows.names))
        _tell_of_ids(party, kind, rows)
    if tables:
        first = next(iter(tables.values()))
        _warn_of_constants(party, first)
        model.check_rows(party.role, first, tables.get("validation"))
    if ALONE in tables:
        _check_alone(tables["data"], tables[ALONE])
        if model.takes_rows_alone:  # else a step before it, which does not see them
            model.check_rows(party.role, tables[ALONE])


def _check_alone(rows: Rows, alone: Rows) -> None:
    """Raise DataError unless rows of one's own are further rows of the same columns."""
    if alone.names != rows.names:
        raise DataError(
            f"[{ALONE}] has columns {', '.join(alone.names)}, [data] has {', '.join(rows.names)}: name the same in "
            "the same order"
        )
    twice = len(set(rows.ids).intersection(alone.ids))
    if twice:
        raise DataError(
            f"{twice} of the {len(alone.ids)} ids of [{ALONE}] are in [data] too, and would count twice: leave them "
            "out of one of both"
        )


def count_all(model: Estimator, *tables: Rows | None) -> dict[Any, int]:
    """Return how many rows of tables that are trained on together each class has."""
    found: Counter[Any] = Counter()
    for rows in tables:
        found.update({} if rows is None else model.class_counts(rows.labels))
    return dict(found)


def tell_of_classes(party: Party, model: Estimator, rows: Rows, alone: Rows | None = None) -> None:
    """Log the classes of the rows that are trained on, with a warning for those of a few rows."""
    counts = count_all(model, rows, alone)
    if not counts:
        return
    listed = ", ".join(f"{name!r} {count}" for name, count in counts.items())
    logger.info("%s: %d classes: %s", party, len(counts), listed)
    few = [f"{name!r} {count}" for name, count in counts.items() if count < FEW]
    if few:
        logger.warning(
            "%s: classes of fewer than %d rows: %s; is one of them a mistake? classes = %d in [model] would say so",
            party,
            FEW,
            ", ".join(few),
            len(counts) - len(few) or len(counts),
        )


def _tell_of_ids(party: Party, kind: str, rows: Rows) -> None:
    """Log what ids look like; numbers may once have been texts that began with zeros."""
    ids = rows.ids
    numbers = all(name.isdecimal() and not (name[0] == "0" < name[1:2]) for name in ids)
    lost = numbers and len({len(name) for name in ids}) > 1
    hint = (
        ": if they had leading zeros elsewhere, these are lost and ids do not meet" if lost else ""
    )
    logger.info("%s: ids of [%s] are %s%s", party, kind, look_of(ids), hint)


def _warn_of_constants(party: Party, rows: Rows) -> None:
    values, same = rows.values, np.array([])
    if isinstance(values, ColumnsElsewhere):
        smallest, largest = values.extremes()
        same = smallest == largest
    elif len(values) > 1:
        with np.errstate(invalid="ignore"):
            same = (values == values[:1]).all(axis=0)
    names = [name for name, constant in zip(rows.names, same, strict=False) if constant]
    if names:
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        logger.warning(
            "%s: columns with the same value in all rows say nothing: %s%s",
            party,
            ", ".join(map(repr, names[:_NAMED])),
            more,
        )
