# SPDX-License-Identifier: Apache-2.0
"""Interfaces of one number at a time on an engine of batches: what python-paillier's and FATE 1's share."""
