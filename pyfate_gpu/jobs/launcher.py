# SPDX-License-Identifier: Apache-2.0
"""All parties of a job as processes of this machine, talking over mutual TLS."""

from __future__ import annotations

import math
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from pyfate_gpu.errors import ConfigurationError, PartyFailedError
from pyfate_gpu.estimators import make_estimator
from pyfate_gpu.federation import Party
from pyfate_gpu.federation.certificates import Authority, write_new
from pyfate_gpu.jobs.chain import make_steps
from pyfate_gpu.jobs.exits import ECHO
from pyfate_gpu.jobs.job import CONFIGURATION, Job, as_toml
from pyfate_gpu.jobs.ports import reserved_ports
from pyfate_gpu.storage.files import locked, open_private, write_atomically

LOG = "log.txt"
_POLL_SECONDS = 0.1
_ECHO_SECONDS = 3.0  # for the others to hear of a failure
_ORIGIN_SECONDS = 20.0  # for the party that failed to end, after others that heard of it
_GRACE_SECONDS = 10.0  # to end when told to
_DAYS = 30  # that the certificates of a job are valid


def run_job(
    job: Job, show: Callable[[str], None], *, predict: bool = False, flags: Sequence[str] = ()
) -> None:
    """Train, or predict by what was trained, to the end; each party writes to a folder of its own, named after it.

    Each run makes new certificates, whose authority is forgotten at once. What parties log goes to ``log.txt`` in
    their folders and to `show`, line by line. Parties end with this process, however it ends.

    Parameters
    ----------
    flags : sequence of str
        Options of the parties' command: how much they log.

    Raises
    ------
    PartyFailedError
        Naming the party that failed first, and why, with its code as `exit_code`. All parties have ended then.
    ConfigurationError
        When the model or a parameter makes no sense, or the job's folder, or one in it, is in use.
    """
    model = make_estimator(job.model, job.parameters)  # sooner than by all parties at once
    model.check_steps(make_steps(job.steps))
    if predict and "predict" not in job.sources:
        raise ConfigurationError(
            "the job has no rows to predict: add [predict.guest], [predict.host-0], ..., or [predict.client-0], ..."
        )
    with locked(job.directory), reserved_ports(len(job.parties)) as ports:
        configurations = job.configurations(ports)
        for configuration in configurations.values():
            with locked(configuration.directory):
                pass  # nobody works there: nothing of a running party is touched
        _certify(job)
        runs = []
        try:
            for party, configuration in configurations.items():
                path = configuration.directory / CONFIGURATION
                write_atomically(path, as_toml(configuration).encode())
                runs.append(_Run(party, path, ["--predict" if predict else "--train", *flags]))
            _watch(runs, show)
        finally:
            _end(runs)


class _Run:
    """One party's process, and what it writes."""

    def __init__(self, party: Party, configuration: Path, options: Sequence[str]) -> None:
        self.party = party
        self.log = configuration.with_name(LOG)
        command = [sys.executable, "-m", "pyfate_gpu.cli", "party", *options, "--tied", "--config"]
        # Its other end closes when this process ends, by whatever: the party then ends too.
        with open_private(self.log, "wb") as log:
            self.process = subprocess.Popen(  # noqa: S603 # our own interpreter and paths
                [*command, str(configuration)], stdin=subprocess.PIPE, stdout=log, stderr=log
            )
        self._reader = self.log.open(encoding="utf-8", errors="replace")
        self._line = ""

    def new_lines(self) -> list[str]:
        """Return what was written since the last call, whole lines only."""
        lines = (self._line + self._reader.read()).split("\n")
        self._line = lines.pop()
        return lines

    def close(self) -> None:
        """Stop reading."""
        self._reader.close()
        if self.process.stdin is not None:
            self.process.stdin.close()

    def complaint(self) -> str:
        """Return why it failed."""
        code = self.process.returncode
        if code < 0:
            return f"{self.party} was killed by {signal.Signals(-code).name}"
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
        return (
            f"{self.party} failed: {errors[-1] if errors else f'exit code {code}, see {self.log}'}"
        )


def _watch(runs: list[_Run], show: Callable[[str], None]) -> None:
    """Wait for all parties to end; raise for the one that failed first."""
    failed: _Run | None = None
    deadline = math.inf
    while True:
        codes = [run.process.poll() for run in runs]
        for run in runs:
            for line in run.new_lines():
                show(line)
        # One that was told of another's failure is not the one that failed.
        first = [run for run, code in zip(runs, codes, strict=True) if code]
        first.sort(key=lambda run: run.process.returncode == ECHO)
        if first and (failed is None or failed.process.returncode == ECHO):
            failed = first[0]
            is_echo = failed.process.returncode == ECHO
            patience = _ORIGIN_SECONDS if is_echo else _ECHO_SECONDS
            deadline = min(deadline, time.monotonic() + patience)
        if None not in codes or time.monotonic() > deadline:
            break
        if failed is not None and failed.process.returncode < 0:
            break  # the others would wait for a sign of life
        time.sleep(_POLL_SECONDS)
    if failed is not None:
        error = PartyFailedError(failed.complaint())
        error.exit_code = failed.process.returncode  # type: ignore[attr-defined] # see jobs.exits
        raise error


def _end(runs: list[_Run]) -> None:
    """Leave no process behind."""
    for run in runs:
        run.process.terminate()
    deadline = time.monotonic() + _GRACE_SECONDS
    for run in runs:
        try:
            run.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            run.process.kill()
            run.process.wait()
        run.close()


def _certify(job: Job) -> None:
    """Make certificates for this run alone."""
    folder = job.directory / "certificates"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    authority = Authority.create(_DAYS)
    write_new(folder / "ca.pem", authority.pem, mode=0o644)
    for party in job.parties:
        key, certificate = authority.issue(party, _DAYS)
        write_new(folder / f"{party}.key", key, mode=0o600)
        write_new(folder / f"{party}.pem", certificate, mode=0o644)
