# SPDX-License-Identifier: Apache-2.0
"""Readers of bytes from outside, as fuzz targets: tests/fuzz/targets.py lists them."""
