"""Writes numpy.json: scores, counts and choices of Liu et al. (2025) for whole units, by NumPy from the paper's formulas alone.

    python3 make.py
"""

import json
from pathlib import Path

import numpy as np

WIDTHS, SAMPLES, CANDIDATES, KEPT, TAU = [4, 6, 5, 3], 24, 9, 3, 0.1
FULL, FIRST, ZETA, OMEGA, HORIZON, FLOOR = 30, 6, 0.5, 0.4, 12, 0.2
rng = np.random.default_rng(23)


def short(values):
    """Nine digits, which say a single-precision number exactly."""
    return [float(f"{v:.9g}") for v in np.asarray(values, np.float32).flatten()]


def single(values):
    return np.asarray(values, np.float32).astype(np.float64)


weights = [single(rng.normal(size=(i, o))) for i, o in zip(WIDTHS, WIDTHS[1:])]
biases = [single(0.3 * rng.normal(size=o)) for o in WIDTHS[1:]]
# Two units that never fire, and one that hardly does.
biases[0][2], biases[1][0] = -30, -30
weights[0][:, 4] *= 0.01
weights[0][:, 4], biases[0][4] = single(weights[0][:, 4]), single([0.02])[0]
inputs = single(rng.normal(size=(SAMPLES, WIDTHS[0])))
labels = rng.integers(0, WIDTHS[-1], SAMPLES)
fan_in = single(rng.normal(size=(CANDIDATES, WIDTHS[0])))
bias = single(0.3 * rng.normal(size=CANDIDATES))

hidden = []
below = inputs
for weight, shift in zip(weights[:-1], biases[:-1]):
    below = np.maximum(below @ weight + shift, 0)
    hidden.append(below)
logits = hidden[-1] @ weights[-1] + biases[-1]

# The dormancy score of a unit is its mean activity over the mean of its layer's.
scores = [np.abs(h).mean(0) / np.abs(h).mean(0).mean() for h in hidden]
dormant = [[int(u) for u in np.argsort(s, kind="stable") if s[u] <= TAU] for s in scores]

# The gradient of the mean cross-entropy at the second layer's pre-activations, and at absent weights into them.
share = np.exp(logits - logits.max(1, keepdims=True))
share /= share.sum(1, keepdims=True)
error = (share - np.eye(WIDTHS[-1])[labels]) / SAMPLES
above = (error @ weights[-1].T) * (hidden[1] > 0)
emitted = np.maximum(inputs @ fan_in.T + bias, 0)
potentials = np.abs(emitted.T @ above).sum(1)

# Units that join fall by half a cosine; of these at most a share leaves.
room = FULL - FIRST
join = [int(np.floor(ZETA / 2 * (1 + np.cos(np.pi * t / HORIZON)) * room)) if t < HORIZON else 0 for t in range(HORIZON + 2)]
fluctuations = [(0.3, 0.3), (0.3, 0.1), (0.0, 0.5), (1.0, 0.0)]

Path(__file__).with_name("numpy.json").write_text(json.dumps({
    "origin": f"make.py, NumPy {np.__version__}, from the paper's formulas, for whole units",
    "settings": {"full": FULL, "first": FIRST, "growth": ZETA, "prune_share": OMEGA, "horizon": HORIZON, "threshold": TAU,
                 "review_floor": FLOOR},
    "inputs": short(inputs),
    "labels": labels.tolist(),
    "weights": [short(w) for w in weights],
    "biases": [short(b) for b in biases],
    "scores": [s.tolist() for s in scores],
    "dormant": dormant,
    "fan_in": [short(f) for f in fan_in],
    "bias": short(bias),
    "potentials": potentials.tolist(),
    "kept": [int(k) for k in np.argsort(-potentials, kind="stable")[:KEPT]],
    "join": join,
    "leave": [int(np.floor(OMEGA * n)) for n in join],
    "fluctuations": fluctuations,
    "reviewed": [max(0.0, 1 - FLOOR - abs(b - a)) for a, b in fluctuations],
}, indent=1) + "\n")
