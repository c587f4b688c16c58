# SPDX-License-Identifier: Apache-2.0
"""Steps that every federated algorithm is made of."""
