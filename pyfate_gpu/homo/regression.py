# SPDX-License-Identifier: Apache-2.0
"""What horizontal regressions share: weights that clients learn and sums average."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.tables import Table, read_table
from pyfate_gpu.errors import ConfigurationError, DataError
from pyfate_gpu.federation import Session
from pyfate_gpu.homo.agreement import Common
from pyfate_gpu.homo.averaging import AveragedModel
from pyfate_gpu.homo.client_data import ClientData
from pyfate_gpu.homo.exchange import Exchange
from pyfate_gpu.homo.local import Descent, LocalRows, Loss
from pyfate_gpu.homo.model_file import read_model, write_model
from pyfate_gpu.homo.noise import Noise
from pyfate_gpu.homo.plan import AggregationPlan
from pyfate_gpu.homo.report import AggregationReport
from pyfate_gpu.homo.spending import PrivacySpent
from pyfate_gpu.homo.standardisation import Scale, learn
from pyfate_gpu.homo.training import ClientTrainer, Helper
from pyfate_gpu.learning.optimizers import OPTIMIZERS
from pyfate_gpu.protocol.estimator import PathLike
from pyfate_gpu.protocol.progress import Callback, FitReport, Progress
from pyfate_gpu.protocol.settings import check_choice, check_count, check_real
from pyfate_gpu.typing import Floats

Model = TypeVar("Model", bound="HomoModel")


@dataclass(kw_only=True, eq=False, repr=False)
class HomoModel(AveragedModel):
    """Base of the models; see its subclasses for the losses.

    Every party makes one of these with the same parameters and calls `fit`: clients with `X` and `y`, the server
    with neither; under ``method="paillier"`` an arbiter has the key. In each round clients train on their rows and
    `SecureAggregator` adds up what they learned. All clients end with the same model.

    Parameters
    ----------
    algorithm : {"average", "gradient"}
        Whether clients descend by themselves and their changes are averaged (FedAvg; with `proximal` FedProx), or
        send the gradient of all their rows, and everybody takes the same step.
    max_iter : int
        Most rounds.
    local_epochs, batch_size : int, int or None
        Passes of a client over its rows in a round, and rows of a step, None for all; for "average".
    learning_rate : float
        Of clients' steps, or of the common ones.
    optimizer : str
        Rule of the common steps of "gradient": sgd, momentum, nesterov, adagrad, rmsprop, adam.
    proximal : float
        Pulls clients towards the common weights: adds half of it times the squared distance; for "average".
    alpha : float
        Adds alpha/2 of the squared weights to the mean loss, but for the intercept's.
    weighting : {"rows", "equal"}
        Whether clients count by their rows, or all the same.
    fit_intercept : bool
    standardize : bool
        Whether columns are centred and divided by their deviation over all rows, which secure sums tell.
    tol : float
        Stop when the mean loss changes by at most so much.
    early_stopping_rounds : int or None
        Stop when the mean loss of the validation rows was not better for so many rounds, and keep the best.
    method : {"masks", "paillier"}
        Of `SecureAggregator`.
    value_bits : int
        Of each value that is sent.
    min_clients : int or None
        Of `SecureAggregator`.
    blind_key_server : bool
        Under "paillier", whether the arbiter sees uniform numbers only.
    scheme, key_bits, allow_insecure_key_size
        Of the arbiter's key.
    noise : Noise or None
        Discrete Gaussian noise inside every sum, of which each client adds its share; in files a table of its numbers.
        Takes `standardize` False and no early stopping; clients then keep losses and metrics to themselves, and train
        for `max_iter` rounds whatever `tol` is.
    delta : float
        Of the epsilon that is told of all rounds under noise.
    random_state : int or None
        Of the order of a client's rows; each party's own.
    callbacks : sequence
        Objects with ``on_iteration(report)``.

    Attributes
    ----------
    coef_, intercept_ : float64
        In the units of `X` and `y`; clients only.
    loss_history_ : list of float
        Mean loss of all clients at the beginning of each round, penalty included; clients only. Under noise that of
        this client's rows alone.
    validation_history_ : list of dict
        Mean metrics of the clients' validation rows after each round, where there are such; under noise of its own.
    aggregation_ : AggregationReport
        Of the last round.
    privacy_ : PrivacySpent
        What all rounds under noise have told of a client; only then, and at clients.
    n_iter_ : int
    report_ : FitReport
    """

    algorithm: str = "average"
    max_iter: int = 50
    local_epochs: int = 1
    batch_size: int | None = 32
    learning_rate: float = 0.1
    optimizer: str = "adam"
    proximal: float = 0.0
    alpha: float = 1e-4
    weighting: str = "rows"
    fit_intercept: bool = True
    standardize: bool = True
    tol: float = 1e-5
    early_stopping_rounds: int | None = None
    method: str = "masks"
    value_bits: int = 20
    min_clients: int | None = None
    blind_key_server: bool = False
    scheme: str = "paillier"
    key_bits: int = 3072
    allow_insecure_key_size: bool = False
    noise: Noise | Mapping[str, Any] | None = None
    delta: float = 1e-5
    random_state: int | None = None
    callbacks: Sequence[Callback] = ()

    if TYPE_CHECKING:  # set by fit
        coef_: Floats = field(init=False)
        intercept_: Any = field(init=False)
        loss_history_: list[float] = field(init=False)
        validation_history_: list[dict[str, float]] = field(init=False)
        aggregation_: AggregationReport = field(init=False)
        privacy_: PrivacySpent = field(init=False)
        n_iter_: int = field(init=False)
        report_: FitReport = field(init=False)
        n_features_in_: int = field(init=False)

    @abstractmethod
    def _loss(self) -> Loss:
        """What is minimised."""

    @abstractmethod
    def _encode(self, y: Any, rows: int, classes: NDArray[Any] | None) -> Floats:
        """Labels [rows, outputs]."""

    @abstractmethod
    def _metrics(self, y: Floats, scores: Floats) -> dict[str, float]:
        """Of a client's validation rows, [rows, outputs], loss apart; such that means over clients make sense."""

    def check(self) -> None:
        """Raise ConfigurationError for the first parameter that makes no sense."""
        check_choice("algorithm", self.algorithm, ("average", "gradient"))
        check_choice("optimizer", self.optimizer, tuple(OPTIMIZERS))
        for name in ("max_iter", "local_epochs"):
            check_count(name, getattr(self, name))
        if self.batch_size is not None:
            check_count("batch_size", self.batch_size)
        check_real("learning_rate", self.learning_rate, positive=True)
        for name in ("proximal", "alpha", "tol"):
            check_real(name, getattr(self, name))
        self._check_shared()
        self._check_averages()

    def fit(
        self: Model,
        X: Any = None,
        y: Any = None,
        *,
        session: Session,
        sample_weight: Any = None,
        validation: Any = None,
    ) -> Model:
        """Train together with the other parties.

        Parameters
        ----------
        X : array-like or DataFrame [rows, columns]
            A client's features; the same columns in the same order at every client.
        y : array-like [rows]
            A client's labels.
        session : Session
            Which party this is, and the way to the others.
        sample_weight : array-like [rows], optional
            How much each row counts within its client.
        validation : (array-like, array-like), optional
            Other rows to judge the model by: features and labels, at all clients or none.

        Raises
        ------
        DataError
            For features or labels that cannot be used.
        ConfigurationError
            For parameters that make no sense, or differ between parties.
        ChannelTimeoutError, PartyFailedError
            When another party did not answer or stopped.
        """
        begun = self._begin(session, X, y, sample_weight, validation)
        data, common, exchange, progress = begun.data, begun.common, begun.exchange, begun.progress
        plan, by_rows = self._plans(session, common)
        if data is None:
            helper = Helper(session, exchange, plan, progress, int(self.max_iter))
            helper.standardise(by_rows, self._scaled_columns(common), bool(self.standardize))
            fitted: dict[str, Any] = {"n_iter_": helper.train()}
        else:
            fitted = self._train(session, exchange, (plan, by_rows), progress, common, data)
        fitted["report_"] = progress.finish(fitted["n_iter_"])
        vars(self).update(fitted)
        return self

    def _scaled_columns(self, common: Common) -> int:
        """How many columns are standardised together."""
        return common.columns

    def _train(
        self,
        session: Session,
        exchange: Exchange,
        plans: tuple[AggregationPlan, AggregationPlan],
        progress: Progress,
        common: Common,
        data: ClientData,
    ) -> dict[str, Any]:
        rows = len(data.table.values)
        classes = np.array(common.classes) if common.classes else None
        trainer = ClientTrainer(
            session, exchange, plans[0], progress, rows, int(self.max_iter), float(self.tol),
            None if self.early_stopping_rounds is None else int(self.early_stopping_rounds),
            self._spending(),
        )  # fmt: skip
        y = self._encode(data.y, rows, classes)
        scale = self._standardise(trainer, plans[1], data.table.values, y)
        own = self._local_rows(data.table, y, data.weights, scale)
        tested = None
        if data.tested is not None:
            table, labels = data.tested
            encoded = self._encode(labels, len(table.values), classes)
            tested = self._local_rows(table, encoded, np.ones(len(encoded)), scale)
        descent = Descent(
            self._loss(), float(self.alpha), float(self.proximal), float(self.learning_rate),
            int(self.local_epochs), None if self.batch_size is None else int(self.batch_size),
            bool(self.fit_intercept),
        )  # fmt: skip
        optimizer = None
        if self.algorithm == "gradient":
            optimizer = OPTIMIZERS[self.optimizer](float(self.learning_rate))
        random = np.random.default_rng(
            None if self.random_state is None else [int(self.random_state), session.party.index]
        )
        iterations = trainer.train(descent, own, tested, self._metrics, optimizer, random)
        coef, intercept = self._in_units(trainer.weights, scale)
        fitted = {
            "coef_": coef, "intercept_": intercept, "n_iter_": iterations,
            "n_features_in_": common.columns, "loss_history_": trainer.losses,
            "validation_history_": trainer.validation,
        }  # fmt: skip
        fitted |= self._told(session, trainer.report, trainer.spending)
        if data.table.names is not None:
            fitted["feature_names_in_"] = np.array(data.table.names, dtype=object)
        if classes is not None:
            fitted["classes_"] = classes
        return fitted

    def _standardise(
        self, trainer: ClientTrainer, by_rows: AggregationPlan, values: Floats, y: Floats
    ) -> Scale:
        """The scale of the columns, and of labels if they are scaled, too."""
        columns = self._columns_to_scale(values, y)
        if not self.standardize:
            return Scale.none(columns.shape[1])
        kept = trainer.kept
        if kept is not None:
            return Scale(np.asarray(kept["mean"]), np.asarray(kept["deviation"]))
        found = learn(trainer.run, by_rows, columns.shape[1], columns)
        assert found is not None
        trainer.scale = found
        return found

    def _columns_to_scale(self, values: Floats, y: Floats) -> Floats:
        return values

    def _local_rows(self, table: Table, y: Floats, weights: Floats, scale: Scale) -> LocalRows:
        features = scale.apply(table.values)
        if self.fit_intercept:
            features = np.hstack([features, np.ones((len(features), 1))])
        return LocalRows(features, y, weights)

    def _in_units(self, weights: Floats, scale: Scale) -> tuple[Floats, Any]:
        """Coefficients [outputs, columns] and intercepts in the units of X."""
        columns = len(scale.mean)
        coef = (weights[:columns] / scale.deviation[:, None]).T
        intercept = weights[columns] if self.fit_intercept else np.zeros(weights.shape[1])
        return coef, intercept - coef @ scale.mean

    def _rounds(self) -> int:
        return int(self.max_iter)

    def decision_function(self, X: Any) -> Floats:
        """Return the score of each row, [rows] or [rows, classes]; a client's own affair.

        Raises
        ------
        ConfigurationError
            Before fit, and elsewhere than at clients.
        DataError
            When `X` does not have the columns of fit.
        """
        if not hasattr(self, "coef_"):
            raise ConfigurationError("fit first; clients have the model, server and arbiter none")
        values = read_table(X).values
        if values.shape[1] != self.coef_.shape[1]:
            raise DataError(
                f"X has {values.shape[1]} columns, the model {self.coef_.shape[1]}: pass those of fit"
            )
        scores = values @ self.coef_.T + self.intercept_
        return np.asarray(scores[:, 0] if scores.shape[1] == 1 else scores)

    def result(self) -> dict[str, Any]:
        """Return iterations, cost, and at clients the model, losses and what the last round said."""
        found = super().result()
        if hasattr(self, "coef_"):
            found |= {
                "coef": self.coef_.tolist(),
                "intercept": np.asarray(self.intercept_).tolist(),
            }
        return found

    def save(self, path: PathLike) -> None:
        """Write the model to a file that only its owner can read.

        Raises
        ------
        ConfigurationError
            Before fit, and elsewhere than at clients.
        StorageError
            When the file cannot be written.
        """
        if not hasattr(self, "coef_"):
            raise ConfigurationError("there is no model to save: fit first, at a client")
        header = {
            "estimator": type(self).__name__, "params": self._kept_parameters(), "n_iter": self.n_iter_,
            "names": list(getattr(self, "feature_names_in_", [])),
            "classes": np.asarray(getattr(self, "classes_", [])).tolist(),
        }  # fmt: skip
        write_model(path, header, self.coef_, np.asarray(self.intercept_))

    @classmethod
    def load(cls: type[Model], path: PathLike) -> Model:
        """Return a fitted model from what `save` wrote.

        Raises
        ------
        StorageError, DataError
            When the file cannot be read, or is no such model.
        """
        header, coef, intercept = read_model(path, cls.__name__)
        model = cls()
        model.set_params(**header["params"])
        model.check()
        fitted: dict[str, Any] = {
            "coef_": coef, "intercept_": intercept, "n_iter_": header["n_iter"],
            "n_features_in_": coef.shape[1],
        }  # fmt: skip
        if header["names"]:
            fitted["feature_names_in_"] = np.array(header["names"], dtype=object)
        if header["classes"]:
            fitted["classes_"] = np.array(header["classes"])
        vars(model).update(fitted)
        return model
