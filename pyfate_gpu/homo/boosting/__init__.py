# SPDX-License-Identifier: Apache-2.0
"""Boosted trees of many parties' rows, grown from summed histograms."""
