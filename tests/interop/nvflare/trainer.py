# SPDX-License-Identifier: Apache-2.0
"""A site that moves the model by steps of its own, and counts them."""

from __future__ import annotations

import numpy as np
from nvflare.apis.dxo import DXO, DataKind, MetaKey, from_shareable
from nvflare.apis.executor import Executor


class SiteTrainer(Executor):
    """Steps by the number of the site: 10, 20, 30, each a little way towards it."""

    def execute(self, task_name, shareable, fl_ctx, abort_signal):
        """The weights after the steps."""
        number = int(fl_ctx.get_identity_name().rpartition("-")[2])
        weights = from_shareable(shareable).data["numpy_key"].astype(np.float64)
        weights = weights + 0.1 * (number - weights)
        meta = {MetaKey.NUM_STEPS_CURRENT_ROUND: 10 * number}
        return DXO(DataKind.WEIGHTS, data={"numpy_key": weights}, meta=meta).to_shareable()
