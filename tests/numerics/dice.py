# SPDX-License-Identifier: Apache-2.0
"""What expressions are drawn from, in two ways: as strategies of hypothesis, or thrown by a generator.

Hypothesis finds the smallest expression that is wrong; thrown, many times as many are looked at in the same time. The
names are those of ``hypothesis.strategies``.
"""

from __future__ import annotations

import math
import struct

from hypothesis import strategies

ODD_FLOATS = (0.0, -0.0, 1.0, -1.0, 0.5, 5e-324, 2.0**-24, 1e10, 1.7976931348623157e308)


class Die:
    """One thing that is drawn: `strategy()` makes it one of hypothesis, ``roll(rng)`` throws it."""

    def __init__(self, strategy, roll):
        self.strategy = strategy
        self.roll = roll

    def map(self, function):
        return Die(lambda: self.strategy().map(function), lambda rng: function(self.roll(rng)))


def by_hypothesis(draw):
    """How an expression draws its dice where hypothesis draws."""
    return lambda die: draw(die.strategy())


def thrown(rng):
    """How an expression draws its dice where ``random.Random`` throws them."""
    return lambda die: die.roll(rng)


def none():
    return Die(strategies.none, lambda rng: None)


def booleans():
    return Die(strategies.booleans, lambda rng: rng.random() < 0.5)


def integers(low, high):
    def roll(rng):
        at = rng.random()  # the ends now and then, as hypothesis has them
        return low if at < 0.06 else high if at < 0.12 else rng.randint(low, high)

    return Die(lambda: strategies.integers(low, high), roll)


def sampled_from(values):
    return Die(
        lambda: strategies.sampled_from(values), lambda rng: values[int(rng.random() * len(values))]
    )


def one_of(*dice):
    def strategy():
        return strategies.one_of(*(die.strategy() for die in dice))

    return Die(strategy, lambda rng: dice[int(rng.random() * len(dice))].roll(rng))


def lists(die, *, min_size=0, max_size):
    def roll(rng):
        return [die.roll(rng) for _ in range(rng.randint(min_size, max_size))]

    return Die(lambda: strategies.lists(die.strategy(), min_size=min_size, max_size=max_size), roll)


def builds(function, *dice):
    def strategy():
        return strategies.builds(function, *(die.strategy() for die in dice))

    return Die(strategy, lambda rng: function(*(die.roll(rng) for die in dice)))


def floats(low=None, high=None, *, width=64):
    """Finite ones between two limits, or of any size; exact at `width` bits."""
    code, bits = {16: ("e", "H"), 32: ("f", "I"), 64: ("d", "Q")}[width]

    def roll(rng):
        while True:
            if low is not None:
                value = (
                    rng.choice((low, high, 0.0)) if rng.random() < 0.1 else rng.uniform(low, high)
                )
            elif rng.random() < 0.3:
                value = rng.choice(ODD_FLOATS)
            else:
                value = struct.unpack(code, struct.pack(bits, rng.getrandbits(width)))[0]
            if math.isfinite(value) and (width == 64 or abs(value) < 60_000):
                return struct.unpack(code, struct.pack(code, value))[0]

    def strategy():
        return strategies.floats(low, high, allow_nan=False, allow_infinity=False, width=width)

    return Die(strategy, roll)
