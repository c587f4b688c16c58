# SPDX-License-Identifier: Apache-2.0
"""What a job will take, before it runs: time by operation and party, bytes, memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pyfate_gpu.backends import BackendInfo, backend_info
from pyfate_gpu.config import available_cores, environment
from pyfate_gpu.data.rows import Rows
from pyfate_gpu.data.sources import read_rows
from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.estimators import find_estimator, make_estimator
from pyfate_gpu.federation.roles import ARBITER, GUEST
from pyfate_gpu.jobs.calibration import Calibration
from pyfate_gpu.jobs.configuration import ALONE
from pyfate_gpu.jobs.job import Job
from pyfate_gpu.protocol.cost import JobShape, Steps, Workload, ciphertexts_sent

#: Of Python and its packages, in a party's process.
PROCESS_BYTES = 95e6
#: Of what comes with data: readers, their packages, blocks that are worked on.
WORK_BYTES = 45e6
#: An id in the table and among those that all have.
ID_BYTES = 150
#: Of features, 8 bytes a value: as read and in bins; for products also prepared, as integers, as words and digits.
COPIES, COPIES_OF_PRODUCTS = 3, 8
#: Numbers of the table that encrypts, at most.
TABLE_NUMBERS = 40_000


@dataclass(frozen=True)
class Estimate:
    """What a job will take.

    Parameters
    ----------
    shape : JobShape
        Its size.
    key_bits : int
        Length of the key.
    iterations : int
        At most.
    engine : BackendInfo
        Which backend was measured.
    work : dict
        Operations of an iteration, by party and step.
    seconds : dict
        Of an iteration, by party and step.
    setup : dict
        Seconds before the first iteration, by party.
    sent : dict
        Bytes that each party sends in an iteration.
    memory : dict
        Bytes that each party needs.
    round_trips : float
        Of an iteration: the chain of messages of which each needs the one before.
    """

    shape: JobShape
    key_bits: int
    iterations: int
    engine: BackendInfo
    work: Steps
    seconds: dict[str, dict[str, float]]
    setup: dict[str, float]
    sent: dict[str, int]
    memory: dict[str, float]
    round_trips: float

    @property
    def apart(self) -> float:
        """Seconds of an iteration with a machine for each party: hosts work side by side, and with the guest.

        Without an arbiter parties do the same at the same time.
        """
        if ARBITER.name not in self.seconds:
            return max(sum(steps.values()) for steps in self.seconds.values())
        guest = self.seconds[GUEST.name]
        hosts = [steps for name, steps in self.seconds.items() if name.startswith("host")]
        before = max(host.get("encrypt", 0.0) for host in hosts)
        products = max(
            guest["multiply"] + guest["mask"],
            *(sum(host.values()) - host.get("encrypt", 0.0) for host in hosts),
        )
        between = sum(guest.values()) - guest["multiply"] - guest["mask"]
        return before + between + products + sum(self.seconds[ARBITER.name].values())

    @property
    def together(self) -> float:
        """Seconds of an iteration with all parties on this machine, sharing its cores."""
        total = sum(sum(steps.values()) for steps in self.seconds.values())
        return max(self.apart, total * self.engine.threads / available_cores())


@dataclass(frozen=True)
class Network:
    """What lies between parties.

    Parameters
    ----------
    round_trip : float
        Seconds there and back.
    bandwidth : float or None
        Mbit/s between two parties; None for as much as they want.

    Examples
    --------
    >>> from pyfate_gpu.jobs.estimate import Network
    >>> Network(0.1).known, Network().known
    (True, False)
    """

    round_trip: float = 0.0
    bandwidth: float | None = None

    @property
    def known(self) -> bool:
        """Whether it takes time."""
        return bool(self.round_trip or self.bandwidth)

    def seconds(self, found: Estimate) -> float:
        """Return what an iteration takes longer by it: the chain of its messages, and bytes one after the other."""
        waits = self.round_trip * found.round_trips
        if self.bandwidth is None:
            return waits
        return waits + sum(found.sent.values()) * 8 / (self.bandwidth * 1e6)


def shape_of(job: Job, *, rows: int | None = None, columns: list[int] | None = None) -> JobShape:
    """Return the size of a job, from its tables unless it is given.

    Parameters
    ----------
    rows : int, optional
        To train with; by default those of the shortest table.
    columns : list of int, optional
        Of each party, the guest first; tables are not read then, and `rows` has to be given too.

    Raises
    ------
    ConfigurationError
        When one of the two is given without the other, or not for every party, or there is nothing to train on.
    DataError
        When a table cannot be read.
    """
    names = [party.name for party in job.sources["data"]]
    if GUEST.name not in names:
        raise ConfigurationError(
            "jobs of clients are not estimated: AggregationPlan.estimate says what one of their rounds takes"
        )
    if (rows is None) != (columns is None) or len(columns or names) != len(names):
        raise ConfigurationError(
            f"give both the rows and the columns of {', '.join(names)}, or neither to read the tables"
        )
    if rows is not None and columns is not None:
        return _checked(JobShape(rows, dict(zip(names, columns, strict=True))))
    tables = {party.name: read_rows(source) for party, source in job.sources["data"].items()}
    labels = tables[GUEST.name].labels
    tested = [read_rows(source) for source in job.sources.get("validation", {}).values()]
    kind = find_estimator(job.model)
    shape = JobShape(
        min(len(table.ids) for table in tables.values()),
        {name: len(table.names) for name, table in tables.items()},
        outputs=kind().outputs_of(labels),
        validation=min((len(table.ids) for table in tested), default=0),
        weighted="sample_weight" in tables[GUEST.name].extras,
        tables=_with_alone(job, tables) if kind.takes_rows_alone else {},
    )
    return _checked(shape)


def _with_alone(job: Job, tables: Mapping[str, Rows]) -> dict[str, int]:
    found = {name: len(table.ids) for name, table in tables.items()}
    for party, source in job.sources.get(ALONE, {}).items():
        found[party.name] += len(read_rows(source).ids)
    return found


def _checked(shape: JobShape) -> JobShape:
    least = {name: 0 if name == GUEST.name else 1 for name in shape.columns}
    if shape.rows < 1 or any(count < least[name] for name, count in shape.columns.items()):
        counts = ", ".join(f"{name} {count}" for name, count in shape.columns.items())
        raise ConfigurationError(
            f"{shape.rows} rows, columns of {counts}: it takes 1 or more of each to estimate a job, "
            "of columns of the guest 0 or more"
        )
    return shape


def estimate(job: Job, shape: JobShape, calibration: Calibration) -> Estimate:
    """Return what a job of that shape will take on machines like this one, with the backend in use."""
    model = make_estimator(job.model, job.parameters)
    workload = model.workload(shape)
    work, terms = workload.steps, workload.terms
    seconds = {
        name: {
            step: calibration.multiply(terms, count / terms, workload.slots, workload.batches)
            if step == "multiply"
            else count * calibration.seconds[step]
            for step, count in steps.items()
        }
        for name, steps in work.items()
    }
    sent = ciphertexts_sent(work, len(shape.columns) - 1)
    nbytes = model.key_bits // 4
    words = model.key_bits // 8  # of a residue that the arbiter returns
    sent_bytes = {name: count * nbytes for name, count in sent.items()}
    tables = calibration.setup["make tables"]
    setup = dict.fromkeys(shape.columns, tables)
    if ARBITER.name in work:
        sent_bytes[ARBITER.name] = work[ARBITER.name]["decrypt"] * words
        setup[ARBITER.name] = calibration.setup["make key"]
    else:
        setup = dict.fromkeys(shape.columns, tables + calibration.setup["make key"])
    memory = memory_of(workload, shape, nbytes)
    info = backend_info()
    return Estimate(
        shape,
        model.key_bits,
        workload.iterations,
        info,
        work,
        seconds,
        setup,
        sent_bytes,
        memory,
        workload.round_trips,
    )


def memory_of(workload: Workload, shape: JobShape, nbytes: int) -> dict[str, float]:
    """Bytes by party: Python, ciphertexts and, at parties with columns, ids, the table of a key, features and work.

    The constants are those of tests/jobs/measure_memory.py.
    """
    table = min(environment().table_mb * 2**20, TABLE_NUMBERS * nbytes)
    found = {name: PROCESS_BYTES + count * nbytes for name, count in workload.held.items()}
    for name, columns in shape.columns.items():
        copies = COPIES_OF_PRODUCTS if workload.terms > 1 else COPIES
        row = ID_BYTES + 8 * copies * columns
        found[name] += WORK_BYTES + table + row * shape.tables.get(name, shape.rows)
    return found
