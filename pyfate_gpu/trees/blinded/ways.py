# SPDX-License-Identifier: Apache-2.0
"""Which ciphertexts of a row go to which hosts, and what each host does with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyfate_gpu.trees.blinded.questions import Question, Turn
from pyfate_gpu.trees.blinded.slots import BlindedSlots, most_questions

#: The guest, as a source of ciphertexts; and where a host keeps their sum.
GUEST_NUMBER = HERE = 0


@dataclass(frozen=True)
class Unit:
    """A ciphertext of each row: questions that the first host tells apart and later ones do not.

    Parameters
    ----------
    questions : tuple of Question
        In the order of their numbers in the ciphertext.
    way : tuple of int
        Hosts that it comes to.
    """

    questions: tuple[Question, ...]
    way: tuple[int, ...]


@dataclass(frozen=True)
class Errand:
    """What a host does with one ciphertext of each row: sums numbers whose turns a row takes, and sends it on or not.

    Parameters
    ----------
    source, target : int
        Numbers of hosts, or of the guest; a target of 0 is the sum of the row.
    choices : tuple of tuple of Turn
        Own turns of each number.
    """

    source: int
    target: int
    choices: tuple[tuple[Turn, ...], ...]


@dataclass(frozen=True)
class Ways:
    """All ciphertexts of a row.

    Parameters
    ----------
    slots : BlindedSlots
    units : list of Unit
    groups : list of range
        Outputs that share ciphertexts; there is a ciphertext of each unit for each of them.
    """

    slots: BlindedSlots
    units: list[Unit]
    groups: list[range]

    @classmethod
    def of(cls, questions: Sequence[Question], outputs: int, key_bits: int) -> Ways:
        """Return the cheapest ones.

        Raises
        ------
        ConfigurationError
            When the key has no room for a single output.
        """
        found: list[tuple[float, Ways]] = []
        most_questions(key_bits, 1)
        for together in range(1, outputs + 1):
            groups = [
                range(first, min(first + together, outputs))
                for first in range(0, outputs, together)
            ]
            for step in range(1, max(1, len(questions)) + 1):
                units = units_of(questions, step)
                terms = 1 << (2 * step * max(1, len(units)) - 1).bit_length()
                slots = BlindedSlots(key_bits, together, terms, step)
                if slots.rows_of_each < 1:
                    break
                found.append((slots.cost(len(units)) * len(groups), cls(slots, units, groups)))
        return min(found, key=lambda each: each[0])[1]

    def errands(self, owner: int) -> list[Errand]:
        """Return what a host has to do, source after source."""
        found = []
        for unit in self.units:
            if owner not in unit.way:
                continue
            place = unit.way.index(owner)
            own = [question.part(owner) for question in unit.questions]
            found.append(
                Errand(
                    unit.way[place - 1] if place else GUEST_NUMBER,
                    unit.way[place + 1] if place + 1 < len(unit.way) else HERE,
                    tuple(own[:1] if place else own),
                )
            )
        return sorted(found, key=lambda errand: errand.source)

    @property
    def chain(self) -> list[int]:
        """Hosts that add to the sum of a row, which goes from one to the next, and from the last to the guest."""
        return sorted({unit.way[-1] for unit in self.units})

    def first(self, owner: int) -> list[Unit]:
        """Return the units that the guest sends to a host."""
        return [unit for unit in self.units if unit.way[0] == owner]

    @property
    def widest(self) -> int:
        """Most ciphertexts of a row in a message."""
        sent = [(unit.way[0],) for unit in self.units]
        passed = [pair for unit in self.units for pair in zip(unit.way, unit.way[1:], strict=False)]
        every: list[tuple[int, ...]] = [*sent, *passed]
        return max((every.count(each) for each in set(every)), default=1)


def units_of(questions: Sequence[Question], step: int) -> list[Unit]:
    """Return ciphertexts of at most `step` questions that take the same way and ask later hosts the same."""
    groups: dict[object, list[Question]] = {}
    for question in questions:
        way = question.owners
        groups.setdefault((way, *map(question.part, way[1:])), []).append(question)
    return [
        Unit(tuple(each[start : start + step]), each[0].owners)
        for each in groups.values()
        for start in range(0, len(each), step)
    ]
