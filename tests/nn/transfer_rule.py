# SPDX-License-Identifier: Apache-2.0
"""Descent of transfer learning in the clear, by derivatives row after row; imports nothing of ours."""

from __future__ import annotations

import numpy as np


def rule(
    a, b, signs, common, *, kappa=0.1, lam=0.01, own=1.0, rate=0.3, momentum=0.9, iterations=4, features=3,
    seeds=(1, 2),
):  # fmt: skip
    """Return both weights, the losses and the centres, given signs [rows, classes], 0 where a row has no label."""
    W, V = (
        np.random.default_rng(seed).normal(size=(x.shape[1], features)) / np.sqrt(x.shape[1])
        for seed, x in zip(seeds, (a, b), strict=True)
    )
    vw, vv, losses = np.zeros_like(W), np.zeros_like(V), []
    labelled = [row for row in range(len(a)) if signs[row].any()]
    n, N = len(common[0]), len(labelled)

    def single(phi, u, row, share):
        """Loss of a row, and its derivatives by the centres and by the representation."""
        dphi, du, loss = np.zeros_like(phi), np.zeros_like(u), 0.0
        for c, s in enumerate(signs[row]):
            z = phi[c] @ u
            loss += share * (np.log(2) - s * z / 2 + z**2 / 8)
            dz = share * (-s / 2 + z / 4)
            dphi[c] += dz * u
            du += dz * phi[c]
        return loss, dphi, du

    for _ in range(iterations):
        uA, uB = a @ W, (b @ V)[common[1]]
        phi = signs.T @ uA / N
        loss = lam / 2 * ((W**2).sum() + (V**2).sum())
        dphi, duA, duB = np.zeros_like(phi), np.zeros_like(uA), np.zeros_like(uB)
        for place, row in enumerate(common[0]):
            part, by_phi, by_u = single(phi, uB[place], row, 1 / n)
            gap = uA[row] - uB[place]
            loss += part + kappa / 2 * gap @ gap / n
            dphi += by_phi
            duB[place] += by_u - kappa * gap / n
            duA[row] += kappa * gap / n
        if own:
            for row in labelled:
                part, by_phi, by_u = single(phi, uA[row], row, own / N)
                loss, dphi = loss + part, dphi + by_phi
                duA[row] += by_u
        duA += signs @ dphi / N
        losses.append(loss)
        vw = momentum * vw + a.T @ duA + lam * W
        vv = momentum * vv + b[common[1]].T @ duB + lam * V
        W, V = W - rate * vw, V - rate * vv
    return W, V, losses, signs.T @ (a @ W) / N
