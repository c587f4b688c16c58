# SPDX-License-Identifier: Apache-2.0
"""One party's plain rows: tables, files, labels, preparation."""
