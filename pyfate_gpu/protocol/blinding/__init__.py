# SPDX-License-Identifier: Apache-2.0
"""Ids as points of a curve under a secret exponent: curves, and processes that compute on them."""
