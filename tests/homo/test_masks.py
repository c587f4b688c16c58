# SPDX-License-Identifier: Apache-2.0
"""Rounds under pairwise masks: clients leave, come late, lie; servers lie."""

import json
import math

import numpy as np
import pytest
from scipy.stats import hypergeom

from pyfate_gpu.errors import ConfigurationError, ProtocolError, WireFormatError
from pyfate_gpu.homo import AggregationPlan, Identity, SecureAggregator, run_round
from pyfate_gpu.homo.frames import SERVER, Kind
from pyfate_gpu.homo.masks import graph, shamir
from pyfate_gpu.homo.streams import Stream
from tests.homo.conftest import IDENTITIES, Parties, levels

TEN = AggregationPlan(10, 16, 1.0, max_total_weight=10_000, rounding="nearest")
UPDATES = list(np.random.default_rng(7).uniform(-1.1, 1.1, (10, 60)))
WEIGHTS = [1, 1000, 3, 4, 5, 6, 7, 8, 9, 10]


def expected(survivors, updates=UPDATES, weights=WEIGHTS):
    return sum(weights[i] * levels(updates[i], 1.0, 16) for i in survivors)


@pytest.mark.parametrize("step", range(5))
def test_three_of_ten_leave_at_each_step(step):
    """Gone before keys, shares and values they are not in the sum; later they are."""
    gone = {0: step, 4: step, 9: step}
    opener, sealed = Parties(TEN).run(UPDATES, WEIGHTS, gone)
    survivors = range(10) if step >= 3 else set(range(10)) - set(gone)
    _, report = opener.open(sealed)
    assert report.clients == tuple(survivors)
    np.testing.assert_array_equal(opener.open_sums(sealed).values, expected(survivors))


def test_one_leaves_at_each_step():
    opener, sealed = Parties(TEN).run(UPDATES, WEIGHTS, {1: 0, 2: 2, 3: 4})
    np.testing.assert_array_equal(
        opener.open_sums(sealed).values, expected(set(range(10)) - {1, 2})
    )


@pytest.mark.parametrize("step", range(5))
def test_four_of_ten_are_too_many(step):
    with pytest.raises(ProtocolError, match=r"left|holds? shares|take"):
        Parties(TEN, least=7).run(UPDATES, WEIGHTS, dict.fromkeys((0, 3, 4, 9), step))


@pytest.mark.parametrize("neighbours", [4, 5, 8])
def test_sparse_graphs(neighbours):
    plan = AggregationPlan(20, 16, 1.0, rounding="nearest", neighbours=neighbours)
    updates = list(np.random.default_rng(1).uniform(-1, 1, (20, 5)))
    for gone in ({}, {3: 2}, {3: 2, 11: 1, 17: 4} if neighbours == 8 else {3: 4}):
        opener, sealed = Parties(plan).run(updates, leave=gone)
        survivors = [i for i in range(20) if gone.get(i, 3) >= 3]
        np.testing.assert_array_equal(
            opener.open_sums(sealed).values, sum(levels(updates[i], 1.0, 16) for i in survivors)
        )


def test_more_than_fifty_clients_have_fewer_neighbours():
    assert graph.neighbours_of_each(AggregationPlan(50)) == 49
    for clients in (51, 500, 2000):
        count = graph.neighbours_of_each(AggregationPlan(clients))
        assert count < clients - 1
        for near, holds in ((count, True), (count - 1, False)):
            needed = graph.threshold_of(near + 1)
            marked = math.ceil(clients / 5)
            drawn = hypergeom(clients - 1, marked, near)
            worst = max(drawn.sf(needed - 1), drawn.sf(near - needed))
            assert (worst < 2.0**-40 / clients) == holds


def test_graphs_are_regular_and_mutual():
    for clients, count in [(20, 4), (21, 6), (60, 11), (5, 4), (3, 8)]:
        everybody = [3 * number for number in range(clients)]
        found = {each: graph.neighbours(each, everybody, count, b"s") for each in everybody}
        degree = min(count + count % 2, clients - 1)
        assert {len(near) for near in found.values()} == {degree}
        assert all(each in found[other] for each in everybody for other in found[each])
        assert graph.neighbours(0, everybody, count, b"other") != found[0] or degree == clients - 1


def test_two_lists_of_survivors_never_both_open():
    for holders in range(2, 400):
        assert 2 * graph.threshold_of(holders) > holders
        assert graph.threshold_of(holders) <= holders


