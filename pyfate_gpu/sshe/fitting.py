# SPDX-License-Identifier: Apache-2.0
"""From parameters and tables to the protocol and back to fitted attributes, for each role."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.preparation import FeaturePipeline
from pyfate_gpu.data.row_weights import read_weights
from pyfate_gpu.data.tables import Table, read_table
from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.federation import Role, Session
from pyfate_gpu.federation.topology import TWO_PARTIES
from pyfate_gpu.learning.targets import UNSCALED, TargetScale
from pyfate_gpu.protocol.halves import HalfEstimator, HalfFile
from pyfate_gpu.protocol.progress import Progress, check_callbacks
from pyfate_gpu.protocol.roles import check_owner, unpack_validation
from pyfate_gpu.protocol.sharing.connection import connect
from pyfate_gpu.protocol.training import compare_trainings
from pyfate_gpu.protocol.validation import Validator
from pyfate_gpu.sshe import model_file
from pyfate_gpu.sshe.bounds import feature_bits
from pyfate_gpu.sshe.guest import GuestTrainer
from pyfate_gpu.sshe.host import HostTrainer
from pyfate_gpu.sshe.messages import MESSAGES
from pyfate_gpu.sshe.model import FittedHalf
from pyfate_gpu.sshe.prediction import add_known, compare_rows, score_shares
from pyfate_gpu.sshe.settings import Settings
from pyfate_gpu.sshe.trainer import Half, SharedTrainer
from pyfate_gpu.typing import Floats

if TYPE_CHECKING:
    from pyfate_gpu.data.sources import Rows

Classes = NDArray[np.generic] | None
Model = TypeVar("Model", bound="Fitting")


class Fitting(HalfEstimator[FittedHalf]):
    """The private side of the estimators; a model says what its labels and metrics are."""

    topologies = (TWO_PARTIES,)
    messages = MESSAGES
    half_file: ClassVar[HalfFile] = model_file

    @abstractmethod
    def _link(self) -> str:
        """Return the name of the polynomial for the inverse link."""

    def check_rows(self, role: Role, rows: Rows, validation: Rows | None = None) -> None:
        """Raise what `fit`, or predicting once fitted, would raise of a party's own tables, before it begins.

        Raises
        ------
        DataError, ConfigurationError
            For features, labels and weights that cannot be used.
        """
        settings, guest = self.settings(), role is Role.GUEST
        half: FittedHalf | None = getattr(self, "_half", None)
        if half is not None:
            half.features(read_table(rows.features, missing=half.imputes))
            return
        if guest and validation is None and settings.early_stopping_rounds is not None:
            raise ConfigurationError("early_stopping_rounds judges validation rows: name some")
        classes: Classes = None
        for each in (each for each in (rows, validation) if each is not None):
            table = read_table(each.features, missing=settings.impute is not None)
            half = half or _untrained(table, settings, intercept=False)
            half.features(table)
            if guest:
                _, classes = self._encode_labels(each.labels, len(each.ids), classes)
                read_weights(each.extras.get("sample_weight"), len(each.ids))

    def settings(self) -> Settings:
        """Return the parameters, checked.

        Raises
        ------
        ConfigurationError
            For the first one that makes no sense.
        """
        check_callbacks(self.callbacks)
        return Settings.of(self._link(), self.get_params())

    def _fit(
        self: Model, session: Session, X: Any, y: Any, sample_weight: Any, validation: Any
    ) -> Model:
        settings = self.settings()
        role = self.check_session(session)
        check_owner(role, X=X, validation=validation, y=y, weights=sample_weight)
        guest = role is Role.GUEST
        table = read_table(X, missing=settings.impute is not None)
        half = _untrained(table, settings, intercept=guest and settings.fit_intercept)
        tested, validator = None, None
        labels: tuple[Any, ...] = ()
        if guest:
            encoded, classes = self._encode_labels(y, len(table.values), None)
            row_weights = read_weights(sample_weight, len(table.values))
            scale = self._scale(encoded, row_weights, half.intercept)
            half = replace(half, classes=classes, scale=scale)
            tested, validator = self._tested(settings, half, validation)
            labels = (scale.shrink(encoded)[:, 0], row_weights, validator, scale)
        elif validation is not None:
            tested = half.features(read_table(validation, missing=half.imputes))
        own = Half(half.features(table), half.bits, tested, half.intercept)
        exchange = connect(self, session, "fit", squeeze=settings.squeeze)
        progress = Progress(session, self.callbacks, settings.max_iter)
        progress.packing = "results" if settings.squeeze else "none"
        found: SharedTrainer = (
            GuestTrainer(exchange, settings, progress, own, *labels)
            if guest
            else HostTrainer(exchange, settings, progress, own)
        )
        iterations = found.train()
        half = self._finished(half, found)
        fitted = {"_half": half, "n_iter_": iterations, "report_": progress.finish(iterations)}
        if isinstance(found, GuestTrainer):
            fitted["loss_history_"] = found.loss_history
            if validator is not None:
                fitted |= validator.attributes(half.scale.grow)
        self._keep(fitted)
        return self

    def _finished(self, half: FittedHalf, trainer: SharedTrainer) -> FittedHalf:
        """Return the half with the weights that were opened, or with shares of all of them."""
        training, peer_bits = trainer.session.task_id, trainer.peer.bits
        half = replace(half, scale=trainer.scale, peer_bits=peer_bits, training=training)
        opened = trainer.open_weights()
        if opened is None:
            return replace(half, shares=trainer.weights.best)
        grown = trainer.scale.grow_weights(opened, intercept=half.intercept)
        return replace(half, weights=grown)

    def _scale(self, y: Floats, weights: Any, intercept: bool) -> TargetScale:
        """Return the unit to train in."""
        return UNSCALED

    def _tested(
        self, settings: Settings, half: FittedHalf, validation: Any
    ) -> tuple[Any, Validator | None]:
        """Return the guest's validation features and who judges by them, None without."""
        if validation is None:
            if settings.early_stopping_rounds is not None:
                raise ConfigurationError(
                    "early_stopping_rounds judges validation rows: pass validation=(X, y) to fit"
                )
            return None, None
        X, y, _ = unpack_validation(validation)
        features = half.features(read_table(X, missing=half.imputes))
        encoded, _ = self._encode_labels(y, features.rows, half.classes)

        def evaluate(y: Floats, scaled: Floats) -> dict[str, float]:
            return self._evaluate(y, half.scale.grow(scaled))

        return features, Validator(encoded, evaluate, settings.early_stopping_rounds)

    def _scores(self, X: Any, session: Session) -> Floats | None:
        settings = self.settings()
        role = self.check_session(session)
        check_owner(role, X=X)
        half = self._fitted_half()
        features = half.features(read_table(X, missing=half.imputes))
        exchange = connect(self, session, "predict", squeeze=settings.squeeze)
        compare_trainings(session, half.training)
        compare_rows(session, features.rows)
        if half.weights is not None:
            return add_known(session, half, features)
        return score_shares(exchange, settings, half, features)

    def _outputs(self) -> int:
        self._fitted_half()
        return 1

    def _keep(self, fitted: dict[str, Any]) -> None:
        """Set all fitted attributes at once, after everything went well."""
        judged = "validation_history_", "validation_scores_"
        for name in ("feature_names_in_", *judged, "intercept_", "coef_"):
            vars(self).pop(name, None)
        vars(self).update(fitted | fitted["_half"].attributes())


def _untrained(table: Table, settings: Settings, *, intercept: bool) -> FittedHalf:
    """Return a half for the columns of `table`, without weights so far."""
    pipeline = FeaturePipeline.fit(
        table.values,
        standardize=settings.standardize,
        clip=settings.clip,
        impute=settings.impute,
        indicator=settings.impute_indicator,
    )
    bits = feature_bits(len(table.values), standardized=settings.standardize, clip=settings.clip)
    return FittedHalf(pipeline, intercept, table.names, bits)
