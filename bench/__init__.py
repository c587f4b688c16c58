# SPDX-License-Identifier: Apache-2.0
"""Measuring in a checkout. The bench itself is `pyfate_gpu.bench`, so that an installed package has it too."""
