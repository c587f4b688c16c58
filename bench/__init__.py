# SPDX-License-Identifier: Apache-2.0
"""Throughput of the batched operations beside that of other libraries: ``python -m bench --help``."""