def test_fewer_shares_say_nothing():
    """With one share too few, every secret fits as well as the true one."""
    secret = bytes(range(32))
    shares = shamir.split(secret, range(7), threshold=4)
    assert shamir.combine({i: shares[i] for i in (6, 2, 0, 4)}) == secret
    known = {i: shares[i] for i in (0, 1, 2)}
    factors = shamir.weights((0, 1, 2, 3))
    partial = sum(
        f * int.from_bytes(s, "big") for f, s in zip(factors, known.values(), strict=False)
    )
    for other in (b"\xff" * 32, bytes(32), b"s" * 32):
        missing = (int.from_bytes(other, "big") - partial) * pow(factors[3], -1, shamir.PRIME)
        share = (missing % shamir.PRIME).to_bytes(33, "big")
        assert shamir.combine(known | {3: share}) == other


def test_no_seed_is_ever_used_twice(monkeypatch):
    """A pad has its seed at two clients, in one round; everything else one."""
    seen: list[bytes] = []
    made = Stream.__init__
    monkeypatch.setattr(Stream, "__init__", lambda s, k, d: (seen.append(k), made(s, k, d))[1])
    party = Parties(AggregationPlan(4, 8))
    clients_of_rounds = 0
    for round_id in (0, 1, 1):  # the same number again, in another process
        server = Parties(party.plan).server().server(round_id)
        clients = Parties(party.plan).clients(round_id)
        while (requests := server.ask()) and Kind.SURVIVORS.value.encode() not in requests[0]:
            for number, request in requests.items():
                server.add(clients[number].answer(request, np.zeros(3)))
        clients_of_rounds += 4
    counts = [seen.count(key) for key in set(seen)]
    assert sorted(counts) == [1] * (2 * clients_of_rounds) + [2] * (
        3 * 6
    )  # own mask, rounding; pads
    assert all(len(key) == 32 for key in seen)


def advance(party, stages, leave=(), updates=UPDATES):
    """A server, and clients that have answered so many requests."""
    server, clients = party.server().server(0), party.clients()
    for _ in range(stages):
        for number, request in server.ask().items():
            if number not in leave:
                server.add(clients[number].answer(request, updates[number]))
    return server, clients


def test_late_and_repeated_answers_are_refused():
    party = Parties(AggregationPlan(4, 8))
    server, clients = party.server().server(0), party.clients()
    early = party.clients(1)[0].answer(party.server().server(1).ask()[0])
    late = None
    for stage in range(5):
        requests = server.ask()
        with pytest.raises(ProtocolError, match="round"):
            server.add(early)
        for number, request in requests.items():
            answer = clients[number].answer(request, np.zeros(2))
            if number == 3 and stage == 2:
                late = answer
                continue
            server.add(answer)
            with pytest.raises(ProtocolError, match="already"):
                server.add(answer)
        if stage > 2:
            assert 3 not in requests
            with pytest.raises(ProtocolError, match="too late"):
                server.add(late)
    sealed = server.close()
    assert party.server().open(sealed)[1].clients == (0, 1, 2)
    with pytest.raises(ProtocolError, match="closed"):
        server.close()
    assert server.ask() == {}


def test_nothing_before_its_time():
    party = Parties(AggregationPlan(3, 8))
    server, client = party.server().server(0), party.clients()[0]
    with pytest.raises(ProtocolError, match="masks have to be agreed"):
        client.seal(np.zeros(2))
    with pytest.raises(ProtocolError, match="not at its end"):
        server.close()
    keys = client.answer(party.server().server(0).ask()[0])
    with pytest.raises(ProtocolError, match="begins with ask"):
        server.add(keys)


def test_seal_takes_the_update_on_its_own_and_once():
    party = Parties(AggregationPlan(3, 8, rounding="nearest"))
    server, clients = party.server().server(0), party.clients()
    while requests := server.ask():
        for number, request in requests.items():
            server.add(clients[number].answer(request) or clients[number].seal(np.ones(2)))
            with pytest.raises(ProtocolError):
                clients[number].seal(np.ones(2))
            with pytest.raises(ProtocolError):
                clients[number].answer(request)
    np.testing.assert_array_equal(party.server().open(server.close())[0], [1, 1])


def rewritten(request, party, **members):
    """The request of a server that lies."""
    terms = party.server().terms(0)
    kinds = [Kind.START, Kind.DIRECTORY, Kind.BOXES, Kind.SURVIVORS, Kind.REVEAL]
    read = terms.read(request, *kinds)
    return terms.write(read.kind, SERVER, read.members | members)


