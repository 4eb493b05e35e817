"""Writes equations.json: which of several initialisations the study's dice roll means to keep, and which it kept.

Computed with NumPy from the study's text (CerebralSeed, Neuron splitting with dice roll, 2021): the roll with the lowest
summed loss over its batches wins. As its code stood, nothing was restored, so that the last roll was trained on.
    python3 make.py
"""

import json

import numpy as np

rng = np.random.default_rng(13)
cases = []
for rolls, batches in ((2, 10), (10, 10), (30, 10)):
    losses = rng.lognormal(0.8, 0.1, size=(rolls, batches))
    total = losses.sum(1)
    cases.append({"losses": (total / batches).tolist(), "best": int(np.argmin(total)), "kept by the study's code": rolls - 1})
json.dump({
    "origin": {"source": "CerebralSeed, Neuron splitting with dice roll (2021)", "computed by": "make.py",
               "run with": f"NumPy {np.__version__}"},
    "shapes": "the mean loss of each roll over its batches, in the order of the rolls",
    "cases": cases,
}, open("equations.json", "w"), separators=(",", ":"))
print([(c["best"], len(c["losses"])) for c in cases])
