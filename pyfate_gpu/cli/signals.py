# SPDX-License-Identifier: Apache-2.0
"""Signals that end a command as an error does: peers are told, processes and files are put away."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from pyfate_gpu.jobs.exits import SIGNAL

logger = logging.getLogger(__name__)

_ENDING = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def ending_well() -> Iterator[None]:
    """Have SIGINT and SIGTERM raise SystemExit within the block, with 128 and their number as exit code."""
    before = [signal.signal(number, _end) for number in _ENDING]
    try:
        yield
    finally:
        for number, handler in zip(_ENDING, before, strict=True):
            signal.signal(number, handler)


def end_with_parent() -> None:
    """End this process, as by SIGTERM, when standard input is closed: when whoever started it ends, however."""

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="waits for the end of its parent", daemon=True).start()


def _end(number: int, frame: object) -> NoReturn:
    logger.warning("told to end by %s", signal.Signals(number).name)
    sys.exit(SIGNAL + number)
