"""Writes equations.json: which unit each rule of the study splits, and the weights that a split makes.

Computed with NumPy from the study's formulas (ilaiw, neuron-split, 2021): ablation silences a unit and scales the others by
H/(H - 1); firing rates are shares of samples with an activation above 0; draws alpha, beta, gamma, delta become a split
after a division by the root of alpha*gamma + beta*delta.
    python3 make.py
"""

import json

import numpy as np


def short(values):
    """Nine digits, which say a single-precision number exactly."""
    return [float(f"{v:.9g}") for v in np.asarray(values, np.float32).flatten()]


rng = np.random.default_rng(11)
INPUTS, UNITS, OUTPUTS, SAMPLES = 5, 6, 3, 40
U, W = rng.normal(size=(INPUTS, UNITS)).astype(np.float32), rng.normal(size=(UNITS, OUTPUTS)).astype(np.float32)
b, c = np.array([1.5, -0.4, 0.1, -1.2, 0.6, 0.0], np.float32), rng.normal(size=OUTPUTS).astype(np.float32)
x, labels = rng.normal(size=(SAMPLES, INPUTS)).astype(np.float32), rng.integers(OUTPUTS, size=SAMPLES)
h = np.maximum(x.astype(np.float64) @ U + b, 0)


def loss(activations):
    z = activations @ W.astype(np.float64) + c
    z -= z.max(1, keepdims=True)
    return float(np.mean(np.log(np.exp(z).sum(1)) - z[np.arange(SAMPLES), labels]))


losses = [loss(h * np.where(np.arange(UNITS) == u, 0.0, UNITS / (UNITS - 1))) for u in range(UNITS)]
rates = (h > 0).mean(0)
chosen = {"max_ablation_loss": int(np.argmax(losses)), "min_ablation_loss": int(np.argmin(losses)), "max_firing_rate": int(np.argmax(rates)),
          "min_firing_rate": int(np.argmin(rates)), "half_firing_rate": int(np.argmin((0.5 - rates) ** 2))}
splits = []
for unit, draws in ((2, (0.5, 0.93, 0.81, 0.62)), (5, (0.99, 0.51, 0.7, 0.7))):
    alpha, beta, gamma, delta = np.array(draws) / np.sqrt(draws[0] * draws[2] + draws[1] * draws[3])
    columns = lambda m: np.insert(m.astype(np.float64), unit, m[..., unit], axis=-1)  # noqa: E731
    new_U, new_b, new_W = columns(U), columns(b), columns(W.T).T
    for place, (a, g) in enumerate(((alpha, gamma), (beta, delta))):
        new_U[:, unit + place] *= a
        new_b[unit + place] *= a
        new_W[unit + place] *= g
    splits.append({"unit": unit, "incoming": [alpha, beta], "outgoing": [gamma, delta],
                   "hidden": {"weight": short(new_U), "bias": short(new_b)},
                   "logits": {"weight": short(new_W), "bias": short(c)}})
json.dump({
    "origin": {"source": "ilaiw, neuron-split (notebook, 2021): formulas and rules as its text gives them",
               "computed by": "make.py", "run with": f"NumPy {np.__version__}"},
    "shapes": "weights (inputs, outputs) row-major; inputs (samples, features)",
    "hidden": {"weight": short(U), "bias": short(b)}, "logits": {"weight": short(W), "bias": short(c)},
    "inputs": short(x), "labels": labels.tolist(), "ablation losses": losses, "firing rates": rates.tolist(),
    "chosen": chosen, "splits": splits,
}, open("equations.json", "w"), separators=(",", ":"))
print(losses, rates, chosen)
