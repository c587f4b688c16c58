# SPDX-License-Identifier: Apache-2.0
"""Networks against the same networks in one place. They take PyTorch: `make test-torch`."""

from __future__ import annotations

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="networks take PyTorch: make test-torch")

from pyfate_gpu import HeteroNetworkClassifier, HeteroNetworkRegressor, simulate  # noqa: E402
from pyfate_gpu.errors import ConfigurationError, DataError, PartyFailedError  # noqa: E402
from pyfate_gpu.federation.transports.memory import MemoryChannel  # noqa: E402
from pyfate_gpu.nn.layer import WEIGHTS, LayerShape  # noqa: E402
from pyfate_gpu.nn.messages import MESSAGES  # noqa: E402
from pyfate_gpu.nn.modules import make_shared_linear  # noqa: E402
from pyfate_gpu.nn.training import NetTrainer  # noqa: E402
from pyfate_gpu.protocol.cost import JobShape  # noqa: E402
from pyfate_gpu.protocol.messages import SHARED, why_refuse  # noqa: E402
from pyfate_gpu.protocol.sharing import ring  # noqa: E402
from tests.nn.pair import layer_of, run_both, weights_of  # noqa: E402

pytestmark = pytest.mark.torch

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


@pytest.mark.parametrize("mode", ["shared", "interactive"])
@pytest.mark.parametrize("squeeze", [True, False])
def test_gradients_are_those_of_autograd(data, mode, squeeze):
    own, other, labels, _ = data
    own, other, labels = own[:12], other[:12], labels[:12]
    inputs = 3 if mode == "shared" else 0  # the guest's half of an interactive layer is its own
    own = own[:, :inputs]
    below = torch.nn.Linear(4, 5, dtype=torch.float64)
    top = torch.nn.Sequential(torch.nn.Tanh(), torch.nn.Linear(6, 3, dtype=torch.float64))
    shape = LayerShape(inputs, 5, 6, host_gradient=True)
    criterion = torch.nn.CrossEntropyLoss()
    before = {}

    def guest(session):
        layer = layer_of(session, shape, mode=mode, squeeze=squeeze)
        before["guest"] = layer.guest_weights, layer.host_weights
        z = make_shared_linear(layer)(torch.from_numpy(own))
        loss = criterion(top(z), torch.from_numpy(labels))
        loss.backward()
        return layer, float(loss.detach()), [p.grad.clone() for p in top.parameters()]

    def host(session):
        layer = layer_of(session, shape, mode=mode, squeeze=squeeze)
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
    assert np.abs(moved[0] - (A - 0.1 * A.grad).detach().numpy()).max(initial=0.0) < CLOSE
    assert np.abs(moved[1] - (B - 0.1 * B.grad).detach().numpy()).max() < CLOSE


