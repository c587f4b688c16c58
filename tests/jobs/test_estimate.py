# SPDX-License-Identifier: Apache-2.0
"""Operations are counted exactly before anything runs; seconds follow from rates."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest

from pyfate_gpu import (
    HeteroBoostedTreesClassifier,
    HeteroLinearRegression,
    HeteroLogisticRegression,
    HeteroPoissonRegression,
    HeteroSSHELogisticRegression,
    simulate,
)
from pyfate_gpu.encoding import SlotLayout
from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.federation.mailbox import Address
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.federation.transports.memory import MemoryChannel
from pyfate_gpu.glm.workload import iteration
from pyfate_gpu.jobs.calibration import Calibration, calibrate, products
from pyfate_gpu.jobs.estimate import estimate, shape_of
from pyfate_gpu.jobs.job import Job
from pyfate_gpu.protocol.cost import JobShape, add_work, ciphertexts_sent
from tests.jobs.conftest import write_csv

ROWS = 48
SMALL = {"max_iter": 1, "key_bits": 512, "allow_insecure_key_size": True}
RANDOM = {"batch_strategy": "random", "batch_size": 24}


class Reports(list):
    """What parties say of their iterations."""

    def on_iteration(self, report):
        self.append(report)

    def __deepcopy__(self, memo):
        return self


@pytest.mark.parametrize(
    ("kind", "options", "hosts", "extras"),
    [
        (HeteroLinearRegression, {}, 1, {}),
        (HeteroLinearRegression, {"fit_intercept": False, "batch_size": 20}, 2, {}),
        (HeteroLinearRegression, {"masked_rate": 1.0, "batch_size": 16}, 1, {}),
        (HeteroLinearRegression, {"mode": "arbiter_optimizer", "batch_size": 24}, 2, {}),
        (HeteroLinearRegression, {"max_iter": 2}, 2, {}),
        (
            HeteroLogisticRegression,
            {"max_iter": 2, "tol": 0.0},
            1,
            {"classes": 3, "validation": 10},
        ),
        (HeteroLogisticRegression, {"max_iter": 2, "tol": 0.0, "packing": "rows"}, 2, {}),
        (
            HeteroLinearRegression,
            {"max_iter": 2, "tol": 0.0, "packing": "rows"},
            1,
            {"sample_weight": range(1, ROWS + 1)},
        ),
        (HeteroLogisticRegression, {}, 1, {"sample_weight": range(1, ROWS + 1)}),
        (HeteroLogisticRegression, {}, 2, {"classes": 3, "validation": 10}),
        (HeteroPoissonRegression, RANDOM, 1, {}),
        (HeteroPoissonRegression, RANDOM | {"masked_rate": 0.5}, 1, {}),
    ],
    ids=str,
)
def test_operations_are_those_that_run(rng, kind, options, hosts, extras):
    x = [rng.normal(size=(ROWS, columns)) for columns in (2, 3, 4)[: hosts + 1]]
    classes, tested = extras.get("classes", 1), extras.get("validation", 0)
    y = rng.integers(0, max(classes, 2), ROWS)
    y[:3] = range(3) if classes == 3 else [0, 1, 0]
    weights = extras.get("sample_weight")
    reports = Reports()

    def party(own=None, labels=None):
        model = kind(**SMALL | options, callbacks=[reports])
        other = own[:tested] if own is not None and tested else None
        if labels is None:
            return lambda session: model.fit(own, session=session, validation=other)
        weigh = None if weights is None else list(weights)
        validation = None if other is None else (other, labels[:tested])
        return lambda session: model.fit(
            own, labels, session=session, validation=validation, sample_weight=weigh
        )

    simulate(guest=party(x[0], y), hosts=[party(own) for own in x[1:]], arbiter=party())
    names = ("guest", "host-0", "host-1")
    shape = JobShape(
        ROWS,
        {name: own.shape[1] for name, own in zip(names, x, strict=False)},
        outputs=classes,
        validation=tested,
        weighted=weights is not None,
    )
    model = kind(**SMALL | options)
    expected = {name: Counter() for name in ("arbiter", *shape.columns)}
    found, sent = {name: Counter() for name in expected}, Counter()
    for number in range(1, model.max_iter + 1):
        add_work(expected, iteration(shape, model.settings(), number))
    for report in reports:  # of all iterations: a host may begin one before the last has ended
        found[report.party].update(report.usage.operations)
        sent[report.party] += report.usage.bytes_sent
    for name, operations in found.items():
        assert +operations == +expected[name]
    for name, count in ciphertexts_sent(expected, hosts).items():
        if name != "arbiter":
            most = count * 128 + model.max_iter * (16 * ROWS * hosts + 12288)
            assert count * 128 <= sent[name] <= most


def test_seconds_follow_from_rates(small_job):
    job = Job.load(small_job({"model": {"optimizer": "adam"}}))
    shape = shape_of(job)
    assert shape == JobShape(40, {"guest": 2, "host-0": 3})
    steps = ("encrypt", "blind", "mask", "check", "add", "weigh", "decrypt")
    rates = Calibration(dict.fromkeys(steps, 1e-3), {"make key": 2.0, "make tables": 1.0}, 1e-4)
    found = estimate(job, shape, rates)
    assert found.seconds["host-0"]["encrypt"] == pytest.approx(0.041)
    assert found.seconds["arbiter"]["decrypt"] == pytest.approx(7e-3)
    assert found.seconds["host-0"]["multiply"] == pytest.approx(3 * products(40) * 1e-4)
    assert found.sent == {"guest": 44 * 128, "host-0": 44 * 128, "arbiter": 7 * 64}
    assert found.setup == {"guest": 1.0, "host-0": 1.0, "arbiter": 2.0}
    assert found.apart <= found.together + 1e-12
    assert found.iterations == 3


def test_more_rows_take_fewer_products_each():
    assert products(100) / 100 > products(10_000) / 10_000 > products(1_000_000) / 1_000_000 > 2


def test_rows_that_share_ciphertexts_share_their_powers():
    """Of breast's 569 rows and 20 columns in eight slots: tables for all sums, then Horner's rule."""
    slots = SlotLayout(136, 8)
    rates = Calibration({}, {}, 1.0)
    together = rates.multiply(72, 160.0, slots)
    windows, tables = 4 * 73 + 0.7 * 26, 72 * (64 + 3) / 160
    assert together == pytest.approx(160 * (windows + tables + 7 / 8 * (1 + 0.7 * 136)))
    assert together < 160 * products(72)
    assert rates.multiply(72, 1.0, slots) > products(72)  # a single sum shares nothing
    assert rates.multiply(72, 160.0, slots, batches=4) > together
    assert rates.multiply(72, 160.0) == 160 * products(72)


def test_every_step_is_measured(monkeypatch):
    clock = itertools.count()  # a second passes between two looks
    monkeypatch.setattr("pyfate_gpu.jobs.calibration._clock", lambda: lambda: next(clock))
    found = calibrate(512, allow_insecure_key_size=True)
    assert found.setup == {"make key": 1, "make tables": 1}
    per_call = {
        "encrypt": 64, "blind": 64, "mask": 8, "check": 512, "add": 512, "weigh": 64, "squeeze": 2,
        "shift": 64 * 40, "decrypt": 8,
    }  # fmt: skip
    assert found.seconds == {step: 1 / count for step, count in per_call.items()}
    assert found.product == 1 / products(512)


def test_sizes_come_from_tables_or_are_given(small_job):
    job = Job.load(small_job())
    assert shape_of(job, rows=10**6, columns=[10, 20]).rows == 10**6
    for rows, columns in ((10, None), (None, [1, 2]), (10, [1])):
        with pytest.raises(ConfigurationError, match="give both the rows and the columns of guest"):
            shape_of(job, rows=rows, columns=columns)


def test_a_job_has_rows_and_columns(small_job):
    job = Job.load(small_job())
    for count, columns in ((0, [1, 2]), (-5, [1, 2]), (10, [1, 0]), (10, [-1, 2])):
        with pytest.raises(
            ConfigurationError, match="it takes 1 or more of each to estimate a job"
        ):
            shape_of(job, rows=count, columns=columns)


def test_an_empty_table_is_nothing_to_estimate(small_job, tmp_path):
    job = Job.load(small_job())
    (tmp_path / "host.csv").write_text("c,d,e,key\n")
    with pytest.raises(ConfigurationError, match="0 rows, columns of guest 2, host-0 3"):
        shape_of(job)


def test_missing_labels_are_no_class(small_job, tmp_path):
    job = Job.load(small_job())
    rows = [[f"u{row}", ("red", "green", "blue", "")[row % 4], 0.5, 1.5] for row in range(40)]
    write_csv(tmp_path / "guest.csv", ["id", "y", "a", "b"], rows)
    assert shape_of(job).outputs == 3


class Ends(list):
    """The guest's logical clock at the end of each iteration: half round trips that messages alone take."""

    def __init__(self, monkeypatch):
        self.times, due = {}, {}
        deliver, receive = MemoryChannel._deliver, MemoryChannel.receive

        def deliver_late(channel, to, address, data):
            due[to, address] = self.times.get(channel.party, 0) + 1
            deliver(channel, to, address, data)

        def receive_late(channel, sender, name, iteration, batch, timeout):
            frame = receive(channel, sender, name, iteration, batch, timeout)
            arrived = due[channel.party, Address(sender, name, iteration, batch)]
            self.times[channel.party] = max(self.times.get(channel.party, 0), arrived)
            return frame

        monkeypatch.setattr(MemoryChannel, "_deliver", deliver_late)
        monkeypatch.setattr(MemoryChannel, "receive", receive_late)

    def on_iteration(self, report):
        if report.party == GUEST.name:
            self.append(self.times[GUEST])

    def __deepcopy__(self, memo):
        return self


