# SPDX-License-Identifier: Apache-2.0
"""What regressions without a coordinator share: one object for each party, the session says which part it plays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from pyfate_gpu.federation import Session
from pyfate_gpu.protocol.cost import JobShape, Workload
from pyfate_gpu.protocol.progress import Callback, FitReport
from pyfate_gpu.sshe.fitting import Fitting
from pyfate_gpu.sshe.settings import OWNERS
from pyfate_gpu.sshe.workload import workload_of
from pyfate_gpu.typing import Floats

Model = TypeVar("Model", bound="HeteroSSHE")


@dataclass(kw_only=True, eq=False, repr=False)
class HeteroSSHE(Fitting):
    """Base of the models; see its subclasses for the losses.

    A guest and one host make one of these each, with the same parameters, and call the same methods: the guest with
    `X` and `y`, the host with `X`. There is no third party. Weights, scores and residuals are shared between the two
    from the first step to the last; docs/sshe.md has the messages, and what each party learns.

    Parameters
    ----------
    max_iter : int
        Most passes over the data.
    batch_size : int or None
        Rows of a batch, None for all rows. No batch, the last included, may have as few rows as a party has columns.
    batch_strategy : {"fixed", "random"}
        Whether the rows are divided once, or at random for each iteration.
    shuffle, random_state : bool, int or None
        Whether the guest divides the rows in random order, and the seed of that order.
    optimizer : {"momentum", "sgd"}
        Update rule; both are sums of shares.
    momentum : float
        Share of the last step in the next one; of ``sgd`` there is none.
    learning_rate, decay, decay_sqrt : float, float, bool
        Step size: learning_rate / sqrt(1 + decay * iterations done), or without the root.
    penalty : {"l2", None}
        Adds alpha/2 of the squared weights to the mean loss, or nothing. The intercept has none. In files, None is
        "none".
    alpha : float
        See `penalty`.
    tol : float
        Stop when the opened loss changes by at most that from one iteration to the next.
    loss_every : int
        The guest learns the loss of one batch in so many; that of an iteration is the mean of those opened in it.
    early_stopping_rounds : int or None
        Stop when the loss of the validation rows, whose scores the guest learns, was not better for so many
        iterations.
    reveal : {"owners", "nobody"}
        To whom weights are opened at the end: to each party those of its own columns, or to nobody. Then both
        parties keep shares, and predict on them.
    squeeze : bool
        Whether results share ciphertexts on their way back: fewer decryptions and bytes. Their masks are then 64 bits
        wider than they are, otherwise uniform mod n (docs/algorithms/sharing.md).
    fraction_bits : int
        Of shares, 20 to 24.
    fit_intercept : bool
        Whether the guest fits an intercept.
    standardize : bool
        Whether this party's columns are centred and divided by their standard deviation.
    clip : float or None
        Largest magnitude of a (standardised) feature kept, in fit and in predict; None for no limit. In files, None
        is false.
    impute : {"mean", "median"}, float or None
        What stands for missing values of this party's columns. With None, missing values are refused.
    impute_indicator : bool
        Whether each column in which values were missing in fit gets a further one, 1 where they are.
    scheme : str
        Of both keys: one of `generate_keypair` whose plaintexts are public.
    key_bits : int
        Length of both keys.
    allow_insecure_key_size : bool
        Accept keys below 2048 bits, for tests.
    callbacks : sequence
        Objects with ``on_iteration(report)``, called after each iteration with an `IterationReport`.

    Attributes
    ----------
    coef_ : float64 [columns]
        This party's weights, of the prepared features, in the unit of the targets; where they were opened.
    intercept_ : float
        Guest only, where weights were opened.
    loss_history_ : list of float
        Mean loss before the updates of each iteration in which one was opened; guest only.
    validation_history_ : list of dict
        Metrics of the validation rows after each iteration; guest only, where there are such rows.
    validation_scores_ : float64
        Scores of these rows by the weights that are kept.
    n_iter_ : int
        Iterations done. With early stopping, weights are those of the best one.
    training_ : str
        Fingerprint of the training, the same at both parties: halves of different ones refuse to work together.
    n_features_in_, feature_names_in_ : int, object array
        This party's columns; names only where `X` had them.
    report_ : FitReport
        Backend, key, seconds, operations and bytes.
    """

    max_iter: int = 30
    batch_size: int | None = None
    batch_strategy: str = "fixed"
    shuffle: bool = False
    random_state: int | None = None
    optimizer: str = "momentum"
    momentum: float = 0.9
    learning_rate: float = 0.05
    decay: float = 0.0
    decay_sqrt: bool = True
    penalty: str | None = "l2"
    alpha: float = 0.01
    tol: float = 1e-4
    loss_every: int = 1
    early_stopping_rounds: int | None = None
    reveal: str = OWNERS
    squeeze: bool = True
    fraction_bits: int = 24
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
        intercept_: float = field(init=False)
        loss_history_: list[float] = field(init=False)
        validation_history_: list[dict[str, float]] = field(init=False)
        validation_scores_: Floats = field(init=False)
        n_iter_: int = field(init=False)
        report_: FitReport = field(init=False)
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
        """Train together with the other party.

        Parameters
        ----------
        X : array-like or DataFrame [rows, columns]
            This party's features, rows in the same order at both.
        y : array-like [rows]
            Labels, at the guest only.
        session : Session
            Which party this is, and the way to the other.
        sample_weight : array-like [rows], optional
            How much each row counts, at the guest only; scaled to mean 1. The host learns that there are weights.
        validation : (array-like, array-like) or array-like, optional
            Other rows to judge the model by: features and labels at the guest, features at the host.

        Raises
        ------
        DataError
            For features or labels that cannot be used.
        ConfigurationError
            For parameters that make no sense, differ between the parties, make unsafe batches, or numbers that
            shares have no room for.
        DivergenceError
            When weights grow beyond what shares have room for.
        ChannelTimeoutError, PartyFailedError
            When the other party did not answer or stopped.
        """
        return self._fit(session, X, y, sample_weight, validation)

    def decision_function(self, X: Any = None, *, session: Session) -> Floats | None:
        """Return the score of each row to the guest, None to the host; both call it.

        Where weights were opened to their owners the host tells its part of each score, which the guest could
        subtract from the sum anyway; otherwise scores are computed on shares.

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
        return self.decision_function(X, session=session)

    def workload(self, shape: JobShape) -> Workload:
        """Return what training on data of that shape takes, before it runs.

        Raises
        ------
        ConfigurationError
            For the first parameter that makes no sense, and where rows have several outputs.
        """
        return workload_of(shape, self.settings())

    def result(self) -> dict[str, Any]:
        """Return iterations, cost, this party's weights where they were opened, and at the guest losses."""
        found = super().result()
        if hasattr(self, "coef_"):
            found["coef"] = self.coef_.tolist()
            found["features"] = self.get_feature_names_out().tolist()
        if hasattr(self, "intercept_"):
            found["intercept"] = self.intercept_
        if hasattr(self, "training_"):
            found["training"] = self.training_
        if hasattr(self, "loss_history_"):
            found["loss"] = [float(loss) for loss in self.loss_history_]
        return found
