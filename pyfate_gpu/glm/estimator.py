# SPDX-License-Identifier: Apache-2.0
"""What all federated linear models share: one object per party, the session says which part it plays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from pyfate_gpu.data.tables import read_table
from pyfate_gpu.federation import Session
from pyfate_gpu.glm.fitting import Fitting
from pyfate_gpu.glm.workload import workload_of
from pyfate_gpu.protocol.cost import JobShape, Workload
from pyfate_gpu.protocol.progress import Callback, FitReport
from pyfate_gpu.typing import Floats

Model = TypeVar("Model", bound="HeteroGLM")


@dataclass(kw_only=True, eq=False, repr=False)
class HeteroGLM(Fitting):
    """Base of the models; see its subclasses for the losses.

    Every party makes one of these with the same parameters and calls the same methods: the guest with
    `X` and `y`, hosts with `X`, the arbiter with neither. The protocol is that of
    ``docs/protocol.md``: nobody sees another's features, weights, scores or gradients.

    Parameters
    ----------
    mode : {"masked", "arbiter_optimizer"}
        Whether the arbiter decrypts masked values, or, as in FATE, sees every gradient and takes the
        steps itself: weaker, for comparison only.
    packing : {"auto", "rows", "classes", "none"}
        What shares a ciphertext (docs/algorithms/shared-residuals.md): ``rows`` of one output, where all parties
        standardise their columns and rows have no weights; several ``classes`` of a row; ``auto`` takes rows where that
        pays, otherwise classes. Poisson regression shares nothing.
    max_iter : int
        Most passes over the data.
    batch_size : int or None
        Rows of a batch, None for all rows. No batch, the last included, may have as few rows as a
        party has columns.
    batch_strategy : {"fixed", "random"}
        Whether the rows are divided once, or at random for each iteration.
    masked_rate : float
        How many dummy rows, which do not count, the guest adds to a batch for each row that does. Hosts
        cannot tell them apart, so batches may then have fewer rows than hosts have columns.
    shuffle, random_state : bool, int or None
        Whether the guest divides the rows in random order, and the seed of that order.
    optimizer : {"auto", "newton", "rmsprop", "adam", "adagrad", "nesterov", "momentum", "sgd"}
        Update rule. ``newton`` is conjugate gradients with each party's own curvature: a few passes in place
        of dozens (docs/algorithms/conjugate-gradients.md); it takes full batches, a quadratic loss, mode
        ``masked``, penalty ``l2`` or none, and convergence ``diff``. ``auto`` takes it where it can, and
        ``adam`` elsewhere.
    learning_rate, decay, decay_sqrt : float, float, bool
        Step size: learning_rate / sqrt(1 + decay * iterations done), or without the root.
    penalty : {"l2", "l1", None}
        Adds alpha/2 of the squared weights, or alpha of their magnitudes, to the mean loss, or nothing;
        weights as in `coef_`.
        The intercept has none. In files, None is "none".
    alpha : float
        See `penalty`.
    convergence : {"diff", "abs", "weight_diff"}
        Stop when the loss changes by at most `tol`, is at most `tol`, or when at every party the
        weights move by at most `tol` times their norm.
    tol : float
        See `convergence`. Linear regression compares it with losses and weights in the unit that it computes
        in: where targets have about the size 1.
    early_stopping_rounds : int or None
        Stop when the loss of the validation rows was not better for so many iterations.
    warm_start : bool
        Begin with the weights of the last fit, prepare features and scale targets as it did.
    fit_intercept : bool
        Whether the guest fits an intercept.
    standardize : bool
        Whether this party's columns are centred and divided by their standard deviation.
    clip : float or None
        Largest magnitude of a (standardised) feature kept, in fit and in predict; None for no limit. In
        files, None is false.
    impute : {"mean", "median"}, float or None
        What stands for missing values of this party's columns, learned in fit and the same in predict: the
        mean or median of the values that are there, or a number. With None, missing values are refused.
    impute_indicator : bool
        Whether each column in which values were missing in fit gets a further one, 1 where they are.
    scheme : str
        Of the arbiter's key: one of `generate_keypair`.
    key_bits : int
        Length of the arbiter's key.
    allow_insecure_key_size : bool
        Accept a key below 2048 bits, for tests.
    callbacks : sequence
        Objects with ``on_iteration(report)``, called after each iteration with an `IterationReport`.

    Attributes
    ----------
    coef_ : float64 [columns] or [classes, columns]
        This party's weights, of the prepared (imputed, standardised, clipped) features, in the unit of the
        targets; guest and hosts. `get_feature_names_out` names them.
    intercept_ : float or float64 [classes]
        Guest only.
    loss_history_ : list of float
        Mean loss before the updates of each iteration, in the unit of the targets; guest only.
    validation_history_ : list of dict
        Metrics of the validation rows after each iteration; guest only, where there are such rows.
    validation_scores_ : float64
        Scores of these rows by the weights that are kept.
    n_iter_ : int
        Iterations done. With early stopping, weights are those of the best one.
    n_features_in_, feature_names_in_ : int, object array
        This party's columns; names only where `X` had them.
    training_ : str
        Fingerprint of the training, the same at guest and hosts: halves of different ones refuse to work together.
    report_ : FitReport
        Backend, key, seconds, operations and bytes.
    """

    mode: str = "masked"
    packing: str = "auto"
    max_iter: int = 30
    batch_size: int | None = None
    batch_strategy: str = "fixed"
    masked_rate: float = 0.0
    shuffle: bool = False
    random_state: int | None = None
    optimizer: str = "auto"
    learning_rate: float = 0.05
    decay: float = 0.0
    decay_sqrt: bool = True
    penalty: str | None = "l2"
    alpha: float = 0.01
    convergence: str = "diff"
    tol: float = 1e-4
    early_stopping_rounds: int | None = None
    warm_start: bool = False
    fit_intercept: bool = True
    standardize: bool = True
    clip: float | None = None
    impute: str | float | None = None
    impute_indicator: bool = False
    scheme: str = "paillier"
    key_bits: int = 3072
    allow_insecure_key_size: bool = False
    callbacks: Sequence[Callback] = ()

    if TYPE_CHECKING:  # set by fit
        coef_: Floats = field(init=False)
        intercept_: Any = field(init=False)
        loss_history_: list[float] = field(init=False)
        validation_history_: list[dict[str, float]] = field(init=False)
        validation_scores_: Floats = field(init=False)
        n_iter_: int = field(init=False)
        report_: FitReport = field(init=False)
        n_features_in_: int = field(init=False)
        training_: str = field(init=False)

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
            This party's features, rows in the same order at every party; none at the arbiter. A guest that
            has labels only leaves X out, or gives a table without columns.
        y : array-like [rows]
            Labels, at the guest only.
        session : Session
            Which party this is, and the way to the others.
        sample_weight : array-like [rows], optional
            How much each row counts, at the guest only; scaled to mean 1.
        validation : (array-like, array-like) or array-like, optional
            Other rows to judge the model by: features and labels at the guest, features at hosts.

        Raises
        ------
        DataError
            For features or labels that cannot be used.
        ConfigurationError
            For parameters that make no sense, differ between parties, or make unsafe batches.
        ChannelTimeoutError, PartyFailedError
            When another party did not answer or stopped.
        """
        return self._fit(session, X, y, sample_weight, validation)

    def decision_function(self, X: Any = None, *, session: Session) -> Floats | None:
        """Return the score of each row to the guest, None to the others; all parties call it.

        Hosts' shares are added under encryption. With one host the sum is that host's share: the
        guest, who knows its own, can subtract.

        Raises
        ------
        ConfigurationError
            Before fit.
        DataError
            When `X` does not have the columns of fit.
        """
        return self._scores(X, session)

    def contributions(self, X: Any) -> Floats:
        """Return what each of this party's features adds to the score of each row; no other party takes part.

        Scores are the sums of all parties' contributions and the guest's intercept.

        Returns
        -------
        float64 [rows, features] or [rows, features, classes]

        Raises
        ------
        ConfigurationError
            Before fit, and at the arbiter.
        DataError
            When `X` does not have the columns of fit.
        """
        half = self._fitted_half()
        values = half.features(read_table(X, missing=half.imputes)).values
        found = values[:, :, np.newaxis] * half.weights[np.newaxis]
        found = found[:, : half.pipeline.features]  # without the intercept
        return found[:, :, 0] if found.shape[2] == 1 else found

    def score_rows(
        self, X: Any = None, *, session: Session, options: Mapping[str, Any] | None = None
    ) -> Floats | None:
        """Return what `decision_function` does, with the exposures that `options` may have."""
        return self._scores(X, session, (options or {}).get("exposure"))

    def workload(self, shape: JobShape) -> Workload:
        """Return what training on data of that shape takes, before it runs.

        Raises
        ------
        ConfigurationError
            For the first parameter that makes no sense.
        """
        return workload_of(shape, self.settings())

    def result(self) -> dict[str, Any]:
        """Return iterations, cost, this party's weights, and at the guest intercept and losses."""
        found = super().result()
        if hasattr(self, "coef_"):
            found["coef"] = np.asarray(self.coef_).tolist()
            found["features"] = self.get_feature_names_out().tolist()
            found["training"] = self.training_
        if hasattr(self, "loss_history_"):
            found["intercept"] = np.asarray(self.intercept_).tolist()
            found["loss"] = [float(loss) for loss in self.loss_history_]
        return found

    def weights_in_units(self) -> dict[str, list[float]]:
        """Return this party's weights for columns in the unit that they came in; clipping apart, they say the same."""
        half = getattr(self, "_half", None)
        if half is None or not half.columns:
            return {}
        weights = half.weights[:-1] if half.intercept else half.weights
        scaled = (weights / half.pipeline.scale[:, np.newaxis]).tolist()
        return dict(zip(half.feature_names, scaled, strict=True))

    def why_no_checkpoints(self) -> str:
        """Return why such a job cannot be resumed: dummy rows would give themselves away."""
        if not self.masked_rate:
            return ""
        return (
            "checkpoint_every and masked_rate exclude each other: after a restart the same batches would get "
            "other dummy rows, and hosts could tell the rows that count by being in both"
        )
