# SPDX-License-Identifier: Apache-2.0
"""What holds a private key never leaves its process."""

from __future__ import annotations

import copy
import io
import multiprocessing.reduction
import pickle
import pprint

import joblib
import pytest

from pyfate_gpu import generate_keypair
from pyfate_gpu.backends.numbers import PrivateNumbers, PublicNumbers
from pyfate_gpu.errors import UnsupportedOperationError

LEAVING = (
    *(lambda x, p=protocol: pickle.dumps(x, p) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)),
    lambda x: pickle._Pickler(io.BytesIO()).dump(x),
    multiprocessing.reduction.ForkingPickler.dumps,
    lambda x: joblib.dump(x, io.BytesIO()),
    copy.deepcopy,
)


@pytest.mark.parametrize("scheme", ["paillier", "paillier-short-subgroup"])
def test_keys_numbers_and_engines_stay(engine, scheme):
    public, private = generate_keypair(256, scheme, allow_insecure_key_size=True)
    assert private.decrypt(public.encrypt(3)) == 3  # with an engine, now
    holders = [private, private._numbers, *private._engines.values()]
    assert len(holders) == 3
    for holder in holders:
        with pytest.raises(UnsupportedOperationError, match="never pickled"):
            copy.copy(holder)
        for leave in LEAVING:
            for inside in (holder, [holder], {"key": holder}):
                with pytest.raises(UnsupportedOperationError, match="never pickled"):
                    leave(inside)


def test_numbers_show_the_public_half_only():
    numbers = PrivateNumbers(PublicNumbers(1009 * 2003), 1009, 2003, (17, 19))
    for text in (
        repr(numbers),
        str(numbers),
        f"{numbers}",
        pprint.pformat(numbers),
        repr([numbers]),
    ):
        assert str(1009 * 2003) in text
        assert not any(
            secret in text.replace(str(1009 * 2003), "") for secret in ("1009", "2003", "17", "19")
        )
    public = PublicNumbers(1009 * 2003)
    assert pickle.loads(pickle.dumps(public)) == public
