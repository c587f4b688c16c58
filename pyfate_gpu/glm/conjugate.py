# SPDX-License-Identifier: Apache-2.0
"""Conjugate gradients over columns that are spread over parties, preconditioned by what each party knows.

A quadratic loss has the Hessian ``H = s X^T W X / rows + penalty``. Each party knows its own block of it in
clear, up to the weights of rows: a preconditioner that costs no ciphertext. A pass computes H p for a
direction p, of which every party has its own part; what it takes besides are four numbers of each output,
sums over parties (docs/algorithms/conjugate-gradients.md).

Source: Hestenes and Stiefel, "Methods of conjugate gradients for solving linear systems" (1952), with a block
diagonal preconditioner.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pyfate_gpu.errors import DataError, ProtocolError
from pyfate_gpu.glm.settings import Settings
from pyfate_gpu.glm.weights import PartyWeights
from pyfate_gpu.typing import Floats, Integers

#: Passes from one residual that is computed from labels to the next: rounding does not add up over more.
LABELLED_EVERY = 11
#: Numbers of a pass for each output: one after a labelled pass, four after another.
LABELLED_SCALARS, SCALARS = 1, 4
#: Below this share of its first value the residual is rounding, whatever `tol` asks for.
_ROUNDING = 1e-26
#: A residual so much shorter than the last pass foretold is rounding: what was foretold had no digits left.
_SURPRISE = 1e-6
#: Largest exponent of the scale of a direction, and its magnitude in double precision at most.
MAX_EXPONENT = 400


def is_labelled(iteration: int) -> bool:
    """Whether labels enter in this iteration, counted from 1: then it computes the residual and takes no step."""
    return iteration % LABELLED_EVERY == 1


def is_cold(iteration: int, *, warm: bool) -> bool:
    """Whether all weights are 0 in this iteration, a labelled one: then residuals are targets, as the guest knows."""
    return iteration == 1 and not warm


def scalars_of(iteration: int) -> int:
    """How many numbers of each output parties add up in this iteration."""
    return LABELLED_SCALARS if is_labelled(iteration) else SCALARS


class ConjugateWeights(PartyWeights):
    """One party's weights, its parts of residual and direction; parameters as in `PartyWeights`.

    Parameters
    ----------
    features : float64 [rows, columns]
        This party's prepared columns.
    slope : float
        Second derivative of the loss by the score.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu import HeteroLinearRegression
    >>> from pyfate_gpu.glm.conjugate import ConjugateSearch, ConjugateWeights
    >>> settings = HeteroLinearRegression(alpha=0.0).settings()
    >>> x, y = np.array([[1.0], [2.0], [3.0]]), np.array([[2.0], [4.0], [6.0]])
    >>> weights, search = ConjugateWeights((1, 1), settings, x, 1.0), ConjugateSearch(1, 0.0)
    >>> weights.descend(x.T @ -y, 3)
    >>> alpha, beta = search.begin(weights.scalars())
    >>> weights.turn(alpha, beta, search.exponents)
    >>> weights.curve(x.T @ weights.direction_scores(x), 3)
    >>> weights.turn(*search.advance(weights.scalars()), search.exponents)
    >>> round(float(weights.values[0, 0]), 9)
    2.0
    """

    def __init__(
        self,
        shape: tuple[int, int],
        settings: Settings,
        features: Floats,
        slope: float,
        **options: Any,
    ) -> None:
        super().__init__(shape, settings, **options)
        block = slope * (features.T @ features) / len(features)
        self._inverse = _pseudo_inverse(block + np.diag(self._alpha[:, 0]))
        self._residual = np.zeros(shape)
        self._direction = np.zeros(shape)
        self._curved: Floats | None = None  # H p times its scale, in a pass without labels
        self._exponents: Integers = np.zeros(shape[1], dtype=np.int64)
        self._begun = False

    def begin(self, iteration: int) -> None:
        """There is no learning rate."""

    def descend(self, gradient_sums: Floats, rows: int) -> None:
        """Take the residual, minus the gradient, from X^T d over `rows` rows; there is no step yet."""
        gradient = gradient_sums.reshape(self.values.shape) / rows + self.penalty_gradient
        self._residual = -gradient
        self._curved = None

    def direction_scores(self, features: Floats) -> Floats:
        """Return X p, times the scale of each output, [rows, outputs]."""
        return features @ np.ldexp(self._direction, self._exponents)

    def curve(self, product_sums: Floats, rows: int) -> None:
        """Take H p, times its scale, from X^T (s W X p) over `rows` rows."""
        scaled = np.ldexp(self._direction, self._exponents)
        self._curved = product_sums.reshape(self.values.shape) / rows + self._alpha * scaled

    def scalars(self) -> Floats:
        """Return this party's terms of what `ConjugateSearch` adds up, [numbers, outputs]."""
        preconditioned = self._inverse @ self._residual
        if self._curved is None:
            return np.asarray((self._residual * preconditioned).sum(axis=0, keepdims=True))
        direction = np.ldexp(self._direction, self._exponents)
        residual, curved = np.ldexp(self._residual, self._exponents), self._curved
        terms = (
            direction * residual,
            direction * curved,
            np.ldexp(preconditioned, self._exponents) * curved,
            curved * (self._inverse @ curved),
        )
        return np.stack([term.sum(axis=0) for term in terms])

    def turn(self, alpha: Floats, beta: Floats, exponents: Integers) -> None:
        """Take a step of `alpha` along the direction, then turn it; all by output."""
        curved, self._curved = self._curved, None
        if curved is not None:
            self.values = self.values + alpha * self._direction
            self._residual = self._residual - alpha * np.ldexp(curved, -self._exponents)
        if curved is not None or not self._begun:  # a residual computed again leaves the direction
            self._direction = self._inverse @ self._residual + beta * self._direction
        self._begun, self._exponents = True, exponents

    def state(self) -> dict[str, Any]:
        """Return what the next passes depend on."""
        return super().state() | {
            "residual": self._residual,
            "direction": self._direction,
            "exponents": self._exponents,
            "begun": self._begun,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` returned."""
        super().restore(state)
        self._residual, self._direction = state["residual"], state["direction"]
        self._exponents, self._begun = state["exponents"], state["begun"]


class ConjugateSearch:
    """What the guest keeps of the search: how long the residual is, and so how far to go.

    Parameters
    ----------
    outputs : int
        Each is searched by itself, in the same messages.
    tol : float
        An output is done when r.M^-1 r is at most `tol` times its first value.
    """

    def __init__(self, outputs: int, tol: float) -> None:
        self._tol = max(tol, _ROUNDING)
        self._first = np.zeros(0)
        self._length = np.zeros(outputs)
        #: What the direction is multiplied by 2 to the power of, so that its scores keep their size.
        self.exponents: Integers = np.zeros(outputs, dtype=np.int64)
        #: By how much the last step lowered the loss.
        self.gain = 0.0

    @property
    def done(self) -> bool:
        """Whether no output has far to go."""
        return not self._going().any()

    def begin(self, sums: Floats) -> tuple[Floats, Floats]:
        """Take r.M^-1 r, [1, outputs], after a labelled pass; return the step, none, and the turn, none."""
        self._length = _checked(np.maximum(sums[0], 0.0))
        if not self._first.size:
            self._first = self._length
        self.gain = 0.0
        self._scale()
        return np.zeros_like(self._length), np.zeros_like(self._length)

    def advance(self, sums: Floats) -> tuple[Floats, Floats]:
        """Return the step along each direction and the share of it in the next one.

        Parameters
        ----------
        sums : float64 [4, outputs]
            Over all parties p.r, p.Hp, z.Hp and Hp.M^-1 Hp, where p, r and z = M^-1 r are times the scale of the
            pass. p.r is r.z, but for rounding: the step along p is right whatever was lost before.

        Raises
        ------
        DataError
            When a direction has no curvature although there is a way to go: the search stalls.
        """
        length, along, across, curved = _checked(sums)
        expected = np.ldexp(self._length, 2 * self.exponents)
        going = self._going() & (length > _SURPRISE * expected)
        if (going & (along <= 0)).any():
            raise DataError(
                "the search stalls: a direction has no curvature, so the columns of the parties cannot be told "
                "apart: use a penalty with alpha above 0, or drop columns that others repeat"
            )
        alpha = np.divide(length, along, out=np.zeros_like(length), where=going)
        after = np.maximum(length - 2 * alpha * across + alpha**2 * curved, 0.0)
        beta = np.divide(after, length, out=np.zeros_like(length), where=going)
        gains = np.ldexp(alpha * length - alpha**2 * along / 2, -2 * self.exponents)
        self.gain = float(gains.sum())
        self._length = np.where(going, np.ldexp(after, -2 * self.exponents), 0.0)
        self._scale()
        return alpha, beta

    def state(self) -> dict[str, Any]:
        """Return what the next passes depend on."""
        return {"search_first": self._first, "search_length": self._length}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` returned."""
        self._first, self._length = state["search_first"], state["search_length"]
        self._scale()

    def _going(self) -> Any:
        return self._length > self._tol * self._first

    def _scale(self) -> None:
        """Choose exponents such that the residuals of scores are about 1, whatever is left to go."""
        _, exponents = np.frexp(np.where(self._going(), self._length, 1.0))
        self.exponents = np.clip(-(exponents // 2), -MAX_EXPONENT, MAX_EXPONENT).astype(np.int64)


def check_turn(
    alpha: Any, beta: Any, exponents: Any, outputs: int
) -> tuple[Floats, Floats, Integers]:
    """Return what the guest announced.

    Raises
    ------
    ProtocolError
        When it is no finite number for each output, or an exponent out of range.
    """
    for values, dtype in ((alpha, np.float64), (beta, np.float64), (exponents, np.int64)):
        if values.dtype != dtype or values.shape != (outputs,) or not np.isfinite(values).all():
            raise ProtocolError(f"the guest's step is no {outputs} finite numbers")
    if (np.abs(exponents) > MAX_EXPONENT).any():
        raise ProtocolError(
            f"the guest scales directions by 2 to the power of {exponents.tolist()}"
        )
    return alpha, beta, exponents


def _checked(sums: Floats) -> Floats:
    if not np.isfinite(sums).all():
        raise DataError("the sums of a search became infinite: standardise or clip the features")
    return sums


def _pseudo_inverse(block: Floats) -> Floats:
    """The inverse of a symmetric block where it has one, 0 along columns that repeat others."""
    values, vectors = np.linalg.eigh(block)
    least = max(values.max(initial=0.0), 0.0) * len(block) * np.finfo(np.float64).eps
    kept = values > least
    return np.asarray((vectors[:, kept] / values[kept]) @ vectors[:, kept].T)
