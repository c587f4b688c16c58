# SPDX-License-Identifier: Apache-2.0
"""What classifier and regression of boosted trees share: one object per party, the session says which part it plays."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.binning.numeric import check_bin_count
from pyfate_gpu.data.tables import Table, check_same_columns, read_table
from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.federation import Session
from pyfate_gpu.homo.boosting.growth import Rules
from pyfate_gpu.homo.boosting.model_file import read_forest, write_forest
from pyfate_gpu.homo.boosting.pictures import importances, tables_of
from pyfate_gpu.homo.boosting.sums import Sums, bits_of_a_client, plan_of
from pyfate_gpu.homo.boosting.training import Boosting, ClientTraining, LabelledRows, help_train
from pyfate_gpu.homo.boosting.tree import Forest
from pyfate_gpu.homo.estimator import Begun, HomoEstimator
from pyfate_gpu.learning.draws import new_seed
from pyfate_gpu.learning.gain import Regularization
from pyfate_gpu.learning.losses import Loss
from pyfate_gpu.protocol.estimator import PathLike
from pyfate_gpu.protocol.progress import Callback, FitReport
from pyfate_gpu.protocol.settings import check_choice, check_count, check_real, plain
from pyfate_gpu.typing import Floats

Model = TypeVar("Model", bound="HomoBoostedTrees")
IMPORTANCES = ("gain", "weight", "cover")


@dataclass(kw_only=True, eq=False, repr=False)
class HomoBoostedTrees(HomoEstimator):
    """Base of the models; see its subclasses for labels and losses.

    Every party makes one of these with the same parameters and calls `fit`: clients with `X` and `y`, the server with
    neither; under ``method="paillier"`` an arbiter has the key. Columns are cut into bins by counts, and trees grown
    from histograms, that `SecureAggregator` adds up exactly: all clients end with the same trees, those of one party
    that has all rows and the same bins (docs/homo.md).

    Parameters
    ----------
    n_estimators : int
        Most rounds.
    max_depth : int
        Levels of splits.
    learning_rate : float
        What leaves are multiplied by.
    max_bin : int
        Bins of a column, beside that of missing values.
    reg_lambda, reg_alpha, gamma, min_child_weight, max_delta_step : float
        As of XGBoost: L2 and L1 of leaves, least gain of a split, least hessian of its sides (all outputs together),
        largest leaf before `learning_rate`, 0 for any.
    min_samples_leaf : int
        Fewest rows of all clients together on a side of a split.
    subsample : float
        Share of its rows that each client draws for a tree, for itself.
    colsample_bytree : float
        Share of columns that a tree may split, drawn for all.
    multi_strategy : {"multi_output_tree", "one_output_per_tree"}
        With more than two classes, whether a tree has a value for each of them.
    base_score : float or None
        Response before the first tree; None for the best constant, or one near it.
    gradient_bits : int
        To which gradients are rounded before they are added up.
    early_stopping_rounds : int or None
        Stop when the mean loss of the validation rows was not better for so many rounds, and keep the best.
    method : {"masks", "paillier"}
        Of `SecureAggregator`.
    min_clients : int or None
        Of `SecureAggregator`.
    blind_key_server : bool
        Under "paillier", whether the arbiter sees uniform numbers only.
    scheme, key_bits, allow_insecure_key_size
        Of the arbiter's key.
    random_state : int or None
        Of the rows that a client draws; each party's own.
    callbacks : sequence
        Objects with ``on_iteration(report)``.

    Attributes
    ----------
    n_iter_ : int
        Rounds that are kept.
    loss_history_ : list of float
        Mean loss of all clients' rows after each round; clients only.
    validation_history_ : list of dict
        Mean loss and metrics of the clients' validation rows after each round, where there are such.
    n_features_in_, feature_names_in_ : int, object array
        Names only where `X` had them.
    report_ : FitReport
    """

    n_estimators: int = 100
    max_depth: int = 5
    learning_rate: float = 0.1
    max_bin: int = 32
    reg_lambda: float = 1.0
    reg_alpha: float = 0.0
    gamma: float = 0.0
    min_child_weight: float = 1.0
    min_samples_leaf: int = 20
    max_delta_step: float = 0.0
    subsample: float = 1.0
    colsample_bytree: float = 1.0
    multi_strategy: str = "multi_output_tree"
    base_score: float | None = None
    gradient_bits: int = 24
    early_stopping_rounds: int | None = None
    method: str = "masks"
    min_clients: int | None = None
    blind_key_server: bool = False
    scheme: str = "paillier"
    key_bits: int = 3072
    allow_insecure_key_size: bool = False
    random_state: int | None = None
    callbacks: Sequence[Callback] = ()

    takes_missing = True

    if TYPE_CHECKING:  # set by fit
        loss_history_: list[float] = field(init=False)
        validation_history_: list[dict[str, float]] = field(init=False)
        n_iter_: int = field(init=False)
        report_: FitReport = field(init=False)
        n_features_in_: int = field(init=False)
        _forest: Forest = field(init=False)

    @abstractmethod
    def _loss(self, outputs: int) -> Loss:
        """What is minimised."""

    @abstractmethod
    def _encode(self, y: Any, rows: int, classes: NDArray[Any] | None) -> Floats:
        """Labels [rows, outputs]."""

    @abstractmethod
    def _measure(self, y: Floats, scores: Floats) -> dict[str, float]:
        """Metrics of validation rows, loss apart; such that means over clients make sense."""

    def check(self) -> None:
        """Raise ConfigurationError for the first parameter that makes no sense."""
        for name in ("n_estimators", "max_depth", "min_samples_leaf"):
            check_count(name, getattr(self, name))
        check_bin_count("max_bin", self.max_bin)
        check_real("learning_rate", self.learning_rate, positive=True)
        for name in ("reg_lambda", "reg_alpha", "gamma", "min_child_weight", "max_delta_step"):
            check_real(name, getattr(self, name))
        for name in ("subsample", "colsample_bytree"):
            check_real(name, getattr(self, name), positive=True)
            if getattr(self, name) > 1:
                raise ConfigurationError(f"{name} is {getattr(self, name)!r}; it must be at most 1")
        strategies = ("multi_output_tree", "one_output_per_tree")
        check_choice("multi_strategy", self.multi_strategy, strategies)
        bits = plain(self.gradient_bits)
        if isinstance(bits, bool) or not isinstance(bits, int) or not 2 <= bits <= 40:
            raise ConfigurationError(
                f"gradient_bits is {bits!r}; it must be a whole number from 2 to 40"
            )
        if self.base_score is not None:
            value = plain(self.base_score)
            if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
                raise ConfigurationError(f"base_score is {value!r}; it must be a number or None")
        self._check_shared()

    def _rounds(self) -> int:
        return int(self.n_estimators)

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
            A client's features, NaN where a value is missing; the same columns in the same order at every client.
        y : array-like [rows]
            A client's labels.
        session : Session
            Which party this is, and the way to the others.
        sample_weight : array-like [rows], optional
            What gradients are multiplied by; of one scale at all clients.
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
        clients = len(session.clients)
        bits = bits_of_a_client(int(self.gradient_bits), begun.common.row_bits, clients)
        plan = plan_of(clients, bits)
        if begun.data is None:
            rounds = help_train(session, begun.exchange, plan, begun.progress, self._rounds())
            fitted: dict[str, Any] = {"n_iter_": rounds}
        else:
            sums = Sums(begun.exchange, plan, int(self.gradient_bits))
            fitted = self._train(session, sums, begun)
        fitted["report_"] = begun.progress.finish(fitted["n_iter_"])
        vars(self).update(fitted)
        return self

    def _train(self, session: Session, sums: Sums, begun: Begun) -> dict[str, Any]:
        assert begun.data is not None
        data, listed = begun.data, begun.common.classes
        classes = np.array(listed) if listed else None
        own = self._labelled(data.table, data.y, data.weights, classes)
        tested = None
        if data.tested is not None:
            table, labels = data.tested
            tested = self._labelled(table, labels, np.ones(len(table.values)), classes)
        boosting = self._boosting(own.y.shape[1])
        training = ClientTraining(
            session, begun.exchange, sums, begun.progress, boosting, own, tested
        )
        grown, rounds = training.train()
        fitted = {
            "_forest": grown.forest, "n_iter_": rounds, "loss_history_": grown.losses,
            "validation_history_": grown.validation, "n_features_in_": begun.common.columns,
            "warnings_": list(sums.warnings),
        }  # fmt: skip
        if data.table.names is not None:
            fitted["feature_names_in_"] = np.array(data.table.names, dtype=object)
        if classes is not None:
            fitted["classes_"] = classes
        return fitted

    def _labelled(
        self, table: Table, y: Any, weights: Floats, classes: NDArray[Any] | None
    ) -> LabelledRows:
        return LabelledRows(table.values, self._encode(y, len(table.values), classes), weights)

    def _boosting(self, outputs: int) -> Boosting:
        regularization = Regularization(
            float(self.reg_lambda), float(self.reg_alpha), float(self.gamma),
            float(self.min_child_weight), float(self.max_delta_step),
        )  # fmt: skip
        rules = Rules(
            regularization, int(self.max_depth), int(self.min_samples_leaf),
            float(self.learning_rate),
        )  # fmt: skip
        patience = self.early_stopping_rounds
        seed = new_seed(None if self.random_state is None else int(self.random_state))
        return Boosting(
            self._loss(outputs), rules, int(self.max_bin), self._rounds(),
            None if patience is None else int(patience), float(self.subsample),
            float(self.colsample_bytree), self.multi_strategy == "one_output_per_tree",
            None if self.base_score is None else float(self.base_score), seed, self._measure,
        )  # fmt: skip

    def _fitted_forest(self) -> Forest:
        if not hasattr(self, "_forest"):
            raise ConfigurationError("fit first; clients have the trees, server and arbiter none")
        return self._forest

    def decision_function(self, X: Any) -> Floats:
        """Return the score of each row, [rows] or [rows, classes]; a client's own affair.

        Raises
        ------
        ConfigurationError
            Before fit, and elsewhere than at clients.
        DataError
            When `X` does not have the columns of fit.
        """
        forest = self._fitted_forest()
        table = read_table(X, missing=True, infinite=True)
        names = getattr(self, "feature_names_in_", None)
        check_same_columns(table, self.n_features_in_, None if names is None else tuple(names))
        scores = forest.scores(table.values)
        return np.asarray(scores[:, 0] if scores.shape[1] == 1 else scores)

    def importances(self, kind: str = "gain") -> dict[str, float]:
        """Return how much each column matters, by name.

        Parameters
        ----------
        kind : {"gain", "weight", "cover"}
            The mean gain of its splits, how many these are, or the mean hessian that came by.

        Raises
        ------
        ConfigurationError
            Before fit, and elsewhere than at clients.
        """
        check_choice("kind", kind, IMPORTANCES)
        values = importances(self._fitted_forest(), self.n_features_in_, kind)
        return dict(zip(self._names(), values.tolist(), strict=True))

    def _names(self) -> list[str]:
        found = getattr(self, "feature_names_in_", None)
        if found is None:
            return [f"column {number}" for number in range(self.n_features_in_)]
        return list(found)

    def result(self) -> dict[str, Any]:
        """Return rounds, cost, and at clients importances and losses."""
        found = super().result()
        if hasattr(self, "_forest"):
            found |= {
                "importances": {kind: self.importances(kind) for kind in IMPORTANCES},
                "loss": [float(loss) for loss in self.loss_history_],
                "validation": self.validation_history_,
                "warnings": list(getattr(self, "warnings_", ())),
            }
        return found

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Return the first trees as text, at clients."""
        return tables_of(self._forest, self._names()) if hasattr(self, "_forest") else {}

    def bars(self) -> dict[str, dict[str, float]]:
        """Return how much each column matters, at clients."""
        if not hasattr(self, "_forest"):
            return {}
        ranked = sorted(self.importances().items(), key=lambda pair: -pair[1])
        return {"importance of columns (gain)": dict(ranked[:25])}

    def save(self, path: PathLike) -> None:
        """Write the model to a file that only its owner can read.

        Raises
        ------
        ConfigurationError
            Before fit, and elsewhere than at clients.
        StorageError
            When the file cannot be written.
        """
        forest = self._fitted_forest()
        header = {
            "estimator": type(self).__name__, "params": self._kept_parameters(), "n_iter": self.n_iter_,
            "columns": self.n_features_in_, "names": list(getattr(self, "feature_names_in_", [])),
            "classes": np.asarray(getattr(self, "classes_", [])).tolist(),
        }  # fmt: skip
        write_forest(path, header, forest)

    @classmethod
    def load(cls: type[Model], path: PathLike) -> Model:
        """Return a fitted model from what `save` wrote.

        Raises
        ------
        StorageError, DataError
            When the file cannot be read, or is no such model.
        """
        header, forest = read_forest(path, cls.__name__)
        model = cls()
        model.set_params(**header["params"])
        model.check()
        fitted: dict[str, Any] = {
            "_forest": forest, "n_iter_": header["n_iter"], "n_features_in_": header["columns"],
        }  # fmt: skip
        if header["names"]:
            fitted["feature_names_in_"] = np.array(header["names"], dtype=object)
        if header["classes"]:
            fitted["classes_"] = np.array(header["classes"])
        vars(model).update(fitted)
        return model
