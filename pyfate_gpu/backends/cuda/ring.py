# SPDX-License-Identifier: Apache-2.0
"""Rows of numbers modulo n^2 on a GPU: the kernels of one modulus with arrays in and out.

Rows are uint32 arrays ``[rows, 2, limbs]``, C-contiguous on the device, in the Montgomery form of
cuda/include/pyfate_cuda/base_n.h. Everything is out of place and in the order of one stream.
"""

from __future__ import annotations

from typing import Any

import gmpy2
import numpy as np

from pyfate_gpu.backends.cuda.device import Device, Erased, Limbs
from pyfate_gpu.errors import BackendUnavailableError, InvalidCiphertextError

LIMB_BITS = 32
LANES = 32  # threads of a block
SPARE_BITS = 6  # a modulus fills its limbs or leaves at least this many bits free
PIECE = 16  # longest run of products a thread forms for a segment
CHAIN = 32  # longest chain of a batched inversion
SHORT = 4  # either, where there are too few rows for every thread to have a long one
THREADS_TO_FILL = 32768  # threads that keep a large GPU busy
TEAM_ROWS = 64  # up to so many rows a multiprocessor, teams are done sooner (docs/design/0032)


def limbs_for(bits: int, sizes: tuple[int, ...]) -> int:
    """The size of kernel for a modulus of so many bits.

    Raises
    ------
    BackendUnavailableError
        If the modulus is larger than every size.
    """
    for limbs in sizes:
        if bits == LIMB_BITS * limbs or bits <= LIMB_BITS * limbs - SPARE_BITS:
            return limbs
    raise BackendUnavailableError(
        f"backend 'cuda' has no kernels for moduli of {bits} bits, only up to "
        f"{LIMB_BITS * sizes[-1]}; choose use_backend('cpu') for this key"
    )


