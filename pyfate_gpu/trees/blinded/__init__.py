# SPDX-License-Identifier: Apache-2.0
"""Predictions in which nobody sees the way of a row (docs/algorithms/blinded-prediction.md)."""
