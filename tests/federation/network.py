# SPDX-License-Identifier: Apache-2.0
"""Threads, and a connection that drops on command."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

from pyfate_gpu.federation.roles import ARBITER, GUEST, Party, Role

HOST = Party(Role.HOST)
PARTIES = (GUEST, HOST, ARBITER)
#: Seconds that nothing takes on any machine, and after which a test that hangs ends.
PATIENCE = 300


def run_together(functions):
    """Call each in a thread of its own; return their results or exceptions in order."""
    results, threads = [], []

    def run(index, function):
        try:
            results[index] = function()
        except Exception as error:
            results[index] = error

    for index, function in enumerate(functions):
        results.append(None)
        threads.append(threading.Thread(target=run, args=(index, function)))
        threads[-1].start()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    return results


class Proxy:
    """Passes TCP connections on; cuts each once it has carried `budget` bytes, while `cuts` last."""

    def __init__(self, target, budget=None, cuts=0):
        self.carried = 0
        self.budget, self.cuts = budget, cuts
        self._target = target
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with suppress(OSError):
            while True:
                incoming, _ = self._listener.accept()
                try:
                    outgoing = socket.create_connection(("127.0.0.1", self._target))
                except OSError:
                    incoming.close()
                    continue
                for pair in ((incoming, outgoing), (outgoing, incoming)):
                    threading.Thread(target=self._pump, args=pair, daemon=True).start()

    def _pump(self, source, sink):
        passed = 0
        with suppress(OSError):
            while data := source.recv(1 << 16):
                sink.sendall(data)
                passed += len(data)
                with self._lock:
                    self.carried += len(data)
                    if self.cuts and passed > self.budget:
                        self.cuts -= 1
                        break
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def close(self):
        self._listener.close()
