# SPDX-License-Identifier: Apache-2.0
"""Sums under Paillier encryption: any subset of the clients can be added, by somebody who holds no key."""
