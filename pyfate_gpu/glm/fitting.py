# SPDX-License-Identifier: Apache-2.0
"""From parameters and tables to the protocol and back to fitted attributes, for each role."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.elsewhere import ColumnsElsewhere
from pyfate_gpu.data.tables import Table, read_table
from pyfate_gpu.errors import ConfigurationError, DataError
from pyfate_gpu.federation import Role, Session
from pyfate_gpu.federation.roles import ARBITER, GUEST
from pyfate_gpu.glm import model_file
from pyfate_gpu.glm.arbiter import serve_training
from pyfate_gpu.glm.families import FAMILIES
from pyfate_gpu.glm.guest import GuestTrainer
from pyfate_gpu.glm.host import HostTrainer
from pyfate_gpu.glm.messages import MESSAGES
from pyfate_gpu.glm.model import FittedHalf
from pyfate_gpu.glm.plan import Shape, collect_shapes, compare_shapes, connect, report_shape
from pyfate_gpu.glm.rows import (
    LabelledData,
    no_columns,
    read_columns,
    read_exposure,
    read_weights,
)
from pyfate_gpu.glm.search import GuestSearch, HostSearch
from pyfate_gpu.glm.settings import NEWTON, Settings
from pyfate_gpu.glm.targets import announce_scale, receive_scale
from pyfate_gpu.protocol.halves import HalfEstimator, HalfFile
from pyfate_gpu.protocol.progress import Progress, check_callbacks
from pyfate_gpu.protocol.roles import check_owner, unpack_validation
from pyfate_gpu.protocol.scoring import collect_scores, send_scores, serve_scores
from pyfate_gpu.protocol.terms import agree_on_terms
from pyfate_gpu.protocol.validation import Validator
from pyfate_gpu.typing import Floats

if TYPE_CHECKING:
    from pyfate_gpu.data.rows import Rows

Classes = NDArray[np.generic] | None
Model = TypeVar("Model", bound="Fitting")


class Fitting(HalfEstimator[FittedHalf]):
    """The private side of the estimators; a model says what its labels and metrics are."""

    messages = MESSAGES
    takes_tables_at_workers = True
    half_file: ClassVar[HalfFile] = model_file

    @property
    @abstractmethod
    def family(self) -> str:
        """Name of the loss."""

    def settings(self) -> Settings:
        """Return the parameters, checked.

        Raises
        ------
        ConfigurationError
            For the first one that makes no sense.
        """
        check_callbacks(self.callbacks)
        return Settings.of(self.family, self.get_params())

    def check_rows(self, role: Role, rows: Rows, validation: Rows | None = None) -> None:
        """Raise what `fit`, or predicting once fitted, would raise of a party's own tables, before it begins.

        Raises
        ------
        DataError, ConfigurationError
            For features, labels, weights and exposures that cannot be used.
        """
        settings, guest = self.settings(), role is Role.GUEST
        half: FittedHalf | None = getattr(self, "_half", None)
        if half is not None:
            half.features(read_columns(rows.features, guest=guest, missing=half.imputes))
            return
        if guest and validation is None and settings.early_stopping_rounds is not None:
            raise ConfigurationError("early_stopping_rounds judges validation rows: name some")
        half, classes = None, None
        for number, each in enumerate(r for r in (rows, validation) if r is not None):
            missing = settings.impute is not None
            table = read_columns(each.features, each.labels, guest=guest, missing=missing)
            half = half or FittedHalf.untrained(table, settings, intercept=False)
            if not isinstance(each.values, ColumnsElsewhere):  # which would move: once is enough
                half.features(table)
            if guest:
                _, classes = self._encode_labels(each.labels, len(each.ids), classes)
                read_exposure(each.extras.get("exposure"), len(each.ids))
            if guest and not number:
                read_weights(each.extras.get("sample_weight"), len(each.ids))

    def _fit(
        self: Model,
        session: Session,
        X: Any,
        y: Any,
        sample_weight: Any,
        validation: Any,
        exposure: Any = None,
    ) -> Model:
        settings = self.settings()
        role = self.check_session(session)
        check_owner(role, X=X, validation=validation, y=y, weights=sample_weight, exposure=exposure)
        if role is Role.ARBITER:
            agree_on_terms(session, "fit", settings.terms())
            private_key = self.announce_new_key(session)
            progress = Progress(session, self.callbacks, settings.max_iter)
            iterations = serve_training(session, private_key, settings, progress)
            vars(self).update(n_iter_=iterations, report_=progress.finish(iterations))
            return self
        start = getattr(self, "_half", None) if settings.warm_start else None
        imputes = settings.impute is not None if start is None else start.imputes
        table = read_columns(X, y, guest=role is Role.GUEST, missing=imputes)
        intercept = settings.fit_intercept and role is Role.GUEST
        half = start or FittedHalf.untrained(table, settings, intercept=intercept)
        if role is Role.GUEST:
            labels = (y, sample_weight, exposure)
            fitted = self._fit_guest(session, settings, half, start, table, labels, validation)
        else:
            fitted = self._fit_host(session, settings, half, start, table, validation)
        self._keep(fitted)
        return self

    def _fit_guest(
        self,
        session: Session,
        settings: Settings,
        half: FittedHalf,
        start: FittedHalf | None,
        table: Table,
        labels: tuple[Any, Any, Any],
        validation: Any,
    ) -> dict[str, Any]:
        family = FAMILIES[settings.family]
        data, classes = self._label(half, table, *labels)
        scale = (
            half.scale
            if start or not family.scales_targets
            else data.target_scale(centre=half.intercept)
        )
        half = replace(half, classes=classes, scale=scale)
        tested, validator = self._tested(settings, half, validation)
        connect(session, "fit", settings)
        progress = Progress(session, self.callbacks, settings.max_iter)
        kind = GuestSearch if settings.optimizer == NEWTON else GuestTrainer
        trainer = kind(
            session,
            replace(settings, fit_intercept=half.intercept),  # warm, it is as it was
            family,
            progress,
            data,
            tested=tested,
            validator=validator,
            start=_weights(start, data.y.shape[1]),
            scale=scale,
            training="" if start is None else start.training,
        )
        iterations = trainer.train()
        return {
            "_half": replace(half, weights=trainer.weights.fitted(), training=session.task_id),
            "intercept_": 0.0,  # unless the half has one
            "n_iter_": iterations,
            "report_": progress.finish(iterations),
            "loss_history_": trainer.loss_history,
            **({} if validator is None else validator.attributes(half.scale.grow)),
        }

    def _tested(
        self, settings: Settings, half: FittedHalf, validation: Any
    ) -> tuple[LabelledData | None, Validator | None]:
        """Return the guest's validation rows and who judges by them, None without."""
        if validation is None:
            if settings.early_stopping_rounds is not None:
                raise ConfigurationError(
                    "early_stopping_rounds judges validation rows: pass validation=(X, y) to fit"
                )
            return None, None
        X, y, exposure = unpack_validation(validation)
        table = read_columns(X, y, guest=True, missing=half.imputes)
        tested, _ = self._label(half, table, y, None, exposure)

        def evaluate(y: Floats, scaled: Floats) -> dict[str, float]:
            return self._evaluate(y, half.scale.grow(scaled))

        return tested, Validator(tested.y, evaluate, settings.early_stopping_rounds)

    def _label(
        self, half: FittedHalf, table: Table, y: Any, sample_weight: Any, exposure: Any
    ) -> tuple[LabelledData, Classes]:
        """Return the guest's rows, prepared as `half` does, and the classes of their labels."""
        rows = len(table.values)
        encoded, classes = self._encode_labels(y, rows, half.classes)
        data = LabelledData(
            half.features(table),
            encoded,
            read_weights(sample_weight, rows),
            read_exposure(exposure, rows),
        )
        return data, classes

    def _fit_host(
        self,
        session: Session,
        settings: Settings,
        half: FittedHalf,
        start: FittedHalf | None,
        table: Table,
        validation: Any,
    ) -> dict[str, Any]:
        features = half.features(table)
        tested = None
        if validation is not None:
            tested = half.features(read_table(validation, missing=half.imputes))
        connect(session, "fit", settings)
        progress = Progress(session, self.callbacks, settings.max_iter)
        kind = HostSearch if settings.optimizer == NEWTON else HostTrainer
        trainer = kind(
            session,
            settings,
            FAMILIES[settings.family],
            progress,
            features,
            validation=tested,
            start=None if start is None else start.weights,
            training="" if start is None else start.training,
        )
        iterations = trainer.train()
        return {
            "_half": replace(half, weights=trainer.weights.fitted(), training=session.task_id),
            "n_iter_": iterations,
            "report_": progress.finish(iterations),
        }

    def _scores(self, X: Any, session: Session, exposure: Any = None) -> Floats | None:
        settings = self.settings()
        role = self.check_session(session)
        check_owner(role, X=X, exposure=exposure)
        if role is Role.ARBITER:
            agree_on_terms(session, "predict", settings.terms())
            private_key = self.announce_new_key(session)
            count = session.receive(GUEST, "decryptions", count=int)
            serve_scores(session, private_key, count)
            return None
        half = self._fitted_half()
        if role is Role.GUEST:
            return _score_as_guest(session, settings, half, X, exposure)
        share = half.share(read_table(X, missing=half.imputes))
        connect(session, "predict", settings)
        report_shape(session, Shape(len(share), half.columns, warm=True, training=half.training))
        scaled = FAMILIES[settings.family].scales_targets
        send_scores(session, receive_scale(session).shrink(share) if scaled else share)
        return None

    def _outputs(self) -> int:
        return int(self._fitted_half().weights.shape[1])

    def _why_not_fitted(self) -> str:
        return " (the arbiter keeps no weights)" if hasattr(self, "_keys") else ""

    def _keep(self, fitted: dict[str, Any]) -> None:
        """Set all fitted attributes at once, after everything went well."""
        judged = "validation_history_", "validation_scores_"
        for name in ("feature_names_in_", *judged, "intercept_"):
            vars(self).pop(name, None)
        vars(self).update(fitted | fitted["_half"].attributes())


