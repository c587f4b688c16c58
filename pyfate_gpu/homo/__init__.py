# SPDX-License-Identifier: Apache-2.0
"""Parties with the same columns: sums of their models, and models trained by such sums."""

from pyfate_gpu.homo.aggregator import SecureAggregator as SecureAggregator
from pyfate_gpu.homo.boosting.classifier import (
    HomoBoostedTreesClassifier as HomoBoostedTreesClassifier,
)
from pyfate_gpu.homo.boosting.regressor import (
    HomoBoostedTreesRegressor as HomoBoostedTreesRegressor,
)
from pyfate_gpu.homo.identities import Identity as Identity
from pyfate_gpu.homo.linear import HomoLinearRegression as HomoLinearRegression
from pyfate_gpu.homo.logistic import HomoLogisticRegression as HomoLogisticRegression
from pyfate_gpu.homo.network import HomoNetworkClassifier as HomoNetworkClassifier
from pyfate_gpu.homo.noise import Noise as Noise
from pyfate_gpu.homo.noise import privacy_spent as privacy_spent
from pyfate_gpu.homo.plan import AggregationPlan as AggregationPlan
from pyfate_gpu.homo.report import AggregationReport as AggregationReport
from pyfate_gpu.homo.rounds import run_round as run_round
