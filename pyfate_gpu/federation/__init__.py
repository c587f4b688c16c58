# SPDX-License-Identifier: Apache-2.0
"""Parties, and the messages between them."""

from pyfate_gpu.federation.channel import Channel
from pyfate_gpu.federation.frame import Frame
from pyfate_gpu.federation.roles import Party, Role
from pyfate_gpu.federation.session import Session
from pyfate_gpu.federation.simulation import simulate

__all__ = ["Channel", "Frame", "Party", "Role", "Session", "simulate"]
