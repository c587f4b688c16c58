# SPDX-License-Identifier: Apache-2.0
"""The server's part: it adds what it cannot read."""

from __future__ import annotations

from typing import Any

from nvflare.apis.dxo import DXO, DataKind, MetaKey, from_shareable
from nvflare.app_common.abstract.aggregator import Aggregator
from nvflare.app_common.app_constant import AppConstants

from pyfate_gpu.errors import PyFateError
from pyfate_gpu.homo.aggregator import SecureAggregator
from pyfate_gpu.homo.sides import Server
from pyfate_gpu.integrations.nvflare.sealed import ALGORITHM, Settings, fill, taken


class PaillierAggregator(Aggregator):  # type: ignore[misc]
    """Takes the seat of the aggregator of CKKS; arguments as of `Settings`, with the public key.

    An update that is damaged, of another round or other shapes is not accepted; the round goes on without it.
    """

    def __init__(
        self,
        key_file: str,
        clients: list[str],
        value_bits: int = 16,
        clip: float = 1.0,
        max_total_weight: int | None = None,
        min_clients: int | None = None,
        allow_insecure_key_size: bool = False,
    ) -> None:
        super().__init__()
        self.key_file, self.clients, self.value_bits, self.clip = (
            key_file,
            clients,
            value_bits,
            clip,
        )
        self.max_total_weight, self.min_clients = max_total_weight, min_clients
        self.allow_insecure_key_size = allow_insecure_key_size
        self._settings = Settings(
            key_file, clients, value_bits, clip, max_total_weight, min_clients, allow_insecure_key_size
        )  # fmt: skip
        self._known: SecureAggregator | None = None
        self._server: Server | None = None
        self._names: list[str] = []

    def accept(self, shareable: Any, fl_ctx: Any) -> bool:
        """Add a result, frame by frame."""
        dxo = from_shareable(shareable)
        if dxo.get_meta_prop(MetaKey.PROCESSED_ALGORITHM, None) != ALGORITHM:
            self.log_error(fl_ctx, "a result is not sealed: clients need PaillierModelEncryptor")
            return False
        if self._server is None:
            if self._known is None:
                self._known = self._settings.aggregator(private=False)
            self._server = self._known.server(fl_ctx.get_prop(AppConstants.CURRENT_ROUND, 0))
        try:
            self._server.add(taken(dxo.data))
        except PyFateError as error:
            self.log_error(fl_ctx, f"a result is not accepted: {error}")
            return False
        self._names = list(dxo.data)
        return True

    def aggregate(self, fl_ctx: Any) -> Any:
        """The sealed sum, which clients open."""
        assert self._server is not None, "no result was accepted"
        server, self._server = self._server, None
        data = fill(self._names, server.close())
        meta = {MetaKey.PROCESSED_ALGORITHM: ALGORITHM}
        return DXO(data_kind=DataKind.WEIGHTS, data=data, meta=meta).to_shareable()

    def reset(self, fl_ctx: Any) -> None:
        """Begin anew."""
        self._server = None
