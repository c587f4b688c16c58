# SPDX-License-Identifier: Apache-2.0
"""Ciphertexts in the actors of a Ray cluster."""
