# SPDX-License-Identifier: Apache-2.0
"""Training jobs between parties that are processes of their own: configuration, data, checkpoints."""
