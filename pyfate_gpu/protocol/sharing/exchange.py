# SPDX-License-Identifier: Apache-2.0
"""Two parties with a key each, who send each other encrypted shares, masked results, and what they open.

Each method that sends has one that receives at the other party; names are those of messages.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pyfate_gpu.encoding import SlotLayout
from pyfate_gpu.errors import ProtocolError
from pyfate_gpu.federation import Party, Session
from pyfate_gpu.federation.steps import Step
from pyfate_gpu.he import CiphertextArray
from pyfate_gpu.protocol.sharing import ring
from pyfate_gpu.protocol.sharing.conversion import mask, plaintext, return_layout, ungroup, unmask
from pyfate_gpu.protocol.sharing.features import FeatureShape, SharedFeatures
from pyfate_gpu.protocol.sharing.ring import Ring

if TYPE_CHECKING:
    from pyfate_gpu.he import PrivateKey
    from pyfate_gpu.he.scheme.public_key import SchemePublicKey


class Exchange:
    """One party's end.

    Parameters
    ----------
    session : Session
        In which both keys are known.
    private_key : PrivateKey
        This party's.
    peer : Party
        The other one.
    squeeze : bool
        Whether results share ciphertexts on their way back, agreed by both.
    """

    def __init__(
        self, session: Session, private_key: PrivateKey, peer: Party, *, squeeze: bool = True
    ) -> None:
        self.session = session
        self.peer = peer
        self.squeeze = squeeze
        self.private_key = private_key

    @property
    def peer_key(self) -> SchemePublicKey:
        """The other party's key."""
        return self.session.key_of(self.peer)

    @property
    def first(self) -> bool:
        """Whether this is the first of the two parties, in the order of roles, who truncates as such."""
        return self.session.parties[0] == self.session.party

    def send_share(self, name: str, share: Ring, /, *, iteration: int = 0, batch: int = 0) -> None:
        """Send shares ``[..., 2]``, encrypted under this party's key."""
        with self.session.statistics.step(Step.ENCRYPT, operations=share[..., 0].size):
            encrypted = self.private_key.encrypt(plaintext(share))
        self.session.send(self.peer, name, iteration=iteration, batch=batch, share=encrypted)

    def receive_share(
        self, name: str, shape: tuple[int, ...], /, *, iteration: int = 0, batch: int = 0
    ) -> CiphertextArray:
        """Return the other party's shares, encrypted under its key.

        Raises
        ------
        ProtocolError
            When they are declared to be other than shares: masks would be too narrow.
        """
        found = self.session.receive_encrypted(
            self.peer, name, "share", shape, self.peer, iteration=iteration, batch=batch
        )
        if found.bound != ring.SIGNED_BOUND or found.exponent:
            raise ProtocolError(
                f"{self.peer} sent numbers of {found.bound_bits} bits for {name}, shares have {ring.BITS}"
            )
        return found

    def send_masked(
        self,
        name: str,
        values: CiphertextArray,
        bound: int,
        /,
        *,
        iteration: int = 0,
        batch: int = 0,
    ) -> Ring:
        """Turn results under the other party's key into shares; return this party's.

        Parameters
        ----------
        values : CiphertextArray
            One number a ciphertext.
        bound : int
            Of their size, known to both parties.

        Returns
        -------
        uint64 of the shape of `values` and 2
        """
        layout = self._layout(self.peer, bound, values.size)
        flat = values.ravel()
        if layout is not None:
            with self.session.statistics.step(Step.SQUEEZE, operations=flat.size):
                flat = flat.squeeze(layout)
        own = self.mask_and_send(name, flat, iteration=iteration, batch=batch)
        return ungroup(own, layout, values.size).reshape(*values.shape, 2)

    def receive_masked(
        self,
        name: str,
        shape: tuple[int, ...],
        bound: int,
        /,
        *,
        iteration: int = 0,
        batch: int = 0,
    ) -> Ring:
        """Return this party's shares of results that the other one computed under this party's key."""
        count = math.prod(shape)
        layout = self._layout(self.session.party, bound, count)
        groups = (count if layout is None else layout.groups(count),)
        own = self.receive_and_unmask(name, groups, layout, iteration=iteration, batch=batch)
        return ungroup(own, layout, count).reshape(*shape, 2)

    def send_product(
        self,
        name: str,
        features: SharedFeatures,
        share: CiphertextArray,
        /,
        *,
        iteration: int = 0,
        batch: int = 0,
    ) -> Ring:
        """Turn ``X @ share``, of the other party's share ``[columns]`` or ``[columns, k]``, into shares.

        Returns
        -------
        uint64 ``[rows, 2]`` or ``[rows, k, 2]``, this party's
        """
        shape, outer = features.shape, share.shape[1:]
        layout = self._layout(self.peer, shape.product_bound, shape.rows)
        work = shape.rows * math.prod(share.shape)
        with self.session.statistics.step(Step.MULTIPLY, operations=work):
            values = features.times_encrypted(share, layout)
        if layout is not None:  # within the product, whose seconds have it
            with self.session.statistics.step(
                Step.SQUEEZE, operations=shape.rows * math.prod(outer)
            ):
                pass
        own = self.mask_and_send(name, values, iteration=iteration, batch=batch)
        return _rows(own, layout, shape.rows, outer)

    def receive_product(
        self,
        name: str,
        shape: FeatureShape,
        outer: tuple[int, ...] = (),
        /,
        *,
        iteration: int = 0,
        batch: int = 0,
    ) -> Ring:
        """Return this party's shares of the other one's ``X @ share``; `outer` is ``()`` or ``(k,)``."""
        layout = self._layout(self.session.party, shape.product_bound, shape.rows)
        groups = shape.rows if layout is None else layout.groups(shape.rows)
        own = self.receive_and_unmask(
            name, (groups, *outer), layout, iteration=iteration, batch=batch
        )
        return _rows(own, layout, shape.rows, outer)

    def _layout(self, owner: Party, bound: int, count: int) -> SlotLayout | None:
        found = return_layout(self.session.key_of(owner).key_bits, bound)
        return found if self.squeeze and count > 1 else None

    def mask_and_send(
        self, name: str, values: CiphertextArray, /, *, iteration: int = 0, batch: int = 0
    ) -> Ring:
        """Mask results as they are, in slots or not, and send them; return this party's shares as `mask` does."""
        with self.session.statistics.step(Step.MASK, operations=values.size):
            masked, own = mask(values)
        self.session.send(self.peer, name, iteration=iteration, batch=batch, masked=masked)
        return own

    def receive_and_unmask(
        self,
        name: str,
        shape: tuple[int, ...],
        layout: SlotLayout | None,
        /,
        *,
        iteration: int = 0,
        batch: int = 0,
    ) -> Ring:
        """Return the shares that `unmask` finds in what the other party's `mask_and_send` sent."""
        masked = self.session.receive_encrypted(
            self.peer,
            name,
            "masked",
            shape,
            self.session.party,
            layout,
            iteration=iteration,
            batch=batch,
        )
        with self.session.statistics.step(Step.DECRYPT, operations=masked.size):
            return unmask(self.private_key, masked)

    def open_to_peer(
        self, name: str, share: Ring, /, *, iteration: int = 0, batch: int = 0
    ) -> None:
        """Let the other party know shared values: send this party's share in clear."""
        self.session.send(self.peer, name, iteration=iteration, batch=batch, opened=share)

    def open_from_peer(
        self, name: str, share: Ring, /, *, iteration: int = 0, batch: int = 0
    ) -> Ring:
        """Return shared values that the other party opens to this one, given its share.

        Raises
        ------
        ProtocolError
            When what came is no share of the same shape.
        """
        theirs = self.session.receive(
            self.peer, name, iteration=iteration, batch=batch, opened=np.ndarray
        )
        if theirs.dtype != np.uint64 or theirs.shape != share.shape:
            raise ProtocolError(
                f"{self.peer} opened {name} by an array of shape {theirs.shape} and {theirs.dtype}, it takes "
                f"uint64 {share.shape}"
            )
        return ring.add(share, theirs)


def _rows(shares: Ring, layout: SlotLayout | None, rows: int, outer: tuple[int, ...]) -> Ring:
    """Return shares ``[rows, *outer, 2]`` of a product whose rows are in slots, ciphertexts ``[groups, *outer]``."""
    if layout is None:
        return shares.reshape(rows, *outer, 2)
    groups = layout.groups(rows)
    in_order = shares.reshape(groups, -1, layout.count, 2).swapaxes(1, 2)
    return np.ascontiguousarray(in_order).reshape(groups * layout.count, *outer, 2)[:rows]
