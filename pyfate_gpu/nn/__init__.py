# SPDX-License-Identifier: Apache-2.0
"""Networks between a guest and one host, whose first layer is shared; modules of PyTorch load when they are used."""
