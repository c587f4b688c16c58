# SPDX-License-Identifier: Apache-2.0
"""Frames between processes, over gRPC with mutual TLS; takes the extra ``grpc``."""

import os

# The core library writes of each refused handshake to standard error; our errors tell it better.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

from pyfate_gpu.federation.transports.grpc.channel import GrpcChannel  # reads it
from pyfate_gpu.federation.transports.grpc.credentials import Credentials

__all__ = ["Credentials", "GrpcChannel"]
