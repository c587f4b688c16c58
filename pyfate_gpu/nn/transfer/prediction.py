# SPDX-License-Identifier: Apache-2.0
"""Scores of the host's rows: its representations meet the guest's centres under encryption."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from operator import matmul

import numpy as np

from pyfate_gpu.encoding import IntegerEncoder
from pyfate_gpu.errors import ProtocolError
from pyfate_gpu.nn.transfer.components import FRACTION_BITS, fixed
from pyfate_gpu.protocol.sharing import ring
from pyfate_gpu.protocol.sharing.columns import ColumnProduct
from pyfate_gpu.protocol.sharing.exchange import Exchange
from pyfate_gpu.typing import Floats

#: Rows that are scored at a time.
CHUNK = 4096
_BITS = FRACTION_BITS + 12  # of representations and centres


def send_centres(exchange: Exchange, centres: Floats) -> None:
    """Let the host have the scores of rows of its own, given centres ``[outputs, features]``; the guest's side."""
    integers = fixed(centres.T, _BITS, "a centre")
    session, host = exchange.session, exchange.peer
    features, outputs = integers.shape
    session.send(host, "outputs", count=outputs)
    product = _product(exchange, features, outputs, encrypted_here=True)
    product.send("centres", integers[:, :, np.newaxis], {})
    rows = session.receive(host, "score_rows", count=int)
    if rows < 1:
        raise ProtocolError(f"{host} asks for scores of {rows} rows")
    for number, size in enumerate(_sizes(rows)):
        at = {"batch": number}
        exchange.open_to_peer("score_share", product.receive_results("scores", size, at), **at)


def receive_scores(exchange: Exchange, representations: Floats) -> Floats:
    """Return the scores ``[rows, outputs]`` of representations ``[rows, features]``; the host's side."""
    session, guest = exchange.session, exchange.peer
    rows, features = representations.shape
    outputs = session.receive(guest, "outputs", count=int)
    if outputs < 1:
        raise ProtocolError(f"the guest announced {outputs} outputs")
    product = _product(exchange, features, outputs, encrypted_here=False)
    columns = product.receive("centres", {})
    session.send(guest, "score_rows", count=rows)
    integers = fixed(representations, _BITS, "a representation")
    encoder = IntegerEncoder(bound=1 << _BITS)
    found, first = [], 0
    for number, size in enumerate(_sizes(rows)):
        part, at = encoder.encode(integers[first : first + size]), {"batch": number}
        share = product.send_results("scores", partial(matmul, part), columns, size, at)
        opened = exchange.open_from_peer("score_share", share, **at)
        found.append(ring.decode(opened, 2 * FRACTION_BITS))
        first += size
    return np.concatenate(found)


def _sizes(rows: int) -> Iterator[int]:
    """Yield how many rows go at a time, so that no wait and no message is long."""
    return (min(CHUNK, rows - first) for first in range(0, rows, CHUNK))


def _product(
    exchange: Exchange, features: int, outputs: int, *, encrypted_here: bool
) -> ColumnProduct:
    return ColumnProduct(
        exchange,
        encrypted_here=encrypted_here,
        terms=features,
        columns=outputs,
        entry_bound=1 << _BITS,
        bound=1 << _BITS,
    )