def test_a_server_that_shows_two_lists_of_survivors():
    """Some shall tell client 4's own mask, others its key: none of them does."""
    party = Parties(AggregationPlan(5, 8))
    server, clients = advance(party, 3)
    requests = server.ask()
    signatures = []
    for number in range(4):
        shown = [0, 1, 2, 3, 4] if number < 2 else [0, 1, 2, 3]
        answer = clients[number].answer(rewritten(requests[number], party, clients=shown))
        read = party.server().terms(0).read(answer, Kind.SIGNATURE)
        signatures.append([number, read.text("signature")])
    reveal = party.server().terms(0).write(Kind.REVEAL, SERVER, {"signatures": signatures})
    for number in range(4):
        with pytest.raises(ProtocolError, match="signature of the survivors"):
            clients[number].answer(reveal)
    for number in range(4):  # its own list is signed by two of five
        fitting = [each for each in signatures if (each[0] < 2) == (number < 2)]
        reveal = party.server().terms(0).write(Kind.REVEAL, SERVER, {"signatures": fitting})
        with pytest.raises(ProtocolError, match="it takes 4"):
            clients[number].answer(reveal)


def test_a_client_signs_one_list():
    party = Parties(AggregationPlan(5, 8))
    server, clients = advance(party, 3)
    request = server.ask()[0]
    clients[0].answer(rewritten(request, party, clients=[0, 1, 2, 3]))
    with pytest.raises(ProtocolError, match="reveal is due"):
        clients[0].answer(request)


@pytest.mark.parametrize(
    ("shown", "text"),
    [([0, 1], "min_clients"), ([1, 2, 3, 4], "leave this client out"), ([0, 1, 2, 9], "not those"),
     ([0, 1, 2], "shares of client 0"), ([2, 1, 0, 3], "ascending"), ([0, 0, 1, 2], "ascending"), ("all", "ascending")],
)  # fmt: skip
def test_survivors_that_a_client_does_not_sign(shown, text):
    party = Parties(AggregationPlan(5, 8), least=3)
    server, clients = advance(party, 3)
    with pytest.raises(ProtocolError, match=text):
        clients[0].answer(rewritten(server.ask()[0], party, clients=shown))


def test_a_server_that_puts_its_own_keys_in_place():
    party = Parties(AggregationPlan(3, 8))
    server, clients = advance(party, 1)
    request = server.ask()[0]
    directory = party.server().terms(0).read(request, Kind.DIRECTORY).members["directory"]
    stranger = Identity.generate()
    forged = SecureAggregator("masks", party.plan, min_clients=2).client(0, 1, stranger)
    entry = forged._entry.describe()
    swapped = [directory[0], [1, entry], directory[2]]
    with pytest.raises(ProtocolError, match="signed by somebody else"):
        clients[0].answer(rewritten(request, party, directory=swapped))
    half = [directory[0], [1, [directory[1][1][0], *entry[1:]]], directory[2]]
    with pytest.raises(ProtocolError, match="does not hold"):
        clients[0].answer(rewritten(request, party, directory=half))
    with pytest.raises(ProtocolError, match="other keys of client 0"):
        clients[0].answer(rewritten(request, party, directory=directory[1:]))
    for wrong in (
        None,
        [3],
        [[0]],
        [["0", entry]],
        directory[::-1],
        [*directory, directory[2]],
        [[7, entry]],
    ):
        with pytest.raises(ProtocolError):
            clients[0].answer(rewritten(request, party, directory=wrong))


def test_without_members_reports_say_so():
    plan = AggregationPlan(3, 8)
    aggregator = SecureAggregator("masks", plan)
    clients = [aggregator.client(0, number) for number in range(3)]
    sealed = run_round(aggregator.server(0), clients, [np.zeros(1)] * 3)
    assert "keys of its own" in aggregator.open(sealed)[1].warnings[0]
    assert Parties(plan).server().open(Parties(plan).run([np.zeros(1)] * 3)[1])[1].warnings == ()


def test_shares_that_are_altered_or_withheld_on_their_way():
    party = Parties(AggregationPlan(5, 8))
    server, clients = advance(party, 2)
    request = server.ask()[0]
    terms = party.server().terms(0)
    read = terms.read(request, Kind.BOXES)
    content = bytearray(read.letter.rest())
    content[100] ^= 1
    altered = terms.write(Kind.BOXES, SERVER, read.members, [[content]])
    with pytest.raises(ProtocolError, match="altered"):
        clients[0].answer(altered)
    few = terms.write(Kind.BOXES, SERVER, {"senders": [0, 2]}, [[content[: 2 * 82]]])
    with pytest.raises(ProtocolError, match="it takes 4"):
        clients[1].answer(few)


def test_false_shares_of_one_client_do_not_stop_the_round():
    party = Parties(AggregationPlan(6, 16, rounding="nearest"))
    server, clients = advance(party, 4, leave=())
    for number, request in server.ask().items():
        answer = clients[number].answer(request)
        if number == 0:
            read = party.server().terms(0).read(answer, Kind.SECRETS)
            lies = [[owner, (b"\1" * 33).hex()] for owner, _ in read.members["masks"]]
            answer = party.server().terms(0).write(Kind.SECRETS, 0, {"masks": lies, "keys": []})
        server.add(answer)
    sums = party.server().open_sums(server.close())
    np.testing.assert_array_equal(sums.values, sum(levels(u, 1.0, 16) for u in UPDATES[:6]))


