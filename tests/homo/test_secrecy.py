# SPDX-License-Identifier: Apache-2.0
"""What each role sees, and what roles that work together learn: uniform numbers, unless it is said otherwise."""

import gc

import numpy as np
import pytest
from scipy.stats import chi2, kstest

from pyfate_gpu import PrivateKey
from pyfate_gpu.homo import AggregationPlan, run_round
from pyfate_gpu.homo.frames import Kind
from pyfate_gpu.homo.masks import ring
from pyfate_gpu.homo.paillier.opening import Opening
from pyfate_gpu.homo.streams import Stream
from tests.homo.conftest import KEYS, Parties, levels

RARE = 1e-11
"""Chance breaks a limit less often than this."""


def check_uniform(data: np.ndarray) -> None:
    """Bytes of which each value is as frequent as any other."""
    counts = np.bincount(np.ravel(data), minlength=256)
    mean = counts.sum() / 256
    assert mean > 20
    assert ((counts - mean) ** 2).sum() / mean < chi2.isf(RARE, 255)


def masked_vectors(party, updates, round_id=0, leave=None):
    """What a server receives as values in a round, by client, and the clients."""
    server, clients, seen = party.server().server(round_id), party.clients(round_id), {}
    terms = party.server().terms(round_id)
    while requests := server.ask():
        for number, request in requests.items():
            answer = clients[number].answer(request, updates[number])
            if server._stage == 2:
                read = terms.read(answer, Kind.VALUES)
                content = np.frombuffer(bytes(read.letter.rest()), np.uint8)
                seen[number] = content.reshape(-1, ring.bytes_of(party.plan.width))
                if number in (leave or ()):
                    continue
            server.add(answer)
    server.close()
    return seen


@pytest.mark.parametrize("bits", [8, 16, 24])
def test_a_server_sees_uniform_bytes_over_rounds(bits):
    """Low bytes, high bytes, and differences between rounds and clients."""
    party = Parties(AggregationPlan(3, bits, rounding="nearest"))
    updates = [np.zeros(4000), np.ones(4000), np.full(4000, -1.0)]
    rounds = [masked_vectors(party, updates, number) for number in range(6)]
    for client in range(3):
        vectors = np.array([seen[client] for seen in rounds]).astype(np.int64)
        for byte in range(vectors.shape[2]):
            check_uniform(vectors[:, :, byte])
            check_uniform((vectors[1:, :, byte] - vectors[:-1, :, byte]) % 256)
    check_uniform(rounds[0][0] ^ rounds[0][1])


def test_the_bytes_of_a_seal_are_as_many_whatever_is_in_it(mode):
    party = Parties(AggregationPlan(3, 16, max_total_weight=3000), mode)
    lengths = set()
    for round_id, update in enumerate((np.zeros(100), np.ones(100), np.linspace(-9, 9, 100))):
        server, clients = party.server().server(round_id), party.clients(round_id)
        while requests := server.ask():
            for number, request in requests.items():
                answer = clients[number].answer(request, update, 1 + 333 * round_id)
                if party.plan and getattr(server, "_stage", 2) == 2:
                    lengths.add(len(answer))
                server.add(answer)
    assert len(lengths) == 1


