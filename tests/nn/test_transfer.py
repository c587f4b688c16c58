# SPDX-License-Identifier: Apache-2.0
"""Transfer learning follows the same descent in the clear, and labels rows that the guest does not have."""

from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np
import pytest

from pyfate_gpu import simulate
from pyfate_gpu.errors import (
    ChannelTimeoutError,
    ConfigurationError,
    DataError,
    DivergenceError,
    PartyFailedError,
    ProtocolError,
)
from pyfate_gpu.federation import Session
from pyfate_gpu.federation.frame import Sealed
from pyfate_gpu.federation.transports.memory import MemoryChannel
from pyfate_gpu.he.scheme import registry
from pyfate_gpu.he.scheme.paillier.public_key import PublicKey
from pyfate_gpu.nn.transfer import FederatedTransfer
from pyfate_gpu.protocol.keys import check_scheme
from pyfate_gpu.protocol.sharing.exchange import Exchange
from tests.nn.digits import halves_of_digits
from tests.nn.transfer_rule import rule
from tests.sshe.oracle import prepared

SMALL = {"key_bits": 512, "allow_insecure_key_size": True, "features": 3, "max_iter": 4}


def fit(guest, y, host, common, *, new=None, at_host=None, **params):
    def guest_side(session):
        model = FederatedTransfer(**{**SMALL, "random_state": 1, **params})
        model.fit(guest, y, session=session, common=common[0])
        if new is not None:
            model.predict(session=session)
        return model

    def host_side(session):
        model = FederatedTransfer(**{**SMALL, "random_state": 2, **params, **(at_host or {})})
        model.fit(host, session=session, common=common[1])
        return model, None if new is None else model.predict(new, session=session)

    found = simulate(guest=guest_side, hosts=[host_side], timeout=60.0)
    return found["guest"], *found["host-0"]


@pytest.fixture(scope="module")
def data():
    generator = np.random.default_rng(4)
    hidden = generator.normal(size=(60, 2))
    own = hidden @ generator.normal(size=(2, 3)) + 0.1 * generator.normal(size=(60, 3))
    other = hidden @ generator.normal(size=(2, 4)) + 0.1 * generator.normal(size=(60, 4))
    return own[:40], other[20:], hidden


@pytest.mark.parametrize(
    ("classes", "squeeze", "own"),
    [(2, True, 1.0), (2, False, 0.0), (3, True, 0.0), (3, False, 2.0)],
)
def test_weights_and_losses_are_those_of_the_rule(data, classes, squeeze, own):
    guest_rows, other, hidden = data
    y = np.digitize(hidden[:40, 0], np.linspace(-0.5, 0.5, classes - 1)).astype(float)
    signs = 2.0 * (y[:, None] == np.arange(classes)) - 1 if classes > 2 else 2.0 * y[:, None] - 1
    y[[3, 21, 30]], signs[[3, 21, 30]] = np.nan, 0.0  # rows without a label, two of them in common
    common = np.arange(20, 40), np.arange(20)
    guest, host, _ = fit(guest_rows, y, other, common, squeeze=squeeze, own=own)
    inputs = prepared(guest_rows, 4.0), prepared(other, 4.0)
    W, V, losses, centres = rule(*inputs, signs, common, own=own)
    np.testing.assert_allclose(guest.weights_, W, atol=1e-6)
    np.testing.assert_allclose(host.weights_, V, atol=1e-6)
    np.testing.assert_allclose(guest.loss_history_, losses, atol=1e-6)
    np.testing.assert_allclose(guest.centres_, centres, atol=1e-6)


def test_labels_reach_a_host_whose_rows_have_few():
    """Halves of digits, odd or even: of 200 common rows 20 have a label."""
    split = halves_of_digits(0, labelled=20, components=40)
    params = {"features": 6, "max_iter": 25, "kappa": 0.6, "lam": 0.001, "own": 3.0}
    common = np.arange(200), np.arange(200)
    guest, _, found = fit(
        split.guest, split.y, split.host, common, new=split.new, learning_rate=0.2, bottom=split.guest_net,
        at_host={"bottom": split.host_net}, **params,
    )  # fmt: skip
    inputs = (
        split.guest_net(split.scaled(split.guest)),
        split.host_net(split.scaled(split.host)),
    )
    signs = np.where(np.isnan(split.y), 0.0, 2 * split.y - 1)[:, None]
    _, _, losses, _ = rule(
        *inputs, signs, common, kappa=0.6, lam=0.001, own=3.0, rate=0.2, iterations=25, features=6
    )
    np.testing.assert_allclose(guest.loss_history_, losses, atol=1e-6)
    assert (found == split.wanted).mean() > np.mean(split.alone(20)) + 0.05


