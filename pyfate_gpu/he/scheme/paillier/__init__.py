# SPDX-License-Identifier: Apache-2.0
"""The Paillier cryptosystem with the blinding of Damgard, Jurik and Nielsen."""
