# SPDX-License-Identifier: Apache-2.0
"""One mini-batch on shares: scores, residuals, gradient; docs/sshe.md has the messages.

Each function is called at both parties at the same time, and returns each its share.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pyfate_gpu.data.fixed_point import FRACTION_BITS, FixedPointMatrix
from pyfate_gpu.encoding import IntegerEncoder
from pyfate_gpu.errors import DivergenceError
from pyfate_gpu.federation.steps import Step
from pyfate_gpu.he import CiphertextArray
from pyfate_gpu.protocol.sharing import ring
from pyfate_gpu.protocol.sharing.conversion import plaintext
from pyfate_gpu.protocol.sharing.exchange import Exchange
from pyfate_gpu.protocol.sharing.features import FeatureShape, SharedFeatures
from pyfate_gpu.protocol.sharing.ring import Ring
from pyfate_gpu.protocol.sharing.truncation import truncate
from pyfate_gpu.sshe.bounds import CUBE_BITS, GUARD_BITS, LIMIT_BITS
from pyfate_gpu.sshe.links import FACTOR_BITS, Link, factor
from pyfate_gpu.sshe.weights import SharedWeights
from pyfate_gpu.typing import Floats

At = dict[str, int]
#: Largest size of a product of two shares.
_SQUARE = ring.SIGNED_BOUND**2
#: Largest weight of a row, in fixed point.
ROW_WEIGHT = 1 << 62


@dataclass(frozen=True, eq=False)
class BatchRows:
    """One party's part of a batch.

    Parameters
    ----------
    features : SharedFeatures
        This party's columns.
    peer : FeatureShape
        The other one's.
    labels : float64 [rows] or None
        At the guest.
    weights : FixedPointMatrix [rows, 1] or None
        Of the rows, at the guest where there are some.
    weighted : bool
        Whether rows have weights, known to both.
    """

    features: SharedFeatures
    peer: FeatureShape
    labels: Floats | None = None
    weights: FixedPointMatrix | None = None
    weighted: bool = False

    @property
    def rows(self) -> int:
        """How many."""
        return self.features.shape.rows


def scores(
    exchange: Exchange,
    features: SharedFeatures,
    peer: FeatureShape,
    weights: SharedWeights,
    fraction_bits: int,
    at: At,
) -> tuple[Ring, CiphertextArray]:
    """Return shares of the scores, and the other party's share of this one's weights under its key."""
    exchange.send_share("weights", weights.other.share, **at)
    encrypted = exchange.receive_share("weights", (features.shape.columns,), **at)
    product = ring.add(
        features.times(weights.own.share),
        exchange.send_product("scores", features, encrypted, **at),
    )
    product = ring.add(product, exchange.receive_product("scores", peer, **at))
    drop = FRACTION_BITS + GUARD_BITS
    return truncate(product, drop, first=exchange.first), encrypted


def squared_norm(
    exchange: Exchange, weights: SharedWeights, encrypted: CiphertextArray, at: At
) -> tuple[Ring, Ring]:
    """Return shares ``[1, 2]`` of the sum of all squared weights, and of that of weights with a penalty.

    Both in twice the fraction bits of weights.
    """
    own = [weights.own.share, np.where(weights.own.alpha[:, np.newaxis] != 0, weights.own.share, 0)]
    bound = _SQUARE * len(weights.own.share)
    with exchange.session.statistics.step(Step.MULTIPLY, operations=10 * len(own[0])):
        products = plaintext(np.stack(own)) @ encrypted
    crossed = exchange.send_masked("norm", products, bound, **at)
    theirs = exchange.receive_masked("norm", (2,), _SQUARE * len(weights.other.share), **at)
    other = [
        weights.other.share,
        np.where(weights.other.alpha[:, np.newaxis] != 0, weights.other.share, 0),
    ]
    crossed = ring.scale(ring.add(crossed, theirs), 2)
    found = []
    for place, parts in enumerate(zip(own, other, strict=True)):
        squares = [ring.total(ring.multiply(part, part)) for part in parts]
        found.append(ring.add(crossed[place : place + 1], ring.add(*squares)))
    return found[0], found[1]


def check_range(exchange: Exchange, norm: Ring, fraction_bits: int, at: At) -> None:
    """Refuse weights that could carry scores out of the ring's range; nobody learns more of them than that.

    Raises
    ------
    DivergenceError
        At both parties.
    """
    units = 2 * (fraction_bits + GUARD_BITS) + LIMIT_BITS
    share = truncate(norm, units, first=exchange.first)
    exchange.open_to_peer("range", share, **at)
    opened = ring.to_words(exchange.open_from_peer("range", share, **at))[0]
    if opened[1] != 0 or not 0 <= opened[0] <= 1:
        raise DivergenceError(
            f"training diverges at iteration {at['iteration']}: the squared norm of the weights passed "
            f"2^{LIMIT_BITS}, beyond which shares have no room for scores; standardise or clip the features, set "
            "decay, or lower the learning rate"
        )


def residuals(
    exchange: Exchange, score: Ring, batch: BatchRows, link: Link, fraction_bits: int, at: At
) -> Ring:
    """Return shares of ``link(score) - label``."""
    first = exchange.first
    found = score
    if link.slope != 1:
        found = truncate(ring.scale(score, factor(link.slope)), FACTOR_BITS, first=first)
    if link.cube:
        cubes = _cubes(
            exchange, truncate(score, fraction_bits - CUBE_BITS, first=first), batch.rows, at
        )
        cubes = truncate(cubes, 3 * CUBE_BITS - fraction_bits, first=first)
        found = ring.add(
            found, truncate(ring.scale(cubes, factor(link.cube)), FACTOR_BITS, first=first)
        )
    if batch.labels is not None:
        found = ring.add(found, ring.encode(link.constant - batch.labels, fraction_bits))
    return found


def _cubes(exchange: Exchange, score: Ring, rows: int, at: At) -> Ring:
    """Return shares of the third powers: of (a + b)^3 the host adds up 3 b a^2 + 3 b^2 a under the guest's key."""
    squares = ring.multiply(score, score)
    own = ring.multiply(squares, score)
    bound = 2 * _SQUARE
    if exchange.first:
        exchange.send_share("powers", np.stack([score, squares]), **at)
        return ring.add(own, exchange.receive_masked("cubes", (rows,), bound, **at))
    powers = exchange.receive_share("powers", (2, rows), **at)
    factors = np.stack([ring.scale(squares, 3), ring.scale(score, 3)])
    with exchange.session.statistics.step(Step.WEIGH, operations=2 * rows):
        crossed = (powers * plaintext(factors)).sum(axis=0)
    return ring.add(own, exchange.send_masked("cubes", crossed, bound, **at))


