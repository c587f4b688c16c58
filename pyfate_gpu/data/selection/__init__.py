# SPDX-License-Identifier: Apache-2.0
"""Which columns are worth keeping, by any number that is known of each: rules, verdicts, reasons."""
