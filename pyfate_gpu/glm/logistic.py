# SPDX-License-Identifier: Apache-2.0
"""Logistic regression between parties."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.federation import Session
from pyfate_gpu.glm.estimator import HeteroGLM
from pyfate_gpu.glm.families import FAMILIES, TaylorLogistic, encode_binary
from pyfate_gpu.glm.progress import Callback
from pyfate_gpu.glm.tables import read_labels


class HeteroLogisticRegression(HeteroGLM):
    """Two classes with features spread over several parties, by the Taylor form of the loss.

    Parameters and attributes are those of `HeteroGLM`, and `classes_` at the guest. Features are
    clipped to 2 standard deviations by default: far from 0 the quadratic loss explodes
    (docs/design/0023).

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu import HeteroLogisticRegression, simulate
    >>> x = np.random.default_rng(0).normal(size=(40, 2))
    >>> y = np.where(x.sum(axis=1) > 0, "yes", "no")
    >>> def party(columns, labels=None):
    ...     def run(session):
    ...         model = HeteroLogisticRegression(
    ...             max_iter=2, key_bits=512, allow_insecure_key_size=True
    ...         )
    ...         return model.fit(columns, labels, session=session).predict(columns, session=session)
    ...     return run
    >>> result = simulate(guest=party(x[:, :1], y), hosts=[party(x[:, 1:])], arbiter=party(None))
    >>> sorted(set(result["guest"].tolist()))
    ['no', 'yes']
    """

    family = TaylorLogistic.name

    def __init__(
        self,
        *,
        max_iter: int = 30,
        batch_size: int | None = None,
        shuffle: bool = False,
        random_state: int | None = None,
        optimizer: str = "rmsprop",
        learning_rate: float = 0.05,
        alpha: float = 0.01,
        convergence: str = "diff",
        tol: float = 1e-4,
        fit_intercept: bool = True,
        standardize: bool = True,
        clip: float | None = 2.0,
        key_bits: int = 3072,
        allow_insecure_key_size: bool = False,
        callbacks: Sequence[Callback] = (),
    ) -> None:
        super().__init__(
            max_iter=max_iter,
            batch_size=batch_size,
            shuffle=shuffle,
            random_state=random_state,
            optimizer=optimizer,
            learning_rate=learning_rate,
            alpha=alpha,
            convergence=convergence,
            tol=tol,
            fit_intercept=fit_intercept,
            standardize=standardize,
            clip=clip,
            key_bits=key_bits,
            allow_insecure_key_size=allow_insecure_key_size,
            callbacks=callbacks,
        )

    def predict(self, X: Any = None, *, session: Session) -> NDArray[np.generic] | None:
        """Return the likelier class of each row to the guest, None to the others."""
        score = self.decision_function(X, session=session)
        return None if score is None else self.classes_[(score > 0).astype(np.int64)]

    def predict_proba(self, X: Any = None, *, session: Session) -> NDArray[np.float64] | None:
        """Return the probability of each class, [rows, 2], to the guest, None to the others."""
        score = self.decision_function(X, session=session)
        if score is None:
            return None
        positive = FAMILIES[self.family].response(score)
        return np.column_stack([1 - positive, positive])

    def _encode_labels(self, y: Any, rows: int) -> dict[str, Any]:
        encoded, classes = encode_binary(read_labels(y, rows))
        return {"y": encoded, "classes_": classes}

    if TYPE_CHECKING:  # set by fit
        classes_: NDArray[np.generic]
