# SPDX-License-Identifier: Apache-2.0
"""Contract of the CUDA extension: device addresses and a stream in, nothing else.

Addresses are integers, 0 is null. Rows are numbers of two halves of `Ring.limbs` limbs in Montgomery
form, indices and offsets int64. Calls enqueue on the stream and return; nothing is allocated here.
cuda/include/pyfate_cuda/operations.h says what each operation computes.
"""

limb_bits: int
emulated: bool
powers_of_r: int
team: int
wide_products: int

class DeviceError(RuntimeError): ...

def toolkit_version() -> int: ...
def driver_version() -> int: ...
def device_names() -> list[str]: ...
def multiprocessors(device: int) -> int: ...
def shared_memory(device: int) -> int: ...
def check_kernels() -> None: ...
def wide_rate(out: int, blocks: int, turns: int, stream: int) -> None: ...
def fill_random(out: int, words: int, key: bytes, stream: int) -> None: ...
def sizes() -> dict[int, int]: ...

class Ring:
    def __init__(self, limbs: int, constants: int, negative_inverse: int) -> None: ...
    @property
    def limbs(self) -> int: ...
    def enter(self, out: int, canonical: int, pieces: int, rows: int, stream: int) -> None: ...
    def leave(self, out: int, a: int, rows: int, stream: int) -> None: ...
    def multiply(
        self,
        out: int,
        a: int,
        a_index: int,
        b: int,
        b_index: int,
        team: bool,
        rows: int,
        stream: int,
    ) -> None: ...
    def square(self, out: int, a: int, team: bool, rows: int, stream: int) -> None: ...
    def multiply_plain(
        self,
        out: int,
        a: int,
        a_index: int,
        plain: int,
        plain_index: int,
        plain_limbs: int,
        rows: int,
        stream: int,
    ) -> None: ...
    def power(
        self,
        out: int,
        a: int,
        a_index: int,
        exponents: int,
        exponent_index: int,
        exponent_stride: int,
        exponent_bits: int,
        window: int,
        scratch: int,
        blocks: int,
        team: bool,
        rows: int,
        stream: int,
    ) -> None: ...
    def fixed_base(
        self,
        out: int,
        table: int,
        sign: int,
        exponents: int,
        exponent_stride: int,
        exponent_bits: int,
        window: int,
        parts: int,
        rows: int,
        stream: int,
    ) -> None: ...
    def horner(self, out: int, a: int, bits: int, team: bool, rows: int, stream: int) -> None: ...
    def segment_multiply(
        self, out: int, a: int, index: int, offsets: int, segments: int, stream: int
    ) -> None: ...
    def prefix_products(self, out: int, a: int, chains: int, rows: int, stream: int) -> None: ...
    def unwind_inverses(
        self,
        out: int,
        a: int,
        prefixes: int,
        inverses: int,
        chains: int,
        rows: int,
        stream: int,
    ) -> None: ...
    def logarithm(
        self, out: int, a: int, factor: int, failed: int, rows: int, stream: int
    ) -> None: ...
    def recombine(
        self,
        out: int,
        residues_p: int,
        residues_q: int,
        p: int,
        inverse: int,
        rows: int,
        stream: int,
    ) -> None: ...
