# SPDX-License-Identifier: Apache-2.0
"""Sums of many parties' models that nobody can open one by one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pyfate_gpu.errors import ConfigurationError, ProtocolError
from pyfate_gpu.he import PrivateKey, PublicKey
from pyfate_gpu.homo.frames import FORM, SERVER, Kind, Terms
from pyfate_gpu.homo.holdings import Holdings
from pyfate_gpu.homo.identities import Identity
from pyfate_gpu.homo.masks import state
from pyfate_gpu.homo.masks.client import MasksClient
from pyfate_gpu.homo.masks.ring import RingVector
from pyfate_gpu.homo.masks.server import MasksServer
from pyfate_gpu.homo.paillier.blinding import check_secret
from pyfate_gpu.homo.paillier.client import PaillierClient
from pyfate_gpu.homo.paillier.opening import Opening
from pyfate_gpu.homo.paillier.server import PaillierServer
from pyfate_gpu.homo.plan import AggregationPlan
from pyfate_gpu.homo.quantiser import Layout
from pyfate_gpu.homo.report import (
    AggregationReport,
    Sums,
    checked_clients,
    mean_of,
    read_sums,
    report_of,
)
from pyfate_gpu.homo.sides import Client, Server
from pyfate_gpu.protocol.settings import check_choice, plain

METHODS = ("masks", "paillier")


class SecureAggregator:
    """Weighted means of updates, of which the server learns the mean at most, and nobody a single one.

    Each party makes one with the same arguments, but for keys and secrets that it alone has. Roles, messages
    and what each role learns are in docs/homo.md.

    Parameters
    ----------
    method : "masks" or "paillier"
        Pairwise masks: no key, clients answer five times a round. Paillier: clients answer once, and any
        subset of them can be added; the sum is opened by the owner of the key.
    plan : AggregationPlan
    key : PublicKey or PrivateKey
        For "paillier": the public half at clients and server, the private one at the key holder.
    members : sequence of bytes
        For "masks": the public `Identity` of each client, known beforehand. Without them the server is
        trusted to pass on clients' keys as they are, and reports say so.
    min_clients : int, optional
        Sums of fewer are refused, by clients too; by default 3, or as many as there are.
    blind_key_server : bool
        For "paillier": what the key holder decrypts is uniform; clients open the sum by `client_secret`.
    client_secret : bytes, optional
        32 bytes that all clients and no server know, for `blind_key_server`.
    shared_key : bool
        For "paillier": clients hold the private key themselves. The server and any one client together
        then read each update; reports say so.
    job : str
        Messages of other jobs are refused.

    Raises
    ------
    ConfigurationError
        When the arguments do not go together.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu import generate_keypair
    >>> from pyfate_gpu.homo import AggregationPlan, SecureAggregator
    >>> public, private = generate_keypair(512, allow_insecure_key_size=True)  # 2048 and more in earnest
    >>> plan = AggregationPlan(clients=3, value_bits=16, max_total_weight=300, rounding="nearest")
    >>> everywhere = SecureAggregator("paillier", plan, key=public)
    >>> server = everywhere.server(round_id=0)
    >>> for number, (weight, value) in enumerate([(10, 0.5), (20, -0.25), (30, 0.0)]):
    ...     server.add(everywhere.client(0, number).seal([np.full(2, value)], weight))
    >>> sealed = server.close()
    >>> mean, report = SecureAggregator("paillier", plan, key=private).open(sealed)
    >>> mean[0].round(4), report.total_weight
    (array([0., 0.]), 60)
    """

    def __init__(
        self,
        method: str = "masks",
        plan: AggregationPlan | None = None,
        *,
        key: PublicKey | PrivateKey | None = None,
        members: Sequence[bytes] | None = None,
        min_clients: int | None = None,
        blind_key_server: bool = False,
        client_secret: bytes | None = None,
        shared_key: bool = False,
        job: str = "",
    ) -> None:
        check_choice("method", method, METHODS)
        if not isinstance(plan, AggregationPlan):
            raise ConfigurationError(f"plan is {plan!r}; it must be an AggregationPlan")
        self.method, self.plan = method, plan
        self.min_clients = self._checked_least(min_clients)
        known = None if members is None else tuple(members)
        self._holds = Holdings(method, key, known, blind_key_server, client_secret, shared_key)
        self._holds.check(plan.clients)
        if not isinstance(job, str) or not job.isascii():
            raise ConfigurationError(f"job is {job!r}; it must be an ASCII text")
        self._job = job
        self._taken: set[tuple[int, int]] = set()

    def _checked_least(self, value: int | None) -> int:
        number = min(3, self.plan.clients) if value is None else plain(value)
        if type(number) is not int or not 2 <= number <= self.plan.clients:
            raise ConfigurationError(
                f"min_clients is {value!r}; it must be from 2, as the sum of one is its update, to the "
                f"{self.plan.clients} clients of the plan"
            )
        return number

    @property
    def public_key(self) -> PublicKey:
        """The public half of the key.

        Raises
        ------
        ConfigurationError
            When there is none: masks have no key.
        """
        return self._holds.public_key

    def terms(self, round_id: int) -> Terms:
        """What all messages of a round agree on."""
        number = plain(round_id)
        if type(number) is not int or not 0 <= number < 1 << 63:
            raise ConfigurationError(
                f"round_id is {round_id!r}; it must be a whole number, 0 or more"
            )
        agreed = {
            "method": self.method, "plan": self.plan.describe(), "job": self._job,
            "min_clients": self.min_clients, **self._holds.describe(),
        }  # fmt: skip
        text = json.dumps(agreed, sort_keys=True)
        return Terms(self.method, hashlib.sha256(text.encode("ascii")).hexdigest()[:32], number)

    def with_plan(self, plan: AggregationPlan) -> SecureAggregator:
        """The same with another plan, such as `AggregationReport.next_plan`."""
        held = self._holds
        return SecureAggregator(
            self.method, plan, key=held.key, members=held.members, min_clients=self.min_clients,
            blind_key_server=held.blind, client_secret=held.secret, shared_key=held.shared, job=self._job,
        )  # fmt: skip

    def client(self, round_id: int, number: int = 0, identity: Identity | None = None) -> Client:
        """A client's side of a round, which it takes part in once.

        Parameters
        ----------
        round_id : int
            Never used twice in a job.
        number : int
            Among the clients, from 0.
        identity : Identity, optional
            For "masks": what it signs with; the one that `members` has. New where there are none.

        Raises
        ------
        ConfigurationError
            When number or identity are none of the plan, or it took part in this round before.
        """
        terms = self.terms(round_id)
        number = plain(number)
        if type(number) is not int or not 0 <= number < self.plan.clients:
            raise ConfigurationError(
                f"number is {number!r}; clients are numbered from 0 to {self.plan.clients - 1}"
            )
        if (number, terms.round) in self._taken:
            raise ConfigurationError(
                f"client {number} takes part in round {terms.round} already: a round has a number of its own"
            )
        if self.method == "paillier":
            side: Client = self._paillier_client(terms, number)
        else:
            side = self._masks_client(terms, number, identity)
        self._taken.add((number, terms.round))
        return side

    def freeze(self, client: Client) -> bytes:
        """The state of a client between two answers, where each message has a process of its own.

        Keep it where the client alone reads it, and thaw it once: it has the keys of the round.

        Raises
        ------
        ConfigurationError
            For a client under "paillier", which has none.
        """
        if not isinstance(client, MasksClient):
            raise ConfigurationError(
                "clients under paillier answer once: there is no state to keep"
            )
        return state.freeze(client)

    def thaw(self, frozen: bytes, identity: Identity | None = None) -> Client:
        """The client whose state it is.

        Raises
        ------
        ConfigurationError, WireFormatError, ProtocolError
            When the bytes are no state of a client of this aggregation.
        """
        header = FORM.open(frozen).header
        terms = self._terms_of(frozen)
        number = header.get("sender")
        if self.method != "masks" or type(number) is not int or not 0 <= number < self.plan.clients:
            raise ConfigurationError("the bytes are no state of a client under masks")
        client = self._masks_client(terms, number, identity)
        state.thaw(client, frozen)
        return client

    def _paillier_client(self, terms: Terms, number: int) -> Client:
        assert self._holds.key is not None
        if self._holds.blind and self._holds.secret is None:
            check_secret(self._holds.secret)
        if self._holds.shared != isinstance(self._holds.key, PrivateKey):
            raise ConfigurationError(
                "clients hold the public key; shared_key=True, where they hold the private one, is to be said"
            )
        return PaillierClient(terms, self.plan, number, self._holds.key, self._holds.secret)

    def _masks_client(self, terms: Terms, number: int, identity: Identity | None) -> MasksClient:
        if identity is None and self._holds.members is None:
            identity = Identity.generate()
        known = None if self._holds.members is None else self._holds.members[number]
        if not isinstance(identity, Identity) or (known is not None and identity.public != known):
            raise ConfigurationError(
                f"identity is not the one that members have for client {number}"
            )
        return MasksClient(
            terms, self.plan, number, identity, self._holds.members, self.min_clients
        )

    def server(self, round_id: int, like: Any = None) -> Server:
        """The server's side of a round.

        Parameters
        ----------
        round_id : int
        like : update, optional
            What updates must look like, such as the present model; by default like the first that comes.
        """
        terms = self.terms(round_id)
        if self.method == "masks":
            return MasksServer(terms, self.plan, self.min_clients, self._holds.members, like)
        return PaillierServer(
            terms, self.plan, self.public_key, self.min_clients, self._holds.blind, like
        )

    def unlock(self, sealed: bytes) -> bytes:
        """The key holder's part under `blind_key_server`: uniform residues, which a client opens.

        Raises
        ------
        ConfigurationError
            Where this is not the key holder, or `open` does it alone.
        """
        if not self._holds.blind or not isinstance(self._holds.key, PrivateKey):
            raise ConfigurationError(
                "unlock is for the key holder under blind_key_server; else open does it"
            )
        opening = Opening(
            self._terms_of(sealed), self.plan, self.public_key, sealed, Kind.SUM, knows_clips=False
        )
        return opening.residues(self._holds.key)

    def decrypt(self, sealed: bytes) -> bytes:
        """The sum in the clear, for others to `open`: what the key holder sends on where it is not blind.

        Raises
        ------
        ConfigurationError
            Where this is not the key holder, or `unlock` is its part.
        ProtocolError
            When fewer than `min_clients` are in the sum.
        """
        if self._holds.blind or not isinstance(self._holds.key, PrivateKey):
            raise ConfigurationError("decrypt is for the key holder, where it may see the sum")
        terms = self._terms_of(sealed)
        opening = Opening(terms, self.plan, self.public_key, sealed, Kind.SUM, knows_clips=False)
        totals = opening.decrypted(self._holds.key)
        self._check_enough(read_sums(totals, opening.layout))
        content = totals.astype("<i8").tobytes()
        return terms.write(Kind.TOTALS, SERVER, opening.said, [[content]])

    def open(self, sealed: bytes) -> tuple[Any, AggregationReport]:
        """The weighted mean of all updates in the sum, and what came of the round.

        Parameters
        ----------
        sealed : bytes
            What `Server.close` returned; under `blind_key_server` what `unlock` made of it, or what the key
            holder's `decrypt` did.

        Returns
        -------
        (mean, report)
            The mean in the structure and dtypes of the updates.

        Raises
        ------
        ConfigurationError
            When this party has not the key or the secret that it takes.
        WireFormatError, ProtocolError, BoundError
            When the bytes are no sum of this aggregation, or clients or server did not keep to the plan.
        """
        totals, layout, clients, round_id = self._totals(sealed)
        sums = read_sums(totals, layout)
        self._check_enough(sums)
        report = report_of(sums, layout, round_id, clients, self._holds.warnings(sums.clients))
        return mean_of(sums, layout), report

    def _check_enough(self, sums: Sums) -> None:
        if sums.clients < self.min_clients:
            raise ProtocolError(
                f"the sum has {sums.clients} clients, min_clients is {self.min_clients}: it is not opened"
            )

    def open_sums(self, sealed: bytes) -> Sums:
        """The integers behind the mean: the exact sums, whichever method; raises as `open` does."""
        totals, layout, _, _ = self._totals(sealed)
        return read_sums(totals, layout)

    def _totals(self, sealed: bytes) -> tuple[npt.NDArray[np.int64], Layout, tuple[int, ...], int]:
        terms = self._terms_of(sealed)
        if (
            self.method == "paillier"
            and not self._holds.blind
            and isinstance(self._holds.key, PublicKey)
        ):
            read = terms.read(sealed, Kind.TOTALS, Kind.SUM)
            if read.kind is Kind.SUM:
                raise ConfigurationError(
                    "the sum is opened by the key holder: key must be its PrivateKey"
                )
            layout = Layout.read(self.plan, read)
            content = read.letter.take(8 * layout.length)
            read.letter.finish()
            totals = np.frombuffer(content, dtype="<i8").astype(np.int64)
            return totals, layout, checked_clients(read, self.plan), terms.round
        if self.method == "masks":
            read = terms.read(sealed, Kind.SUM)
            layout = Layout.read(self.plan, read)
            total = RingVector(layout.length, self.plan.width)
            total.add_bytes(read.letter.take(total.nbytes))
            read.letter.finish()
            return total.integers(), layout, checked_clients(read, self.plan), terms.round
        kind = Kind.RESIDUES if self._holds.blind else Kind.SUM
        opening = Opening(terms, self.plan, self.public_key, sealed, kind)
        if self._holds.blind:
            totals = opening.unmasked(check_secret(self._holds.secret))
        else:
            assert isinstance(self._holds.key, PrivateKey)
            totals = opening.decrypted(self._holds.key)
        return totals, opening.layout, opening.clients, terms.round

    def _terms_of(self, sealed: bytes) -> Terms:
        """The terms of the round that the bytes say they are of."""
        return self.terms(FORM.open(sealed).header.get("round", -1))
