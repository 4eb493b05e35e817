"""Writes authors_code.json: what the authors' recycler does to a small perceptron.

Run with dopamine/labs/redo/weight_recyclers.py of github.com/google/dopamine on the path:
    PYTHONPATH=dopamine/labs/redo python3 make.py COMMIT
"""

import json
import sys

import flax
import jax
import numpy as np
import optax
from weight_recyclers import NeuronRecycler

THRESHOLD, BATCH, WIDTHS = 0.1, 6, [3, 6, 5, 2]
rng = np.random.default_rng(4)


def short(values):
    """Nine digits, which say a single-precision number exactly."""
    return [float(f"{v:.9g}") for v in np.asarray(values, np.float32).flatten()]


names = ["hidden1", "hidden2", "logits"]
layers = [{"kernel": rng.normal(size=(i, o)).astype(np.float32), "bias": (0.3 * rng.normal(size=o)).astype(np.float32)}
          for i, o in zip(WIDTHS, WIDTHS[1:])]
# A unit that never fires, one that fires on little, one that always fires.
layers[0]["bias"][1] = -30
layers[0]["kernel"][:, 4] *= 0.01
layers[0]["bias"][4] = 0.05
layers[1]["bias"][3] = -30
layers[1]["bias"][0] = 3
inputs = rng.normal(size=(BATCH, WIDTHS[0])).astype(np.float32)
first = np.maximum(inputs @ layers[0]["kernel"] + layers[0]["bias"], 0)
second = np.maximum(first @ layers[1]["kernel"] + layers[1]["bias"], 0)
params = flax.core.freeze({"params": dict(zip(names, layers))})
optimizer = optax.adam(1e-3)
state = optimizer.init(params)
ones = jax.tree.map(np.ones_like, params)
_, state = optimizer.update(ones, state, params)
activations = {"hidden1_act": {"__call__": [first]}, "hidden2_act": {"__call__": [second]}}
recycler = NeuronRecycler(names, dead_neurons_threshold=THRESHOLD, network="mlp")
scores = [recycler.estimate_neuron_score(a) for a in (first, second)]
after, new_state = recycler.update_weights(activations, params, jax.random.PRNGKey(0), state)
moment = new_state[0].mu["params"]


def dump(tree):
    return [{"weight": short(tree[n]["kernel"]), "bias": short(tree[n]["bias"])} for n in names]


json.dump({
    "origin": {"code": "github.com/google/dopamine, dopamine/labs/redo/weight_recyclers.py, NeuronRecycler",
               "commit": sys.argv[1], "run with": f"jax {jax.__version__}, flax {flax.__version__}", "made by": "make.py"},
    "shapes": "weights (inputs, outputs) row-major per layer; `moment` is Adam's first moment, all 0.1 before",
    "settings": {"threshold": THRESHOLD, "initialisation of fan-in": "xavier uniform", "of fan-out": "zero"},
    "inputs": short(inputs),
    "before": dump(params["params"]),
    "scores": [short(s) for s in scores],
    "recycled": [[int(u) for u in np.flatnonzero(np.asarray(s) <= THRESHOLD)] for s in scores],
    "after": dump(after["params"]),
    "moment": dump(moment),
}, open("authors_code.json", "w"), separators=(",", ":"))
print([s.tolist() for s in scores])
print(np.asarray(after["params"]["hidden1"]["bias"]), np.asarray(moment["hidden2"]["kernel"]))
