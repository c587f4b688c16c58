# SPDX-License-Identifier: Apache-2.0
"""Taking the masks off a sum, from shares of the survivors' own masks and of the others' keys."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pyfate_gpu.errors import ProtocolError
from pyfate_gpu.homo.frames import Terms
from pyfate_gpu.homo.masks import graph, ring, shamir
from pyfate_gpu.homo.masks.agreement import Pads, RoundKey
from pyfate_gpu.homo.masks.directory import Directory
from pyfate_gpu.homo.plan import AggregationPlan
from pyfate_gpu.homo.streams import Stream

Share = bytes

AT_ONCE = 8
"""Streams whose buffers are held together."""
ATTEMPTS = 200
"""Choices of shares that are tried where some are false."""


@dataclass(frozen=True)
class Unmasking:
    """What it takes: all of it was sent by clients.

    Parameters
    ----------
    terms : Terms
    plan : AggregationPlan
    directory : mapping of int to Entry
    digest : bytes
        Of the directory.
    neighbours : mapping of int to tuple of int
    shares : mapping
        Shares of "masks" and "keys", by owner and then by holder.
    """

    terms: Terms
    plan: AggregationPlan
    directory: Directory
    digest: bytes
    neighbours: Mapping[int, Sequence[int]]
    shares: Mapping[str, Mapping[int, Mapping[int, Share]]]

    def take_off(
        self, total: ring.RingVector, participants: Sequence[int], survivors: Sequence[int]
    ) -> None:
        """Leave the sum of the survivors' values.

        Raises
        ------
        ProtocolError
            When the shares of some client do not suffice, or too many of them are false.
        """
        left = set(survivors)
        streams: list[tuple[bytes, int]] = []
        for each in participants:
            if each in left:
                streams.append((self._own_mask(each), -1))
                continue
            touched = sorted(left & set(self.neighbours[each]))
            if touched:
                streams += self._pads_with(each, touched)
        lane = ring.lane_of(self.plan.width)
        for start in range(0, len(streams), AT_ONCE):
            some = streams[start : start + AT_ONCE]
            total.add_pads([(Stream(seed, lane), sign) for seed, sign in some])

    def _own_mask(self, owner: int) -> bytes:
        commitment = self.directory[owner].commitment
        return self._secret(
            "masks", owner, lambda secret: hashlib.sha256(secret).digest() == commitment
        )

    def _pads_with(self, owner: int, others: Sequence[int]) -> list[tuple[bytes, int]]:
        """The pads that `others` have added or subtracted for a client that left, and how to undo it."""
        public = self.directory[owner].pads
        key = RoundKey(
            self._secret("keys", owner, lambda secret: RoundKey(secret).public == public)
        )
        pads = Pads(self.terms.round, self.digest)
        return [
            (pads.seed(key, owner, other, self.directory[other].pads), -1 if other < owner else 1)
            for other in others
        ]

    def _secret(self, kind: str, owner: int, is_right: Callable[[bytes], bool]) -> bytes:
        """A secret that fits what its owner published, from as many shares as it takes."""
        holders = {*self.neighbours[owner], owner}
        found = {
            holder: share
            for holder, share in self.shares[kind].get(owner, {}).items()
            if holder in holders
        }
        needed = graph.threshold_of(len(holders))
        if len(found) < needed:
            raise ProtocolError(
                f"{len(found)} shares of client {owner} came, it takes {needed}: too many clients left round "
                f"{self.terms.round}, begin another one"
            )
        for chosen in itertools.islice(itertools.combinations(sorted(found), needed), ATTEMPTS):
            secret = shamir.combine({holder: found[holder] for holder in chosen})
            if secret is not None and is_right(secret):
                return secret
        raise ProtocolError(
            f"the shares of client {owner} do not fit what it published: it, or those that hold them, did not keep "
            "to the protocol"
        )
