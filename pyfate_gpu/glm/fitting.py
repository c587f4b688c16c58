# SPDX-License-Identifier: Apache-2.0
"""From parameters and tables to the protocol and back to fitted attributes, for each role."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.errors import ConfigurationError, DataError
from pyfate_gpu.federation import Role, Session
from pyfate_gpu.federation.roles import ARBITER, GUEST
from pyfate_gpu.glm.arbiter import serve_training
from pyfate_gpu.glm.data import LabelledData, read_exposure, read_weights
from pyfate_gpu.glm.families import FAMILIES
from pyfate_gpu.glm.fitted import FittedHalf
from pyfate_gpu.glm.guest import GuestTrainer
from pyfate_gpu.glm.handshake import (
    Shape,
    agree_on_terms,
    announce_key,
    collect_columns,
    connect,
    report_shape,
)
from pyfate_gpu.glm.host import HostTrainer
from pyfate_gpu.glm.parameters import Parameters
from pyfate_gpu.glm.progress import Callback, Progress, check_callbacks
from pyfate_gpu.glm.scoring import collect_scores, send_scores, serve_scores
from pyfate_gpu.glm.settings import Settings
from pyfate_gpu.glm.tables import Table, read_table
from pyfate_gpu.glm.validation import Validator
from pyfate_gpu.he import generate_keypair

if TYPE_CHECKING:
    from pyfate_gpu.he import PrivateKey, PublicKey

Floats = NDArray[np.float64]
Classes = NDArray[np.generic] | None
Model = TypeVar("Model", bound="Fitting")


class Fitting(Parameters, ABC):
    """The private side of the estimators; a model says what its labels and metrics are."""

    if TYPE_CHECKING:  # a parameter of every model
        callbacks: Sequence[Callback]

    @property
    @abstractmethod
    def family(self) -> str:
        """Name of the loss."""

    @abstractmethod
    def _encode_labels(self, y: Any, rows: int, classes: Classes) -> tuple[Floats, Classes]:
        """Return labels [rows, outputs], and their classes, which are those given if there are any."""

    @abstractmethod
    def _interpret(self, scores: Floats) -> dict[str, NDArray[Any]]:
        """Return predictions, and what else is known of rows, by name."""

    @abstractmethod
    def _evaluate(self, y: Floats, scores: Floats) -> dict[str, float]:
        """Return metrics of labels and scores [rows, outputs]; the first one is better when less."""

    def settings(self) -> Settings:
        """Return the parameters, checked.

        Raises
        ------
        ConfigurationError
            For the first one that makes no sense.
        """
        check_callbacks(self.callbacks)
        return Settings.of(self.family, self.get_params())

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
        role = _role_in(session)
        _check_owner(
            role, X=X, validation=validation, y=y, weights=sample_weight, exposure=exposure
        )
        if role is Role.ARBITER:
            private_key = self._announce_key(session, "fit", settings)
            progress = Progress(session, self.callbacks)
            iterations = serve_training(session, private_key, settings, progress)
            vars(self).update(n_iter_=iterations, report_=progress.finish(iterations))
            return self
        table = read_table(X)
        start = getattr(self, "_half", None) if settings.warm_start else None
        half = start or FittedHalf.untrained(
            table,
            standardize=settings.standardize,
            clip=settings.clip,
            intercept=settings.fit_intercept and role is Role.GUEST,
        )
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
        data, classes = self._label(half, table, *labels)
        half = replace(half, classes=classes)
        validator = None
        if validation is not None:
            X, y, exposure = _unpack_validation(validation)
            other, _ = self._label(half, read_table(X), y, None, exposure)
            validator = Validator(other, self._evaluate, settings.early_stopping_rounds)
        elif settings.early_stopping_rounds is not None:
            raise ConfigurationError(
                "early_stopping_rounds judges validation rows: pass validation=(X, y) to fit"
            )
        connect(session, "fit", settings)
        progress = Progress(session, self.callbacks)
        trainer = GuestTrainer(
            session,
            replace(settings, fit_intercept=half.intercept),  # warm, it is as it was
            FAMILIES[settings.family],
            progress,
            data,
            validator=validator,
            start=_weights(start, data.y.shape[1]),
        )
        iterations = trainer.train()
        return {
            "_half": replace(half, weights=trainer.half.best),
            "intercept_": 0.0,  # unless the half has one
            "n_iter_": iterations,
            "report_": progress.finish(iterations),
            "loss_history_": trainer.losses,
            **({} if validator is None else {"validation_history_": validator.history}),
        }

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
        tested = None if validation is None else half.features(read_table(validation))
        connect(session, "fit", settings)
        progress = Progress(session, self.callbacks)
        trainer = HostTrainer(
            session,
            settings,
            FAMILIES[settings.family],
            progress,
            features,
            validation=tested,
            start=None if start is None else start.weights,
        )
        iterations = trainer.train()
        return {
            "_half": replace(half, weights=trainer.half.best),
            "n_iter_": iterations,
            "report_": progress.finish(iterations),
        }

    def _scores(self, X: Any, session: Session, exposure: Any = None) -> Floats | None:
        settings = self.settings()
        role = _role_in(session)
        _check_owner(role, X=X, exposure=exposure)
        if role is Role.ARBITER:
            private_key = self._announce_key(session, "predict", settings)
            count = session.receive(GUEST, "decryptions", count=int)
            serve_scores(session, private_key, count)
            return None
        half = self._fitted_half()
        share = half.share(read_table(X))
        shift = read_exposure(exposure, len(share))
        connect(session, "predict", settings)
        shape = Shape(len(share), half.columns)
        if role is Role.HOST:
            report_shape(session, shape)
            send_scores(session, share)
            return None
        collect_columns(session, shape)
        session.send(ARBITER, "decryptions", count=share.size)
        scores = collect_scores(session, share if shift is None else share + shift)
        return scores[:, 0] if scores.shape[1] == 1 else scores

    def _fitted_half(self) -> FittedHalf:
        half: FittedHalf | None = getattr(self, "_half", None)
        if half is None:
            raise ConfigurationError(
                f"this {type(self).__name__} is not fitted: call fit first"
                + (" (the arbiter keeps no weights)" if hasattr(self, "_keys") else "")
            )
        return half

    def _announce_key(self, session: Session, task: str, settings: Settings) -> PrivateKey:
        agree_on_terms(session, task, settings.terms())
        keys: tuple[PublicKey, PrivateKey] | None = getattr(self, "_keys", None)
        if keys is None or keys[0].key_bits != settings.key_bits:
            with session.statistics.step("make key"):
                keys = generate_keypair(
                    settings.key_bits, allow_insecure_key_size=settings.allow_insecure_key_size
                )
            self._keys = keys
        announce_key(session, keys[0])
        return keys[1]

    def _keep(self, fitted: dict[str, Any]) -> None:
        """Set all fitted attributes at once, after everything went well."""
        for name in ("feature_names_in_", "validation_history_", "intercept_"):
            vars(self).pop(name, None)
        vars(self).update(fitted | fitted["_half"].attributes())


def _role_in(session: Any) -> Role:
    """The part this party plays."""
    if not isinstance(session, Session):
        raise ConfigurationError(
            f"session is {session!r}; it must be the Session that simulate or a job gives each party"
        )
    return session.party.role


def _check_owner(role: Role, *, X: Any = None, validation: Any = None, **labels: Any) -> None:
    """Refuse data that a party of this role should not even have."""
    labelled = any(value is not None for value in labels.values())
    if role is Role.ARBITER and (labelled or X is not None or validation is not None):
        raise DataError("the arbiter has the private key and no data: call it without X and y")
    if role is Role.HOST and (labelled or isinstance(validation, tuple)):
        raise DataError(
            "a host has no labels, weights or exposures, they are the guest's: call it without y"
        )


def _unpack_validation(validation: Any) -> tuple[Any, Any, Any]:
    if not isinstance(validation, tuple) or len(validation) not in (2, 3):
        raise DataError("the guest's validation data is a tuple of features and labels")
    return (*validation, None)[:3]


def _weights(start: FittedHalf | None, outputs: int) -> Floats | None:
    if start is None:
        return None
    if start.weights.shape[1] != outputs:
        raise DataError(
            f"y has {outputs} outputs, the weights to begin with have {start.weights.shape[1]}: "
            "set warm_start=False"
        )
    return start.weights
