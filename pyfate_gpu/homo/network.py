# SPDX-License-Identifier: Apache-2.0
"""Classifiers that are networks of PyTorch, trained on the rows of many parties by secure sums."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.labels import encode_classes
from pyfate_gpu.data.tables import (
    Table,
    check_same_columns,
    read_labels,
    read_present_labels,
    read_table,
)
from pyfate_gpu.errors import ConfigurationError, DataError
from pyfate_gpu.federation import Role, Session
from pyfate_gpu.homo.averaging import AveragedModel
from pyfate_gpu.homo.estimator import Begun
from pyfate_gpu.homo.local import LogLoss, probabilities
from pyfate_gpu.homo.network_file import read_network, write_network
from pyfate_gpu.homo.network_training import (
    Descent,
    NetworkTrainer,
    Tensors,
    check_floats,
    drawn,
    layered,
    require_torch,
)
from pyfate_gpu.homo.noise import Noise
from pyfate_gpu.homo.plan import AggregationPlan
from pyfate_gpu.homo.report import AggregationReport
from pyfate_gpu.homo.spending import PrivacySpent
from pyfate_gpu.homo.standardisation import Scale, learn
from pyfate_gpu.homo.training import Helper
from pyfate_gpu.learning.metrics import classification_metrics, multiclass_metrics
from pyfate_gpu.protocol.estimator import PathLike
from pyfate_gpu.protocol.progress import Callback, FitReport
from pyfate_gpu.protocol.settings import check_count, check_real, plain
from pyfate_gpu.typing import Floats

Model = TypeVar("Model", bound="HomoNetworkClassifier")


@dataclass(kw_only=True, eq=False, repr=False)
class HomoNetworkClassifier(AveragedModel):
    """A network of PyTorch whose clients train it at home and whose changes are averaged; extra ``torch``.

    Every party makes one with the same parameters and calls `fit`: clients with `X` and `y`, the server with
    neither; under ``method="paillier"`` an arbiter has the key. Buffers of integers, such as counters of batch
    normalisation, become the sum of clients' changes.

    Parameters
    ----------
    network : callable, optional
        Returns a new ``torch.nn.Module`` that takes float32 [rows, columns] and gives scores [rows, classes]; by
        default linear layers, with rectifiers between them, of the widths `hidden`.
    hidden : sequence of int
        Widths of the layers between columns and classes, where `network` is None.
    classes : sequence, optional
        All classes, in the order of the network's outputs; by default those that some client has, sorted.
    seed : int
        Of the weights that all begin with; public.
    max_iter, local_epochs, batch_size, learning_rate, proximal, weighting
        As of `HomoLogisticRegression`, with plain SGD at clients.
    standardize : bool
        Whether columns are centred and divided by their deviation over all rows, which secure sums tell.
    early_stopping_rounds : int or None
        Stop when the mean loss of the validation rows was not better for so many rounds, and keep the best.
    method, value_bits, min_clients, blind_key_server
        Of `SecureAggregator`.
    scheme, key_bits, allow_insecure_key_size
        Of the arbiter's key.
    noise : Noise or None
        Discrete Gaussian noise inside every sum, of which each client adds its share; in files a table of its numbers.
        Takes `standardize` False, no early stopping, and no buffers of integers; clients then keep losses and metrics
        to themselves.
    delta : float
        Of the epsilon that is told of all rounds under noise.
    random_state : int or None
        Of the order of a client's rows; each party's own.
    callbacks : sequence
        Objects with ``on_iteration(report)``.

    Attributes
    ----------
    network_ : torch.nn.Module
        Clients only; the same at each.
    classes_ : array
        In the order of its outputs.
    loss_history_ : list of float
        Mean loss of all clients' rows at the beginning of each round; under noise of this client's alone.
    validation_history_ : list of dict
        Mean loss and accuracy of the clients' validation rows at the beginning of each round, where there are such;
        under noise of its own.
    aggregation_ : AggregationReport
        Of the last round.
    privacy_ : PrivacySpent
        What all rounds under noise have told of a client; only then, and at clients.
    n_iter_ : int
    report_ : FitReport
    """

    network: Callable[[], Any] | None = None
    hidden: Sequence[int] = (32,)
    classes: Any = None
    seed: int = 0
    max_iter: int = 20
    local_epochs: int = 1
    batch_size: int = 32
    learning_rate: float = 0.1
    proximal: float = 0.0
    weighting: str = "rows"
    standardize: bool = False
    early_stopping_rounds: int | None = None
    method: str = "masks"
    value_bits: int = 16
    min_clients: int | None = None
    blind_key_server: bool = False
    scheme: str = "paillier"
    key_bits: int = 3072
    allow_insecure_key_size: bool = False
    noise: Noise | Mapping[str, Any] | None = None
    delta: float = 1e-5
    random_state: int | None = None
    callbacks: Sequence[Callback] = ()

    own = ("callbacks", "random_state", "network")
    integers = "sum"

    if TYPE_CHECKING:  # set by fit
        network_: Any = field(init=False)
        classes_: NDArray[Any] = field(init=False)
        loss_history_: list[float] = field(init=False)
        validation_history_: list[dict[str, float]] = field(init=False)
        aggregation_: AggregationReport = field(init=False)
        privacy_: PrivacySpent = field(init=False)
        n_iter_: int = field(init=False)
        n_features_in_: int = field(init=False)
        report_: FitReport = field(init=False)
        _scale: Scale = field(init=False)

    def check(self) -> None:
        """Raise ConfigurationError for the first parameter that makes no sense."""
        for name in ("max_iter", "local_epochs", "batch_size"):
            check_count(name, getattr(self, name))
        check_real("learning_rate", self.learning_rate, positive=True)
        check_real("proximal", self.proximal)
        if self.network is not None and not callable(self.network):
            raise ConfigurationError("network must be a function that returns a torch.nn.Module")
        if not isinstance(self.hidden, list | tuple):
            raise ConfigurationError(f"hidden is {self.hidden!r}; it must be a list of widths")
        for width in self.hidden:
            check_count("hidden", width)
        seed = plain(self.seed)
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 1 << 63:
            raise ConfigurationError(f"seed is {seed!r}; it must be a whole number, 0 or more")
        self._check_shared()
        self._check_averages()

    def terms(self) -> dict[str, Any]:
        """Return the parameters that all parties must have set alike, as JSON takes them."""
        classes = None if self.classes is None else [str(each) for each in self.classes]
        widths = [int(plain(each)) for each in self.hidden]
        return super().terms() | {
            "classes": classes, "hidden": widths, "of_its_own": self.network is not None,
        }  # fmt: skip

    def _rounds(self) -> int:
        return int(self.max_iter)

    def _classes(self, y: Any, rows: int) -> list[Any]:
        labels = read_labels(y, rows)
        if labels.dtype.kind == "f" and (labels != np.rint(labels)).any():
            raise DataError("y holds numbers that are no whole ones, and no classes")
        return list(np.unique(labels).tolist())

    def fit(
        self: Model,
        X: Any = None,
        y: Any = None,
        *,
        session: Session,
        sample_weight: Any = None,
        validation: Any = None,
    ) -> Model:
        """Train together with the other parties; arguments as of `HomoLogisticRegression.fit`.

        Raises
        ------
        ConfigurationError
            For parameters that make no sense or differ, and where PyTorch is missing.
        DataError
            For features or labels that cannot be used.
        """
        self.check()
        made = None
        if self.network is not None and self.check_session(session) is Role.CLIENT:
            # Before parties agree, so that no client of this process draws numbers meanwhile.
            made = drawn(self.network, int(self.seed))
            if self.noise is not None:
                check_floats(made)
        begun = self._begin(session, X, y, sample_weight, validation)
        plan, by_rows = self._plans(session, begun.common)
        if begun.data is None:
            helper = Helper(session, begun.exchange, plan, begun.progress, self._rounds())
            helper.standardise(by_rows, begun.common.columns, bool(self.standardize))
            fitted: dict[str, Any] = {"n_iter_": helper.train()}
        else:
            fitted = self._train(session, begun, (plan, by_rows), made)
        fitted["report_"] = begun.progress.finish(fitted["n_iter_"])
        vars(self).update(fitted)
        return self

    def _train(
        self,
        session: Session,
        begun: Begun,
        plans: tuple[AggregationPlan, AggregationPlan],
        made: Any,
    ) -> dict[str, Any]:
        assert begun.data is not None
        data, common = begun.data, begun.common
        classes = np.array(common.classes if self.classes is None else list(self.classes))
        if len(classes) < 2:
            raise DataError("all clients together have one class: there is nothing to tell apart")
        if made is None:
            made = layered([common.columns, *map(int, self.hidden), len(classes)], int(self.seed))
        descent = Descent(
            int(self.local_epochs), int(self.batch_size), float(self.learning_rate),
            float(self.proximal),
        )  # fmt: skip
        patience = self.early_stopping_rounds
        seed = (
            None
            if self.random_state is None
            else 1000 * int(self.random_state) + session.party.index
        )
        trainer = NetworkTrainer(
            session, begun.exchange, plans[0], begun.progress, made, descent,
            None if patience is None else int(patience), seed, self._spending(),
        )  # fmt: skip
        scale = self._find_scale(session, begun, plans[1], data.table.values, trainer)
        own = self._tensors(data.table, data.y, data.weights, classes, scale)
        tested = None
        if data.tested is not None:
            table, labels = data.tested
            tested = self._tensors(table, labels, np.ones(len(table.values)), classes, scale)
        rounds = trainer.train(own, tested, self._rounds())
        fitted = {
            "network_": made, "classes_": classes, "n_iter_": rounds, "_scale": scale,
            "loss_history_": trainer.losses, "validation_history_": trainer.validation,
            "n_features_in_": common.columns,
        }  # fmt: skip
        fitted |= self._told(session, trainer.report, trainer.spending)
        if data.table.names is not None:
            fitted["feature_names_in_"] = np.array(data.table.names, dtype=object)
        return fitted

    def _find_scale(
        self,
        session: Session,
        begun: Begun,
        by_rows: AggregationPlan,
        values: Floats,
        trainer: NetworkTrainer,
    ) -> Scale:
        """The scale of the columns over all clients' rows, from the checkpoint if there is one."""
        if not self.standardize:
            return Scale.none(values.shape[1])
        recovery = session.recovery
        if recovery is not None and recovery.iteration:
            kept = recovery.load()
            scale = Scale(np.asarray(kept["mean"]), np.asarray(kept["deviation"]))
        else:
            rows = len(values)
            found = learn(
                lambda plan, update: begun.exchange.run(plan, update, rows if plan.max_weight > 1 else 1),
                by_rows, values.shape[1], values,
            )  # fmt: skip
            assert found is not None
            scale = found
        trainer.scale = {"mean": scale.mean, "deviation": scale.deviation}
        return scale

    def _tensors(
        self, table: Table, y: Any, weights: Floats, classes: NDArray[Any], scale: Scale
    ) -> Tensors:
        torch = require_torch()
        codes = encode_classes(read_labels(y, len(table.values)), classes)
        codes = codes[:, 0] if codes.shape[1] == 1 else codes.argmax(axis=1)
        return Tensors(
            torch.from_numpy(scale.apply(table.values).astype(np.float32)),
            torch.from_numpy(codes.astype(np.int64)),
            torch.from_numpy(weights.astype(np.float32)),
        )

    def decision_function(self, X: Any) -> Floats:
        """Return scores [rows, classes], of two classes how much the second one leads, [rows]; a client's own affair.

        Raises
        ------
        ConfigurationError
            Before fit, and elsewhere than at clients.
        DataError
            When `X` does not have the columns of fit.
        """
        if not hasattr(self, "network_"):
            raise ConfigurationError("fit first; clients have the network, the server has none")
        torch = require_torch()
        table = read_table(X)
        names = getattr(self, "feature_names_in_", None)
        check_same_columns(table, self.n_features_in_, None if names is None else tuple(names))
        values = self._scale.apply(table.values)
        self.network_.eval()
        with torch.no_grad():
            scores = self.network_(torch.from_numpy(values.astype(np.float32)))
        found = np.asarray(scores.numpy(), dtype=np.float64)
        return np.asarray(found[:, 1] - found[:, 0]) if found.shape[1] == 2 else found

    def interpret(self, scores: Floats) -> dict[str, NDArray[Any]]:
        """Return ``prediction``, the classes of the largest scores, and ``probability``."""
        table = _of_each_class(scores)
        best = self.classes_[table.argmax(axis=1)]
        return {"prediction": best, "probability": probabilities(table)}

    def predict_proba(self, X: Any) -> Floats:
        """Return the probability of each class, [rows, classes]; raises as `decision_function` does."""
        return self.interpret(self.decision_function(X))["probability"]

    def evaluate(self, y: Any, scores: Floats) -> dict[str, float]:
        """Return log loss, and AUC, KS, accuracy and F1 of two classes, accuracy and F1 of more."""
        labels, present = read_present_labels(y, len(scores))
        if not present.any():
            return {}
        table = _of_each_class(scores)[present]
        encoded = encode_classes(labels, self.classes_)
        if encoded.shape[1] == 1:
            encoded = np.hstack([1 - encoded, encoded])
        found = {"loss": LogLoss().mean(encoded, table, np.ones(len(table)))}
        if len(self.classes_) == 2:
            return found | classification_metrics(
                labels, table[:, 1] - table[:, 0], self.classes_[1]
            )
        return found | multiclass_metrics(labels, table, self.classes_)

    def outputs_of(self, labels: NDArray[Any] | None) -> int:
        """Return how many scores a row has: one, where there are two classes."""
        classes = self.classes if self.classes is not None else labels
        count = 2 if classes is None else len(np.unique(np.asarray(classes)))
        return 1 if count <= 2 else count

    def output_names(self) -> list[Any]:
        """Return the classes."""
        return list(self.classes_.tolist())

    def save(self, path: PathLike) -> None:
        """Write the model to a file that only its owner can read; a `network` of its own is named at loading.

        Raises
        ------
        ConfigurationError
            Before fit, and elsewhere than at clients.
        StorageError
            When the file cannot be written.
        """
        if not hasattr(self, "network_"):
            raise ConfigurationError("there is no model to save: fit first, at a client")
        write_network(path, self)

    @classmethod
    def load(cls: type[Model], path: PathLike, network: Callable[[], Any] | None = None) -> Model:
        """Return a fitted model from what `save` wrote.

        Parameters
        ----------
        network : callable, optional
            That of the model, if it had one.

        Raises
        ------
        StorageError, DataError
            When the file cannot be read, or is no such model.
        """
        return read_network(path, cls, network)


def _of_each_class(scores: Any) -> Floats:
    """Scores [rows, classes], up to what all classes of a row have in common."""
    table = np.asarray(scores, dtype=np.float64)
    return np.column_stack([np.zeros_like(table), table]) if table.ndim == 1 else table
