# SPDX-License-Identifier: Apache-2.0
"""How two parties without a third begin a task: terms, a key of each, and the exchange between them."""

from __future__ import annotations

from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.federation import Session
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.protocol.estimator import Estimator
from pyfate_gpu.protocol.keys import receive_key
from pyfate_gpu.protocol.settings import plain
from pyfate_gpu.protocol.sharing.exchange import Exchange
from pyfate_gpu.protocol.terms import agree_on_terms


def connect(model: Estimator, session: Session, task: str, *, squeeze: bool) -> Exchange:
    """Agree on the terms of `model`, announce its key, take the other party's, and return this party's end.

    Raises
    ------
    DisagreementError
        When the parties are set differently.
    ConfigurationError
        When both have the same key.
    ProtocolError
        When the other party's key is none such.
    """
    agree_on_terms(session, task, model.terms())
    private_key = model.announce_new_key(session)
    peer = session.hosts[0] if session.party == GUEST else GUEST
    receive_key(
        session,
        plain(model.key_bits),
        scheme=model.scheme,
        allow_insecure_key_size=plain(model.allow_insecure_key_size),
        owner=peer,
    )
    if session.key_of(peer) == session.key_of(session.party):
        raise ConfigurationError(
            f"{peer} announced the key of {session.party}: each party needs one of its own"
        )
    return Exchange(session, private_key, peer, squeeze=squeeze)