@pytest.mark.parametrize(
    "params", [{"open_activations": True}, {"mode": "interactive"}], ids=["open", "interactive"]
)
def test_nets_below_at_both_parties_follow_the_network_in_one_place(data, params):
    """Plain descent of the whole network, all of its nets given by the parties."""
    own, other, labels, _ = data
    torch.manual_seed(1)

    def nets():
        guest = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.Tanh())
        host = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.Tanh())
        top = torch.nn.Sequential(torch.nn.Tanh(), torch.nn.Linear(4, 3))
        return [net.double() for net in (guest, host, top)]

    started = nets()
    copies = [copy.deepcopy(net) for net in started]
    first = {}

    original = NetTrainer._make_layer

    def make_layer(self, shape):
        original(self, shape)
        first.setdefault(
            self.session.party.name, (self.layer.host_weights, copy.deepcopy(self.net))
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(NetTrainer, "_make_layer", make_layer)
        (guest, scores), (host, _) = fit(
            HeteroNetworkClassifier, own, labels, other, method="decision_function", max_iter=4,
            batch_size=48, shuffle=False, optimizer="sgd", net_learning_rate=0.1, learning_rate=0.1, momentum=0.5,
            bottom=started[0], top=started[2], at_host={"bottom": started[1], "top": None}, **params,
        )  # fmt: skip
    shared = torch.nn.Linear(6, 4, bias=False, dtype=torch.float64)
    mine = torch.nn.Linear(5, 4, bias=False, dtype=torch.float64)
    with torch.no_grad():
        weights = ring.decode(ring.add(first["guest"][0], first["host-0"][0]), WEIGHTS)
        shared.weight.copy_(torch.from_numpy(weights.T))
        mine.weight.copy_(first["guest"][1].linear.weight)
    below_guest, below_host, top = copies
    x, h = (torch.from_numpy(v) for v in scaled_as_fitted(guest, host, own, other))
    everything = [p for net in (*copies, shared, mine) for p in net.parameters()]
    optimizer = torch.optim.SGD(everything, lr=0.1, momentum=0.5)
    for step in range(5):
        found = top(mine(below_guest(x)) + shared(below_host(h)))
        if step < 4:
            loss = torch.nn.functional.cross_entropy(found, torch.from_numpy(labels))
            assert abs(guest.loss_history_[step] - float(loss.detach())) < 1e-6
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    np.testing.assert_allclose(scores, found.detach().numpy(), atol=1e-5)


def scaled_as_fitted(guest, host, own, other):
    return guest._pipeline.transform(own).values, host._pipeline.transform(other).values


def test_a_classifier_learns_and_predicts(data):
    own, other, labels, _ = data
    params = {"max_iter": 30, "batch_size": 16, "net_learning_rate": 0.05}
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
    assert host.n_iter_ == guest.n_iter_ == 30


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
    for mode in ("shared", "interactive"):
        below = torch.nn.Linear(4, 3)
        fit(
            HeteroNetworkClassifier, own, labels, other, method="predict", mode=mode, at_host={"bottom": below}
        )  # fmt: skip
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


@pytest.mark.parametrize(
    "params", [{}, {"open_activations": True}, {"mode": "interactive"}], ids=str
)
def test_halves_are_saved_and_predict_again(data, tmp_path, params):
    own, other, labels, _ = data
    (guest, scores), (host, _) = fit(
        HeteroNetworkClassifier,
        own,
        labels,
        other,
        method="decision_function",
        hidden=(5,),
        **params,
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
    with pytest.raises(ConfigurationError, match="a guest's bottom takes open_activations"):
        fit(HeteroNetworkClassifier, own, labels, other, bottom=net)
    for name, value in (("open_activations", True), ("mode", "interactive")):
        with pytest.raises(ConfigurationError, match=f"{name} .* there, .* here"):
            fit(HeteroNetworkClassifier, own, labels, other, at_host={name: value})
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


def test_what_a_net_of_the_guest_puts_out_is_checked(data):
    own, other, labels, _ = data

    class Half(Broken):
        def __init__(self, bad):
            super().__init__(bad)
            self.linear = torch.nn.Linear(3, 3)

    for bad, text in (
        (lambda found: found * float("nan"), "the guest's net below the first layer puts out what"),
        (lambda found: torch.hstack([found, found]), "puts out 6 numbers a row, 3 were agreed"),
    ):
        with pytest.raises(DataError, match=text):
            fit(
                HeteroNetworkClassifier, own, labels, other, open_activations=True, bottom=Half(bad),
                at_host={"bottom": None},
            )  # fmt: skip


@pytest.mark.parametrize("mode", ["shared", "interactive"])
def test_training_says_that_activations_are_open(data, caplog, mode):
    own, other, labels, _ = data
    fit(HeteroNetworkClassifier, own, labels, other, max_iter=1, mode=mode)
    told = [r for r in caplog.records if "the guest sees what host-0's half" in r.getMessage()]
    assert len(told) == (2 if mode == "interactive" else 0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mode", "fate1"),
        ("open_activations", 1),
        ("width", 0),
        ("hidden", 3),
        ("hidden", [0]),
        ("optimizer", "lbfgs"),
        ("clip", 64.0),
    ],
)
def test_parameters_that_make_no_sense(name, value):
    with pytest.raises(ConfigurationError, match=name):
        HeteroNetworkClassifier(**{name: value}).check()


@pytest.mark.parametrize(
    "params", [{}, {"mode": "interactive"}, {"open_activations": True}], ids=str
)
@pytest.mark.parametrize("squeeze", [True, False])
def test_operations_are_those_of_the_workload(data, params, squeeze):
    own, other, labels, _ = data
    validation = (own[:10], labels[:10]), other[:10]
    (guest, _), (host, _) = fit(
        HeteroNetworkClassifier, own, labels, other, validation=validation, batch_size=20, squeeze=squeeze, **params
    )  # fmt: skip
    work = guest.workload(JobShape(rows=48, columns={"guest": 3, "host-0": 4}, validation=10))
    for name, model in (("guest", guest), ("host-0", host)):
        operations = model.report_.usage.operations
        for step in ("encrypt", "mask", "multiply", "decrypt"):
            assert operations.get(step, 0) == work.iterations * work.steps[name].get(step, 0), step
