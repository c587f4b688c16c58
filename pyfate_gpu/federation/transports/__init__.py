# SPDX-License-Identifier: Apache-2.0
"""Ways for frames to travel, one module each."""
