"""Writes equations.json: scores, splits and removals of the study's rule after four batches, and the weights it makes.

Computed with NumPy from the study's rule (CerebralSeed, Neuron splitting with dice roll, 2021): the score of a unit is
the mean of |dL/db| over the batches; it is split above mean * (1 + cutoffadd), removed below mean * (1 - cutoffrem); a copy
has the fan-in of its original, its bias times 1 + splits/1000, and both have half of the fan-out.
    python3 make.py
"""

import json

import numpy as np


def short(values):
    """Nine digits, which say a single-precision number exactly."""
    return [float(f"{v:.9g}") for v in np.asarray(values, np.float32).flatten()]


rng = np.random.default_rng(12)
INPUTS, UNITS, OUTPUTS, BATCH, BATCHES = 5, 8, 3, 6, 4
ADD, REMOVE, JITTER = 0.3, 0.8, 1e-3
U, W = rng.normal(size=(INPUTS, UNITS)).astype(np.float32), rng.normal(size=(UNITS, OUTPUTS)).astype(np.float32)
b, c = rng.normal(size=UNITS).astype(np.float32), rng.normal(size=OUTPUTS).astype(np.float32)
W[1] *= 0.02  # A unit that hardly counts has a small gradient.
x = rng.normal(size=(BATCH * BATCHES, INPUTS)).astype(np.float32)
labels = rng.integers(OUTPUTS, size=BATCH * BATCHES)
scores = np.zeros(UNITS)
for k in range(BATCHES):
    rows = slice(k * BATCH, (k + 1) * BATCH)
    h = np.maximum(x[rows].astype(np.float64) @ U + b, 0)
    z = h @ W.astype(np.float64) + c
    p = np.exp(z - z.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    p[np.arange(BATCH), labels[rows]] -= 1
    scores += np.abs(((p / BATCH) @ W.T.astype(np.float64) * (h > 0)).sum(0)) / BATCHES
split = np.flatnonzero(scores > scores.mean() * (1 + ADD))
remove = np.flatnonzero(scores < scores.mean() * (1 - REMOVE))
assert len(split) and len(remove), scores


def grown(shares, jitter):
    new_U, new_b, new_W = [], [], []
    for unit in range(UNITS):
        if unit in remove:
            continue
        for copy, share in enumerate(shares if unit in split else [1.0]):
            new_U.append(U[:, unit].astype(np.float64))
            new_b.append(b[unit] * (1 + jitter * (copy > 0)))
            new_W.append(W[unit] * share)
    return {"hidden": {"weight": short(np.stack(new_U, 1)), "bias": short(new_b)},
            "logits": {"weight": short(np.stack(new_W)), "bias": short(c)}}


json.dump({
    "origin": {"source": "CerebralSeed, Neuron splitting with dice roll (2021): rules as its text and code state them",
               "computed by": "make.py", "run with": f"NumPy {np.__version__}"},
    "shapes": "weights (inputs, outputs) row-major; inputs (samples, features); the original stands before its copy",
    "settings": {"cutoffadd": ADD, "cutoffrem": REMOVE, "splits": 1, "batch": BATCH},
    "hidden": {"weight": short(U), "bias": short(b)}, "logits": {"weight": short(W), "bias": short(c)},
    "inputs": short(x), "labels": labels.tolist(), "scores": scores.tolist(),
    "split": split.tolist(), "remove": remove.tolist(),
    "legacy": grown([0.5, 0.5], JITTER), "uneven shares of a third and two thirds": grown([1 / 3, 2 / 3], 0.0),
}, open("equations.json", "w"), separators=(",", ":"))
print(scores, split, remove)
