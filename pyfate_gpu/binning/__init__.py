# SPDX-License-Identifier: Apache-2.0
"""What columns of several parties say of one party's labels, without either being shown."""

from __future__ import annotations

from pyfate_gpu.binning.estimator import HeteroBinning

__all__ = ["HeteroBinning"]