def test_false_shares_of_many_clients_are_named():
    party = Parties(AggregationPlan(4, 16))
    server, clients = advance(party, 4)
    for number, request in server.ask().items():
        read = party.server().terms(0).read(clients[number].answer(request), Kind.SECRETS)
        lies = [[owner, (b"\1" * 33).hex()] for owner, _ in read.members["masks"]]
        server.add(party.server().terms(0).write(Kind.SECRETS, number, {"masks": lies, "keys": []}))
    with pytest.raises(ProtocolError, match="do not fit what it published"):
        server.close()


def test_a_key_of_low_order_is_refused():
    from pyfate_gpu.homo.masks.agreement import RoundKey

    with pytest.raises(ProtocolError, match="low order"):
        RoundKey().agree(bytes(32), b"", b"")


def test_members_must_be_those_of_the_plan():
    plan = AggregationPlan(3, 8)
    members = [each.public for each in IDENTITIES[:3]]
    for wrong in (members[:2], [*members[:2], b"short"], [members[0]] * 3):
        with pytest.raises(ConfigurationError, match="members"):
            SecureAggregator("masks", plan, members=wrong)
    aggregator = SecureAggregator("masks", plan, members=members)
    for identity in (None, IDENTITIES[1], "me"):
        with pytest.raises(ConfigurationError, match="identity"):
            aggregator.client(0, 0, identity)
    aggregator.client(0, 0, IDENTITIES[0])
    with pytest.raises(ConfigurationError, match="already"):
        aggregator.client(0, 0, IDENTITIES[0])


def test_identities_are_kept_and_not_pickled():
    import pickle

    identity = Identity.generate()
    again = Identity.from_private_bytes(identity.private_bytes())
    assert again.public == identity.public
    assert json.dumps(identity.private_bytes().hex())[1:-1] not in repr(identity)
    with pytest.raises(TypeError):
        pickle.dumps(identity)
    with pytest.raises(ConfigurationError):
        Identity.from_private_bytes(b"short")


def test_signatures_that_are_none_or_too_few():
    party = Parties(AggregationPlan(20, 8, neighbours=4), least=12)
    server, clients = party.server().server(0), party.clients()
    for _ in range(4):
        for number, request in server.ask().items():
            server.add(clients[number].answer(request, UPDATES[0]))
    request = server.ask()[0]
    signatures = party.server().terms(0).read(request, Kind.REVEAL).members["signatures"]
    near = set(clients[0]._shares)
    few = [each for each in signatures if each[0] in near]
    for wrong, text in [
        (few, "min_clients is 12"), ([each for each in signatures if each[0] not in near], "it takes 4"),
        (None, "no list"), ([[0]], "that are none"), ([[99, "00" * 64]], "that are none"), (["no"], "that are none"),
        ([[each[0], "00" * 64] for each in signatures], "does not hold"), ([[0, "0"]], "no hexadecimal"),
    ]:  # fmt: skip
        with pytest.raises(ProtocolError, match=text):
            clients[0].answer(rewritten(request, party, signatures=wrong))
    assert clients[0].answer(request)


def test_clients_whose_every_answer_has_a_process_of_its_own():
    party = Parties(AggregationPlan(4, 16, rounding="nearest"))
    server, everybody = party.server().server(0), party.clients()
    frozen = [party.client().freeze(client) for client in everybody]
    while requests := server.ask():
        for number, request in requests.items():
            if number == 2 and server._stage >= 2:
                continue
            client = party.client().thaw(frozen[number], IDENTITIES[number])
            server.add(client.answer(request, UPDATES[number]))
            frozen[number] = party.client().freeze(client)
    sums = party.server().open_sums(server.close())
    np.testing.assert_array_equal(sums.values, sum(levels(UPDATES[i], 1.0, 16) for i in (0, 1, 3)))
    with pytest.raises(ConfigurationError, match="identity"):
        party.client().thaw(frozen[0], IDENTITIES[1])
    with pytest.raises(ProtocolError):
        Parties(AggregationPlan(4, 15)).client().thaw(frozen[0], IDENTITIES[0])
    with pytest.raises(WireFormatError):
        party.client().thaw(frozen[0][:-1], IDENTITIES[0])
    paillier = Parties(party.plan, "paillier")
    with pytest.raises(ConfigurationError, match="answer once"):
        paillier.client().freeze(paillier.clients()[0])
