# SPDX-License-Identifier: Apache-2.0
"""Networks against the same networks in one place. PyTorch is too heavy for CI (5 GB with its CUDA libraries)."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="networks take PyTorch, 5 GB with its CUDA libraries")

from pyfate_gpu import HeteroNetworkClassifier, HeteroNetworkRegressor, simulate  # noqa: E402
from pyfate_gpu.errors import ConfigurationError, DataError, PartyFailedError  # noqa: E402
from pyfate_gpu.federation.transports.memory import MemoryChannel  # noqa: E402
from pyfate_gpu.nn.layer import WEIGHTS, LayerShape  # noqa: E402
from pyfate_gpu.nn.messages import MESSAGES  # noqa: E402
from pyfate_gpu.nn.modules import make_shared_linear  # noqa: E402
from pyfate_gpu.protocol.messages import SHARED, why_refuse  # noqa: E402
from pyfate_gpu.protocol.sharing import ring  # noqa: E402
from tests.nn.pair import layer_of, run_both, weights_of  # noqa: E402

SMALL = {
    "key_bits": 512,
    "allow_insecure_key_size": True,
    "random_state": 3,
    "width": 4,
    "max_iter": 3,
}
CLOSE = 2.0**-20


def fit(
    kind, guest, y, host, *, method=None, new=None, validation=(None, None), at_host=None, **params
):
    def party(X, rows, given, **data):
        def run(session):
            changes = {} if "y" in data else at_host or {}
            model = kind(**{**SMALL, **params, **changes})
            model.fit(X, session=session, validation=given, **data)
            return model, getattr(model, method)(rows, session=session) if method else None

        return run

    rows = new or (guest, host)
    found = simulate(
        guest=party(guest, rows[0], validation[0], y=y),
        hosts=[party(host, rows[1], validation[1])],
        timeout=120.0,
    )
    return found["guest"], found["host-0"]


@pytest.fixture(scope="module")
def data():
    generator = np.random.default_rng(7)
    x = generator.normal(size=(48, 7))
    score = x @ generator.normal(size=7)
    return x[:, :3], x[:, 3:], np.digitize(score, [-1, 1]), 50 + 20 * score


def test_gradients_are_those_of_autograd(data):
    own, other, labels, _ = data
    own, other, labels = own[:12], other[:12], labels[:12]
    below = torch.nn.Linear(4, 5, dtype=torch.float64)
    top = torch.nn.Sequential(torch.nn.Tanh(), torch.nn.Linear(6, 3, dtype=torch.float64))
    shape = LayerShape(3, 5, 6, host_gradient=True)
    criterion = torch.nn.CrossEntropyLoss()
    before = {}

    def guest(session):
        layer = layer_of(session, shape)
        before["guest"] = layer.guest_weights, layer.host_weights
        z = make_shared_linear(layer)(torch.from_numpy(own))
        loss = criterion(top(z), torch.from_numpy(labels))
        loss.backward()
        return layer, float(loss.detach()), [p.grad.clone() for p in top.parameters()]

    def host(session):
        layer = layer_of(session, shape)
        before["host"] = layer.guest_weights, layer.host_weights
        make_shared_linear(layer)(below(torch.from_numpy(other))).backward()
        return layer, [p.grad.clone() for p in below.parameters()]

    (own_layer, loss, gradients), (other_layer, below_gradients) = run_both(guest, host)
    A, B = (
        torch.tensor(ring.decode(ring.add(g, h), WEIGHTS), requires_grad=True)
        for g, h in zip(before["guest"], before["host"], strict=True)
    )
    for module in (top, below):
        module.zero_grad()
    z = torch.from_numpy(own) @ A + below(torch.from_numpy(other)) @ B
    wanted = criterion(top(z), torch.from_numpy(labels))
    wanted.backward()
    assert abs(loss - float(wanted.detach())) < CLOSE
    for found, parameter in zip(
        [*gradients, *below_gradients], [*top.parameters(), *below.parameters()], strict=True
    ):
        assert float((found - parameter.grad).abs().max()) < CLOSE
    moved = weights_of(own_layer, other_layer)
    assert np.abs(moved[0] - (A - 0.1 * A.grad).detach().numpy()).max() < CLOSE
    assert np.abs(moved[1] - (B - 0.1 * B.grad).detach().numpy()).max() < CLOSE


def test_a_classifier_learns_and_predicts(data):
    own, other, labels, _ = data
    params = {"max_iter": 12, "batch_size": 16, "net_learning_rate": 0.05}
    (guest, scores), (host, nothing) = fit(
        HeteroNetworkClassifier, own, labels, other, method="decision_function", **params
    )
    assert nothing is None
    assert guest.loss_history_[-1] < 0.6 * guest.loss_history_[0]
    assert guest.evaluate(labels, scores)["accuracy"] > 0.8
    meaning = guest.interpret(scores)
    np.testing.assert_allclose(meaning["probability"].sum(axis=1), 1.0)
    assert set(meaning["prediction"].tolist()) <= {0, 1, 2}
    assert guest.report_.packing == "columns"
    assert guest.report_.usage.operations.get("blind", 0) == 0
    assert host.n_iter_ == guest.n_iter_ == 12


def test_a_regressor_with_a_net_at_the_host(data):
    own, other, _, targets = data
    below = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.Tanh())
    (guest, found), _ = fit(
        HeteroNetworkRegressor, own, targets, other, method="predict", max_iter=25, batch_size=24,
        net_learning_rate=0.05, at_host={"bottom": below},
    )  # fmt: skip
    assert np.corrcoef(found, targets)[0, 1] > 0.8
    assert guest.loss_history_[-1] < 0.5 * guest.loss_history_[0]


def test_every_declared_message_is_sent_and_no_other(data, monkeypatch):
    own, other, labels, _ = data
    delivered, original = [], MemoryChannel._deliver

    def deliver(self, to, address, payload):
        delivered.append((address, to))
        original(self, to, address, payload)

    monkeypatch.setattr(MemoryChannel, "_deliver", deliver)
    below = torch.nn.Linear(4, 3)
    fit(HeteroNetworkClassifier, own, labels, other, method="predict", at_host={"bottom": below})
    table = {**SHARED, **MESSAGES}
    assert [why_refuse(address, to, table) for address, to in delivered] == [None] * len(delivered)
    assert set(MESSAGES) <= {address.name.partition("/")[2] for address, _ in delivered}


def test_validation_ends_training_with_the_best_pass(data):
    own, other, labels, _ = data
    wrong = np.random.default_rng(1).permutation(labels[:20])
    (guest, _), (host, _) = fit(
        HeteroNetworkClassifier, own, labels, other, max_iter=20, early_stopping_rounds=2,
        validation=((own[:20], wrong), other[:20]),
    )  # fmt: skip
    history = [metrics["log_loss"] for metrics in guest.validation_history_]
    assert guest.n_iter_ == host.n_iter_ == int(np.argmin(history)) + 1 + 2 < 20


def test_halves_are_saved_and_predict_again(data, tmp_path):
    own, other, labels, _ = data
    (guest, scores), (host, _) = fit(
        HeteroNetworkClassifier, own, labels, other, method="decision_function", hidden=(5,)
    )
    guest.save(tmp_path / "guest")
    host.save(tmp_path / "host")

    def party(name, X):
        return lambda session: HeteroNetworkClassifier.load(tmp_path / name).decision_function(
            X, session=session
        )

    again = simulate(guest=party("guest", own), hosts=[party("host", other)])
    np.testing.assert_allclose(again["guest"], scores, atol=1e-5)
    (tmp_path / "guest").write_bytes(b"x")
    with pytest.raises(DataError, match="is no pyfate-gpu network 1"):
        HeteroNetworkClassifier.load(tmp_path / "guest")


class Kept:
    """A recovery in memory."""

    def __init__(self, iteration=0, state=None):
        self.iteration, self.states = iteration, {iteration: state}

    def load(self):
        return self.states[self.iteration]

    def is_due(self, iteration):
        return True

    def save(self, iteration, state):
        self.states[iteration] = state


def test_training_goes_on_from_a_checkpoint(data):
    own, other, labels, _ = data
    seen = {}

    def party(X, **given):
        def run(session):
            name = session.party.name
            kept = seen.get(name)
            session.recovery = Kept(2, kept.states[2]) if kept else seen.setdefault(name, Kept())
            model = HeteroNetworkClassifier(**{**SMALL, "max_iter": 4})
            return (
                model.fit(X, session=session, **given).loss_history_
                if given
                else model.fit(X, session=session)
            )

        return run

    first = simulate(guest=party(own, y=labels), hosts=[party(other)])["guest"]
    again = simulate(guest=party(own, y=labels), hosts=[party(other)])["guest"]
    np.testing.assert_allclose(again, first, atol=1e-5)


def test_a_top_of_another_width_is_refused(data):
    own, other, labels, _ = data
    for top, text in (
        (torch.nn.Linear(5, 3), "top does not take 4 numbers a row"),
        (torch.nn.Linear(4, 2), r"top makes \(2,\) numbers of a row, labels take 3"),
    ):
        with pytest.raises(ConfigurationError, match=text):
            fit(HeteroNetworkClassifier, own, labels, other, top=top, at_host={"top": None})
    with pytest.raises(ConfigurationError, match="width 4 there, 5 here"):
        fit(HeteroNetworkClassifier, own, labels, other, at_host={"width": 5})


def test_nets_at_the_wrong_party_are_refused(data):
    own, other, labels, _ = data
    net = torch.nn.Linear(3, 3)
    with pytest.raises(ConfigurationError, match="a guest takes no bottom"):
        fit(HeteroNetworkClassifier, own, labels, other, bottom=net)
    with pytest.raises((ConfigurationError, PartyFailedError), match="a host takes no top"):
        fit(HeteroNetworkClassifier, own, labels, other, at_host={"top": net})


class Broken(torch.nn.Module):
    """Puts out what it should not in its second pass."""

    def __init__(self, bad):
        super().__init__()
        self.linear, self.calls, self.bad = torch.nn.Linear(4, 3), 0, bad

    def forward(self, x):
        self.calls += 1
        found = self.linear(x)
        return self.bad(found) if self.calls > 2 else found


@pytest.mark.parametrize(
    ("bad", "text"),
    [
        (lambda found: found * float("nan"), "an input of the layer is not finite"),
        (lambda found: torch.hstack([found, found]), "puts out 6 numbers a row, 3 were agreed"),
        (lambda found: found[:-1], "it must be a row for each row"),
    ],
)
def test_what_a_net_of_the_host_puts_out_is_checked(data, bad, text):
    own, other, labels, _ = data
    with pytest.raises(DataError, match=text):
        fit(HeteroNetworkClassifier, own, labels, other, at_host={"bottom": Broken(bad)})


@pytest.mark.parametrize(
    ("name", "value"),
    [("width", 0), ("hidden", 3), ("hidden", [0]), ("optimizer", "lbfgs"), ("clip", 64.0)],
)
def test_parameters_that_make_no_sense(name, value):
    with pytest.raises(ConfigurationError, match=name):
        HeteroNetworkClassifier(**{name: value}).check()
