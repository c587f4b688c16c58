# SPDX-License-Identifier: Apache-2.0
"""The client's filters: results are sealed on their way out, models opened on their way in."""

from __future__ import annotations

from typing import Any

from nvflare.apis.dxo import DXO, DataKind, MetaKey
from nvflare.apis.dxo_filter import DXOFilter
from nvflare.app_common.app_constant import AppConstants

from pyfate_gpu.homo.aggregator import SecureAggregator
from pyfate_gpu.integrations.nvflare.sealed import ALGORITHM, Settings, fill, taken

_ROUND = "pyfate_gpu.round"


class _Filter(DXOFilter):  # type: ignore[misc]
    """What both have: settings, and the key read once."""

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
        super().__init__([DataKind.WEIGHTS], [DataKind.WEIGHTS])
        # NVFlare writes jobs from attributes of these names.
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

    @property
    def _aggregator(self) -> SecureAggregator:
        if self._known is None:
            self._known = self._settings.aggregator(private=True)
        return self._known


class PaillierModelDecryptor(_Filter):
    """Opens the mean in tasks that come in; takes the seat of the decryptor of CKKS. Arguments as of `Settings`."""

    def process_dxo(self, dxo: Any, shareable: Any, fl_ctx: Any) -> Any:
        """The model in the clear; the first round's is not sealed and stays what it is."""
        fl_ctx.set_prop(
            _ROUND, shareable.get_header(AppConstants.CURRENT_ROUND, 0), private=True, sticky=True
        )
        if dxo.get_meta_prop(MetaKey.PROCESSED_ALGORITHM, None) != ALGORITHM:
            return None
        mean, report = self._aggregator.open(taken(dxo.data))
        self.log_info(
            fl_ctx,
            f"round {report.round}: {len(report.clients)} clients, clipped {dict(report.clipped)}",
        )
        opened = DXO(data_kind=dxo.data_kind, data=mean, meta=dict(dxo.meta))
        opened.remove_meta_props([MetaKey.PROCESSED_ALGORITHM])
        return opened


class PaillierModelEncryptor(_Filter):
    """Seals results that go out; takes the seat of the encryptor of CKKS. Arguments as of `Settings`."""

    def process_dxo(self, dxo: Any, shareable: Any, fl_ctx: Any) -> Any:
        """The sealed model; its weight is the number of steps, if that is known."""
        weight = dxo.get_meta_prop(MetaKey.NUM_STEPS_CURRENT_ROUND, 1)
        round_id = fl_ctx.get_prop(_ROUND, 0)
        number = self._settings.number(fl_ctx.get_identity_name())
        client = self._aggregator.client(round_id, number)
        data = fill(list(dxo.data), client.seal(dict(dxo.data), weight))
        sealed = DXO(data_kind=dxo.data_kind, data=data, meta=dict(dxo.meta))
        sealed.set_meta_prop(MetaKey.PROCESSED_ALGORITHM, ALGORITHM)
        sealed.remove_meta_props([MetaKey.NUM_STEPS_CURRENT_ROUND])  # it is in the sum
        return sealed
