# SPDX-License-Identifier: Apache-2.0
"""Proof on a GPU: is every result right, and how fast is it? ``python -m bench.gpu_check``.

Part by part, the result file written after each, so that a run which was interrupted, or whose time
was up, goes on where it stopped. Needs CuPy, NumPy and gmpy2 beside the built package, and pytest for
the part that runs tests.
"""
