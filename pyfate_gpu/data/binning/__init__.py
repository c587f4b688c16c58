# SPDX-License-Identifier: Apache-2.0
"""Bins of a party's columns: how they are cut, and which one a value is in. Nothing encrypted, nothing sent."""
