# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy that loses, delays, repeats, swaps and damages what it carries, and drops connections."""

from __future__ import annotations

import asyncio
import random
import threading

CHUNK = 16384


class FaultyProxy:
    """Passes connections on to a port of this machine, with faults at random places.

    A byte that is lost, repeated, swapped or damaged below TLS ends its connection there; what is tested is that
    the layers above go on, and that nothing of it gets through.

    Parameters
    ----------
    target : int
        The port to pass on to.
    kinds : sequence of str
        Of `lose`, `delay`, `repeat`, `swap`, `damage`, `cut`, `stall`.
    rate : float
        Probability of a fault for each chunk.
    faults : int
        How many there will be; afterwards the network is good.
    """

    def __init__(self, target, kinds, *, rate=0.2, faults=12, seed=0):
        self.target, self.kinds, self.rate = target, kinds, rate
        self.left, self.dead = faults, False
        self.happened = []
        self._random = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        started = threading.Event()
        self._started = started.set
        self._thread.start()
        assert started.wait(10)

    def die(self):
        """Carry nothing from now on, and keep the connections: a cable that was pulled."""
        self.dead = True

    def close(self):
        """Drop everything."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _run(self):
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self):
        self._stop = asyncio.Event()
        self._tasks = set()
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._started()
        await self._stop.wait()
        server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connect(self, reader, writer):
        task = asyncio.current_task()
        self._tasks.add(task)
        try:
            there = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            self._tasks.discard(task)
            return
        pumps = [
            asyncio.ensure_future(self._pump(reader, there[1])),
            asyncio.ensure_future(self._pump(there[0], writer)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            for each in (writer, there[1]):
                each.transport.abort()  # no goodbye: as if a router had forgotten it
            self._tasks.discard(task)

    async def _pump(self, reader, writer):
        """Carry one direction until it ends or a fault ends it."""
        held = b""
        while data := await reader.read(CHUNK):
            if self.dead:
                continue
            kind = None
            if self.left > 0 and self._random.random() < self.rate:
                self.left -= 1
                kind = self._random.choice(self.kinds)
                self.happened.append(kind)
            if kind == "cut":
                return
            if kind == "stall":
                await asyncio.sleep(1.0)
                return
            if kind == "delay":
                await asyncio.sleep(self._random.uniform(0.05, 0.3))
            elif kind == "lose":
                data = data[: len(data) // 2]
            elif kind == "repeat":
                data += data
            elif kind == "damage":
                at = self._random.randrange(len(data))
                data = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
            elif kind == "swap":
                held, data = data, b""
            writer.write(data + held if data else b"")
            held = held if not data else b""
            await writer.drain()
