# SPDX-License-Identifier: Apache-2.0
"""From parameters and tables to the protocol and back to fitted attributes, for each role."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.labels import as_labels, encode_classes, find_classes
from pyfate_gpu.data.preparation import FeaturePipeline
from pyfate_gpu.data.rows import NamedColumns, Rows
from pyfate_gpu.data.tables import (
    check_same_columns,
    read_labels,
    read_present_labels,
    read_table,
)
from pyfate_gpu.errors import ConfigurationError, DataError, ProtocolError
from pyfate_gpu.federation import Role, Session
from pyfate_gpu.federation.topology import TWO_PARTIES
from pyfate_gpu.learning.metrics import classification_metrics, log_loss, multiclass_metrics
from pyfate_gpu.nn.transfer import model_file
from pyfate_gpu.nn.transfer.components import Components
from pyfate_gpu.nn.transfer.half import TransferHalf, make_inputs
from pyfate_gpu.nn.transfer.messages import MESSAGES
from pyfate_gpu.nn.transfer.prediction import receive_scores, send_centres
from pyfate_gpu.nn.transfer.settings import Settings
from pyfate_gpu.nn.transfer.sides import GuestSide, HostSide, Weighing
from pyfate_gpu.nn.transfer.training import (
    GuestTransferTrainer,
    HostTransferTrainer,
    TransferTrainer,
)
from pyfate_gpu.protocol.halves import HalfEstimator, HalfFile
from pyfate_gpu.protocol.progress import Progress, check_callbacks
from pyfate_gpu.protocol.roles import check_owner
from pyfate_gpu.protocol.sharing.connection import connect
from pyfate_gpu.protocol.sharing.exchange import Exchange
from pyfate_gpu.protocol.training import compare_trainings
from pyfate_gpu.typing import Floats

Classes = NDArray[Any] | None
Model = TypeVar("Model", bound="TransferFitting")


class TransferFitting(HalfEstimator[TransferHalf]):
    """Base of `FederatedTransfer`: what it does with tables."""

    topologies = (TWO_PARTIES,)
    messages = MESSAGES
    row_options = ()
    takes_rows_alone = True
    predicts_for = Role.HOST
    half_file: ClassVar[HalfFile] = model_file

    if TYPE_CHECKING:  # parameters, and what prediction sets
        bottom: Any
        _half: TransferHalf
        _heard: NDArray[Any]

    def settings(self) -> Settings:
        """Return the parameters, checked.

        Raises
        ------
        ConfigurationError
            For the first one that makes no sense.
        """
        check_callbacks(self.callbacks)
        if self.bottom is not None and not callable(self.bottom):
            raise ConfigurationError(
                f"bottom is {self.bottom!r}; it must be a module or a function from rows to rows"
            )
        return Settings.of(self.get_params())

    def check_rows(self, role: Role, rows: Rows, validation: Rows | None = None) -> None:
        """Raise what `fit`, or predicting once fitted, would raise of a party's own tables, before it begins.

        Raises
        ------
        DataError, ConfigurationError
            For features and labels that cannot be used, and for rows to validate by.
        """
        if validation is not None:
            raise ConfigurationError(_NO_VALIDATION)
        table = read_table(rows.features)
        half: TransferHalf | None = getattr(self, "_half", None)
        if half is not None:
            check_same_columns(table, half.pipeline.columns, half.names)
        elif role is Role.GUEST:
            labels, present = read_present_labels(rows.labels, len(rows.ids))
            if present.any():  # those that tell classes apart may be elsewhere
                encode_classes(labels, np.unique(labels))

    def fit_rows(
        self: Model,
        session: Session,
        rows: Rows | None,
        validation: Rows | None = None,
        alone: Rows | None = None,
    ) -> Model:
        """Train on the tables of a job: the rows in common, and those that no other party has."""
        if rows is None:
            raise ConfigurationError("transfer learning takes rows at both parties")
        values, labels = rows.values, rows.labels
        if alone is not None:
            values = np.vstack([values, alone.values])
            labels = _joined(labels, alone.labels, len(rows.ids), len(alone.ids))
        return self._fit(
            session,
            NamedColumns(rows.names, values),
            labels,
            np.arange(len(rows.ids)),
            None if validation is None else validation.features,
        )

    def _fit(self: Model, session: Session, X: Any, y: Any, common: Any, validation: Any) -> Model:
        settings = self.settings()
        role = self.check_session(session)
        check_owner(role, X=X, y=y)
        if validation is not None:
            raise ConfigurationError(_NO_VALIDATION)
        table = read_table(X)
        start: TransferHalf | None = getattr(self, "_half", None) if settings.warm_start else None
        if start is not None:
            check_same_columns(table, start.pipeline.columns, start.names)
            pipeline = start.pipeline
        else:
            pipeline = FeaturePipeline.fit(table.values, standardize=True, clip=settings.clip)
        inputs = make_inputs(pipeline, table, self.bottom)
        rows = read_common(common, len(inputs))
        classes, signs = None, None
        if role is Role.GUEST:
            classes, signs = _signs_of(y, len(inputs), None if start is None else start.classes)
        exchange = connect(self, session, "fit", squeeze=settings.squeeze)
        progress = Progress(session, self.callbacks, settings.max_iter)
        progress.packing = "columns" if settings.squeeze else "none"
        theirs = _compare(exchange, len(rows), inputs.shape[1], start)
        weights = _first_weights(settings, inputs.shape[1], start)
        components = Components(exchange, len(rows), settings.features)
        weighing = Weighing(float(settings.kappa), float(settings.lam), float(settings.own))
        arguments = (session, settings, progress, weights, theirs)
        trainer: TransferTrainer
        if signs is None:
            host = HostSide(components, weighing, inputs[rows])
            trainer = HostTransferTrainer(*arguments, side=host)
        else:
            guest = GuestSide(components, weighing, inputs, signs, rows)
            trainer = GuestTransferTrainer(*arguments, side=guest)
        iterations = trainer.train()
        half = TransferHalf(pipeline, table.names, trainer.weights, self.bottom is not None)
        half = replace(half, classes=classes, training=session.task_id)
        fitted: dict[str, Any] = {"n_iter_": iterations, "n_common_": len(rows)}
        fitted |= {"report_": progress.finish(iterations), "_inputs": (inputs.shape[1], theirs)}
        if isinstance(trainer, GuestTransferTrainer):
            half = replace(half, centres=trainer.side.centres(trainer.weights))
            fitted["loss_history_"] = trainer.losses
        self._keep({"_half": half, **fitted})
        return self

    def _scores(self, X: Any, session: Session) -> Floats | None:
        settings = self.settings()
        role = self.check_session(session)
        half = self._fitted_half()
        if role is Role.GUEST:
            if X is not None:
                raise DataError(
                    "the guest predicts no rows of its own, the host does: call it without X"
                )
            exchange = connect(self, session, "predict", squeeze=settings.squeeze)
            compare_trainings(session, half.training)
            assert half.centres is not None
            assert half.classes is not None
            send_centres(exchange, half.centres)
            session.send(exchange.peer, "classes", names=json.dumps(half.classes.tolist()))
            return None
        found = half.representations(read_table(X), self.bottom)
        exchange = connect(self, session, "predict", squeeze=settings.squeeze)
        compare_trainings(session, half.training)
        scores = receive_scores(exchange, found)
        names = _read_classes(session.receive(exchange.peer, "classes", names=str))
        if len(names) != (scores.shape[1] if scores.shape[1] > 1 else 2):
            raise ProtocolError(f"the guest named {len(names)} classes for scores {scores.shape}")
        self._heard = names
        return scores[:, 0] if scores.shape[1] == 1 else scores

    def _names(self) -> NDArray[Any]:
        classes = self._fitted_half().classes
        found = getattr(self, "_heard", None) if classes is None else classes
        if found is None:
            raise ConfigurationError(
                "the host hears the names of classes with its first scores: predict first"
            )
        return np.asarray(found)

    def _outputs(self) -> int:
        count = len(self._names())
        return 1 if count == 2 else count

    def _interpret(self, scores: Floats) -> dict[str, NDArray[Any]]:
        names = self._names()
        if scores.ndim == 1:
            chosen = (scores > 0).astype(np.int64)
            logs = -np.logaddexp(0.0, np.column_stack([scores, -scores]))
        else:
            chosen = np.argmax(scores, axis=1)
            logs = -np.logaddexp(0.0, -scores)
            logs -= np.logaddexp.reduce(logs, axis=1, keepdims=True)
        return {"prediction": names[chosen], "probability": np.exp(logs)}

    def output_names(self) -> Sequence[Any]:
        """Return the classes."""
        return list(self._names().tolist())

    def _encode_labels(self, y: Any, rows: int, classes: Classes) -> tuple[Floats, Classes]:
        labels = read_labels(y, rows)
        found = self._names() if classes is None else classes
        return encode_classes(labels, found), found

    def _evaluate(self, y: Floats, scores: Floats) -> dict[str, float]:
        metrics = {"log_loss": log_loss(y, scores)}
        if y.shape[1] > 1:
            places = np.arange(y.shape[1])  # some may be in no row
            return metrics | multiclass_metrics(np.argmax(y, axis=1), scores, places)
        return metrics | classification_metrics(y.ravel(), scores.ravel(), positive=1.0)

    def _keep(self, fitted: dict[str, Any]) -> None:
        """Set all fitted attributes at once, after everything went well."""
        for name in ("feature_names_in_", "centres_", "classes_", "loss_history_", "_heard"):
            vars(self).pop(name, None)
        vars(self).update(fitted | fitted["_half"].attributes())


_NO_VALIDATION = (
    "transfer learning takes no validation rows: the guest has no features of the host's rows to judge scores by; "
    "tol ends it by the loss"
)


def _joined(
    labels: NDArray[Any] | None, further: NDArray[Any] | None, count: int, more: int
) -> NDArray[Any] | None:
    """Return the labels of rows of two tables, None where a row has none."""
    if labels is None and further is None:
        return None
    values = [None] * count if labels is None else labels.tolist()
    values += [None] * more if further is None else further.tolist()
    try:
        return as_labels(values)
    except (TypeError, OverflowError):
        raise DataError(
            "labels of rows in common and of those of one's own are of types that do not go together"
        ) from None


def read_common(common: Any, rows: int) -> NDArray[np.int64]:
    """Return numbers of rows, checked; None stands for all rows.

    Raises
    ------
    DataError
        When they are no numbers of rows, or one comes twice.
    """
    found = np.arange(rows) if common is None else np.asarray(common)
    if (
        found.ndim != 1
        or found.dtype.kind not in "iu"
        or not len(found)
        or found.min() < 0
        or found.max() >= rows
        or len(np.unique(found)) < len(found)
    ):
        raise DataError(f"common is no list of different row numbers below {rows}")
    return found.astype(np.int64)


def _signs_of(y: Any, rows: int, known: Classes) -> tuple[NDArray[Any], Floats]:
    """Return classes, and 1 and -1 of each class, 0 where a row has no label."""
    labels, present = read_present_labels(y, rows)
    classes = find_classes(labels) if known is None else known
    encoded = 2 * encode_classes(labels, classes) - 1
    if not present.any():
        raise DataError(
            f"none of the {rows} rows has a label: the guest needs some to tell classes apart by"
        )
    signs = np.zeros((rows, encoded.shape[1]))
    signs[present] = encoded
    return classes, signs


def _first_weights(settings: Settings, inputs: int, start: TransferHalf | None) -> Floats:
    if start is None:
        generator = np.random.default_rng(settings.random_state)
        drawn: Floats = generator.normal(size=(inputs, settings.features))
        return np.asarray(drawn / np.sqrt(inputs))
    if start.weights.shape != (inputs, settings.features):
        raise ConfigurationError(
            f"the weights to begin with map {start.weights.shape[0]} inputs to {start.weights.shape[1]} features, "
            f"there are {inputs} and {settings.features}: set warm_start=False"
        )
    return start.weights


def _compare(exchange: Exchange, rows: int, inputs: int, start: TransferHalf | None) -> int:
    """Return the other party's inputs.

    Raises
    ------
    ConfigurationError
        When parties have other common rows, too few, or begin with weights of different trainings.
    """
    session, peer = exchange.session, exchange.peer
    training = "" if start is None else start.training
    session.send(peer, "common", rows=rows, inputs=inputs, training=training)
    theirs, columns, begun = session.receive(peer, "common", rows=int, inputs=int, training=str)
    if theirs != rows:
        raise ConfigurationError(
            f"{session.party} has {rows} common rows, {peer} has {theirs}: name the same rows in the same order"
        )
    if columns < 1:
        raise ProtocolError(f"{peer} announced {columns} inputs")
    if begun != training:
        raise ConfigurationError(
            f"{session.party} and {peer} begin with weights of different trainings: set warm_start=False, or load "
            "the halves of one training"
        )
    if rows <= max(inputs, columns):
        raise ConfigurationError(
            f"there are {rows} common rows, {session.party} has {inputs} inputs, {peer} has {columns}: gradients "
            "over no more rows than inputs give those of single rows away; use more common rows or fewer inputs"
        )
    return int(columns)


def _read_classes(text: str) -> NDArray[Any]:
    """Return the names of classes that the guest sent.

    Raises
    ------
    ProtocolError
        When it is no list of them.
    """
    try:
        names = json.loads(text)
        found = find_classes(np.array([*names, None], dtype=object)[:-1])
        json.dumps(
            names, ensure_ascii=False, allow_nan=False
        ).encode()  # texts are UTF-8, numbers finite
    except (ValueError, TypeError, RecursionError):
        names = None
    if not isinstance(names, list) or found.tolist() != names:
        raise ProtocolError(
            "the guest sent names of classes that are no sorted list of different texts or whole numbers"
        )
    return found
