# SPDX-License-Identifier: Apache-2.0
"""Every message of every algorithm is declared, and all others are refused."""

from __future__ import annotations

import numpy as np
import pytest

from pyfate_gpu import (
    HeteroBoostedTreesRegressor,
    HeteroLinearRegression,
    HeteroLogisticRegression,
    HeteroPoissonRegression,
    HeteroSSHELinearRegression,
    HeteroSSHELogisticRegression,
)
from pyfate_gpu.binning import HeteroBinning, HeteroSelector
from pyfate_gpu.estimators import ESTIMATORS, find_estimator
from pyfate_gpu.federation.mailbox import Address
from pyfate_gpu.federation.roles import ARBITER, GUEST, Party, Role
from pyfate_gpu.federation.simulation import simulate
from pyfate_gpu.federation.topology import WITH_ARBITER
from pyfate_gpu.federation.transports.memory import MemoryChannel
from pyfate_gpu.nn.transfer import FederatedTransfer
from pyfate_gpu.protocol.messages import SHARED, why_refuse

HOST = Party(Role.HOST)
SMALL = {"max_iter": 2, "tol": 0.0, "key_bits": 512, "allow_insecure_key_size": True}
FITS = [
    (HeteroLogisticRegression, {}),
    (HeteroLogisticRegression, {"convergence": "weight_diff", "masked_rate": 0.5}),
    (HeteroLinearRegression, {"mode": "arbiter_optimizer"}),
    (HeteroLinearRegression, {"packing": "rows"}),
    (HeteroLogisticRegression, {"packing": "rows", "optimizer": "sgd"}),
    (HeteroPoissonRegression, {"early_stopping_rounds": 1}),
    (HeteroSSHELogisticRegression, {"link": "cubic", "reveal": "nobody"}),
    (HeteroSSHELinearRegression, {}),
]


@pytest.fixture
def delivered(monkeypatch):
    """Names, senders and recipients of all messages, filled while parties talk in this process."""
    found = []
    original = MemoryChannel._deliver

    def deliver(self, to, address, data):
        found.append((address, to))
        original(self, to, address, data)

    monkeypatch.setattr(MemoryChannel, "_deliver", deliver)
    return found


def fit_and_predict(kind, parameters, rng):
    x = rng.normal(size=(24, 4))
    y = (x.sum(axis=1) > 0).astype(int)

    def party(columns=None, label=None):
        def run(session):
            model = kind(**SMALL | parameters)
            tested = None if columns is None else columns[:8]
            data = {}
            if label is not None:
                tested = (tested, label[:8])
                data = {"sample_weight": label + 1.0} if kind is HeteroSSHELinearRegression else {}
            model.fit(columns, label, session=session, validation=tested, **data)
            return model.score_rows(columns, session=session)

        return run

    arbiter = party() if WITH_ARBITER in kind.topologies else None
    simulate(guest=party(x[:, :2], y), hosts=[party(x[:, 2:])], arbiter=arbiter)


def select_columns(rng):
    """Fit what takes no arbiter and has nothing to predict; return the class."""
    x = rng.normal(size=(1000, 2))
    key = {"key_bits": 512, "allow_insecure_key_size": True}
    rules = [{"metric": "correlation_between", "at_most": 0.9}]

    def party(**data):
        def run(session):
            method = "quantile" if "y" in data else "optimal"
            binning = HeteroBinning(method=method, share_woe=True, share_cuts=True, **key)
            binning.fit(session=session, **data)
            selector = HeteroSelector(rules=rules, share_correlations=True, **key)
            return selector.fit(session=session, binning=binning, **data)

        return run

    simulate(guest=party(X=x[:, :1], y=(x[:, 0] > 0).astype(int)), hosts=[party(X=x)])
    return HeteroSelector


