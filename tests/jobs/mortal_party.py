# SPDX-License-Identifier: Apache-2.0
"""A party that kills itself: ``python tests/jobs/mortal_party.py MESSAGES SECONDS party --config ...``.

After so many messages it lives for so many seconds more, and no longer, be it done or not: by SIGKILL at a point of its
course that does not depend on how fast the machine is.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from pyfate_gpu.cli import main
from pyfate_gpu.federation.transcript import Transcript
from pyfate_gpu.jobs import launcher


class Death(threading.Thread):
    """Comes to this process some time after it was told to."""

    def __init__(self, seconds):
        super().__init__(daemon=True)
        self.seconds = seconds

    def run(self):
        time.sleep(self.seconds)
        os.kill(os.getpid(), signal.SIGKILL)


def live(messages, seconds):
    """Run the command line until death."""
    count, death, record = itertools.count(1), Death(seconds), Transcript.record

    def record_and_count(*arguments):
        record(*arguments)
        if next(count) == messages:
            death.start()
            if not seconds:
                death.join()

    with mock.patch.object(Transcript, "record", record_and_count):
        try:
            main()
        finally:
            if death.ident is not None:
                death.join()


@contextmanager
def mortal(victim, messages, seconds=0.0):
    """Have the launcher start `victim` as a party that kills itself after so many messages."""
    start = launcher.subprocess.Popen

    def start_mortal(command, **options):
        if Path(command[-1]).parent.name == victim:
            python, _, _, *rest = command  # python -m pyfate_gpu.cli
            command = [python, __file__, str(messages), str(seconds), *rest]
        return start(command, **options)

    with mock.patch.object(launcher.subprocess, "Popen", start_mortal):
        yield


if __name__ == "__main__":
    messages, seconds, *sys.argv[1:] = sys.argv[1:]
    live(int(messages), float(seconds))
