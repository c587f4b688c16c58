# SPDX-License-Identifier: Apache-2.0
"""The names of ``heu.numpy``."""

from __future__ import annotations

from pyfate_gpu.integrations.heu.array_evaluator import Decryptor, Encryptor, Evaluator
from pyfate_gpu.integrations.heu.array_kits import DestinationHeKit, HeKit, array, setup
from pyfate_gpu.integrations.heu.arrays import (
    CiphertextArray,
    MatrixSerializeFormat,
    PlaintextArray,
    StringArray,
)
from pyfate_gpu.integrations.heu.random_arrays import random
from pyfate_gpu.integrations.heu.shapes import Shape
from pyfate_gpu.integrations.heu.trees import tree_predict, tree_predict_with_indices

Best, Interconnection = MatrixSerializeFormat

__all__ = [
    "Best",
    "CiphertextArray",
    "Decryptor",
    "DestinationHeKit",
    "Encryptor",
    "Evaluator",
    "HeKit",
    "Interconnection",
    "MatrixSerializeFormat",
    "PlaintextArray",
    "Shape",
    "StringArray",
    "array",
    "random",
    "setup",
    "tree_predict",
    "tree_predict_with_indices",
]
