# SPDX-License-Identifier: Apache-2.0
"""Both sides of a shared layer in one process."""

from __future__ import annotations

import threading

import numpy as np

from pyfate_gpu import generate_keypair, simulate
from pyfate_gpu.federation.roles import GUEST, Party
from pyfate_gpu.nn.interactive import InteractiveGuest, InteractiveHost
from pyfate_gpu.nn.layer import WEIGHTS, GuestLayer, HostLayer
from pyfate_gpu.protocol.keys import announce_key, receive_key
from pyfate_gpu.protocol.sharing import ring
from pyfate_gpu.protocol.sharing.exchange import Exchange

SIDES = {
    "shared": (GuestLayer, HostLayer),
    "interactive": (InteractiveGuest, InteractiveHost),
}
HOST = Party.parse("host-0")
_LOCK = threading.Lock()
_KEYS: dict[int, dict[Party, tuple]] = {}


def keys_of(bits):
    with _LOCK:
        if bits not in _KEYS:
            _KEYS[bits] = {
                p: generate_keypair(bits, allow_insecure_key_size=True) for p in (GUEST, HOST)
            }
        return _KEYS[bits]


def layer_of(session, shape, *, bits=512, squeeze=True, mode="shared", **options):
    """Connect and return this party's side of a layer."""
    peer = HOST if session.party == GUEST else GUEST
    announce_key(session, keys_of(bits)[session.party][0])
    receive_key(session, bits, allow_insecure_key_size=True, owner=peer)
    exchange = Exchange(session, keys_of(bits)[session.party][1], peer, squeeze=squeeze)
    kind = SIDES[mode][session.party != GUEST]
    options = {"learning_rate": 0.1, "momentum": 0.0} | options
    seed = 1 if session.party == GUEST else 2
    return kind(exchange, shape, generator=np.random.default_rng(seed), **options)


def run_both(guest, host):
    found = simulate(guest=guest, hosts=[host], timeout=60.0)
    return found["guest"], found["host-0"]


def weights_of(guest, host):
    """The weights that two sides share."""
    return tuple(
        ring.decode(ring.add(getattr(guest, name), getattr(host, name)), WEIGHTS)
        for name in ("guest_weights", "host_weights")
    )
