# SPDX-License-Identifier: Apache-2.0
"""What classifiers and regressions of boosted trees share: one object a party, the session says which part it plays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.federation import Session
from pyfate_gpu.protocol.cost import JobShape, Workload
from pyfate_gpu.protocol.progress import Callback, FitReport
from pyfate_gpu.protocol.report_diagrams import Diagram
from pyfate_gpu.protocol.settings import check_choice
from pyfate_gpu.trees.export import half_model, whole_model
from pyfate_gpu.trees.exposure import exposure_of_prediction
from pyfate_gpu.trees.fitting import Fitting
from pyfate_gpu.trees.pictures import diagrams_of, tables_of
from pyfate_gpu.trees.workload import workload_of
from pyfate_gpu.typing import Floats

Model = TypeVar("Model", bound="HeteroBoostedTrees")
IMPORTANCES = ("gain", "weight", "cover")
#: In a picture of a report.
SHOWN_COLUMNS = 25


@dataclass(kw_only=True, eq=False, repr=False)
class HeteroBoostedTrees(Fitting):
    """Base of the models; see its subclasses for labels and losses.

    Every party makes one of these with the same parameters and calls the same methods: the guest with `X` and `y`,
    hosts with `X`. There is no arbiter: the guest has the key. The protocol and what each party learns by it stand
    in ``docs/trees.md``.

    Parameters
    ----------
    n_estimators : int
        Most rounds; with `warm_start` those of earlier fits count.
    max_depth : int
        Levels of splits.
    learning_rate : float
        What leaves are multiplied by.
    max_bin : int
        Bins of a column, beside that of missing values. Each party's own choice.
    reg_lambda, reg_alpha, gamma, min_child_weight, max_delta_step : float
        As of XGBoost: L2 and L1 of leaves, least gain of a split, least hessian of its sides (all outputs together),
        largest leaf before `learning_rate`, 0 for any.
    min_samples_leaf : int
        Fewest rows on a side of a split. Each party sees to it for itself: a host answers nothing about fewer.
    subsample, colsample_bytree : float
        Shares of rows and of each party's columns that a tree is grown from.
    sampling_method : {"uniform", "goss"}
        ``goss`` keeps the `top_rate` of rows with the largest gradients and draws `other_rate` of them from the
        others, which then count for all others; from round 1 / learning_rate on.
    top_rate, other_rate : float
        See `sampling_method`.
    num_parallel_tree : int
        Trees of a round, which are averaged.
    multi_strategy : {"multi_output_tree", "one_output_per_tree"}
        With more than two classes, whether a tree has a value for each of them.
    base_score : float or None
        Response before the first tree; None for the best constant.
    gradient_bits : int
        To which gradients are rounded before they are encrypted, 3 to 40. Leaves are exact. From 3 to 8 bits, of which
        the sign is one, they are rounded up or down by chance, so that sums are right on average: cheaper, and a sum
        tells less of the rows in it.
    lazy_gradients : {"off", "show_changed_rows"}
        Whether rows are encrypted and sent again only when their gradients, of 3 to 8 bits, changed: several times
        fewer encryptions and bytes. Hosts then see in each round which rows these are, which says how far the model
        moved on them (docs/trees.md). Rows do not share ciphertexts, and ``goss`` cannot draw them.
    packing : {"auto", "rows", "none"}
        Whether rows share ciphertexts: several times fewer encryptions and bytes, and dearer candidates. What costs
        less by default, which is ``rows`` for many rows and few columns of hosts.
    guest_only_trees, guest_only_levels : int
        First rounds, and last levels of every tree, in which only the guest's columns are split: the first trees
        say most about labels.
    host_levels : int or None
        First levels of every tree in which columns of hosts are split too; None for all but `guest_only_levels`.
        Each further one costs about twice what the last one did, and deep nodes are those of few rows.
    early_stopping_rounds : int or None
        Stop when the first metric of the validation rows was not better for so many rounds, and keep the best.
    warm_start : bool
        Go on with the trees and the bins of the last fit.
    prediction : {"paths", "blinded"}
        Whether hosts see in predictions which rows come to their splits, and the guest where they go from there; or
        nobody sees anything but the guest the scores, for an encryption a row and tree or fewer.
    random_state : int or None
        Seed of what is drawn, of each party. Whoever knows the guest's can tell which rows ``goss`` kept for
        their gradients: leave it out where that matters.
    scheme, key_bits, allow_insecure_key_size : str, int, bool
        Of the guest's key.
    callbacks : sequence
        Objects with ``on_iteration(report)``, called after each round with an `IterationReport`.

    Attributes
    ----------
    n_iter_ : int
        Rounds that are kept.
    loss_history_ : list of float
        Mean loss of the training rows after each round of the last fit; guest only.
    validation_history_ : list of dict
        Metrics of the validation rows after each round; guest only, where there are such rows.
    validation_scores_ : float64
        Scores of these rows by the trees that are kept.
    changed_rows_ : list of int
        With `lazy_gradients`, how many rows were sent in each round that hosts took part in; guest only.
    smallest_node_ : int
        Fewest rows that the guest has seen encrypted sums of, at hosts of their own; 0 where there were none.
    training_ : str
        Fingerprint of the training, the same at all parties: halves of different ones refuse to work together.
    n_features_in_, feature_names_in_ : int, object array
        This party's columns; names only where `X` had them.
    report_ : FitReport
        Backend, key, seconds, operations and bytes.
    """

    prediction_parameters = ("prediction",)

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
    sampling_method: str = "uniform"
    top_rate: float = 0.2
    other_rate: float = 0.1
    num_parallel_tree: int = 1
    multi_strategy: str = "multi_output_tree"
    base_score: float | None = None
    gradient_bits: int = 24
    lazy_gradients: str = "off"
    packing: str = "auto"
    guest_only_trees: int = 0
    guest_only_levels: int = 0
    host_levels: int | None = None
    early_stopping_rounds: int | None = None
    warm_start: bool = False
    prediction: str = "paths"
    random_state: int | None = None
    scheme: str = "paillier"
    key_bits: int = 3072
    allow_insecure_key_size: bool = False
    callbacks: Sequence[Callback] = ()

    if TYPE_CHECKING:  # set by fit
        loss_history_: list[float] = field(init=False)
        validation_history_: list[dict[str, float]] = field(init=False)
        validation_scores_: Floats = field(init=False)
        n_iter_: int = field(init=False)
        report_: FitReport = field(init=False)
        smallest_node_: int = field(init=False)
        changed_rows_: list[int] = field(init=False)
        training_: str = field(init=False)
        n_features_in_: int = field(init=False)

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
            This party's features, rows in the same order at every party; NaN where a value is missing. A guest that
            has labels only leaves X out, or gives a table without columns.
        y : array-like [rows]
            Labels, at the guest only.
        session : Session
            Which party this is, and the way to the others.
        sample_weight : array-like [rows], optional
            What gradients are multiplied by, at the guest only.
        validation : (array-like, array-like) or array-like, optional
            Other rows to judge the model by: features and labels at the guest, features at hosts.

        Raises
        ------
        DataError
            For features or labels that cannot be used.
        ConfigurationError
            For parameters that make no sense or differ between parties.
        ProtocolError
            When a party does not keep to the protocol: sums, choices or rows that do not fit together.
        ChannelTimeoutError, PartyFailedError
            When another party did not answer or stopped.
        """
        return self._fit(session, X, y, sample_weight, validation)

    def decision_function(self, X: Any = None, *, session: Session) -> Floats | None:
        """Return the scores of rows to the guest, None to the others; all parties call it.

        Hosts see which rows come to which of their splits, the guest where they go from there, unless `prediction`
        is ``blinded``.

        Raises
        ------
        ConfigurationError
            Before fit.
        DataError
            When `X` does not have the columns of fit.
        """
        return self._scores(X, session)

    def score_rows(
        self, X: Any = None, *, session: Session, options: Mapping[str, Any] | None = None
    ) -> Floats | None:
        """Return what `decision_function` does."""
        return self._scores(X, session)

    def importances(self, kind: str = "gain") -> dict[str, float]:
        """Return how much each of this party's columns matters, by name.

        Parameters
        ----------
        kind : {"gain", "weight", "cover"}
            The mean gain of its splits, how many these are, or the mean hessian that came by. Hosts know the
            second only: gains and hessians are the guest's.

        Raises
        ------
        ConfigurationError
            Before fit, and for what a host does not know.
        """
        check_choice("kind", kind, IMPORTANCES)
        half = self._fitted_half()
        if half.forest is None and kind != "weight":
            raise ConfigurationError(f"{kind} is known to the guest alone: ask for kind='weight'")
        values = half.importances(kind).tolist()
        return dict(zip(half.feature_names, values, strict=True))

    def workload(self, shape: JobShape) -> Workload:
        """Return what training on data of that shape takes, before it runs.

        Raises
        ------
        ConfigurationError
            For the first parameter that makes no sense.
        """
        return workload_of(shape, self.settings())

    def result(self) -> dict[str, Any]:
        """Return rounds, cost, importances, how small the smallest node was, and at the guest losses."""
        found = super().result()
        if hasattr(self, "_half"):
            known = IMPORTANCES if self._half.forest is not None else ("weight",)
            found["training"] = self.training_
            found["importances"] = {kind: self.importances(kind) for kind in known}
        if hasattr(self, "loss_history_"):
            found["loss"] = [float(loss) for loss in self.loss_history_]
        if hasattr(self, "smallest_node_"):
            found["smallest_node"] = self.smallest_node_
        if hasattr(self, "changed_rows_"):
            found["changed_rows"] = self.changed_rows_
        return found

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Return what this fit has shown to whom, and this party's splits as text."""
        return tables_of(self)

    def diagrams(self) -> dict[str, Diagram]:
        """Return pictures of the first trees, or of a host's own splits."""
        return diagrams_of(self._fitted_half())

    def shown_by_prediction(self) -> list[dict[str, Any]]:
        """Return what a prediction shows to whom."""
        return exposure_of_prediction(self)

    def bars(self) -> dict[str, dict[str, float]]:
        """Return how much each of this party's columns matters."""
        kind = "gain" if self._fitted_half().forest is not None else "weight"
        ranked = sorted(self.importances(kind).items(), key=lambda pair: -pair[1])
        return {f"importance of own columns ({kind})": dict(ranked[:SHOWN_COLUMNS])}

    def to_xgboost(self, *others: HeteroBoostedTrees) -> dict[str, Any]:
        """Return this party's half as a model of XGBoost, in the form of its JSON.

        At the guest each split of a host is a feature of its own: 0 where rows go left, 1 where they go right. At a
        host there is a tree for each of its splits, with that value. With the halves of all hosts, in their order,
        the guest's is the whole model: only what all parties agree to bring together.

        Parameters
        ----------
        *others : HeteroBoostedTrees
            The halves of all hosts, at the guest; or none.

        Raises
        ------
        ConfigurationError
            Before fit.
        DataError
            When halves are not those of one training.

        Examples
        --------
        ``json.dump(model.to_xgboost(), file)``, then ``xgboost.Booster(model_file=...)`` reads it.
        """
        half, name, params = self._fitted_half(), self._xgboost_name(), self.get_params()
        if not others:
            return half_model(half, name, params)
        return whole_model([half, *(other._fitted_half() for other in others)], name, params)

    def _xgboost_name(self) -> str:
        """Return what XGBoost calls the objective."""
        raise NotImplementedError
