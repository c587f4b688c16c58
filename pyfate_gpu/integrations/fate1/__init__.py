# SPDX-License-Identifier: Apache-2.0
"""FATE 1.11's Paillier on the batched engine: ``install()`` in every party, before components load.

The classes of `pyfate_gpu.integrations.fate1.classes` are subclasses of FATE's own and take their
places; what they compute with is here and needs no FATE. docs/integrations/fate1.md.

Examples
--------
In the process of each party, before federatedml's components are imported::

    from pyfate_gpu.integrations import fate1
    fate1.install()

Numbers and keys by themselves:

>>> from pyfate_gpu.integrations.fate1 import generate_keypair
>>> public_key, private_key = generate_keypair(2048)
>>> a, b = public_key.encrypt(3.5), public_key.encrypt(-1)
>>> private_key.decrypt(2 * a + b)
6.0
>>> (a + 1).exponent
12
"""

from __future__ import annotations

from pyfate_gpu.integrations.fate1.encrypted_number import EncryptedNumber
from pyfate_gpu.integrations.fate1.installation import install
from pyfate_gpu.integrations.fate1.keys import PrivateKey, PublicKey, generate_keypair

__all__ = ["EncryptedNumber", "PrivateKey", "PublicKey", "generate_keypair", "install"]
