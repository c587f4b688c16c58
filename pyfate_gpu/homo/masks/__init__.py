# SPDX-License-Identifier: Apache-2.0
"""Sums under pairwise masks: no key, a few more messages, clients may leave at any of them."""
