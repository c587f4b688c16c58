# SPDX-License-Identifier: Apache-2.0
"""What models have in common whose clients' updates are averaged: regressions and networks."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar

from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.federation import Session
from pyfate_gpu.homo.agreement import Common
from pyfate_gpu.homo.estimator import HomoEstimator
from pyfate_gpu.homo.noise import Noise
from pyfate_gpu.homo.plan import ADAPTIVE, AggregationPlan
from pyfate_gpu.homo.report import AggregationReport
from pyfate_gpu.homo.spending import PrivacySpent, Spending, check_delta, read_noise
from pyfate_gpu.protocol.settings import check_choice, check_count, plain

logger = logging.getLogger(__name__)


class AveragedModel(HomoEstimator):
    """Base of models that average updates, with noise inside the sums if it is wanted."""

    integers: ClassVar[str] = "refuse"

    if TYPE_CHECKING:  # parameters of every such model, and what fit sets
        weighting: str
        standardize: bool
        value_bits: int
        noise: Noise | Mapping[str, Any] | None
        delta: float
        loss_history_: list[float]
        validation_history_: list[dict[str, float]]
        aggregation_: AggregationReport
        privacy_: PrivacySpent

    def _check_averages(self) -> None:
        """Raise ConfigurationError for the first parameter of sums that makes no sense."""
        check_choice("weighting", self.weighting, ("rows", "equal"))
        check_count("value_bits", self.value_bits)
        check_delta(self.delta)
        noise = read_noise(self.noise)
        if noise is None:
            AggregationPlan(2, value_bits=plain(self.value_bits))
            return
        for name, wanted in (("standardize", False), ("early_stopping_rounds", None)):
            if getattr(self, name) != wanted:
                raise ConfigurationError(
                    f"{name} is {getattr(self, name)!r} and there is noise: sums over columns or of validation rows "
                    f"would tell what it hides; set {name} to {wanted}"
                )
        self._noisy_plan(noise, max(2, noise.honest))

    def _noisy_plan(self, noise: Noise, clients: int, total: int | None = None) -> AggregationPlan:
        """No value is larger than the norm: as a clip it clips none."""
        return AggregationPlan(
            clients, int(self.value_bits), clip=noise.norm, max_total_weight=total, noise=noise
        )

    def _plans(self, session: Session, common: Common) -> tuple[AggregationPlan, AggregationPlan]:
        """Of training, and of what is over all rows."""
        clients, bits = len(session.clients), int(self.value_bits)
        total = clients << common.row_bits
        by_rows = AggregationPlan(
            clients, bits, clip=ADAPTIVE, integers=self.integers, max_total_weight=total
        )
        noise = read_noise(self.noise)
        if noise is not None:
            weights = total if self.weighting == "rows" else None
            return self._noisy_plan(noise, clients, weights), by_rows
        if self.weighting == "rows":
            return by_rows, by_rows
        return AggregationPlan(clients, bits, clip=ADAPTIVE, integers=self.integers), by_rows

    def _spending(self) -> Spending | None:
        """What counts the sums of this training; None without noise."""
        noise = read_noise(self.noise)
        return None if noise is None else Spending(noise, float(self.delta))

    def _told(
        self, session: Session, report: AggregationReport | None, spending: Spending | None
    ) -> dict[str, Any]:
        """What came of the sums, as attributes."""
        found: dict[str, Any] = {} if report is None else {"aggregation_": report}
        if spending is not None:
            found["privacy_"] = spending.spent()
            logger.info("%s: %s", session.party, found["privacy_"])
        return found

    def terms(self) -> dict[str, Any]:
        """Return the parameters that all parties must have set alike, as JSON takes them."""
        return super().terms() | {"noise": self._numbers_of_noise()}

    def _kept_parameters(self) -> dict[str, Any]:
        return super()._kept_parameters() | {"noise": self._numbers_of_noise()}

    def _numbers_of_noise(self) -> dict[str, Any] | None:
        noise = read_noise(self.noise)
        return None if noise is None else asdict(noise)

    def result(self) -> dict[str, Any]:
        """Return iterations, cost, and at clients losses and what sums have told."""
        found = super().result()
        if hasattr(self, "loss_history_"):
            losses = [float(loss) for loss in self.loss_history_]
            found |= {"loss": losses, "validation": self.validation_history_}
        if hasattr(self, "aggregation_"):
            found |= self.aggregation_.told()
        if hasattr(self, "privacy_"):
            found["privacy"] = asdict(self.privacy_)
        return found

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Return what all sums under noise have told of a client, at clients."""
        found = super().tables()
        if hasattr(self, "privacy_"):
            found["privacy spent"] = [asdict(self.privacy_)]
        return found
