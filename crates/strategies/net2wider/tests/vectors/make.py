"""Writes equations.json: equations 1 to 3 of the paper for every way to draw the origins of two new units among three.

Computed from Chen, Goodfellow and Shlens 2016 alone, with NumPy: U of the layer and W of the next one for a mapping g,
U'[:, j] = U[:, g(j)] and W'[j, :] = W[g(j), :] / |{x : g(x) = g(j)}|.
    python3 make.py
"""

import itertools
import json

import numpy as np


def short(values):
    """Nine digits, which say a single-precision number exactly."""
    return [float(f"{v:.9g}") for v in np.asarray(values, np.float32).flatten()]


rng = np.random.default_rng(10)
INPUTS, UNITS, NEW, OUTPUTS = 4, 3, 2, 3
U, b, W, c = (rng.normal(size=s).astype(np.float32) for s in ((INPUTS, UNITS), UNITS, (UNITS, OUTPUTS), OUTPUTS))
cases = []
for drawn in itertools.combinations_with_replacement(range(UNITS), NEW):
    # The order of units means nothing to a dense layer: copies stand beside their original here.
    g = sorted(list(range(UNITS)) + list(drawn))
    count = [g.count(unit) for unit in range(UNITS)]
    cases.append({"mapping": g, "hidden": {"weight": short(U[:, g]), "bias": short(b[g])},
                  "logits": {"weight": short(np.stack([W[u] / count[u] for u in g])), "bias": short(c)}})
json.dump({
    "origin": {"source": "Chen, Goodfellow and Shlens, Net2Net, ICLR 2016, equations 1 to 3", "computed by": "make.py",
               "run with": f"NumPy {np.__version__}"},
    "shapes": "weights (inputs, outputs) row-major",
    "hidden": {"weight": short(U), "bias": short(b)}, "logits": {"weight": short(W), "bias": short(c)},
    "cases": cases,
}, open("equations.json", "w"), separators=(",", ":"))
