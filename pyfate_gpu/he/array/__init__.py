# SPDX-License-Identifier: Apache-2.0
"""Encrypted arrays, whatever the scheme of their key."""
