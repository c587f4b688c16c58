# SPDX-License-Identifier: Apache-2.0
"""How many operations a step of transfer learning takes, before it runs; nets of the parties' own apart."""

from __future__ import annotations

from collections import Counter

from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.nn.transfer.components import slots_of
from pyfate_gpu.nn.transfer.settings import Settings
from pyfate_gpu.protocol.cost import JobShape, Steps, Workload

#: Of a step, the chain of messages of which each needs the one before: components, products, shares, whether to go on.
ROUND_TRIPS = 2.0


def workload_of(shape: JobShape, settings: Settings) -> Workload:
    """Return what a whole training takes, where all `shape.rows` are common.

    Examples
    --------
    >>> from pyfate_gpu.nn.transfer import FederatedTransfer
    >>> from pyfate_gpu.protocol.cost import JobShape
    >>> shape = JobShape(rows=1000, columns={"guest": 32, "host-0": 32})
    >>> FederatedTransfer(features=32, key_bits=2048).workload(shape).steps["guest"]["encrypt"]
    3096
    """
    host = next(name for name in shape.columns if name != GUEST.name)
    features, rows = settings.features, shape.rows
    layout = slots_of(settings.key_bits, rows, features, squeeze=settings.squeeze)
    groups = features if layout is None else layout.groups(features)
    terms = rows + features
    work: Steps = {GUEST.name: Counter(), host: Counter()}
    products = {GUEST.name: shape.columns[GUEST.name] + features, host: shape.columns[host]}
    for name, other in ((GUEST.name, host), (host, GUEST.name)):
        work[name].update(encrypt=terms * groups, check=terms * groups)
        work[name].update(multiply=products[name] * terms * groups, mask=products[name] * groups)
        work[other].update(check=products[name] * groups, decrypt=products[name] * groups)
    held = dict.fromkeys(shape.columns, 4 * terms * groups)
    return Workload(settings.max_iter, work, terms, held, round_trips=ROUND_TRIPS)
