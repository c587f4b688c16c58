# SPDX-License-Identifier: Apache-2.0
"""What a fit of bins has shown to others, as reports tell it."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyfate_gpu.binning.fitting import Fitted


def exposure_of(fitted: Fitted, *, share_woe: bool, share_cuts: bool) -> list[dict[str, Any]]:
    """Return what weighs for privacy: how few rows a bin had that another party heard of, and by what consent.

    Parameters
    ----------
    fitted : Fitted
    share_woe, share_cuts : bool
        The party's own parameters; consent is the guest's.
    """
    if fitted.hosts is None:
        sizes = [rows[rows > 0].min() for rows in (fitted.rows[at] for at in fitted.order)]
        found = [
            {
                "what": "rows of the smallest own bin that the guest has labels of",
                "value": _least(sizes),
            }
        ]
        heard = "told by the guest" if fitted.woe is not None else "not told"
        found.append({"what": "weights of evidence of own bins", "value": heard})
    else:
        sizes = [
            (each[0].events + each[0].others)[each[0].events + each[0].others > 0].min()
            for columns in fitted.hosts.values()
            for each in columns
        ]
        found = [
            {"what": "rows, or weights, of the smallest bin of a host", "value": _least(sizes)},
            {"what": "hosts hear weights of evidence", "value": "yes" if share_woe else "no"},
            {"what": "hosts' bins may be merged by labels", "value": "yes" if share_cuts else "no"},
        ]
    again = "adds differences to this, which may be of fewer rows"
    return [
        *found,
        {"what": "weighing these columns again: other labels, cuts, rows", "value": again},
    ]


def _least(sizes: list[Any]) -> Any:
    if not sizes:
        return "none"
    least = float(np.min(sizes))
    return int(least) if least == int(least) else least
