# SPDX-License-Identifier: Apache-2.0
"""Local mathematics of training, with no other party in sight."""