def _score_as_guest(
    session: Session, settings: Settings, half: FittedHalf, X: Any, exposure: Any
) -> Floats:
    """Return the scores of rows; without columns, or exposures, they are as many as the hosts say."""
    share = None
    if X is not None or half.columns or exposure is not None:
        share = _share(half, X, exposure)
    connect(session, "predict", settings)
    shapes = collect_shapes(session)
    if share is None:
        share = half.share(no_columns(next(iter(shapes.values())).rows))
    own = Shape(len(share), half.columns, warm=True, training=half.training)
    compare_shapes(own, shapes)
    if FAMILIES[settings.family].scales_targets:
        announce_scale(session, half.scale)
    session.send(ARBITER, "decryptions", count=share.size)
    scores = half.scale.grow(collect_scores(session, half.scale.shrink(share)))
    return scores[:, 0] if scores.shape[1] == 1 else scores


def _share(half: FittedHalf, X: Any, exposure: Any) -> Floats:
    """Return the guest's share of the scores, exposures included."""
    nothing = None if half.columns else exposure
    if X is None and nothing is None:
        raise DataError(f"X is None, the model was fitted on {half.columns} columns of the guest")
    share = half.share(read_columns(X, nothing, guest=True, missing=half.imputes))
    shift = read_exposure(exposure, len(share))
    return share if shift is None else share + shift


def _weights(start: FittedHalf | None, outputs: int) -> Floats | None:
    if start is None:
        return None
    if start.weights.shape[1] != outputs:
        raise DataError(
            f"y has {outputs} outputs, the weights to begin with have {start.weights.shape[1]}: "
            "set warm_start=False"
        )
    return start.weights
