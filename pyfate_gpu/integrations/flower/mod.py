# SPDX-License-Identifier: Apache-2.0
"""The client's side in Flower: a mod around the train function of a ClientApp."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flwr.app import ConfigRecord, Message, RecordDict

from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.homo.aggregator import SecureAggregator
from pyfate_gpu.homo.identities import Identity
from pyfate_gpu.homo.plan import AggregationPlan
from pyfate_gpu.integrations.flower.records import RECORD, arrays_of, change, numbers


class SecureSumMod:
    """Seals what the app learned, so that the server adds it up and nothing else.

    Parameters
    ----------
    plan : AggregationPlan
        As the strategy has it; clips come from the strategy.
    members : sequence of bytes, optional
        Public identities of all clients.
    identity : callable, optional
        Returns this node's `Identity`, given the context of the app; by default a new one that the node keeps.
    weighted_by_key : str
        Name of the metric that has the weight.
    **options
        Further arguments of `SecureAggregator`, as the strategy has them.
    """

    def __init__(
        self,
        plan: AggregationPlan,
        members: Sequence[bytes] | None = None,
        identity: Callable[[Any], Identity] | None = None,
        weighted_by_key: str = "num-examples",
        **options: Any,
    ) -> None:
        self._plan, self._members, self._identity = plan, members, identity
        self._weight, self._options = weighted_by_key, options

    def __call__(self, message: Any, context: Any, call_next: Callable[[Any, Any], Any]) -> Any:
        """Answer what the strategy asks; messages of others go on to the app as they are."""
        asked = message.content.config_records.get(RECORD)
        if asked is None:
            return call_next(message, context)
        identity = self._identity_of(context)
        if "who" in asked:
            return _reply(message, {"public": identity.public})
        plan = self._plan
        if asked.get("clips"):
            plan = plan.with_clips(asked["clips"])
        aggregator = SecureAggregator(plan=plan, members=self._members, **self._options)
        request, kept = asked["request"], context.state.config_records.get(RECORD, {})
        masks = aggregator.method == "masks"
        if masks and not asked["first"]:
            client = aggregator.thaw(kept["state"], identity)
        else:
            client = aggregator.client(asked["round"], asked["number"], identity)
        if not asked["train"]:
            answer = {"answer": client.answer(request)}
            self._keep(context, identity, aggregator.freeze(client))
            return _reply(message, answer)
        if client.answer(request):
            raise ConfigurationError("the strategy asks for an update where none is due")
        trained = call_next(message, context)
        if trained.has_error():
            return trained
        content = trained.content
        metrics, weight = numbers(_only(content.metric_records, "MetricRecord"), self._weight)
        before = arrays_of(_only(message.content.array_records, "ArrayRecord"))
        after = arrays_of(_only(content.array_records, "ArrayRecord"))
        sealed = client.seal(change(before, after, metrics), weight)
        if masks:
            self._keep(context, identity, aggregator.freeze(client))
        return _reply(message, {"answer": sealed, "metrics": list(metrics)})

    def _identity_of(self, context: Any) -> Identity:
        if self._identity is not None:
            return self._identity(context)
        kept = context.state.config_records.get(RECORD)
        if kept is not None:
            return Identity.from_private_bytes(kept["identity"])
        identity = Identity.generate()
        self._keep(context, identity, b"")
        return identity

    def _keep(self, context: Any, identity: Identity, state: bytes) -> None:
        """In the state of the app, which its node alone has."""
        kept: dict[str, Any] = {"state": state}
        if self._identity is None:
            kept["identity"] = identity.private_bytes()
        context.state[RECORD] = ConfigRecord(kept)


def _only(records: Any, kind: str) -> Any:
    if len(records) != 1:
        raise ConfigurationError(f"the app exchanges {len(records)} {kind}s, it takes one")
    return next(iter(records.values()))


def _reply(message: Any, answer: dict[str, Any]) -> Any:
    """A reply without any record of the app: metrics and weights are in the sum."""
    content = RecordDict({RECORD: ConfigRecord(answer)})
    return Message(content, reply_to=message)
