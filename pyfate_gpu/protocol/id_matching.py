# SPDX-License-Identifier: Apache-2.0
"""Which of several parties' points all of them have."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.errors import ProtocolError
from pyfate_gpu.federation.roles import Party


def common_positions(
    points: Mapping[Party, bytes | bytearray], width: int
) -> dict[Party, NDArray[np.int64]]:
    """Return for each owner the positions of the points that every owner has, in the order of the points.

    Parameters
    ----------
    points : mapping
        The points of each owner, one after the other.
    width : int
        Bytes of a point.

    Raises
    ------
    ProtocolError
        When an owner has a point twice.

    Examples
    --------
    >>> from pyfate_gpu.federation.roles import GUEST, Party, Role
    >>> from pyfate_gpu.protocol.id_matching import common_positions
    >>> found = common_positions({GUEST: b"ccaabb", Party(Role.HOST): b"bbddcc"}, 2)
    >>> [positions.tolist() for positions in found.values()]
    [[2, 0], [0, 2]]
    """
    rows = {owner: np.frombuffer(data, dtype=f"S{width}") for owner, data in points.items()}
    orders = {owner: np.argsort(found, kind="stable") for owner, found in rows.items()}
    sorted_rows = {}
    for owner, found in rows.items():
        sorted_rows[owner] = found[orders[owner]]
        if (sorted_rows[owner][1:] == sorted_rows[owner][:-1]).any():
            raise ProtocolError(f"{owner} gave some id more than once")
    (_, common), *others = sorted_rows.items()
    for _, found in others:
        at = np.searchsorted(found, common)
        inside = at < len(found)
        inside[inside] = found[at[inside]] == common[inside]
        common = common[inside]
    return {
        owner: orders[owner][np.searchsorted(found, common)] for owner, found in sorted_rows.items()
    }
