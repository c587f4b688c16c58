# SPDX-License-Identifier: Apache-2.0
"""Decryption of shards: in the driver, or by workers that opened the key file themselves."""

from __future__ import annotations

import numpy as np

from pyfate_gpu.backends.engines import PrivateEngine, PublicEngine
from pyfate_gpu.backends.numbers import Secret
from pyfate_gpu.backends.sharded.engine import ShardedPublicEngine
from pyfate_gpu.backends.sharded.shards import Shards
from pyfate_gpu.backends.words import SignedWords, UnsignedWords


class DriverPrivateEngine(Secret):
    """The private key stays with the driver, to which ciphertexts come a few at a time.

    Parameters
    ----------
    public : ShardedPublicEngine
    here : PublicEngine
        An engine of the driver for the same key.
    private : PrivateEngine
        For the rows of `here`.
    """

    def __init__(
        self, public: ShardedPublicEngine, here: PublicEngine, private: PrivateEngine
    ) -> None:
        self._public = public
        self._here = here
        self._private = private

    def decrypt(self, rows: Shards) -> UnsignedWords:
        """Residues mod n."""
        out = np.empty((len(rows), self._public.words), dtype=np.uint64)
        for place, words in self._public.brought(rows, "give", True):
            out[place] = self._private.decrypt(self._here.import_words(words))
        return out

    def encrypt(self, plain: SignedWords) -> Shards:
        """At the workers, by the public key: twice the work, at several times the speed."""
        return self._public.encrypt(plain)


class WorkersPrivateEngine(Secret):
    """Workers decrypt what they hold, with the key that each read from its file."""

    def __init__(self, public: ShardedPublicEngine) -> None:
        self._public = public

    def decrypt(self, rows: Shards) -> UnsignedWords:
        """Residues mod n."""
        return self._public.decrypt_there(rows)

    def encrypt(self, plain: SignedWords) -> Shards:
        """At the workers, by the Chinese remainder theorem."""
        return self._public.encrypt_as_owner(plain)
