# SPDX-License-Identifier: Apache-2.0
"""States of a party's training in files: a ZIP of JSON and arrays each, whole or not there; no pickle."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pyfate_gpu.data.rows import Rows
from pyfate_gpu.errors import ConfigurationError, ProtocolError, StorageError
from pyfate_gpu.federation import Session
from pyfate_gpu.federation.recovery import State
from pyfate_gpu.storage.archive import pack, unpack
from pyfate_gpu.storage.files import write_atomically

logger = logging.getLogger(__name__)

FORMAT = "pyfate-gpu checkpoint"
VERSION = 2
_HEADER = "state.json"
#: Parties are never more than one iteration apart, so the last two of each have one in common.
KEPT = 2
_NAME = re.compile(r"iteration-(\d{8})\.zip")


class Checkpoints:
    """A folder of checkpoints of one party and one job; a `Recovery`.

    Parameters
    ----------
    folder : Path
        Made when the first one is written.
    every : int
        Iterations from one to the next.
    job : str
        Fingerprint of the job and of this party's data: checkpoints of another are refused.

    Examples
    --------
    >>> import numpy as np, pathlib, tempfile
    >>> from pyfate_gpu.jobs.checkpoints import Checkpoints
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> Checkpoints(folder, every=5, job="a").save(10, {"weights": np.ones(2), "losses": [0.5]})
    >>> again = Checkpoints(folder, every=5, job="a")
    >>> again.iteration = again.iterations()[-1]
    >>> again.load()
    {'weights': array([1., 1.]), 'losses': [0.5]}
    """

    def __init__(self, folder: Path, every: int, job: str) -> None:
        self.iteration = 0
        self._folder = folder
        self._every = every
        self.job = job
        self.rows = ""

    def iterations(self) -> list[int]:
        """Return the iterations that there are checkpoints of, in order."""
        found = [_NAME.fullmatch(path.name) for path in self._folder.glob("*.zip")]
        return sorted(int(match[1]) for match in found if match)

    def is_due(self, iteration: int) -> bool:
        """Return whether the state after an iteration shall be kept."""
        return iteration % self._every == 0

    def save(self, iteration: int, state: State) -> None:
        """Write a checkpoint and remove all but the last two.

        Raises
        ------
        StorageError
            When it cannot be written; earlier ones are unharmed.
        """
        try:
            self._folder.mkdir(exist_ok=True, mode=0o700)
        except OSError as error:
            raise StorageError(f"cannot make {self._folder}: {error.strerror}") from None
        header = {"format": FORMAT, "version": VERSION, "job": self.job, "iteration": iteration}
        header["rows"] = self.rows
        write_atomically(self._path(iteration), _pack(header, state))
        for old in self.iterations()[:-KEPT]:
            self._path(old).unlink(missing_ok=True)

    def load(self) -> State:
        """Return the state of the agreed iteration.

        Raises
        ------
        ConfigurationError
            When the file is no checkpoint of this job.
        """
        path = self._path(self.iteration)
        try:
            header, state = _unpack(path.read_bytes())
        except OSError as error:
            raise ConfigurationError(f"cannot read {path}: {error.strerror}") from None
        except (ValueError, TypeError, KeyError) as error:
            raise ConfigurationError(f"{path} is no checkpoint: {error}; remove it") from None
        if header["iteration"] != self.iteration:
            raise ConfigurationError(
                f"{path} holds iteration {header['iteration']}: it was renamed"
            )
        return state

    def check(self) -> None:
        """Refuse a folder with checkpoints of another job.

        Raises
        ------
        ConfigurationError
            Naming the folder.
        """
        for iteration in self.iterations():
            self.iteration = iteration
            path = self._path(iteration)
            try:
                header, _ = _unpack(path.read_bytes())
            except (OSError, ValueError, TypeError, KeyError) as error:
                raise ConfigurationError(f"{path} is no checkpoint: {error}; remove it") from None
            if header["job"] != self.job or (self.rows and header["rows"] != self.rows):
                raise ConfigurationError(
                    f"{path} is of another job, other parameters or other data: remove {self._folder} to "
                    "begin anew, or choose another directory"
                )
        self.iteration = 0

    def forget_later(self) -> None:
        """Remove those after the agreed iteration.

        Shares of an attempt that was cut short would not fit those that others keep in the next one.
        """
        for iteration in self.iterations():
            if iteration > self.iteration:
                self._path(iteration).unlink(missing_ok=True)

    def check_rows(self, tables: Mapping[str, Rows]) -> None:
        """Refuse checkpoints of other rows in common with other parties, and keep by these rows from now on.

        Raises
        ------
        ConfigurationError
            Naming the folder.
        """
        found = hashlib.sha256()
        for kind, rows in tables.items():
            found.update(kind.encode() + rows.digest(ids_only=True))
        self.rows = found.hexdigest()
        self.check()

    def clear(self) -> None:
        """Remove all of them: the job is done."""
        for iteration in self.iterations():
            self._path(iteration).unlink(missing_ok=True)

    def _path(self, iteration: int) -> Path:
        return self._folder / f"iteration-{iteration:08d}.zip"


def agree_on_iteration(session: Session, checkpoints: Checkpoints) -> None:
    """Find the last iteration that all parties have a checkpoint of, 0 if there is none.

    Raises
    ------
    ProtocolError
        When the leader names one that is not here.
    """
    with session.task("resume"):
        checkpoints.iteration = _last_common(session, checkpoints.iterations())
        if checkpoints.iteration:
            logger.info("%s: going on after checkpoint %d", session.party, checkpoints.iteration)
        checkpoints.forget_later()
    session.recovery = checkpoints


def _last_common(session: Session, mine: Sequence[int]) -> int:
    if session.party == session.leader:
        common = set(mine)
        for peer in session.peers:
            there = session.receive(peer, "checkpoints", iterations=np.ndarray)
            common &= {int(iteration) for iteration in there}
        last = max(common, default=0)
        session.send(session.peers, "resume", iteration_to_resume=last)
        return last
    session.send(session.leader, "checkpoints", iterations=np.array(mine, dtype=np.int64))
    chosen = session.receive(session.leader, "resume", iteration_to_resume=int)
    if chosen and chosen not in mine:
        raise ProtocolError(
            f"the {session.leader} goes on after iteration {chosen}, {session.party} has checkpoints of {mine}"
        )
    return int(chosen)


def _pack(header: Mapping[str, Any], state: State) -> bytes:
    arrays = {name: value for name, value in state.items() if isinstance(value, np.ndarray)}
    plain = {name: value for name, value in state.items() if name not in arrays}
    text = json.dumps({**header, "state": plain, "arrays": list(arrays), "order": list(state)})
    return pack(_HEADER, text, arrays)


def _unpack(data: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    header, arrays = unpack(data, _HEADER, FORMAT, VERSION)
    plain, order = header["state"], header["order"]
    kinds = [type(header[name]) for name in ("iteration", "job", "rows")]
    if kinds != [int, str, str] or type(plain) is not dict:
        raise ValueError("its header is not of this form")
    state = plain | arrays
    names = [*plain, *arrays]
    if sorted(order) != sorted(names) or list(arrays) != header["arrays"]:
        raise ValueError("its members are not those that its header names")
    return header, {name: state[name] for name in order}
