# SPDX-License-Identifier: Apache-2.0
"""Numbers that two parties share: additively mod 2^128, in fixed point, beside ciphertexts under a key of each."""
