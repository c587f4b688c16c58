# SPDX-License-Identifier: Apache-2.0
"""Paillier with randomness from a short subgroup: faster, on a stronger assumption."""
