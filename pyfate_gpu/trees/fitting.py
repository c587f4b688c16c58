# SPDX-License-Identifier: Apache-2.0
"""From parameters and tables to the protocol and back to fitted attributes, for each role."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.binning.splits import Codes, TableBins
from pyfate_gpu.data.row_weights import read_plain_weights
from pyfate_gpu.data.tables import Table
from pyfate_gpu.errors import ConfigurationError, DataError
from pyfate_gpu.federation import Role, Session
from pyfate_gpu.federation.topology import GUEST_AND_HOSTS
from pyfate_gpu.learning.draws import new_seed
from pyfate_gpu.learning.losses import Loss
from pyfate_gpu.protocol.halves import HalfEstimator, HalfFile
from pyfate_gpu.protocol.progress import Progress, check_callbacks
from pyfate_gpu.protocol.roles import check_owner, unpack_validation
from pyfate_gpu.protocol.terms import agree_on_terms
from pyfate_gpu.protocol.validation import Validator
from pyfate_gpu.trees import model_file
from pyfate_gpu.trees.blinded.guest import collect_blinded_scores
from pyfate_gpu.trees.blinded.host import serve_blinded
from pyfate_gpu.trees.forest import Forest
from pyfate_gpu.trees.guest import GuestTrainer, LabelledData
from pyfate_gpu.trees.host import HostTrainer
from pyfate_gpu.trees.messages import MESSAGES
from pyfate_gpu.trees.model import FittedHalf
from pyfate_gpu.trees.plan import Shape, collect_shapes, compare_shapes, connect_host, report_shape
from pyfate_gpu.trees.prediction import collect_scores, serve_paths
from pyfate_gpu.trees.rows import read_columns
from pyfate_gpu.trees.settings import BLINDED, Settings
from pyfate_gpu.trees.tree import SplitTable
from pyfate_gpu.typing import Floats

if TYPE_CHECKING:
    from pyfate_gpu.data.rows import Rows

Classes = NDArray[np.generic] | None
Model = TypeVar("Model", bound="Fitting")


class Fitting(HalfEstimator[FittedHalf]):
    """The private side of the estimators; a model says what its labels and metrics are."""

    topologies = (GUEST_AND_HOSTS,)
    messages = MESSAGES
    half_file: ClassVar[HalfFile] = model_file

    @abstractmethod
    def _loss(self, settings: Settings, outputs: int) -> Loss:
        """Return what boosting goes down."""

    def settings(self) -> Settings:
        """Return the parameters, checked.

        Raises
        ------
        ConfigurationError
            For the first one that makes no sense.
        """
        check_callbacks(self.callbacks)
        found = Settings.of(self.get_params())
        self._loss(found, 1)
        return found

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
            half.codes(read_columns(rows.features, guest=guest))
            return
        if guest and validation is None and settings.early_stopping_rounds is not None:
            raise ConfigurationError("early_stopping_rounds judges validation rows: name some")
        names, classes = None, None
        for each in (r for r in (rows, validation) if r is not None):
            table = read_columns(each.features, each.labels, guest=guest)
            names = names or FittedHalf(TableBins.fit(table.values[:1], 2), table.names)
            names.codes(table)
            if guest:
                y, classes = self._encode_labels(each.labels, len(each.ids), classes)
                self._loss(settings, y.shape[1]).check(y)
                read_plain_weights(each.extras.get("sample_weight"), len(each.ids))

    def _fit(
        self: Model, session: Session, X: Any, y: Any, sample_weight: Any, validation: Any
    ) -> Model:
        settings = self.settings()
        role = self.check_session(session)
        check_owner(role, X=X, validation=validation, y=y, weights=sample_weight)
        start: FittedHalf | None = getattr(self, "_half", None) if settings.warm_start else None
        table = read_columns(X, y, guest=role is Role.GUEST)
        half = start
        if half is None:
            half = FittedHalf(TableBins.fit(table.values, settings.max_bin), table.names)
        done = self.n_iter_ if start is not None else 0
        if done > settings.n_estimators:
            raise ConfigurationError(
                f"n_estimators is {settings.n_estimators}, there are {done} rounds already: with warm_start it "
                "counts all of them"
            )
        if role is Role.GUEST:
            fitted = self._fit_guest(
                session, settings, half, table, (y, sample_weight), validation, done
            )
        else:
            fitted = self._fit_host(session, settings, half, table, validation, done)
        self._keep(fitted)
        return self

    def _fit_guest(
        self,
        session: Session,
        settings: Settings,
        half: FittedHalf,
        table: Table,
        labels: tuple[Any, Any],
        validation: Any,
        done: int,
    ) -> dict[str, Any]:
        rows = len(table.values)
        y, classes = self._encode_labels(labels[0], rows, half.classes)
        weights = read_plain_weights(labels[1], rows)
        loss = self._loss(settings, y.shape[1])
        loss.check(y)
        codes = half.codes(table)
        tested, validator = self._tested(settings, half, loss, validation, classes)
        everything = codes if tested is None else np.concatenate([codes, tested])
        forest = half.forest
        if forest is None:
            forest = Forest(
                _base(settings, loss, y, weights),
                table=SplitTable(),
                sizes=[0] * len(session.hosts),
            )
        elif len(forest.base) != y.shape[1] or len(forest.sizes) != len(session.hosts):
            raise DataError(
                "the trees to begin with are of other outputs or other hosts: set warm_start=False"
            )
        forest = forest.copied()
        agree_on_terms(session, "fit", settings.terms())
        private_key = self.announce_new_key(session)
        progress = Progress(session, self.callbacks, settings.n_estimators)
        shapes = collect_shapes(session)
        own = Shape(rows, len(everything) - rows, training=half.training)
        compare_shapes(own, shapes)
        scores = (
            collect_scores(session, forest, half.bins, everything)
            if half.training
            else np.tile(forest.base, (len(everything), 1))
        )
        trainer = GuestTrainer(
            session,
            settings,
            loss,
            progress,
            private_key,
            LabelledData(everything, y, weights),
            half.bins,
            forest,
            scores,
            [shape.candidates for shape in shapes.values()],
            validator=validator,
            seed=new_seed(settings.random_state),
            done=done,
        )
        kept = trainer.train(settings.n_estimators - done)
        forest = trainer.forest
        return {
            "_half": replace(
                half,
                table=forest.table,
                forest=forest,
                classes=classes,
                training=session.task_id,
            ),
            "n_iter_": done + kept,
            "report_": progress.finish(done + kept),
            "loss_history_": trainer.loss_history,
            "smallest_node_": trainer.smallest,
            **({"changed_rows_": trainer.changed} if settings.is_lazy else {}),
            **({} if validator is None else validator.attributes()),
        }

    def _tested(
        self, settings: Settings, half: FittedHalf, loss: Loss, validation: Any, classes: Classes
    ) -> tuple[Any, Validator | None]:
        """Return the guest's validation rows in bins and who judges by them, None without."""
        if validation is None:
            if settings.early_stopping_rounds is not None:
                raise ConfigurationError(
                    "early_stopping_rounds judges validation rows: pass validation=(X, y) to fit"
                )
            return None, None
        X, y, _ = unpack_validation(validation)
        table = read_columns(X, y, guest=True)
        encoded, _ = self._encode_labels(y, len(table.values), classes)
        loss.check(encoded)
        judge = Validator(encoded, self._evaluate, settings.early_stopping_rounds)
        return half.codes(table), judge

    def _fit_host(
        self,
        session: Session,
        settings: Settings,
        half: FittedHalf,
        table: Table,
        validation: Any,
        done: int,
    ) -> dict[str, Any]:
        codes = half.codes(table)
        rows = len(codes)
        if validation is not None:
            tested = half.codes(read_columns(validation, guest=False))
            codes = np.concatenate([codes, tested])
        connect_host(session, "fit", settings, key=True)
        progress = Progress(session, self.callbacks, settings.n_estimators)
        trainer = HostTrainer(
            session,
            settings,
            progress,
            half.bins,
            codes,
            rows,
            SplitTable(list(half.table.splits)),
            new_seed(settings.random_state),
            done=done,
            training=half.training,
        )
        kept = trainer.train()
        return {
            "_half": replace(half, table=trainer.table, training=session.task_id),
            "n_iter_": done + kept,
            "smallest_node_": trainer.smallest,
            "report_": progress.finish(done + kept),
        }

    def _scores(self, X: Any, session: Session) -> Floats | None:
        settings = self.settings()
        role = self.check_session(session)
        check_owner(role, X=X)
        blinded = settings.prediction == BLINDED
        half = self._fitted_half()
        if role is Role.HOST:
            own = half.codes(read_columns(X, guest=False))
            connect_host(session, "predict", settings, key=blinded)
            report_shape(session, Shape(len(own), training=half.training))
            serve = serve_blinded if blinded else serve_paths
            serve(session, half.bins, half.table, own)
            return None
        codes: Codes | None = None
        if X is not None or half.columns:
            codes = half.codes(read_columns(X, guest=True))
        agree_on_terms(session, "predict", settings.terms())
        key = self.announce_new_key(session) if blinded else None
        shapes = collect_shapes(session)
        if codes is None:
            codes = np.empty((next(iter(shapes.values())).rows, 0), dtype=np.int16)
        forest = half.forest
        if forest is None or len(forest.sizes) != len(session.hosts):
            raise ConfigurationError(
                f"this half of a model was not trained by the guest of {len(session.hosts)} hosts"
            )
        compare_shapes(Shape(len(codes), training=half.training), shapes)
        scores = (
            collect_scores(session, forest, half.bins, codes)
            if key is None
            else collect_blinded_scores(session, key, forest, half.bins, codes)
        )
        return scores[:, 0] if scores.shape[1] == 1 else scores

    def _outputs(self) -> int:
        forest = self._fitted_half().forest
        if forest is None:
            raise ConfigurationError("scores are the guest's: this is the half of a host")
        return len(forest.base)

    def _keep(self, fitted: dict[str, Any]) -> None:
        """Set all fitted attributes at once, after everything went well."""
        judged = "validation_history_", "validation_scores_"
        for name in ("feature_names_in_", *judged, "classes_", "changed_rows_"):
            vars(self).pop(name, None)
        half: FittedHalf = fitted["_half"]
        fitted["n_features_in_"] = half.columns
        fitted["training_"] = half.training
        if half.classes is not None:
            fitted["classes_"] = half.classes
        if half.names is not None:
            fitted["feature_names_in_"] = np.array(half.names, dtype=object)
        vars(self).update(fitted)


def _base(settings: Settings, loss: Loss, y: Floats, weights: Floats | None) -> Floats:
    """Return the scores before the first tree."""
    if settings.base_score is not None:
        return np.full(y.shape[1], loss.link(settings.base_score))
    return loss.start(y, np.ones(len(y)) if weights is None else weights)
