# SPDX-License-Identifier: Apache-2.0
"""Bytes at rest and in envelopes."""