def weigh(
    exchange: Exchange, residual: Ring, batch: BatchRows, at: At, *, with_loss: bool
) -> tuple[Ring, Ring | None]:
    """Return shares of residuals times the guest's weights of rows, and of the sum of weighted squares.

    The latter is in ``FRACTION_BITS`` bits more than squares of residuals, None unless `with_loss`.
    """
    first, rows = exchange.first, batch.rows
    bound = ring.SIGNED_BOUND * ROW_WEIGHT
    if not first:
        exchange.send_share("unweighted", residual, **at)
        if with_loss:
            exchange.send_share("squares", ring.multiply(residual, residual), **at)
        weighted = exchange.receive_masked("weighted", (rows,), bound, **at)
        loss = (
            exchange.receive_masked("loss", (1,), 3 * rows * _SQUARE, **at) if with_loss else None
        )
        return truncate(weighted, FRACTION_BITS, first=first), loss
    assert batch.weights is not None
    integers = batch.weights.integers[:, 0]
    factors = IntegerEncoder(bound=ROW_WEIGHT).encode(integers)
    own = ring.multiply(residual, ring.from_integers(integers))
    theirs = exchange.receive_share("unweighted", (rows,), **at)
    squares = exchange.receive_share("squares", (rows,), **at) if with_loss else None
    with exchange.session.statistics.step(Step.WEIGH, operations=rows):
        products = theirs * factors
    weighted = ring.add(own, exchange.send_masked("weighted", products, bound, **at))
    loss = None
    if squares is not None:
        with exchange.session.statistics.step(Step.MULTIPLY, operations=6 * rows):
            crossed = plaintext(ring.scale(own, 2)) @ theirs + factors @ squares
        loss = exchange.send_masked("loss", crossed.reshape(1), 3 * rows * _SQUARE, **at)
        loss = ring.add(loss, ring.total(ring.multiply(own, residual)))
    return truncate(weighted, FRACTION_BITS, first=first), loss


def gradient(
    exchange: Exchange, residual: Ring, batch: BatchRows, at: At
) -> tuple[Ring, Ring, CiphertextArray]:
    """Return shares of ``X^T residual`` of this party's columns and of the other one's.

    The third is the other party's share of the residuals under its key.
    """
    features, peer = batch.features, batch.peer
    exchange.send_share("residual", residual, **at)
    encrypted = exchange.receive_share("residual", (batch.rows,), **at)
    work = batch.rows * features.shape.columns
    with exchange.session.statistics.step(Step.MULTIPLY, operations=work):
        sums = features.transposed_times_encrypted(encrypted)
    crossed = exchange.send_masked("gradient", sums, features.shape.transposed_bound, **at)
    other = exchange.receive_masked("gradient", (peer.columns,), peer.transposed_bound, **at)
    return ring.add(features.transposed_times(residual), crossed), other, encrypted


def squares(exchange: Exchange, residual: Ring, encrypted: CiphertextArray, at: At) -> Ring:
    """Return shares ``[1]`` of the sum of squared residuals, in twice their fraction bits.

    The guest multiplies its shares by those of the host, which it has encrypted already.
    """
    own = ring.total(ring.multiply(residual, residual))
    rows = len(residual)
    if not exchange.first:
        crossed = exchange.receive_masked("loss", (1,), rows * _SQUARE, **at)
    else:
        with exchange.session.statistics.step(Step.MULTIPLY, operations=5 * rows):
            product = (plaintext(residual) @ encrypted).reshape(1)
        crossed = exchange.send_masked("loss", product, rows * _SQUARE, **at)
    return ring.add(own, ring.scale(crossed, 2))
