# SPDX-License-Identifier: Apache-2.0
"""Key pairs, a folder for each scheme."""