@pytest.mark.parametrize(
    ("kind", "options", "tested"),
    [
        (HeteroLogisticRegression, {"max_iter": 4, "tol": 0.0}, True),
        (HeteroLogisticRegression, {"max_iter": 3, "batch_size": 24}, True),
        (HeteroSSHELogisticRegression, {"max_iter": 3, "batch_size": 24}, True),
        (HeteroSSHELogisticRegression, {"max_iter": 3}, False),
        (HeteroBoostedTreesClassifier, {"n_estimators": 3, "max_depth": 1}, False),
        (HeteroBoostedTreesClassifier, {"n_estimators": 3, "max_depth": 2}, True),
    ],
    ids=str,
)
def test_round_trips_are_those_of_messages(monkeypatch, rng, kind, options, tested):
    """Beyond those that are estimated there are none; the first iteration begins the job."""
    x, y = rng.normal(size=(ROWS, 4)), rng.integers(0, 2, ROWS)
    ends = Ends(monkeypatch)
    key = {"key_bits": 512, "allow_insecure_key_size": True}

    def party(columns=None, *labels):
        def run(session):
            rows = {}
            if tested and columns is not None:
                rows = {"validation": (columns[:9], labels[0][:9]) if labels else columns[:9]}
            data = () if columns is None else (columns, *labels)
            kind(callbacks=[ends], **key, **options).fit(*data, session=session, **rows)

        return run

    arbiter = {"arbiter": party()} if kind is HeteroLogisticRegression else {}
    simulate(guest=party(x[:, :2], y), hosts=[party(x[:, 2:])], **arbiter)
    shape = JobShape(ROWS, {"guest": 2, "host-0": 2}, validation=9 if tested else 0)
    estimated = kind(**key, **options).workload(shape).round_trips
    found = [(after - before) / 2 for before, after in itertools.pairwise(ends[1:])]
    assert found
    assert 0 < max(found) <= estimated
    if kind is not HeteroBoostedTreesClassifier:  # whose rounds may end early
        assert max(found) == estimated
