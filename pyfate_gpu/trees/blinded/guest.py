# SPDX-License-Identifier: Apache-2.0
"""The guest of a blinded prediction: it asks about all rows alike, and learns their scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyfate_gpu.data.binning.splits import Codes, TableBins
from pyfate_gpu.errors import BoundError, ProtocolError
from pyfate_gpu.federation import Session
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.federation.steps import Step
from pyfate_gpu.trees.blinded.plan import announce_plans, chunk_of
from pyfate_gpu.trees.blinded.questions import Answers, Leaves, questions_of
from pyfate_gpu.trees.blinded.slots import value_bits
from pyfate_gpu.trees.blinded.ways import Unit, Ways
from pyfate_gpu.trees.forest import Forest
from pyfate_gpu.typing import Floats

if TYPE_CHECKING:
    from pyfate_gpu.he import CiphertextArray, PrivateKey

#: Messages that the guest sends ahead of the answers to them.
AHEAD = 4


def collect_blinded_scores(
    session: Session, private_key: PrivateKey, forest: Forest, bins: TableBins, codes: Codes
) -> Floats:
    """Return the scores of all rows, [rows, outputs]: those of ordinary prediction, but for the rounding of leaves."""
    leaves = Leaves.of(forest, value_bits(len(forest.trees)))
    ways = Ways.of(questions_of(forest), len(forest.base), private_key.public_key.key_bits)
    announce_plans(session, ways)
    asking = _Asking(session, private_key, forest, ways, len(codes))
    size = chunk_of(ways)
    for start in range(0, len(codes), size):
        rows = slice(start, min(start + size, len(codes)))
        asking.ask(rows, Answers(forest, leaves, bins, codes[rows]))
    asking.finish()
    return forest.base + np.ldexp(asking.totals.astype(np.float64), leaves.exponent)


class _Asking:
    """Questions on their way, and what came of them."""

    def __init__(
        self, session: Session, private_key: PrivateKey, forest: Forest, ways: Ways, rows: int
    ) -> None:
        self._session, self._private_key = session, private_key
        self._forest, self._ways = forest, ways
        self._asked: list[tuple[slice, range]] = []
        self._answered = 0
        #: Sums of leaves so far, as integers: object [rows, outputs].
        self.totals = np.zeros((rows, len(forest.base)), dtype=object)

    def ask(self, rows: slice, answers: Answers) -> None:
        """Send the questions of some rows, and take answers that are due."""
        self.totals[rows] += answers.known
        if not self._ways.units:
            return
        for outputs in self._ways.groups:
            for owner, host in enumerate(self._session.hosts, 1):
                units = self._ways.first(owner)
                if units:
                    self._session.send(
                        host,
                        "questions",
                        batch=len(self._asked),
                        numbers=self._encrypt(units, answers, outputs),
                    )
            self._asked.append((rows, outputs))
            while len(self._asked) - self._answered > AHEAD:
                self._take()

    def finish(self) -> None:
        """Take the answers that are left."""
        while self._answered < len(self._asked):
            self._take()

    def _encrypt(self, units: list[Unit], answers: Answers, outputs: range) -> CiphertextArray:
        slots, rows = self._ways.slots, len(answers.known)
        numbers = np.zeros((rows, len(units), slots.step, slots.outputs), dtype=np.int64)
        for place, unit in enumerate(units):
            for number, question in enumerate(unit.questions):
                gains = answers.gains[question.tree, question.node]
                into = numbers[:, place, slots.step - 1 - number]
                for column, output in enumerate(self._forest.outputs[question.tree]):
                    if output in outputs:
                        into[:, output - outputs.start] = gains[:, column]
        plain = slots.questions.join(numbers.reshape(-1, slots.outputs), slots.bound)
        with self._session.statistics.step(Step.ENCRYPT, operations=rows * len(units)):
            found = self._private_key.encrypt(plain, slots=slots.sent)
        return found.reshape(rows, len(units))

    def _take(self) -> None:
        rows, outputs = self._asked[self._answered]
        slots, host = self._ways.slots, self._session.hosts[self._ways.chain[-1] - 1]
        count = rows.stop - rows.start
        answer = self._session.receive_encrypted(
            host,
            "blinded_scores",
            "sums",
            (-(-count // slots.rows_of_each),),
            GUEST,
            slots.answered,
            batch=self._answered,
        )
        if answer.exponent or answer.kind != "i":
            raise ProtocolError(f"the scores of {host} are no integers")
        try:
            with self._session.statistics.step(Step.DECRYPT, operations=answer.size):
                found = self._private_key.decrypt(answer)[:, slots.kept]
            sums = slots.questions.split(found).reshape(-1, slots.outputs)[:count]
        except BoundError:
            raise ProtocolError(f"the scores of {host} are beyond their bounds") from None
        self.totals[rows, outputs.start : outputs.stop] += sums[:, : len(outputs)]
        self._answered += 1
