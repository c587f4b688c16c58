# SPDX-License-Identifier: Apache-2.0
"""A link between two parties that bytes pass through as through a bad network."""

from __future__ import annotations

import random
import socket
import threading
import time


class Link:
    """Listens on this machine and passes on what comes to an address, and what is answered.

    A kernel hides lost packets from programs: what follows one waits until it was sent again, 0.2 s later or more. That
    is what a lossy link does here, to so many of the pieces that a packet would carry.

    Parameters
    ----------
    port : int
        Where the party listens that is behind the link.
    loss : float
        Share of pieces that are lost once.
    """

    PIECE = 1400
    AGAIN = 0.2

    def __init__(self, port: int, loss: float = 0.0) -> None:
        self._port = port
        self._loss = loss
        self._random = random.Random(0)
        self._open = threading.Event()
        self._open.set()
        self._ended = threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._server.getsockname()[1]}"
        self.lost = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def freeze(self) -> None:
        """Pass nothing on from now, and close nothing."""
        self._open.clear()

    def close(self) -> None:
        """Take no further connections."""
        self._ended.set()
        self._open.set()
        self._server.close()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                near, _ = self._server.accept()
                far = socket.create_connection(("127.0.0.1", self._port))
            except OSError:
                continue
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        try:
            while data := one.recv(self.PIECE):
                self._open.wait()
                if self._random.random() < self._loss:
                    self.lost += 1
                    time.sleep(self.AGAIN)
                other.sendall(data)
        except OSError:  # closed meanwhile
            pass
        finally:
            for end in (one, other):
                end.close()
