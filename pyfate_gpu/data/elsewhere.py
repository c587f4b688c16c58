# SPDX-License-Identifier: Apache-2.0
"""Columns that are not in this process: what is asked of them in place of an array."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NoReturn

from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.typing import Floats, Integers

if TYPE_CHECKING:
    from pyfate_gpu.data.preparation import FeaturePipeline


class ColumnsElsewhere(ABC):
    """Features [rows, columns] that lie in other processes, in some order of their rows."""

    shape: tuple[int, int]

    def __len__(self) -> int:
        return self.shape[0]

    @abstractmethod
    def __getitem__(self, rows: Any) -> ColumnsElsewhere:
        """Some of the rows, in the order given; nothing moves before features are made."""

    @abstractmethod
    def extremes(self) -> tuple[Floats, Floats]:
        """Smallest and largest value of each column; NaN where one is missing."""

    @abstractmethod
    def moments(self, exponents: Integers) -> tuple[Floats, Floats]:
        """Mean and standard deviation of the columns divided by powers of two."""

    @abstractmethod
    def digest(self) -> bytes:
        """A hash of all values in their order, the same wherever they lie."""

    @abstractmethod
    def prepared(self, pipeline: FeaturePipeline) -> FeaturesElsewhere:
        """Features, each row where it is to be worked on."""


class FeaturesElsewhere(ABC):
    """In place of a `FixedPointMatrix` where its rows lie in other processes."""

    rows: int
    columns: int

    @abstractmethod
    def with_ones(self) -> FeaturesElsewhere:
        """With one more column, of ones."""

    @abstractmethod
    def take(self, rows: Integers | slice) -> FeaturesElsewhere:
        """Some of the rows."""

    @abstractmethod
    def times(self, weights: Floats) -> Floats:
        """The product with weights [columns, outputs], which comes here."""

    @abstractmethod
    def place(self, key: Any) -> Any:
        """A `PlacedMatrix` of a public key, made where the rows are."""

    @abstractmethod
    def at_workers(self, engine: Any) -> Any:
        """What an engine of the same processes holds of them."""

    @property
    def integers(self) -> NoReturn:
        """Not here."""
        raise ConfigurationError(
            "features that lie at workers take packing='none' and an optimizer that needs gradients alone: choose "
            "adam, rmsprop or sgd at every party, or have this party's table read by the driver"
        )

    values = integers
