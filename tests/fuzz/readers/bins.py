# SPDX-License-Identifier: Apache-2.0
"""Files of bins, selections and scorecards: what is accepted says the same when it is written again."""

from __future__ import annotations

import json
import os

from pyfate_gpu.binning import HeteroBinning, HeteroSelector, Scorecard
from tests.fuzz.readers.models import _contents, _join, _same, _split
from tests.fuzz.target import SCRATCH, Target, from_file, join_json, split_json


def _again(model):
    """The bytes of what was read, written again."""
    path = SCRATCH / f"{os.getpid()}-again"
    model.save(path)
    return path.read_bytes()


def _bins_hold(data, model):
    (header, arrays), (other, others) = _contents(data), _contents(_again(model))
    ours = ("format", "version", "names", "woe", "order", "training", "hosts", "estimator")
    return (
        all(header[name] == other[name] for name in ours)
        and len(header["bins"]) == len(other["bins"])
        and all(name in arrays and _same(arrays[name], array) for name, array in others.items())
    )


def _selection_holds(data, model):
    found, again = json.loads(data), json.loads(_again(model))
    pairs = zip(found["verdicts"], again["verdicts"], strict=True)
    return (
        found["names"] == again["names"]
        and found["training"] == again["training"]
        and all(one["kept"] is other["kept"] for one, other in pairs)
        and [v["column"] for v in found["verdicts"]] == [v["column"] for v in again["verdicts"]]
    )


def _card_holds(data, card):
    found, again = json.loads(data), json.loads(_again(card))
    return (
        found["names"] == again["names"]
        and found["points"] == again["points"]
        and found["start"] == again["start"]
        and len(card.rows()) >= len(card.bins)
    )


BINS = Target("bins", from_file("bins", HeteroBinning.load), _bins_hold, _split, _join)
SELECTION = Target(
    "selection",
    from_file("selection", HeteroSelector.load),
    _selection_holds,
    split_json,
    join_json,
)
SCORECARD = Target(
    "scorecard", from_file("scorecard", Scorecard.load), _card_holds, split_json, join_json
)
