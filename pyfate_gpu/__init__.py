# SPDX-License-Identifier: Apache-2.0
"""Batched Paillier encryption on arrays, and vertical federated learning on top of it.

Public names load when they are first used: importing the package costs next to nothing.
"""

from __future__ import annotations

import importlib

from pyfate_gpu.moved import install

TYPE_CHECKING = False  # importing it from typing would take longer than all the rest
if TYPE_CHECKING:  # "as" re-exports for type checkers what __getattr__ gives
    from typing import Any

    from pyfate_gpu.backends import available_backends as available_backends
    from pyfate_gpu.backends import backend_info as backend_info
    from pyfate_gpu.backends import use_backend as use_backend
    from pyfate_gpu.binning import HeteroBinning as HeteroBinning
    from pyfate_gpu.binning import HeteroSelector as HeteroSelector
    from pyfate_gpu.binning import Scorecard as Scorecard
    from pyfate_gpu.credit import HeteroScorecard as HeteroScorecard
    from pyfate_gpu.data.binning.binner import Binner as Binner
    from pyfate_gpu.data.selection.selector import Selector as Selector
    from pyfate_gpu.encoding import FixedPointEncoder as FixedPointEncoder
    from pyfate_gpu.encoding import IntegerEncoder as IntegerEncoder
    from pyfate_gpu.encoding import PlaintextArray as PlaintextArray
    from pyfate_gpu.encoding import SlotLayout as SlotLayout
    from pyfate_gpu.errors import PyFateError as PyFateError
    from pyfate_gpu.federation import Channel as Channel
    from pyfate_gpu.federation import Frame as Frame
    from pyfate_gpu.federation import Party as Party
    from pyfate_gpu.federation import Role as Role
    from pyfate_gpu.federation import Session as Session
    from pyfate_gpu.federation import simulate as simulate
    from pyfate_gpu.glm import HeteroLinearRegression as HeteroLinearRegression
    from pyfate_gpu.glm import HeteroLogisticRegression as HeteroLogisticRegression
    from pyfate_gpu.glm import HeteroPoissonRegression as HeteroPoissonRegression
    from pyfate_gpu.he import CiphertextArray as CiphertextArray
    from pyfate_gpu.he import PrivateKey as PrivateKey
    from pyfate_gpu.he import PublicKey as PublicKey
    from pyfate_gpu.he import concatenate as concatenate
    from pyfate_gpu.he import generate_keypair as generate_keypair
    from pyfate_gpu.he import load_private_key as load_private_key
    from pyfate_gpu.he import load_public_key as load_public_key
    from pyfate_gpu.he import save_private_key as save_private_key
    from pyfate_gpu.he import save_public_key as save_public_key
    from pyfate_gpu.homo import AggregationPlan as AggregationPlan
    from pyfate_gpu.homo import HomoBoostedTreesClassifier as HomoBoostedTreesClassifier
    from pyfate_gpu.homo import HomoBoostedTreesRegressor as HomoBoostedTreesRegressor
    from pyfate_gpu.homo import HomoLinearRegression as HomoLinearRegression
    from pyfate_gpu.homo import HomoLogisticRegression as HomoLogisticRegression
    from pyfate_gpu.homo import SecureAggregator as SecureAggregator
    from pyfate_gpu.nn.classifier import HeteroNetworkClassifier as HeteroNetworkClassifier
    from pyfate_gpu.nn.regressor import HeteroNetworkRegressor as HeteroNetworkRegressor
    from pyfate_gpu.nn.transfer import FederatedTransfer as FederatedTransfer
    from pyfate_gpu.sshe import HeteroSSHELinearRegression as HeteroSSHELinearRegression
    from pyfate_gpu.sshe import HeteroSSHELogisticRegression as HeteroSSHELogisticRegression
    from pyfate_gpu.trees import HeteroBoostedTreesClassifier as HeteroBoostedTreesClassifier
    from pyfate_gpu.trees import HeteroBoostedTreesRegressor as HeteroBoostedTreesRegressor

_HOMES = {
    "available_backends": "backends",
    "backend_info": "backends",
    "use_backend": "backends",
    "HeteroBinning": "binning",
    "HeteroSelector": "binning",
    "Scorecard": "binning",
    "HeteroScorecard": "credit",
    "Binner": "data.binning.binner",
    "Selector": "data.selection.selector",
    "FixedPointEncoder": "encoding",
    "IntegerEncoder": "encoding",
    "PlaintextArray": "encoding",
    "SlotLayout": "encoding",
    "PyFateError": "errors",
    "CiphertextArray": "he",
    "PrivateKey": "he",
    "PublicKey": "he",
    "concatenate": "he",
    "generate_keypair": "he",
    "load_private_key": "he",
    "load_public_key": "he",
    "save_private_key": "he",
    "save_public_key": "he",
    "Channel": "federation",
    "Frame": "federation",
    "Party": "federation",
    "Role": "federation",
    "Session": "federation",
    "simulate": "federation",
    "AggregationPlan": "homo",
    "SecureAggregator": "homo",
    "HomoBoostedTreesClassifier": "homo",
    "HomoBoostedTreesRegressor": "homo",
    "HomoLinearRegression": "homo",
    "HomoLogisticRegression": "homo",
    "HeteroLinearRegression": "glm",
    "HeteroLogisticRegression": "glm",
    "HeteroPoissonRegression": "glm",
    "HeteroBoostedTreesClassifier": "trees",
    "HeteroBoostedTreesRegressor": "trees",
    "HeteroNetworkClassifier": "nn.classifier",
    "HeteroNetworkRegressor": "nn.regressor",
    "FederatedTransfer": "nn.transfer",
    "HeteroSSHELinearRegression": "sshe",
    "HeteroSSHELogisticRegression": "sshe",
}

__all__ = [*_HOMES, "__version__"]

install()


def __getattr__(name: str) -> Any:
    """Load a public name from the module it lives in."""
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("pyfate-gpu")
    elif name in _HOMES:
        value = getattr(importlib.import_module(f"pyfate_gpu.{_HOMES[name]}"), name)
    else:
        raise AttributeError(f"module 'pyfate_gpu' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Public names, loaded or not."""
    return sorted(__all__)
