# SPDX-License-Identifier: Apache-2.0
"""The models as scikit-learn estimators: all parties in this process, over real ciphertexts.

For pipelines and searches before parties exist: ``fit(X, y)`` takes one table, gives the guest its
first columns and the hosts the others, and runs the protocol. docs/integrations/sklearn.md.

Examples
--------
>>> import numpy as np
>>> from pyfate_gpu import HeteroLogisticRegression
>>> from pyfate_gpu.integrations.sklearn import SimulatedClassifier
>>> x = np.random.default_rng(0).normal(size=(40, 4))
>>> model = SimulatedClassifier(
...     HeteroLogisticRegression(max_iter=5, key_bits=512, allow_insecure_key_size=True)
... )
>>> model.fit(x, x.sum(axis=1) > 0).score(x, x.sum(axis=1) > 0) > 0.8
True
"""

from __future__ import annotations

from functools import partial
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from pyfate_gpu.encoding.numbers import as_integer
from pyfate_gpu.errors import ConfigurationError, DataError
from pyfate_gpu.federation import Session, simulate
from pyfate_gpu.glm import (
    HeteroLinearRegression,
    HeteroLogisticRegression,
    HeteroPoissonRegression,
)
from pyfate_gpu.typing import Floats

try:
    from sklearn.utils.validation import validate_data
except ImportError as error:
    raise ImportError(
        "pyfate_gpu.integrations.sklearn needs scikit-learn 1.6 or later: pip install -U scikit-learn"
    ) from error

Self = TypeVar("Self", bound="SimulatedModel")


