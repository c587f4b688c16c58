# SPDX-License-Identifier: Apache-2.0
"""Contract of the native CPU module. Arrays are C-contiguous; a wrong one raises ValueError.

h is the number of 64-bit words of n. Rows are uint64 [rows, 2, h] in the Montgomery form of one
context; canonical ciphertexts uint64 [rows, 2 h]; plaintexts and scalars int64 [rows, k] in two's
complement; an index int64 [rows] gathers rows of its operand. Every method with `threads` releases
the GIL and honours Ctrl-C about every 50 ms.
"""

from typing import NoReturn

import numpy as np
import numpy.typing as npt

_Words = npt.NDArray[np.uint64]
_Integers = npt.NDArray[np.int64]

def instruction_sets() -> list[tuple[str, bool, str]]: ...
def without_cuda() -> str: ...
def limbs_for(isa: str, bits: int) -> int: ...
def multiply_limbs(isa: str, rounds: int) -> int: ...
def place_csr(
    indptr: _Integers, indices: _Integers, data: _Integers, rows: int, columns: int
) -> PlacedMatrix: ...
def random_words(count: int, threads: int) -> _Words: ...
def residue_masks(n: bytes, rows: int, threads: int) -> tuple[_Integers, _Words]: ...
def slot_masks(width: int, slots: int, rows: int, threads: int) -> tuple[_Integers, _Words]: ...
def unpack_shares(n: bytes, width: int, slots: int, residues: _Words, threads: int) -> _Words: ...
def multiply_shares(
    matrix: _Integers, transposed: bool, shares: _Words, threads: int
) -> _Words: ...
def mask_values(
    values: npt.NDArray[np.float32] | npt.NDArray[np.float64],
    clip: float,
    levels: int,
    weight: int,
    rounding_key: bytes | None,
    rounding_start: int,
    rounding_bits: int,
    keys: bytes,
    signs: npt.NDArray[np.int8],
    start: int,
    lane_bytes: int,
    element_bytes: int,
    out: npt.NDArray[np.uint8],
    threads: int,
    isa: str = "",
) -> tuple[int, int, int]: ...
def mask_integers(
    values: _Integers,
    keys: bytes,
    signs: npt.NDArray[np.int8],
    start: int,
    lane_bytes: int,
    element_bytes: int,
    out: npt.NDArray[np.uint8],
    threads: int,
    isa: str = "",
) -> None: ...

class PlacedMatrix:
    def __init__(self, matrix: _Integers) -> None: ...
    @property
    def nbytes(self) -> int: ...

class PublicContext:
    def __init__(self, n: bytes, isa: str) -> None: ...
    @property
    def isa(self) -> str: ...
    @property
    def words(self) -> int: ...
    def enter(self, canonical: _Words, threads: int) -> _Words: ...
    def leave(self, rows: _Words, threads: int) -> _Words: ...
    def multiply(
        self,
        a: _Words,
        a_index: _Integers | None,
        b: _Words,
        b_index: _Integers | None,
        threads: int,
    ) -> _Words: ...
    def multiply_plain(
        self,
        a: _Words,
        a_index: _Integers | None,
        plain: _Integers,
        plain_index: _Integers | None,
        threads: int,
    ) -> _Words: ...
    def invert(self, rows: _Words, threads: int) -> _Words: ...
    def scale(
        self,
        a: _Words,
        a_index: _Integers | None,
        scalars: _Integers,
        scalar_index: _Integers | None,
        threads: int,
    ) -> _Words: ...
    def multi_exponentiate(
        self, matrix: _Integers, c: _Words, columns: int, threads: int
    ) -> _Words: ...
    def multi_exponentiate_csr(
        self,
        indptr: _Integers,
        indices: _Integers,
        data: _Integers,
        rows: int,
        c: _Words,
        columns: int,
        threads: int,
    ) -> _Words: ...
    def multiply_placed(
        self, matrix: PlacedMatrix, transposed: bool, c: _Words, columns: int, threads: int
    ) -> _Words: ...
    def horner(
        self, a: _Words, numbers: _Integers, steps: int, bits: int, threads: int
    ) -> _Words: ...
    def segment_multiply(
        self, a: _Words, index: _Integers, offsets: _Integers, threads: int
    ) -> _Words: ...
    def set_blinding_base(
        self,
        base: bytes,
        exponent_bits: int,
        sign_base: bytes,
        table_bytes: int,
        threads: int = 1,
        hardened: bool = False,
    ) -> None: ...
    def encrypt(self, plain: _Integers, exponents: _Words | None, threads: int) -> _Words: ...
    def blind(self, rows: _Words, exponents: _Words | None, threads: int) -> _Words: ...
    def encrypt_full(self, plain: _Integers, r: _Words | None, threads: int) -> _Words: ...
    def blind_full(self, rows: _Words, r: _Words | None, threads: int) -> _Words: ...

class PrivateContext:
    def __init__(
        self, p: bytes, q: bytes, p_exponent: bytes, q_exponent: bytes, isa: str
    ) -> None: ...
    def decrypt(self, public: PublicContext, rows: _Words, threads: int) -> _Words: ...
    def set_blinding_base(
        self,
        base: bytes,
        exponent_bits: int,
        sign_base: bytes,
        table_bytes: int,
        threads: int = 1,
        hardened: bool = False,
    ) -> None: ...
    def encrypt(
        self, public: PublicContext, plain: _Integers, exponents: _Words | None, threads: int
    ) -> _Words: ...
    def __reduce_ex__(self, protocol: object) -> NoReturn: ...