def test_the_host_gets_labels_of_rows_of_its_own(data):
    own, other, hidden = data
    y = np.where(hidden[:40, 0] > 0, "up", "down")
    common = np.arange(20, 40), np.arange(20)
    _, host, found = fit(own, y, other, common, new=other[20:], max_iter=40)
    wanted = np.where(hidden[40:, 0] > 0, "up", "down")
    assert (found == wanted).mean() > 0.85
    assert not hasattr(host, "classes_")
    assert not hasattr(host, "centres_")


def test_what_travels_is_encrypted_or_a_share(data, monkeypatch):
    own, other, hidden = data
    opened, sealed, original = Counter(), Counter(), MemoryChannel.send

    def send(self, to, frame):
        name = frame.name.partition("/")[2]
        for value in frame.payload.values():
            if isinstance(value, Sealed):
                sealed[name] += 1
            elif isinstance(value, np.ndarray):
                assert value.dtype == np.uint64
                opened[name] += value[..., 0].size
        return original(self, to, frame)

    monkeypatch.setattr(MemoryChannel, "send", send)
    fit(own, (hidden[:40, 0] > 0).astype(int), other, (np.arange(20, 40), np.arange(20)))
    assert set(sealed) == {"rows", "square", "gradient", "served", "loss"}
    # Gradients of each party's own weights, and the loss: nothing else is opened.
    assert opened == {"gradient_share": 4 * 3 * 3, "served_share": 4 * 4 * 3, "loss_share": 4}


def test_fewer_ciphertexts_than_a_matrix_a_row_takes():
    features, rows, key_bits = 32, 1000, 2048
    # A matrix and three rows for each common row from each party.
    formulas = rows * (2 * features**2 + 4 * features)
    from pyfate_gpu.nn.transfer.components import FACTOR_BITS, ROW_BITS, SQUARE_BITS
    from pyfate_gpu.protocol.sharing.conversion import return_layout

    bound = (rows << ROW_BITS + FACTOR_BITS) + (features << SQUARE_BITS + FACTOR_BITS)
    groups = return_layout(key_bits, bound).groups(features)
    ours = 2 * (rows + features) * groups + (2 * 32 + features) * groups
    assert formulas > 250 * ours


@pytest.mark.parametrize(
    ("common", "text"),
    [
        ([0, 0], "different row numbers"),
        ([40], "below 40"),
        ([], "row numbers"),
        ([0.5], "row numbers"),
    ],
)
def test_rows_that_are_not_common(data, common, text):
    own, other, hidden = data
    with pytest.raises(DataError, match=text):
        fit(own, (hidden[:40, 0] > 0).astype(int), other, (common, [0]))


def test_other_counts_and_parameters_are_refused(data):
    own, other, hidden = data
    y = (hidden[:40, 0] > 0).astype(int)
    with pytest.raises(ConfigurationError, match="common rows"):
        fit(own, y, other, ([1, 2, 3], [1, 2]))
    with pytest.raises(
        ConfigurationError, match="there are 4 common rows.*more common rows or fewer"
    ):
        fit(own, y, other, (np.arange(4), np.arange(4)))
    with pytest.raises(ConfigurationError, match="kappa 0.1 there, 0.2 here"):
        fit(own, y, other, ([1, 2], [1, 2]), at_host={"kappa": 0.2})
    with pytest.raises(ConfigurationError, match="features is 0"):
        FederatedTransfer(features=0).check()
    with pytest.raises(DataError, match="bottom made"):
        fit(own, y, other, ([1, 2], [1, 2]), at_host={"bottom": lambda x: x * np.nan})


def test_representations_that_explode_end_training(data):
    own, other, hidden = data
    y = (hidden[:40, 0] > 0).astype(int)
    with pytest.raises(DivergenceError, match="lower the learning rate"):
        fit(own, y, other, (np.arange(20, 40), np.arange(20)), learning_rate=1e4, max_iter=9)