class SimulatedModel(BaseEstimator):  # type: ignore[misc]
    """Base of both estimators.

    Parameters
    ----------
    estimator : HeteroLogisticRegression, HeteroLinearRegression or HeteroPoissonRegression, optional
        The model that every party makes, with its parameters: ``estimator__learning_rate`` in a search.
    hosts : int
        How many there are.
    guest_columns : int or None
        The guest's columns, the first ones of X; None for the same number as each host, and what is
        left over.

    Attributes
    ----------
    coef_ : float64 [columns] or [classes, columns]
        Weights of the prepared columns, in the order of X.
    intercept_ : float or float64 [classes]
    n_iter_ : int
    loss_history_ : list of float
    parties_ : dict
        The fitted model of each party, by its name.
    """

    _models: tuple[type[Any], ...]  # that `estimator` may be, the default first

    def __init__(
        self, estimator: Any = None, *, hosts: int = 1, guest_columns: int | None = None
    ) -> None:
        self.estimator = estimator
        self.hosts = hosts
        self.guest_columns = guest_columns

    def fit(self: Self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train; see `HeteroGLM.fit`.

        Parameters
        ----------
        X : array-like or DataFrame [rows, columns]
        y : array-like [rows]
        sample_weight : array-like [rows], optional

        Raises
        ------
        ValueError
            For data that cannot be used, and parameters that make no sense.
        """
        X, y = validate_data(
            self, X, y, dtype=np.float64, ensure_min_samples=2,
            y_numeric=isinstance(self, RegressorMixin),
        )  # fmt: skip
        self._check_targets(y)
        estimator = self._models[0]() if self.estimator is None else self.estimator
        if not isinstance(estimator, self._models):
            raise ConfigurationError(
                f"estimator is {estimator!r}; {type(self).__name__} takes a "
                f"{' or '.join(model.__name__ for model in self._models)}"
            )
        if sample_weight is not None and not np.asarray(sample_weight).any():
            raise DataError(
                "sample_weight is zero for every row: weights are 0 or more, some above"
            )
        self._columns = self._split(X.shape[1])

        def train(session: Session, columns: slice | None, *labels: Any, **weights: Any) -> Any:
            features = () if columns is None else (X[:, columns],)
            return clone(estimator).fit(*features, *labels, session=session, **weights)

        parties = self._simulate(
            lambda session: train(session, self._columns[0], y, sample_weight=sample_weight), train
        )
        self.parties_ = parties
        guest = parties["guest"]
        self.intercept_, self.n_iter_ = guest.intercept_, guest.n_iter_
        self.loss_history_ = guest.loss_history_
        halves = [guest, *(parties[f"host-{index}"] for index in range(len(self._columns) - 1))]
        self.coef_ = np.concatenate([half.coef_ for half in halves], axis=-1)
        return self

    def predict(self, X: Any) -> Any:
        """Return what the guest learns: classes, or values."""
        return self._ask("predict", X)

    def _ask(self, method: str, X: Any) -> Any:
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)

        def answer(session: Session, columns: slice | None) -> Any:
            model = self.parties_[session.party.name]
            features = () if columns is None else (X[:, columns],)
            return getattr(model, method)(*features, session=session)

        return self._simulate(lambda session: answer(session, self._columns[0]), answer)["guest"]

    def _simulate(self, guest: Any, other: Any) -> dict[str, Any]:
        """Run the guest's function, and `other` with the columns of each host and none of the arbiter."""
        return simulate(
            guest=guest,
            hosts=[partial(other, columns=columns) for columns in self._columns[1:]],
            arbiter=partial(other, columns=None),
        )

    def _split(self, columns: int) -> list[slice]:
        """Columns of the guest and of each host."""
        hosts = as_integer(self.hosts, "hosts", ConfigurationError)
        if hosts < 1:
            raise ConfigurationError(f"hosts is {hosts}; it must be a whole number, 1 or more")
        guest = columns - hosts * (columns // (hosts + 1))
        if self.guest_columns is not None:
            guest = as_integer(self.guest_columns, "guest_columns", ConfigurationError)
        if not 1 <= guest <= columns - hosts:
            raise DataError(
                f"X has {columns} feature(s): with guest_columns={self.guest_columns} and {hosts} "
                f"host(s) there is not one for each party"
            )
        bounds = np.linspace(guest, columns, hosts + 1).astype(int).tolist()
        return [slice(0, guest), *(slice(a, b) for a, b in zip(bounds, bounds[1:], strict=False))]

    def _check_targets(self, y: Any) -> None:
        """Raise for labels of another kind of task; see the subclasses."""

    def __getstate__(self) -> dict[str, Any]:
        """Without the arbiter's key, which is never pickled: a new one decrypts the next scores."""
        state: dict[str, Any] = dict(super().__getstate__())
        if "parties_" in state:
            state["parties_"] = state["parties_"] | {"arbiter": clone(self.parties_["arbiter"])}
        return state


class SimulatedClassifier(ClassifierMixin, SimulatedModel):  # type: ignore[misc]
    """Logistic regression between simulated parties, by default ``HeteroLogisticRegression()``.

    Parameters and attributes are those of `SimulatedModel`; ``classes_`` are the sorted labels.
    """

    _models = (HeteroLogisticRegression,)

    def predict_proba(self, X: Any) -> Floats:
        """Return the probability of each class, [rows, classes]."""
        found: Floats = self._ask("predict_proba", X)
        return found

    def predict_log_proba(self, X: Any) -> Floats:
        """Return the logarithms of the probabilities, [rows, classes]."""
        found: Floats = self._ask("predict_log_proba", X)
        return found

    def decision_function(self, X: Any) -> Floats:
        """Return the score of each row, or of each row and class."""
        found: Floats = self._ask("decision_function", X)
        return found

    @property
    def classes_(self) -> npt.NDArray[np.generic]:
        """Labels, sorted."""
        check_is_fitted(self, "parties_")
        classes: npt.NDArray[np.generic] = self.parties_["guest"].classes_
        return classes

    def _check_targets(self, y: Any) -> None:
        check_classification_targets(y)


class SimulatedRegressor(RegressorMixin, SimulatedModel):  # type: ignore[misc]
    """Linear or Poisson regression between simulated parties, by default ``HeteroLinearRegression()``.

    Parameters and attributes are those of `SimulatedModel`.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu import HeteroLinearRegression
    >>> from pyfate_gpu.integrations.sklearn import SimulatedRegressor
    >>> x = np.random.default_rng(0).normal(size=(40, 4))
    >>> model = SimulatedRegressor(
    ...     HeteroLinearRegression(
    ...         optimizer="sgd", learning_rate=0.5, alpha=0.0, key_bits=512, allow_insecure_key_size=True
    ...     )
    ... )
    >>> model.fit(x, x @ [1.0, -1.0, 2.0, 0.5]).score(x, x @ [1.0, -1.0, 2.0, 0.5]) > 0.95
    True
    """

    _models = (HeteroLinearRegression, HeteroPoissonRegression)
