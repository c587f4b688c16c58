# SPDX-License-Identifier: Apache-2.0
"""Throughput of the batched operations beside that of other libraries: ``pyfate-gpu bench --help``."""