def grow_trees(rng):
    """Fit and predict in both ways without an arbiter, by splits of hosts below those of others; return the class."""
    x = rng.normal(size=(60, 3))
    y = x[:, 0] + 9 * (x[:, 1] > 0) * (1 + (x[:, 2] > 0))
    model = {
        "key_bits": 512,
        "allow_insecure_key_size": True,
        "n_estimators": 1,
        "colsample_bytree": 0.5,
        "gradient_bits": 4,
        "lazy_gradients": "show_changed_rows",
        "min_samples_leaf": 2,
    }

    def party(columns, labels=None):
        def run(session):
            own = HeteroBoostedTreesRegressor(**model).fit(columns, labels, session=session)
            own.predict(columns, session=session)
            own.set_params(prediction="blinded")
            return own.predict(columns, session=session)

        return run

    simulate(guest=party(x[:, :1], y), hosts=[party(x[:, 1:2]), party(x[:, 2:])])
    return HeteroBoostedTreesRegressor


@pytest.mark.parametrize("train", [select_columns, grow_trees], ids=lambda train: train.__name__)
def test_no_message_without_an_arbiter_is_refused(delivered, rng, train):
    table = {**SHARED, **train(rng).messages}
    assert len(delivered) > 5
    assert [why_refuse(address, to, table) for address, to in delivered] == [None] * len(delivered)


@pytest.mark.parametrize(
    ("kind", "parameters"), FITS, ids=lambda value: getattr(value, "__name__", "")
)
def test_no_message_that_parties_send_is_refused(delivered, rng, kind, parameters):
    fit_and_predict(kind, parameters, rng)
    table = {**SHARED, **kind.messages}
    assert len(delivered) > 20
    assert [why_refuse(address, to, table) for address, to in delivered] == [None] * len(delivered)


def transfer(rng):
    """Fit and predict by transfer learning."""
    x = rng.normal(size=(30, 4))
    common = np.arange(20)

    def party(columns, labels=None, rows=None):
        def run(session):
            model = FederatedTransfer(
                features=2, max_iter=2, key_bits=512, allow_insecure_key_size=True
            )
            model.fit(columns, labels, session=session, common=common)
            return model.predict(rows, session=session)

        return run

    guest, host = party(x[:, :2], x[:, 0] > 0), party(x[:, 2:], rows=x[:, 2:])
    simulate(guest=guest, hosts=[host], timeout=60.0)


def test_every_declared_message_is_sent(delivered, rng):
    for kind, parameters in FITS:
        fit_and_predict(kind, parameters, rng)
    select_columns(rng)
    grow_trees(rng)
    transfer(rng)
    sent = {address.name.partition("/")[2] for address, _ in delivered}
    # tests/homo/test_models.py and, where PyTorch is, tests/nn/test_network.py send the others.
    here = [key for key in ESTIMATORS if not key.startswith(("homo_", "network_"))]
    declared = {name for key in here for name in find_estimator(key).messages}
    assert declared - sent == set()


@pytest.mark.parametrize(
    ("sender", "name", "recipient", "text"),
    [
        (GUEST, "fit-1/secret", HOST, "no such message"),
        (GUEST, "residual", HOST, "no such message"),
        (GUEST, "fit-0/residual", HOST, "no such message"),
        (GUEST, "fit-1/residual\n", HOST, "no such message"),
        (HOST, "fit-1/residual", ARBITER, "residual goes from guest to host"),
        (ARBITER, "fit-1/masked_gradient", GUEST, "goes from guest or host to arbiter"),
        (HOST, "fit-1/terms", GUEST, "terms goes from guest or server to"),
    ],
)
def test_other_messages_are_refused(sender, name, recipient, text):
    table = {**SHARED, **HeteroLogisticRegression.messages}
    assert text in why_refuse(Address(sender, name, 1, 0), recipient, table)


def test_messages_of_an_algorithm_are_no_messages_of_every_job():
    assert why_refuse(Address(GUEST, "fit-1/residual", 1, 0), HOST) == "there is no such message"
