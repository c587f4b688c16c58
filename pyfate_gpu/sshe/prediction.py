# SPDX-License-Identifier: Apache-2.0
"""Scores of new rows, for the guest alone."""

from __future__ import annotations

import numpy as np

from pyfate_gpu.data.fixed_point import FixedPointMatrix
from pyfate_gpu.errors import ConfigurationError, ProtocolError
from pyfate_gpu.federation import Role, Session
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.protocol.sharing import ring
from pyfate_gpu.protocol.sharing.exchange import Exchange
from pyfate_gpu.protocol.sharing.features import FeatureShape, SharedFeatures
from pyfate_gpu.sshe import step
from pyfate_gpu.sshe.model import FittedHalf
from pyfate_gpu.sshe.settings import Settings
from pyfate_gpu.sshe.weights import Block, SharedWeights
from pyfate_gpu.typing import Floats


def compare_rows(session: Session, rows: int) -> None:
    """Refuse tables of different lengths.

    Raises
    ------
    ConfigurationError
        At the guest.
    """
    if session.party.role is Role.HOST:
        session.send(GUEST, "shape", rows=rows)
        return
    theirs = session.receive(session.hosts[0], "shape", rows=int)
    if theirs != rows:
        raise ConfigurationError(
            f"guest has {rows} rows, {session.hosts[0]} has {theirs}: give every party the same rows in the same "
            "order"
        )


def add_known(session: Session, half: FittedHalf, features: FixedPointMatrix) -> Floats | None:
    """Return the scores of rows by weights that each party knows of its own columns.

    The host sends its part in clear: the guest, who learns the sum and knows its own part, knows it anyway.
    """
    assert half.weights is not None
    own = features.values @ half.weights
    if session.party.role is Role.HOST:
        session.send(GUEST, "own_scores", scores=own)
        return None
    theirs = session.receive(session.hosts[0], "own_scores", scores=np.ndarray)
    if theirs.dtype != np.float64 or theirs.shape != own.shape or not np.isfinite(theirs).all():
        raise ProtocolError(f"{session.hosts[0]} sent scores that are no {len(own)} finite numbers")
    return np.asarray(own + theirs)


def score_shares(
    exchange: Exchange, settings: Settings, half: FittedHalf, features: FixedPointMatrix
) -> Floats | None:
    """Return the scores of rows by weights that nobody knows."""
    assert half.shares is not None
    own, other = (
        Block(share, ring.zeros(share.shape[:-1]), np.zeros(len(share), dtype=np.int64))
        for share in half.shares
    )
    mine = SharedFeatures(features.integers, half.bits, exchange.peer_key)
    peer = FeatureShape(features.rows, len(other.share), half.peer_bits)
    weights = SharedWeights(own, other)
    shares, _ = step.scores(exchange, mine, peer, weights, settings.fraction_bits, {})
    if not exchange.first:
        exchange.open_to_peer("score_share", shares)
        return None
    opened = exchange.open_from_peer("score_share", shares)
    return half.scale.grow(ring.decode(opened, settings.fraction_bits))
