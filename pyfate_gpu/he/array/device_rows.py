# SPDX-License-Identifier: Apache-2.0
"""Rows on a GPU as other libraries of this process take them."""

from __future__ import annotations

from typing import Any

from pyfate_gpu.he.array import export
from pyfate_gpu.he.array.state import ArrayState


class DeviceRows(ArrayState):
    """What a `CiphertextArray` shows of its rows where they lie on a GPU."""

    __slots__ = ()

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        """Rows on a GPU for kernels in this process, uint32 ``[size, 2, limbs]``; do not change them.

        They are halves of residues in base n, in Montgomery form, and are not re-blinded: whatever
        leaves this process goes through `to_wire`. Only an array on a GPU has this attribute.
        """
        rows = export.on_gpu(self)
        if rows is None:
            raise AttributeError(f"the array lies on {self.device}, not on a GPU")
        interface: dict[str, Any] = rows.__cuda_array_interface__
        return interface

    def __dlpack__(self, **options: Any) -> Any:
        """The same rows by DLPack; refused (BufferError) unless they lie on a GPU."""
        return self._for_dlpack().__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        kind, index = self._for_dlpack().__dlpack_device__()
        return int(kind), int(index)

    def _for_dlpack(self) -> Any:
        rows = export.on_gpu(self)
        if rows is None:
            raise BufferError(
                f"the array lies on {self.device}, not on a GPU; see to_wire, to_ints"
            )
        return rows
