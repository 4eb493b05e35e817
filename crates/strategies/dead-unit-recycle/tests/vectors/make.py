"""Writes equations.json: dead units that become copies of living ones.

Computed with NumPy from the thread's idea (Splitting neurons, best practice, PyTorch forum): a unit that is 0 on every
sample takes the fan-in of a living one; the living one's fan-out is shared between the two, in parts with sum 1, and the dead
one's old fan-out is dropped. The thread leaves the donor open; here it is the unit that fires most, for the first dead unit,
then the next.
    python3 make.py
"""

import json

import numpy as np


def short(values):
    """Nine digits, which say a single-precision number exactly."""
    return [float(f"{v:.9g}") for v in np.asarray(values, np.float32).flatten()]


rng = np.random.default_rng(14)
INPUTS, UNITS, OUTPUTS, SAMPLES = 5, 7, 3, 24
U, W = rng.normal(size=(INPUTS, UNITS)).astype(np.float32), rng.normal(size=(UNITS, OUTPUTS)).astype(np.float32)
b, c = np.array([0.5, -40, 1.5, -0.5, -40, 0.1, -1], np.float32), rng.normal(size=OUTPUTS).astype(np.float32)
x = rng.normal(size=(SAMPLES, INPUTS)).astype(np.float32)
h = np.maximum(x.astype(np.float64) @ U + b, 0)
rates = (h > 0).mean(0)
dead = np.flatnonzero(rates == 0)
donors = np.argsort(-rates, kind="stable")[: len(dead)]


def recycled(donors_part):
    new_U, new_b, new_W = U.copy(), b.copy(), W.astype(np.float64)
    for unit, donor in zip(dead, donors):
        new_U[:, unit], new_b[unit] = U[:, donor], b[donor]
        new_W[unit], new_W[donor] = W[donor] * (1 - donors_part), W[donor] * donors_part
    outputs = np.maximum(x.astype(np.float64) @ new_U + new_b, 0) @ new_W + c
    assert np.allclose(outputs, h @ W.astype(np.float64) + c)
    return {"hidden": {"weight": short(new_U), "bias": short(new_b)}, "logits": {"weight": short(new_W), "bias": short(c)}}


json.dump({
    "origin": {"source": "Splitting neurons, best practice (PyTorch forum thread)", "computed by": "make.py",
               "run with": f"NumPy {np.__version__}"},
    "shapes": "weights (inputs, outputs) row-major; inputs (samples, features)",
    "hidden": {"weight": short(U), "bias": short(b)}, "logits": {"weight": short(W), "bias": short(c)},
    "inputs": short(x), "dead": dead.tolist(), "donors": donors.tolist(), "firing rates": rates.tolist(),
    "halves": recycled(0.5), "two thirds for the donor": recycled(2 / 3),
}, open("equations.json", "w"), separators=(",", ":"))
print(dead, donors, rates)
