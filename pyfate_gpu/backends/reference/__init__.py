# SPDX-License-Identifier: Apache-2.0
"""The engine in plain gmpy2."""