def test_server_and_one_client_of_three_learn_the_sum_of_the_others():
    """Masks: they take off the pads that they know; what is left of each is uniform, and adds up to the sum."""
    party = Parties(AggregationPlan(3, 16, rounding="nearest"))
    updates = [np.linspace(-1, 1, 20_000), np.full(20_000, 0.5), np.zeros(20_000)]
    server, clients = party.server().server(0), party.clients()
    seen, colluder, terms = {}, clients[2], party.server().terms(0)
    lane = ring.lane_of(party.plan.width)
    own = {}
    while requests := server.ask():
        for number, request in requests.items():
            answer = clients[number].answer(request, updates[number])
            if server._stage == 2:
                read = terms.read(answer, Kind.VALUES)
                vector = ring.RingVector(len(read.letter.rest()) // 3, party.plan.width)
                vector.add_bytes(terms.read(answer, Kind.VALUES).letter.rest())
                own[number] = clients[number]._seed  # told to the server at the end, as all survive
                key = colluder._directory[number].pads
                pad = [(Stream(own[number], lane), -1)]
                if number != 2:
                    seed = colluder._pads.seed(colluder._pads_key, 2, number, key)
                    pad.append((Stream(seed, lane), -1 if number < 2 else 1))
                vector.add_pads(pad)
                seen[number] = vector
            server.add(answer)
    left = {
        number: np.frombuffer(b"".join(map(bytes, seen[number].drain())), np.uint8).reshape(-1, 3)
        for number in (0, 1)
    }
    for number in (0, 1):
        for byte in range(left[number].shape[1]):
            check_uniform(left[number][:, byte])
    numbers = [
        left[number].astype(np.int64) @ (256 ** np.arange(left[number].shape[1]))
        for number in (0, 1)
    ]
    total = (numbers[0] + numbers[1]) % 2**24
    both = levels(updates[0], 1, 16) + levels(updates[1], 1, 16)
    np.testing.assert_array_equal(total[:20_000], both % 2**24)


def test_a_client_that_left_after_sending_stays_hidden():
    """Its key is opened and its pads are known then; its own mask is not."""
    party = Parties(AggregationPlan(4, 16, rounding="nearest"))
    updates = [np.zeros(20_000)] * 4
    seen = masked_vectors(party, updates, leave={3})[3]
    for byte in range(seen.shape[1]):
        check_uniform(seen[:, byte])


def test_secrets_of_a_client_are_told_once_and_never_both():
    party = Parties(AggregationPlan(5, 16))
    server, clients = party.server().server(0), party.clients()
    terms, told = party.server().terms(0), []
    gone = False
    while requests := server.ask():
        for number, request in requests.items():
            if gone and number == 4:
                continue
            answer = clients[number].answer(request, np.zeros(3))
            if server._stage == 1 and number == 3:
                gone = True  # client 4 shares, and sends no values
            if server._stage == 4:
                members = terms.read(answer, Kind.SECRETS).members
                told.append({kind: {owner for owner, _ in members[kind]} for kind in members})
            if not (number == 4 and server._stage >= 2):
                server.add(answer)
    for each in told:
        assert not each["masks"] & each["keys"]
        assert each["masks"] | each["keys"] <= set(range(5))
    assert len(told) >= 4


def residues_of(party, blob):
    """What the key holder decrypts of one client's update, as numbers from 0 to 1."""
    key = KEYS[1]
    read = party.server().terms(0).read(blob, Kind.VALUES)
    frames = [read.letter.take(length) for length in read.members["frames"]]
    arrays = [KEYS[0].from_wire(frame) for frame in frames]
    return (
        np.concatenate([key.decrypt_residues(each) for each in arrays]).astype(object) / KEYS[0].n
    )


def test_key_holder_and_server_together_see_uniform_residues_when_blind():
    party = Parties(AggregationPlan(3, 16, rounding="nearest"), "blind")
    blob = party.clients()[0].seal(np.zeros(100_000))
    shares = residues_of(party, blob).astype(float)
    assert len(shares) > 3000
    assert kstest(shares, "uniform").pvalue > RARE
    again = residues_of(party, party.clients()[0].seal(np.zeros(100_000))).astype(float)
    assert kstest((shares - again) % 1, "uniform").pvalue > RARE


def test_the_key_holder_sees_uniform_residues_of_the_sum_when_blind():
    party = Parties(AggregationPlan(3, 16, rounding="nearest"), "blind")
    sealed = run_round(party.server().server(0), party.clients(), [np.zeros(100_000)] * 3)
    holder = party.key_holder()
    unlocked = holder.unlock(sealed)
    opening = Opening(holder.terms(0), party.plan, KEYS[0], unlocked, Kind.RESIDUES)
    content = bytes(opening._read.letter.rest())
    numbers = [int.from_bytes(content[at : at + 64], "little") for at in range(0, len(content), 64)]
    assert (
        kstest(np.array(numbers, dtype=object).astype(float) / float(KEYS[0].n), "uniform").pvalue
        > RARE
    )
    np.testing.assert_array_equal(party.client().open(unlocked)[0], np.zeros(100_000))


def test_key_holder_and_server_without_blinding_read_each_update():
    """Said in docs/homo.md: this is why they are two."""
    party = Parties(AggregationPlan(3, 16, rounding="nearest"), "paillier")
    update = np.linspace(-1, 1, 24)
    blob = party.clients()[0].seal(update)
    read = party.server().terms(0).read(blob, Kind.VALUES)
    array = KEYS[0].from_wire(read.letter.take(read.members["frames"][0]))
    np.testing.assert_array_equal(np.ravel(KEYS[1].decrypt(array))[:24], levels(update, 1, 16))


def reachable(*roots):
    """Everything that objects of ours hold."""
    seen, found, todo = set(), [], list(roots)
    while todo:
        each = todo.pop()
        if id(each) in seen or isinstance(each, type) or type(each).__name__ == "module":
            continue
        seen.add(id(each))
        found.append(each)
        kind = type(each).__module__
        if kind.startswith(("pyfate_gpu", "builtins")) and not callable(each):
            todo += gc.get_referents(each)
    return found


@pytest.mark.parametrize("mode", ["paillier", "blind"])
def test_clients_and_server_hold_no_private_key_and_the_key_holder_no_secret(mode):
    party = Parties(AggregationPlan(3, 16), mode)
    clients, server = party.clients(), party.server().server(0)
    for client in clients:
        server.add(client.seal(np.zeros(9)))
    held = reachable(party.client(), party.server(), server, *clients)
    assert not any(isinstance(each, PrivateKey) for each in held)
    assert any(isinstance(each, PrivateKey) for each in reachable(party.key_holder()))
    for apart in (party.server(), server, party.key_holder()):
        assert not any(isinstance(e, bytes) and e == party.secret for e in reachable(apart))


def test_updates_of_one_client_share_no_residues():
    """A client that seals a round twice, after a crash, draws other residues."""
    party = Parties(AggregationPlan(3, 16, rounding="nearest"), "blind")
    shares = [residues_of(party, party.clients()[0].seal(np.zeros(40))) for _ in range(2)]
    assert not set(shares[0]) & set(shares[1])
