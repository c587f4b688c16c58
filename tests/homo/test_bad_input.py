# SPDX-License-Identifier: Apache-2.0
"""What is refused, by which error, and that the round goes on without it."""

import numpy as np
import pytest

from pyfate_gpu import generate_keypair
from pyfate_gpu.errors import (
    ConfigurationError,
    DataError,
    InvalidCiphertextError,
    KeyMismatchError,
    ProtocolError,
    PyFateError,
    WireFormatError,
)
from pyfate_gpu.homo import AggregationPlan, SecureAggregator
from pyfate_gpu.homo.frames import Kind
from tests.homo.conftest import KEYS, Parties, levels

PLAN = AggregationPlan(4, 16, 1.0, max_total_weight=400, rounding="nearest")
GOOD = [np.linspace(-1, 1, 50) * factor for factor in (1, -0.5, 0.25, 0.1)]


def with_offender(mode, misbehave):
    """A round in which client 3's message is changed; it must be refused, and the others added up."""
    party = Parties(PLAN, mode)
    server, clients, refused = party.server().server(0), party.clients(), []
    while requests := server.ask():
        for number, request in requests.items():
            if number != 3 or getattr(server, "_stage", 2) != 2:
                server.add(clients[number].answer(request, GOOD[number]))
                continue
            for message in misbehave(party, clients[3], request):
                with pytest.raises(PyFateError) as caught:
                    server.add(message)
                refused.append(caught.value)
    opener, sealed = party.opener(server.close())
    expected = sum(levels(each, 1.0, 16) for each in GOOD[:3])
    np.testing.assert_array_equal(opener.open_sums(sealed).values, expected)
    assert opener.open(sealed)[1].clients == (0, 1, 2)
    return refused


