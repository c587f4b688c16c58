# SPDX-License-Identifier: Apache-2.0
"""Filters and an aggregator in the seats of NVFlare's CKKS ones; docs/integrations/nvflare.md."""

from pyfate_gpu.integrations.nvflare.aggregator import PaillierAggregator as PaillierAggregator
from pyfate_gpu.integrations.nvflare.filters import PaillierModelDecryptor as PaillierModelDecryptor
from pyfate_gpu.integrations.nvflare.filters import PaillierModelEncryptor as PaillierModelEncryptor
