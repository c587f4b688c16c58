# SPDX-License-Identifier: Apache-2.0
"""What columns of several parties say of one party's labels, without either being shown."""

from __future__ import annotations

from pyfate_gpu.binning.estimator import HeteroBinning
from pyfate_gpu.binning.scorecard import Scorecard
from pyfate_gpu.binning.selector import HeteroSelector

__all__ = ["HeteroBinning", "HeteroSelector", "Scorecard"]
