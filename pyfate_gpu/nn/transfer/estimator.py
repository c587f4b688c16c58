# SPDX-License-Identifier: Apache-2.0
"""Transfer learning between a guest with labels and a host with other features, over few common rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.labels import count_classes
from pyfate_gpu.errors import DataError
from pyfate_gpu.federation import Session
from pyfate_gpu.nn.transfer.fitting import TransferFitting
from pyfate_gpu.nn.transfer.workload import workload_of
from pyfate_gpu.protocol.cost import JobShape, Workload
from pyfate_gpu.protocol.estimator import PathLike
from pyfate_gpu.protocol.progress import Callback, FitReport
from pyfate_gpu.typing import Floats

Model = TypeVar("Model", bound="FederatedTransfer")

_LEARNS = (
    ("guest", "the gradient of its own weights in each step"),
    ("guest", "the loss in each step"),
    ("guest", "how many inputs the host has, and how many rows are common"),
    ("host", "the gradient of its own weights in each step"),
    ("host", "how many inputs the guest has, and how many rows are common"),
    ("host", "when training ends"),
    ("guest", "from a prediction: how many rows are scored"),
    ("host", "from a prediction: scores of its own rows, and the names of the classes"),
)


@dataclass(kw_only=True, eq=False, repr=False)
class FederatedTransfer(TransferFitting):
    """Labels of a guest for rows of a host that the guest does not have.

    Both parties map their rows to representations of the same length: linearly, from features that `bottom` may have
    made. Those of common rows are drawn together, and classes are told apart by the guest's mean representations; so
    the host's representations learn to carry labels. Nobody sees a representation of the other (docs/transfer.md).

    Parameters
    ----------
    features : int
        Length of representations.
    bottom : torch.nn.Module or callable, optional
        From float64 ``[rows, columns]`` to ``[rows, anything]``, this party's own, trained before; it is not changed.
    kappa, lam, own : float
        Weight of the squared distance of common rows' representations, of all squared weights, and of telling the
        guest's own rows apart by its representations of them.
    max_iter, learning_rate, momentum : int, float, float
        Steps of descent on all common rows.
    tol : float
        Stop when the opened loss changes by at most that from one step to the next; 0 takes all steps.
    random_state : int or None
        Seed of this party's first weights.
    warm_start : bool
        Begin with the weights of the last fit, and prepare features as it did.
    squeeze : bool
        Whether columns share ciphertexts.
    clip : float
        Largest size of a standardised feature.
    scheme, key_bits, allow_insecure_key_size
        Of both keys.
    callbacks : sequence
        Objects with ``on_iteration(report)``.

    Attributes
    ----------
    weights_ : float64 [inputs, features]
        This party's map, known to it alone.
    centres_ : float64 [classes or 1, features]
        Mean representations with the signs of the labels; the guest's.
    classes_ : array
        Sorted; the guest's.
    loss_history_ : list of float
        Before each step; the guest's.
    n_common_, n_iter_ : int
        Rows in common, steps taken.
    training_, report_ : str, FitReport
        Fingerprint of the training, the same at both parties; backend, key, seconds, operations and bytes.
    n_features_in_, feature_names_in_ : int, object array
        This party's columns; names only where `X` had them.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu import simulate
    >>> from pyfate_gpu.nn.transfer import FederatedTransfer
    >>> x = np.random.default_rng(0).normal(size=(40, 4))
    >>> y, common = (x.sum(axis=1) > 0).astype(int), np.arange(20)
    >>> def model():
    ...     return FederatedTransfer(features=3, max_iter=3, key_bits=512, allow_insecure_key_size=True)
    >>> def guest(session):
    ...     fitted = model().fit(x[:, :2], y, session=session, common=common)
    ...     fitted.predict(session=session)
    ...     return fitted.loss_history_
    >>> def host(session):
    ...     fitted = model().fit(x[:30, 2:], session=session, common=common)
    ...     return fitted.predict(x[30:, 2:], session=session)
    >>> found = simulate(guest=guest, hosts=[host])
    >>> found["guest"][-1] < found["guest"][0], found["host-0"].shape
    (True, (10,))
    """

    features: int = 16
    bottom: Callable[[Any], Any] | None = None
    kappa: float = 0.1
    lam: float = 0.01
    own: float = 1.0
    max_iter: int = 30
    tol: float = 0.0
    learning_rate: float = 0.3
    momentum: float = 0.9
    random_state: int | None = None
    warm_start: bool = False
    squeeze: bool = True
    clip: float = 4.0
    scheme: str = "paillier"
    key_bits: int = 3072
    allow_insecure_key_size: bool = False
    callbacks: Sequence[Callback] = ()

    if TYPE_CHECKING:  # set by fit
        weights_: Floats = field(init=False)
        centres_: Floats = field(init=False)
        classes_: NDArray[np.generic] = field(init=False)
        loss_history_: list[float] = field(init=False)
        n_common_: int = field(init=False)
        n_iter_: int = field(init=False)
        report_: FitReport = field(init=False)
        training_: str = field(init=False)
        n_features_in_: int = field(init=False)
        _inputs: tuple[int, int] = field(init=False)

    def fit(
        self: Model,
        X: Any = None,
        y: Any = None,
        *,
        session: Session,
        common: Any = None,
        sample_weight: Any = None,
        validation: Any = None,
    ) -> Model:
        """Train together with the other party.

        Parameters
        ----------
        X : array-like or DataFrame [rows, columns]
            This party's rows, those in common and others.
        y : array-like [rows]
            Labels, at the guest only; None or NaN where a row has none.
        session : Session
        common : integer array, optional
            Which of this party's rows are in common, in the same order at both; by default all.
        sample_weight, validation : None
            Not taken.

        Raises
        ------
        DataError
            For features, labels or row numbers that cannot be used.
        ConfigurationError
            For parameters that make no sense or differ between the parties.
        DivergenceError
            When representations explode.
        ChannelTimeoutError, PartyFailedError
            When the other party did not answer or stopped.
        """
        if sample_weight is not None:
            raise DataError("transfer learning takes no sample_weight")
        return self._fit(session, X, y, common, validation)

    def decision_function(self, X: Any = None, *, session: Session) -> Floats | None:
        """Return the scores of the host's own rows to the host, None to the guest, who calls it without rows.

        The host's representations meet the guest's centres under encryption.

        Raises
        ------
        ConfigurationError
            Before fit, or when the halves are of different trainings.
        DataError
            When `X` does not have the columns of fit, or `bottom` does not put out what it did.
        """
        return self._scores(X, session)

    def score_rows(
        self, X: Any = None, *, session: Session, options: Mapping[str, Any] | None = None
    ) -> Floats | None:
        """Return what `decision_function` does."""
        return self._scores(X, session)

    def predict(self, X: Any = None, *, session: Session) -> NDArray[np.generic] | None:
        """Return the likeliest class of each of the host's own rows to the host, None to the guest."""
        scores = self._scores(X, session)
        return None if scores is None else self.interpret(scores)["prediction"]

    def predict_proba(self, X: Any = None, *, session: Session) -> Floats | None:
        """Return the logistic function of scores, [rows, classes], each row adding up to 1, to the host."""
        scores = self._scores(X, session)
        return None if scores is None else self.interpret(scores)["probability"]

    @classmethod
    def load(
        cls: type[Model], path: PathLike, *, bottom: Callable[[Any], Any] | None = None
    ) -> Model:
        """Return a fitted model from what `save` wrote, to predict with, or to go on by `warm_start`.

        Parameters
        ----------
        bottom : torch.nn.Module or callable, optional
            The one that it was trained on, which files do not hold.

        Raises
        ------
        StorageError, DataError
            When the file cannot be read, or is no half of such a model.
        """
        model = super().load(path)
        model.bottom = bottom
        return model

    def workload(self, shape: JobShape) -> Workload:
        """Return what training on data of that shape takes, before it runs, where all its rows are common."""
        return workload_of(shape, self.settings())

    def outputs_of(self, labels: NDArray[Any] | None) -> int:
        """Return how many scores a row has: one of each class, where there are more than two."""
        classes = len(count_classes(labels))
        return classes if classes > 2 else 1

    def class_counts(self, labels: NDArray[Any] | None) -> dict[Any, int]:
        """Return how many rows each class has."""
        return count_classes(labels)

    def result(self) -> dict[str, Any]:
        """Return iterations, cost, how many rows and inputs there were, which training, and at the guest losses."""
        found = super().result() | {
            "common_rows": self.n_common_,
            "inputs": self._inputs[0],
            "inputs_of_the_other": self._inputs[1],
            "training": self.training_,
        }
        if hasattr(self, "loss_history_"):
            found["loss"] = [float(loss) for loss in self.loss_history_]
        return found

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Return what the fit was on, and what each party has learned by it."""
        own, theirs = self._inputs
        sizes = {
            "rows in common": self.n_common_,
            "inputs": own,
            "inputs of the other party": theirs,
        }
        return {
            "Sizes": [sizes | {"features": self.settings().features}],
            "What each party learns": [{"party": who, "learns": what} for who, what in _LEARNS],
        }
