# SPDX-License-Identifier: Apache-2.0
"""One party's rows, as files are read into them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.elsewhere import ColumnsElsewhere
from pyfate_gpu.data.id_texts import IdTexts
from pyfate_gpu.data.labels import has_label
from pyfate_gpu.typing import Floats, Integers


@dataclass(frozen=True)
class NamedColumns:
    """Features with the names of their columns.

    Parameters
    ----------
    columns : tuple of str
        Each once.
    values : float64 [rows, columns]
        Missing values are NaN.
    """

    columns: tuple[str, ...]
    values: Floats

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class Rows:
    """One party's rows in the order of their ids, as texts.

    Parameters
    ----------
    ids : sequence of str
        Each once.
    names : tuple of str
        Of the feature columns; a guest may have none.
    values : float64 [rows, columns]
        Missing values are NaN. Or `ColumnsElsewhere`, of a table that workers read.
    labels : array [rows] or None
        Of whole numbers, numbers or texts, whichever all of them are; where some are missing, of Python's values,
        None for these.
    extras : dict
        Sample weights and exposures, float64 [rows], by the keyword of `fit`.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.data.rows import Rows
    >>> rows = Rows(["a", "b"], ("x",), np.ones((2, 1)), np.array([1, None], dtype=object))
    >>> rows.labelled
    array([ True, False])
    """

    ids: Sequence[str]
    names: tuple[str, ...]
    values: Floats
    labels: NDArray[Any] | None
    extras: dict[str, Floats] = field(default_factory=dict)

    @property
    def features(self) -> NamedColumns:
        """The features as models take them, with their names."""
        return NamedColumns(self.names, self.values)

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """For each row whether it has a label."""
        if self.labels is None:
            return np.zeros(len(self.ids), dtype=bool)
        return has_label(self.labels)

    def digest(self, *, ids_only: bool = False) -> bytes:
        """Return a hash of all that is here, or of the ids: of another table it is another one."""
        found = hashlib.sha256()
        for name in self.ids:
            data = name.encode()
            found.update(len(data).to_bytes(8, "little") + data)
        if ids_only:
            return found.digest()
        values: Any = self.values
        elsewhere = isinstance(values, ColumnsElsewhere)
        found.update(json.dumps(self.names).encode())
        found.update(values.digest() if elsewhere else values.tobytes())
        found.update(repr({k: v.tolist() for k, v in self.extras.items()}).encode())
        found.update(repr(None if self.labels is None else self.labels.tolist()).encode())
        return found.digest()

    def take(self, rows: Sequence[int] | Integers) -> Rows:
        """Return some of the rows, in the order given."""
        ids = self.ids
        return Rows(
            ids.take(rows) if isinstance(ids, IdTexts) else [ids[row] for row in rows],
            self.names,
            self.values[rows],
            None if self.labels is None else self.labels[rows],
            {keyword: values[rows] for keyword, values in self.extras.items()},
        )
