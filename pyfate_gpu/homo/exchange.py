# SPDX-License-Identifier: Apache-2.0
"""Rounds of an aggregation between the parties of a session."""

from __future__ import annotations

import secrets
from typing import Any

import numpy as np

from pyfate_gpu.errors import ProtocolError
from pyfate_gpu.federation import Role, Session
from pyfate_gpu.federation.roles import ARBITER, SERVER
from pyfate_gpu.federation.steps import Step
from pyfate_gpu.he import PrivateKey
from pyfate_gpu.homo.aggregator import SecureAggregator
from pyfate_gpu.homo.frames import read_hex
from pyfate_gpu.homo.identities import PUBLIC_BYTES, Identity
from pyfate_gpu.homo.plan import AggregationPlan
from pyfate_gpu.homo.report import AggregationReport
from pyfate_gpu.homo.streams import KEY_BYTES

STAGES = {"masks": 5, "paillier": 1}
Opened = tuple[Any, AggregationReport]


class Exchange:
    """What a party does in every round; all call `run` with the same plan.

    Parameters
    ----------
    session : Session
    method : str
    min_clients : int or None
    blind : bool
        Of "paillier": whether the arbiter sees uniform residues only.
    private_key : PrivateKey, optional
        At the arbiter.
    """

    def __init__(
        self,
        session: Session,
        method: str,
        min_clients: int | None,
        blind: bool,
        private_key: PrivateKey | None = None,
    ) -> None:
        self._session, self._method = session, method
        self._min_clients, self._blind = min_clients, blind
        self._private_key = private_key
        self._identity = Identity.generate()
        self._members: list[bytes] | None = None
        self._secret: bytes | None = None
        self._round = self._questions = 0
        if method == "masks":
            self._exchange_identities()
        elif blind and session.party.role is Role.CLIENT:
            self._exchange_secret()

    @property
    def is_client(self) -> bool:
        """Whether this party has rows."""
        return self._session.party.role is Role.CLIENT

    def _exchange_identities(self) -> None:
        """Tell the others, over channels that know who each is, what this client signs with."""
        session = self._session
        if self.is_client:
            others = [peer for peer in session.peers if peer.role in (Role.CLIENT, Role.SERVER)]
            session.send(others, "identity", public=self._identity.public.hex())
        self._members = []
        for client in session.clients:
            own = client == session.party
            text = (
                self._identity.public.hex()
                if own
                else session.receive(client, "identity", public=str)
            )
            self._members.append(read_hex(text, f"the identity of {client}", PUBLIC_BYTES))

    def _exchange_secret(self) -> None:
        session = self._session
        first, *others = session.clients
        if session.party == first:
            self._secret = secrets.token_bytes(KEY_BYTES)
            session.send(others, "client_secret", secret=self._secret.hex())
        else:
            text = session.receive(first, "client_secret", secret=str)
            self._secret = read_hex(text, "the secret of clients", KEY_BYTES)

    def run(self, plan: AggregationPlan, update: Any = None, weight: int = 1) -> Opened | None:
        """Do one round and return the mean and its report at clients, None elsewhere.

        Parameters
        ----------
        plan : AggregationPlan
            The same at every party; the server and the arbiter need its widths, not its clips.
        update, weight
            At clients.
        """
        self._round, self._questions = self._round + 1, 0
        if self._method == "masks":
            aggregator = SecureAggregator(
                "masks", plan, members=self._members, min_clients=self._min_clients
            )
        else:
            key = self._private_key or self._session.key_of(ARBITER)
            aggregator = SecureAggregator(
                "paillier", plan, key=key, min_clients=self._min_clients,  # type: ignore[arg-type]
                blind_key_server=self._blind, client_secret=self._secret,
            )  # fmt: skip
        if self._session.party == SERVER:
            self._serve(aggregator)
        elif self._session.party == ARBITER:
            self._unlock(aggregator)
        else:
            return self._take_part(aggregator, update, weight)
        return None

    def _serve(self, aggregator: SecureAggregator) -> None:
        session, server, stage = self._session, aggregator.server(self._round), 0
        while requests := server.ask():
            for number, request in requests.items():
                self._send(session.clients[number], "request", request, stage)
            for number in requests:
                answer = self._receive(session.clients[number], "answer", stage)
                with session.statistics.step(Step.ADD):
                    server.add(answer)
            stage += 1
        recipients = session.clients if self._method == "masks" else (ARBITER,)
        sealed = server.close()
        for recipient in recipients:
            self._send(recipient, "sum", sealed)

    def _unlock(self, aggregator: SecureAggregator) -> None:
        sealed = self._receive(SERVER, "sum")
        with self._session.statistics.step(Step.DECRYPT):
            opened = aggregator.unlock(sealed) if self._blind else aggregator.decrypt(sealed)
        for client in self._session.clients:
            self._send(client, "opened", opened)

    def _take_part(self, aggregator: SecureAggregator, update: Any, weight: int) -> Opened:
        session = self._session
        client = aggregator.client(self._round, session.party.index, self._identity)
        step = Step.MASK if self._method == "masks" else Step.ENCRYPT
        for stage in range(STAGES[self._method]):
            request = self._receive(SERVER, "request", stage)
            with session.statistics.step(step):
                answer = client.answer(request, update, weight)
            self._send(SERVER, "answer", answer, stage)
        if self._method == "masks":
            return aggregator.open(self._receive(SERVER, "sum"))
        return aggregator.open(self._receive(ARBITER, "opened"))

    def proceed(self, proceed: bool | None = None) -> bool:
        """Have the first client tell server and arbiter whether training goes on; all clients know.

        Parameters
        ----------
        proceed : bool
            At clients.

        Raises
        ------
        ProtocolError
            When a client is asked without saying so.
        """
        session = self._session
        first = session.clients[0]
        self._questions += 1
        if not self.is_client:
            return bool(
                session.receive(
                    first, "proceed", iteration=self._round, batch=self._questions, proceed=bool
                )
            )
        if proceed is None:
            raise ProtocolError("clients know whether training goes on")
        if session.party == first:
            others = [peer for peer in session.peers if peer.role is not Role.CLIENT]
            session.send(
                others, "proceed", iteration=self._round, batch=self._questions, proceed=proceed
            )
        return proceed

    def _send(self, to: Any, name: str, data: bytes, stage: int = 0) -> None:
        array = np.frombuffer(data, dtype=np.uint8)
        self._session.send(to, name, iteration=self._round, batch=stage, data=array)

    def _receive(self, sender: Any, name: str, stage: int = 0) -> bytes:
        data = self._session.receive(
            sender, name, iteration=self._round, batch=stage, data=np.ndarray
        )
        if data.dtype != np.uint8:
            raise ProtocolError(f"{name} of {sender} is no bytes")
        return bytes(data.data)