class DeviceRing:
    """Arithmetic modulo n^2 on one device."""

    def __init__(self, device: Device, n: int, limbs: int) -> None:
        self.device = device
        self.n = n
        self.limbs = limbs
        r = 1 << (LIMB_BITS * limbs)
        powers = [pow(r, i, n * n) for i in range(1, device.native.powers_of_r + 1)]
        self._constants = self.halves(n, *(h for power in powers for h in (power % n, power // n)))
        negative_inverse = -pow(n, -1, 1 << LIMB_BITS) % (1 << LIMB_BITS)
        self._native = device.native.Ring(limbs, device.address(self._constants), negative_inverse)
        device.wait()  # other streams may use the constants next

    def halves(self, *values: int) -> Limbs:
        """Integers below R as halves ``[values, limbs]`` on the device."""
        size = LIMB_BITS // 8 * self.limbs
        data = b"".join(value.to_bytes(size, "little") for value in values)
        words = np.frombuffer(data, dtype=np.uint32).reshape(len(values), self.limbs)
        return self.device.arrays.asarray(words.copy())

    def erase(self) -> None:
        """Overwrite the constants: for moduli that are secret."""
        self._constants.fill(0)

    def one(self) -> Limbs:
        """The number one, as a row."""
        return self._constants[1:3].reshape(1, 2, self.limbs)

    def ones(self, rows: int) -> Limbs:
        """The number one in each of new rows."""
        return self.device.arrays.broadcast_to(self.one(), (rows, 2, self.limbs)).copy()

    def from_integers(self, *values: int) -> Limbs:
        """Rows of canonical Python integers."""
        forms = [(value << (LIMB_BITS * self.limbs)) % self.n**2 for value in values]
        halves = self.halves(*(h for form in forms for h in (form % self.n, form // self.n)))
        return halves.reshape(len(values), 2, self.limbs)

    def enter(self, canonical: Limbs) -> Limbs:
        """Rows of canonical integers ``[rows, pieces * limbs]``."""
        rows, width = canonical.shape
        out = self.new(rows)
        self._call("enter", out, canonical, width // self.limbs, rows)
        return out

    def leave(self, a: Limbs) -> Limbs:
        """Canonical integers ``[rows, 2 * limbs]``."""
        out = self.device.empty(len(a), 2 * self.limbs)
        self._call("leave", out, a, len(a))
        return out

    def multiply(
        self, a: Limbs, b: Limbs, a_index: Any = None, b_index: Any = None, out: Limbs = None
    ) -> Limbs:
        """``a[a_index] * b[b_index]``, into `out` if given."""
        a_index, b_index = self.device.index_array(a_index), self.device.index_array(b_index)
        rows = len(a) if a_index is None else len(a_index)
        out = self.new(rows) if out is None else out
        self._call("multiply", out, a, a_index, b, b_index, self._few(rows), rows)
        return out

    def multiply_plain(
        self, a: Limbs, plain: Limbs, a_index: Any = None, plain_index: Any = None
    ) -> Limbs:
        """``a * (1 + m n)`` for m in two's complement, ``[*, limbs of m]``."""
        a_index, plain_index = (self.device.index_array(i) for i in (a_index, plain_index))
        rows = len(a) if a_index is None else len(a_index)
        out = self.new(rows)
        self._call("multiply_plain", out, a, a_index, plain, plain_index, plain.shape[1], rows)
        return out

    def power(
        self, a: Limbs, exponents: Limbs, bits: int, a_index: Any = None, exponent_index: Any = None
    ) -> Limbs:
        """``a ** e`` for unsigned exponents ``[*, limbs of e]`` below ``2**bits``.

        A single exponent without an index serves all rows. The powers that each thread keeps are
        overwritten: modulo a secret prime they would tell it.
        """
        a_index, exponent_index = (self.device.index_array(i) for i in (a_index, exponent_index))
        rows = len(a) if a_index is None else len(a_index)
        shared = len(exponents) == 1 and exponent_index is None
        window = min(range(1, 7), key=lambda w: -(-bits // w) + (1 << w))
        team, numbers = self._few(rows), LANES
        resident = self.device.multiprocessors * max(1, min(12, 400 // self.limbs))
        if team:
            numbers //= self.device.native.team
            resident = -(-TEAM_ROWS * self.device.multiprocessors // numbers)
        blocks = min(resident, -(-rows // numbers))
        out, stride = self.new(rows), 0 if shared else exponents.shape[1]
        exponent = (exponents, exponent_index, stride, bits, window)
        with Erased() as erased:
            scratch = erased(self.new(blocks * numbers << window))
            self._call("power", out, a, a_index, *exponent, scratch, blocks, team, rows)
        return out

    def power_table(self, bases: Limbs, bits: int, window: int) -> Limbs:
        """All windows of all bases, for exponents of so many bits.

        Row ``(digit * windows + w) * len(bases) + t`` is ``bases[t] ** (digit << (window * w))``.
        """
        windows = -(-bits // window)
        powers = [bases]
        for _ in range(windows * window - 1):
            powers.append(self.square(powers[-1]))
        columns = windows * len(bases)
        table = self.new(columns << window)
        table[:columns] = self.one()
        for bit in range(window):
            factors = self.device.arrays.concatenate(powers[bit::window])
            done = columns << bit
            self.multiply(
                table[:done],
                factors,
                b_index=self.device.arrays.arange(done, dtype=np.int64) % columns,
                out=table[done : 2 * done],
            )
        return table

    def fixed_base(
        self, table: Limbs, sign: Limbs, exponents: Limbs, bits: int, window: int
    ) -> Limbs:
        """``base ** a * sign_base ** b``: a the low `bits` bits of each exponent, b the next one.

        `table` is `power_table` of the base, `sign` the rows one and sign_base.
        """
        rows, stride = exponents.shape
        parts = 1
        while rows * parts < THREADS_TO_FILL and 4 * parts <= -(-bits // window):
            parts *= 2
        out = self.new(parts * rows)
        self._call("fixed_base", out, table, sign, exponents, stride, bits, window, parts, rows)
        while parts > 1:
            parts //= 2
            out = self.multiply(out[: parts * rows], out[parts * rows :])
        return out

    def segment_multiply(self, a: Limbs, index: Any, offsets: Any) -> Limbs:
        """Row s: the product of ``a[index[offsets[s]:offsets[s + 1]]]``, one if there is none.

        Long segments are cut into pieces whose products form the segments of a next round, so that
        the work is even whatever the lengths. `index` None stands for 0, 1, 2, ...
        """
        arrays = self.device.arrays
        index, offsets = self.device.index_array(index), self.device.index_array(offsets)
        while len(offsets) > 1:
            longest = _longest(PIECE, int(offsets[-1] - offsets[0]))
            pieces = -(-arrays.diff(offsets) // longest)
            ends = arrays.cumsum(pieces)
            if int(pieces.max()) <= 1:
                break
            piece = arrays.arange(int(ends[-1]), dtype=np.int64)
            segment = arrays.searchsorted(ends, piece, side="right")
            starts = offsets[segment] + longest * (piece - (ends - pieces)[segment])
            a = self._segments(a, index, arrays.concatenate([starts, offsets[-1:]]))
            index, offsets = None, arrays.concatenate([arrays.zeros_like(ends[:1]), ends])
        return self._segments(a, index, offsets)

    def horner(self, a: Limbs, bits: int) -> Limbs:
        """``product over b of a[b] ** (2**b)`` for rows ``[bits * rows]``."""
        rows = len(a) // bits
        out = self.new(rows)
        self._call("horner", out, a, bits, self._few(rows), rows)
        return out

    def invert(self, a: Limbs) -> Limbs:
        """``1 / a``: three multiplications a row, and one inversion on the host for all.

        Raises
        ------
        InvalidCiphertextError
            If a row shares a factor with n; which one is not looked for.
        """
        rows = len(a)
        if rows == 0:
            return self.new(0)
        if rows == 1:
            return self._invert_one(a)
        chains = -(-rows // _longest(CHAIN, rows))
        prefixes, out = self.new(rows), self.new(rows)
        self._call("prefix_products", prefixes, a, chains, rows)
        # The last rows hold the products of the chains, beginning with that of row rows - chains.
        last = self.device.arrays.arange(chains, dtype=np.int64)
        last = rows - chains + (last - rows) % chains
        inverses = self.invert(prefixes[last])
        self._call("unwind_inverses", out, a, prefixes, inverses, chains, rows)
        return out

    def logarithm(self, a: Limbs, factor: Limbs, failed: Limbs, out: Limbs) -> None:
        """``(a - 1) / n * factor mod n`` as halves into `out`, for a prime n.

        `factor` is in Montgomery form. Sets ``failed[0]`` to 1 if a row is not 1 modulo n.
        """
        self._call("logarithm", out, a, factor, failed, len(a))

    def recombine(self, residues_p: Limbs, residues_q: Limbs, p: Limbs, inverse: Limbs) -> Limbs:
        """Residues modulo p q, ``[rows, 2 * limbs]``, where n is the prime q.

        `inverse` holds the halves ``R / p`` and ``-R / p`` modulo q.
        """
        rows = len(residues_p)
        out = self.device.empty(rows, 2 * self.limbs)
        self._call("recombine", out, residues_p, residues_q, p, inverse, rows)
        return out

    def new(self, rows: int) -> Limbs:
        """Uninitialised rows."""
        return self.device.empty(rows, 2, self.limbs)

    def square(self, a: Limbs) -> Limbs:
        """``a ** 2``."""
        out = self.new(len(a))
        self._call("square", out, a, self._few(len(a)), len(a))
        return out

    def _few(self, rows: int) -> bool:
        """Whether teams of threads should compute so many rows."""
        return rows <= TEAM_ROWS * self.device.multiprocessors

    def _segments(self, a: Limbs, index: Any, offsets: Any) -> Limbs:
        out = self.new(len(offsets) - 1)
        self._call("segment_multiply", out, a, index, offsets, len(out))
        return out

    def _invert_one(self, a: Limbs) -> Limbs:
        words = self.device.to_host(self.leave(a), self.limbs)
        value = int.from_bytes(words.tobytes(), "little")
        try:
            return self.from_integers(int(gmpy2.invert(value, self.n**2)))
        except ZeroDivisionError:
            raise InvalidCiphertextError(
                "a ciphertext shares a factor with n and has no inverse; check where it came from"
            ) from None

    def _call(self, verb: str, *arguments: Any) -> None:
        addresses = (a if isinstance(a, int) else self.device.address(a) for a in arguments)
        getattr(self._native, verb)(*addresses, self.device.stream())


def _longest(most: int, rows: int) -> int:
    """The longest chain or piece: short where long ones would leave threads without one."""
    return max(SHORT, min(most, rows // THREADS_TO_FILL))
