# SPDX-License-Identifier: Apache-2.0
"""Halves of models whose columns are prepared first: what follows from how they are."""

from __future__ import annotations

from pyfate_gpu.data.fixed_point import FixedPointMatrix
from pyfate_gpu.data.preparation import FeaturePipeline
from pyfate_gpu.data.tables import Table, check_same_columns


class PreparedHalf:
    """Base of a half that has these three, as fields of its own."""

    pipeline: FeaturePipeline
    intercept: bool
    names: tuple[str, ...] | None

    @property
    def columns(self) -> int:
        """Columns of the table."""
        return self.pipeline.columns

    @property
    def imputes(self) -> bool:
        """Whether values of the table may be missing."""
        return self.pipeline.imputation is not None

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the prepared features, in the order of their weights, without the intercept."""
        names = self.names or tuple(f"column {index}" for index in range(self.columns))
        return self.pipeline.names(names)

    def features(self, table: Table) -> FixedPointMatrix:
        """Return the features of rows, the intercept's ones included.

        Raises
        ------
        DataError
            When the table has other columns than that of fit.
        """
        check_same_columns(table, self.columns, self.names)
        features = self.pipeline.transform(table.values)
        return features.with_ones() if self.intercept else features
