# SPDX-License-Identifier: Apache-2.0
"""How many operations a pass of a network takes, before it runs; nets of the host's own apart."""

from __future__ import annotations

from collections import Counter

from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.nn.interactive import HELD_BITS
from pyfate_gpu.nn.layer import LayerShape
from pyfate_gpu.nn.settings import Settings
from pyfate_gpu.protocol.cost import JobShape, Steps, Workload
from pyfate_gpu.protocol.sharing import ring
from pyfate_gpu.protocol.sharing.conversion import return_layout


def workload_of(shape: JobShape, settings: Settings) -> Workload:
    """Return what a whole training takes.

    Examples
    --------
    >>> import pytest
    >>> torch = pytest.importorskip("torch")
    >>> from pyfate_gpu.nn.classifier import HeteroNetworkClassifier
    >>> from pyfate_gpu.protocol.cost import JobShape
    >>> model = HeteroNetworkClassifier(key_bits=2048, width=16)
    >>> model.workload(JobShape(rows=256, columns={"guest": 32, "host-0": 32})).steps["guest"]["encrypt"]
    576
    """
    host = next(name for name in shape.columns if name != GUEST.name)
    inputs = {GUEST.name: shape.columns[GUEST.name], host: shape.columns[host]}
    if settings.shows_activations:  # the guest's half of the layer is its own, in clear
        inputs[GUEST.name] = 0
    layer = LayerShape(inputs[GUEST.name], inputs[host], settings.width)
    work: Steps = {GUEST.name: Counter(), host: Counter()}
    other = {GUEST.name: host, host: GUEST.name}

    def product(owner: str, rows: int, terms: int, bound: int, columns: int) -> None:
        """Count what `owner` encrypts and decrypts, and the other one multiplies and masks."""
        found = return_layout(settings.key_bits, bound * max(1, terms))
        pays = found is not None and settings.squeeze and columns > 1
        groups = found.groups(columns) if pays and found is not None else columns
        work[owner].update(encrypt=terms * groups, check=rows * groups, decrypt=rows * groups)
        work[other[owner]].update(
            check=terms * groups, multiply=rows * terms * groups, mask=rows * groups
        )

    sizes = [len(batch.rows) for batch in settings.division(shape.rows).draw()]
    entries, tested = 1 << layer.input_bits, [shape.validation] if shape.validation else []
    if settings.mode == "interactive":
        for rows in sizes:
            product(host, layer.outputs, rows, entries << layer.gradient_bits, layer.host)
        for rows in [*sizes, *tested]:
            product(host, layer.outputs, layer.host, entries << HELD_BITS, rows)
    else:
        for rows in sizes:
            product(GUEST.name, layer.host, rows, entries << layer.gradient_bits, layer.outputs)
        for rows in [*sizes, *tested]:
            for name in inputs:
                terms = inputs[other[name]]
                if terms:
                    product(name, rows, terms, entries * ring.SIGNED_BOUND, layer.outputs)
    batch = min(settings.batch_size, shape.rows)
    held = dict.fromkeys(shape.columns, 4 * batch * layer.outputs)
    return Workload(settings.max_iter, work, batch, held)