def test_truncated_and_altered_bytes(mode):
    def misbehave(party, client, request):
        blob = client.answer(request, GOOD[3])
        yield blob[:-1]
        yield blob[: len(blob) // 2]
        yield b""
        yield blob[:100] + bytes([blob[100] ^ 1]) + blob[101:]
        yield blob + blob
        yield "text"

    assert {type(each) for each in with_offender(mode, misbehave)} == {WireFormatError}


def test_other_shapes_and_dtypes(mode):
    def misbehave(party, client, request):
        yield client.answer(request, np.zeros(51))

    (error,) = with_offender(mode, misbehave)
    assert isinstance(error, ProtocolError)
    assert "client 3" in str(error)

    def other_dtype(party, client, request):
        yield client.answer(request, np.zeros(50, np.float32))

    (error,) = with_offender(mode, other_dtype)
    assert "dtypes" in str(error)


def test_the_server_may_know_what_updates_look_like(mode):
    party = Parties(PLAN, mode)
    server, clients = party.server().server(0, like=np.zeros(50)), party.clients()
    while requests := server.ask():
        for number, request in requests.items():
            wrong = number == 0 and getattr(server, "_stage", 2) == 2
            answer = clients[number].answer(request, np.zeros(3) if wrong else GOOD[number])
            if wrong:
                with pytest.raises(ProtocolError, match="agreed"):
                    server.add(answer)
            else:
                server.add(answer)
    opener, sealed = party.opener(server.close())
    assert opener.open(sealed)[1].clients == (1, 2, 3)


def test_messages_of_others(mode):
    """Of another round, another plan, another client that has sent already, and of none."""

    def misbehave(party, client, request):
        terms = party.server().terms(0)
        blob = client.answer(request, GOOD[3])
        read = terms.read(blob, Kind.VALUES)
        content = bytes(read.letter.rest())
        yield party.server().terms(1).write(Kind.VALUES, 3, read.members, [[content]])
        other = Parties(AggregationPlan(4, 15, max_total_weight=400), mode).server().terms(0)
        yield other.write(Kind.VALUES, 3, read.members, [[content]])
        for sender in (0, 4, 10**9, -1, -2):
            yield terms.write(Kind.VALUES, sender, read.members, [[content]])
        yield terms.write(Kind.SUM, 3, read.members, [[content]])
        yield terms.write(Kind.VALUES, 3, read.members, [[content], [b"more"]])
        for wrong in ({}, {"structure": None}, read.members | {"structure": ["array", []]}):
            yield terms.write(Kind.VALUES, 3, wrong, [[content]])

    kinds = {type(each) for each in with_offender(mode, misbehave)}
    assert kinds <= {ProtocolError, WireFormatError}


@pytest.mark.parametrize("mode", ["paillier", "blind", "shared"])
def test_frames_that_are_none_of_the_plan(mode):
    """Refused late, after frames before them were added: these are taken out again."""
    long = [np.tile(each, 1000) for each in GOOD]
    party = Parties(PLAN, mode)
    server, clients = party.server().server(0), party.clients()
    for number in (0, 1):
        server.add(clients[number].seal(long[number]))
    terms = party.server().terms(0)
    read = terms.read(clients[3].seal(long[3]), Kind.VALUES)
    frames = [bytes(read.letter.take(length)) for length in read.members["frames"]]
    assert len(frames) > 2
    other = generate_keypair(512, allow_insecure_key_size=True)[0]
    last = KEYS[0].from_wire(frames[-1])
    wrong = {
        ProtocolError: [frames[0], (last + last).to_wire(), last[:1].to_wire()],
        KeyMismatchError: [other.encrypt([1]).to_wire()],
        WireFormatError: [frames[-1][:-1], b""],
    }
    for error, ends in wrong.items():
        for end in ends:
            many = [*frames[:-1], end]
            members = read.members | {"frames": [len(each) for each in many]}
            with pytest.raises(error):
                server.add(terms.write(Kind.VALUES, 3, members, [[each] for each in many]))
    for lengths in (None, [], ["1"] * len(frames), [-1] * len(frames), [10**12] * len(frames)):
        members = read.members | {"frames": lengths}
        with pytest.raises(PyFateError):
            server.add(terms.write(Kind.VALUES, 3, members, [[each] for each in frames]))
    server.add(clients[2].seal(long[2]))
    opener, sealed = party.opener(server.close())
    expected = sum(levels(each, 1.0, 16) for each in long[:3])
    np.testing.assert_array_equal(opener.open_sums(sealed).values, expected)


def test_ciphertexts_that_are_none():
    party = Parties(PLAN, "paillier")
    client, server = party.clients()[0], party.server().server(0)
    read = party.server().terms(0).read(client.seal(np.zeros(3)), Kind.VALUES)
    frame = bytearray(read.letter.take(read.members["frames"][0]))
    start = len(frame) - 32 - 128
    frame[start : start + 128] = bytes(128)
    import hashlib

    frame[-32:] = hashlib.sha256(frame[:-32]).digest()
    with pytest.raises(InvalidCiphertextError):
        server.add(party.server().terms(0).write(Kind.VALUES, 0, read.members, [[bytes(frame)]]))


def test_updates_that_are_not_sealed(mode):
    """The client may mend its update, and is in the sum."""
    party = Parties(PLAN, mode)
    server, clients = party.server().server(0), party.clients()
    for _ in range(3 if mode == "masks" else 1):
        requests = server.ask()
        for number, request in requests.items():
            answer = clients[number].answer(request)
            if answer:
                server.add(answer)
    for client in clients:
        for update in (np.full(50, np.nan), np.full(50, np.inf), [np.zeros(2, bool)], "no update"):
            with pytest.raises(DataError):
                client.seal(update)
        for weight in (0, -1, 101, 1.5, True, "1", None, np.nan):
            with pytest.raises(DataError, match="from 1 to 100"):
                client.seal(GOOD[0], weight)
        with pytest.raises(ConfigurationError, match="integers"):
            client.seal(np.zeros(50, np.int64))
        server.add(client.seal(GOOD[0], np.int64(100)))
    if mode != "masks":
        opener, sealed = party.opener(server.close())
        assert opener.open(sealed)[1].total_weight == 400


@pytest.mark.parametrize("mode", ["paillier", "blind", "shared"])
def test_fewer_than_min_clients(mode):
    party = Parties(PLAN, mode, least=3)
    server, clients = party.server().server(0), party.clients()
    with pytest.raises(ProtocolError, match="0 clients"):
        server.close()
    for number in (0, 1):
        server.add(clients[number].seal(GOOD[number]))
    with pytest.raises(ProtocolError, match="min_clients is 3"):
        server.close()
    server.add(clients[2].seal(GOOD[2]))
    sealed = server.close()
    for attempt in (server.close, lambda: server.add(clients[3].seal(GOOD[3]))):
        with pytest.raises(ProtocolError, match="closed"):
            attempt()
    opener, opened = party.opener(sealed)
    assert opener.open(opened)[1].clients == (0, 1, 2)


def test_a_sum_of_fewer_clients_than_the_server_says():
    """The key holder counts the clients that are in the sum."""
    party = Parties(PLAN, "paillier", least=3)
    server = Parties(PLAN, "paillier", least=2).server().server(0)
    blobs = [client.seal(update) for client, update in zip(party.clients(), GOOD, strict=True)]
    server._terms = party.server().terms(0)
    for blob in blobs[:2]:
        server.add(blob)
    sealed = server.close()
    holder = party.key_holder()
    with pytest.raises(ProtocolError, match="not opened"):
        holder.open(sealed)
    read = holder.terms(0).read(sealed, Kind.SUM)
    lie = read.members | {"clients": [0, 1, 2], "nonces": ["", "", ""]}
    with pytest.raises(PyFateError):
        holder.open(holder.terms(0).write(Kind.SUM, -1, lie, [[bytes(read.letter.rest())]]))


def test_sums_that_are_damaged_or_of_others(mode):
    party = Parties(PLAN, mode)
    opener, sealed = party.run(GOOD)
    for wrong in (sealed[:-1], sealed[:10], b"", None, sealed[:99] + b"\0" + sealed[100:]):
        with pytest.raises(WireFormatError):
            opener.open(wrong)
    other = Parties(AggregationPlan(4, 15, max_total_weight=400), mode, secret=party.secret)
    opener_of_another, _ = other.run(GOOD)
    with pytest.raises(ProtocolError, match="terms"):
        opener_of_another.open(sealed)
    blob = party.server().terms(0).write(Kind.START, -1)
    with pytest.raises(ProtocolError, match="due"):
        opener.open(blob)


@pytest.mark.parametrize("mode", ["masks", "blind", "paillier"])
def test_headers_of_a_sum_that_lie(mode):
    party = Parties(PLAN, mode)
    opener, sealed = party.run(GOOD)
    kind = Kind.RESIDUES if mode == "blind" else Kind.SUM
    terms = opener.terms(0)
    read = terms.read(sealed, kind)
    content = bytes(read.letter.rest())
    shorter = [["array", [["0", [49], "float64"]]], ["array", [["0", [3], "int64"]]], ["array", []]]
    for members in (
        {"clients": [0, 1]}, {"clients": []}, {"clients": [0, 1, 2, 9]}, {"clients": [0, 0, 1, 2]},
        {"clients": "all"}, *({"structure": each} for each in shorter),
    ):  # fmt: skip
        with pytest.raises(PyFateError):
            opener.open(terms.write(kind, -1, read.members | members, [[content]]))
    if mode == "blind":
        for nonces in (None, [], [3] * 4, ["zz"] * 4, ["00"] * 4, ["00" * 16] * 4):
            with pytest.raises(PyFateError):
                opener.open(terms.write(kind, -1, read.members | {"nonces": nonces}, [[content]]))


def test_arguments_that_do_not_go_together():
    public, private = KEYS
    plan = AggregationPlan(3, 8)
    for method, options in [
        ("sum", {}), ("masks", {"key": public}), ("masks", {"shared_key": True}), ("paillier", {}),
        ("paillier", {"key": "key"}), ("paillier", {"key": public, "members": [b"1" * 32] * 3}),
        ("paillier", {"key": private, "shared_key": True, "blind_key_server": True}),
        ("paillier", {"key": public, "client_secret": bytes(32)}),
        ("paillier", {"key": public, "blind_key_server": True, "client_secret": b"short"}),
        ("paillier", {"key": private, "blind_key_server": True, "client_secret": bytes(32)}),
        ("masks", {"min_clients": 1}), ("masks", {"min_clients": 4}), ("masks", {"min_clients": 2.5}),
        ("masks", {"job": 3}), ("masks", {"job": "\u00e9"}),
    ]:  # fmt: skip
        with pytest.raises(ConfigurationError):
            SecureAggregator(method, plan, **options)
    with pytest.raises(ConfigurationError):
        SecureAggregator("masks")
    masks = SecureAggregator("masks", plan)
    for number in (-1, 3, 0.5, True, "0"):
        with pytest.raises(ConfigurationError, match="numbered"):
            masks.client(0, number)
    for round_id in (-1, 1.5, None, 1 << 63, True):
        with pytest.raises(ConfigurationError, match="round_id"):
            masks.client(round_id, 0)
    with pytest.raises(ConfigurationError, match="shared_key"):
        SecureAggregator("paillier", plan, key=private).client(0)
    with pytest.raises(ConfigurationError, match="private one"):
        SecureAggregator("paillier", plan, key=public, shared_key=True).client(0)
    with pytest.raises(ConfigurationError, match="client_secret"):
        SecureAggregator("paillier", plan, key=public, blind_key_server=True).client(0)
    with pytest.raises(ConfigurationError, match="unlock"):
        SecureAggregator("paillier", plan, key=private).unlock(b"")


def test_the_key_holder_alone_opens():
    party = Parties(PLAN, "paillier")
    _, sealed = party.run(GOOD)
    with pytest.raises(ConfigurationError, match="key holder"):
        party.server().open(sealed)


def test_warnings_of_weaker_modes():
    two = AggregationPlan(2, 8)
    _, report = (lambda o, s: o.open(s))(*Parties(two, "shared").run([np.zeros(1)] * 2))
    assert [text.split(":")[0] for text in report.warnings] == ["shared_key", "two clients"]


def test_clients_with_other_clips_are_not_added_up(mode):
    """Server and key holder need no clips; clients have the same, and so has who opens."""
    plan = AggregationPlan(4, 8, clip="adaptive", rounding="nearest")
    party = Parties(plan, mode)
    opener, sealed = party.run([np.full(4, 7.0)] * 4)
    _, report = opener.open(sealed)
    assert report.clipped == {"0": 1.0}
    following = Parties(report.next_plan, mode, secret=party.secret)
    assert report.next_plan.clips(1) == (2.0,)
    server, clients = party.server().server(1), following.clients(1)[:3] + party.clients(1)[3:]
    while requests := server.ask():
        for number, request in requests.items():
            answer = clients[number].answer(request, np.full(4, 1.5))
            if number == 3 and getattr(server, "_stage", 2) == 2:
                with pytest.raises(ProtocolError, match="client 3 has other clips"):
                    server.add(answer)
            else:
                server.add(answer)
    sealed = server.close()
    if mode in ("paillier", "blind"):
        sealed = (
            party.key_holder().unlock(sealed)
            if mode == "blind"
            else party.key_holder().decrypt(sealed)
        )
    late, ready = party.client(), following.client()
    with pytest.raises(ProtocolError, match="other clips"):
        late.open(sealed)
    mean, report = ready.open(sealed)
    assert np.abs(mean - 1.5).max() <= report.rounding_error["0"]


def test_the_key_holder_sends_on_what_it_decrypted():
    party = Parties(PLAN, "paillier", least=3)
    sealed = party.run(GOOD)[1]
    totals = party.key_holder().decrypt(sealed)
    mean, report = party.client().open(totals)
    np.testing.assert_array_equal(mean, party.key_holder().open(sealed)[0])
    assert report.clients == (0, 1, 2, 3)
    for other in (party.client(), Parties(PLAN, "blind").key_holder(), Parties(PLAN).client()):
        with pytest.raises(ConfigurationError):
            other.decrypt(sealed)
    with pytest.raises(WireFormatError):
        party.client().open(totals[:-1])
