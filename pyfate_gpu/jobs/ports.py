# SPDX-License-Identifier: Apache-2.0
"""Ports of this machine that stay free until a party listens there."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager


@contextmanager
def reserved_ports(count: int) -> Iterator[list[int]]:
    """Give ports of 127.0.0.1 that nobody listens at, and that nobody else is given meanwhile.

    A socket that is bound and does not listen keeps its port from connections, and from whoever asks for any port. A
    server that asks for this one gets it, as both let addresses be used again.

    Parameters
    ----------
    count : int
        How many.

    Examples
    --------
    >>> from pyfate_gpu.jobs.ports import reserved_ports
    >>> with reserved_ports(2) as ports:
    ...     len(set(ports))
    2
    """
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            each.bind(("127.0.0.1", 0))
        yield [each.getsockname()[1] for each in sockets]
