# SPDX-License-Identifier: Apache-2.0
"""How operations fall into pieces: windows of a small memory, shards at several workers."""
