"""Writes numpy.json: the closed form of Verbockhaven et al. (2024) by NumPy's own least squares, inverse root and SVD.

    python3 make.py
"""

import json
from pathlib import Path

import numpy as np

SAMPLES, INPUTS, UNITS, OUTPUTS, NEW = 40, 6, 3, 4, 3
rng = np.random.default_rng(17)
inputs = np.column_stack([rng.normal(size=(SAMPLES, INPUTS)) @ rng.normal(size=(INPUTS, INPUTS)), np.ones(SAMPLES)])
weights = rng.normal(size=(INPUTS + 1, UNITS))
emitted = np.column_stack([np.maximum(inputs @ weights, 0), np.ones(SAMPLES)])
desired = rng.normal(size=(SAMPLES, OUTPUTS)) + inputs[:, :OUTPUTS]

left = desired - emitted @ np.linalg.lstsq(emitted, desired, rcond=None)[0]
second = inputs.T @ inputs / SAMPLES
# The inverse root by the Cholesky factor would be another whitening: the symmetric one is the paper's.
values, vectors = np.linalg.eigh(second)
root = vectors @ np.diag(values ** -0.5) @ vectors.T
u, s, vt = np.linalg.svd(root @ (inputs.T @ left / SAMPLES), full_matrices=False)
fan_in = (root @ u[:, :NEW]) * np.sqrt(s[:NEW])
fan_out = vt[:NEW].T * np.sqrt(s[:NEW])

Path(__file__).with_name("numpy.json").write_text(json.dumps({
    "origin": f"make.py, NumPy {np.__version__}, from the paper alone",
    "samples": SAMPLES,
    "inputs": inputs.ravel().tolist(),
    "emitted": emitted.ravel().tolist(),
    "desired": desired.ravel().tolist(),
    "strengths": s[:NEW].tolist(),
    "fan_in": fan_in.T.tolist(),
    "fan_out": fan_out.T.tolist(),
}, indent=1) + "\n")