@pytest.mark.torch
def test_a_module_of_pytorch_below(data):
    torch = pytest.importorskip("torch", reason="make test-torch has it")
    own, other, hidden = data
    y = (hidden[:40, 0] > 0).astype(int)
    common = np.arange(20, 40), np.arange(20)
    net = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Linear(4, 5), torch.nn.Tanh())

    def same(values):
        linear = net[1]
        weight, bias = (p.detach().double().numpy() for p in (linear.weight, linear.bias))
        return np.tanh(values @ weight.T + bias)

    found = [fit(own, y, other, common, at_host={"bottom": below})[1] for below in (net, same)]
    np.testing.assert_allclose(found[0].weights_, found[1].weights_, atol=1e-6)
    assert net.training  # as it was
    with pytest.raises(DataError, match="bottom made"):
        fit(own, y, other, common, at_host={"bottom": torch.nn.Flatten(0)})


@pytest.mark.parametrize("names", ["[", "{}", "[[1]]", '["a"]', '["a", "b", "c"]'])
def test_names_of_classes_that_nobody_sends(data, names, monkeypatch):
    own, other, hidden = data
    y = (hidden[:40, 0] > 0).astype(int)
    original = Session.send

    def send(self, to, name, **payload):
        changed = {"names": names} if name == "classes" else {}
        return original(self, to, name, **payload | changed)

    monkeypatch.setattr(Session, "send", send)
    with pytest.raises(ProtocolError, match="the guest (sent|named)"):
        fit(own, y, other, (np.arange(20, 40), np.arange(20)), new=other[:3], max_iter=1)


def test_a_host_that_vanishes_mid_step(data):
    own, other, hidden = data
    y = (hidden[:40, 0] > 0).astype(int)
    common, seen = (np.arange(20, 40), np.arange(20)), []

    def guest(session):
        session.timeout = 0.5
        with pytest.raises(ChannelTimeoutError, match="host-0") as caught:
            FederatedTransfer(**SMALL).fit(own, y, session=session, common=common[0])
        seen.append(caught.value)

    def host(session):
        original, count = session.send, iter(range(1, 10**6))

        def send(to, name, **payload):
            if next(count) < 6:
                original(to, name, **payload)

        session.send = send  # it goes on, and nothing of it arrives
        session.timeout = 2.0
        with pytest.raises((ChannelTimeoutError, PartyFailedError)):
            FederatedTransfer(**SMALL).fit(other, session=session, common=common[1])

    simulate(guest=guest, hosts=[host])
    assert len(seen) == 1


def test_a_scheme_that_cannot(monkeypatch):
    class Secretive(PublicKey):
        has_uniform_masks = False

    changed = dataclasses.replace(registry.SCHEMES["paillier"], public_key=Secretive)
    monkeypatch.setitem(registry.SCHEMES, "secretive", changed)
    text = "whose space of plaintexts is secret; transfer learning masks values uniformly"
    with pytest.raises(ConfigurationError, match=text):
        FederatedTransfer(scheme="secretive").check()
    with pytest.raises(ConfigurationError, match="secret; a network on shares masks"):
        check_scheme("secretive", "a network on shares")


def test_decrypted_words_say_nothing_of_the_other_party(data, monkeypatch):
    own, other, hidden = data
    found, original = {}, Exchange.receive_and_unmask

    def receive(self, name, *arguments, **at):
        share = original(self, name, *arguments, **at)
        found.setdefault((self.session.party.name, name), []).append(share.reshape(-1, 2))
        return share

    monkeypatch.setattr(Exchange, "receive_and_unmask", receive)
    fit(
        own,
        (hidden[:40, 0] > 0).astype(int),
        other,
        (np.arange(20, 40), np.arange(20)),
        max_iter=30,
    )
    assert set(found) == {("guest", "served"), ("host-0", "gradient"), ("host-0", "loss")}
    for name, shares in found.items():
        # Low words of value plus mask, as numbers in -1 ... 1.
        values = np.concatenate([share[:, 0].view(np.int64) / 2.0**63 for share in shares])
        assert len(values) >= 30 * 9
        assert len(set(values.tolist())) == len(values), name
        # Uniform numbers of variance 1/3: beyond eight standard deviations less than once in 10^15 times.
        assert abs(values.mean()) < 8 / np.sqrt(3 * len(values)), name
        edges = np.histogram(values, bins=4, range=(-1, 1))[0]
        assert ((edges - len(values) / 4) ** 2 / (len(values) / 4)).sum() < 60, name
