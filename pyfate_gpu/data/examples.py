# SPDX-License-Identifier: Apache-2.0
"""Data to try the protocols on, split by columns as two companies would hold them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pyfate_gpu.typing import Floats, Integers

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class VerticalSplit:
    """The same rows at guest and host, each with its own columns; the labels are the guest's."""

    guest: Floats
    host: Floats
    y: Integers
    guest_names: Sequence[str]
    host_names: Sequence[str]

    @property
    def joined(self) -> Floats:
        """All columns side by side: what no party has."""
        return np.hstack([self.guest, self.host])


def load_breast_cancer_split(guest_columns: int = 10) -> VerticalSplit:
    """Return scikit-learn's breast cancer data (569 rows, 30 columns; UCI WDBC, CC BY 4.0).

    Parameters
    ----------
    guest_columns : int
        The guest holds this many columns from the left, the host the others.

    Examples
    --------
    >>> from pyfate_gpu.data.examples import load_breast_cancer_split
    >>> split = load_breast_cancer_split()
    >>> split.guest.shape, split.host.shape
    ((569, 10), (569, 20))
    """
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    names = [str(name) for name in data.feature_names]
    return VerticalSplit(
        np.ascontiguousarray(data.data[:, :guest_columns]),
        np.ascontiguousarray(data.data[:, guest_columns:]),
        np.asarray(data.target, dtype=np.int64),
        names[:guest_columns],
        names[guest_columns:],
    )
