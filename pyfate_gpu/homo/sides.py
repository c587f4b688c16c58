# SPDX-License-Identifier: Apache-2.0
"""The two sides of a round, whichever method it takes."""

from __future__ import annotations

from typing import Any, Protocol


class Client(Protocol):
    """A client in one round.

    `answer` takes each request of the server and gives what to send back; the request for values takes the
    update. Where nothing has to be settled before, `seal` alone does.
    """

    def answer(self, request: bytes, update: Any = None, weight: int = 1) -> bytes:
        """The message to send to the server for this request."""
        ...

    def seal(self, update: Any, weight: int = 1) -> bytes:
        """The update, so that the server can add it and nothing else."""
        ...


class Server(Protocol):
    """The server in one round."""

    def ask(self) -> dict[int, bytes]:
        """End the stage with those that answered, and give each client's next request; none at the end."""
        ...

    def add(self, message: bytes) -> None:
        """Take a client's message; one that is refused changes nothing."""
        ...

    def close(self) -> bytes:
        """The sum, for `SecureAggregator.open`."""
        ...
