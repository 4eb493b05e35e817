"""Writes authors_code.json: two units that the authors' grower adds between dense layers.

Run with a checkout of github.com/google-research/growneuron on the path, and Keras 2 as `tf_keras`:
    TF_USE_LEGACY_KERAS=1 PYTHONPATH=growneuron python3 make.py COMMIT
"""

import json
import sys
import types

import numpy as np
import scipy
import scipy.sparse.linalg
import tensorflow as tf

# The code is for an older SciPy, where the same function lay elsewhere.
sys.modules["scipy.sparse.linalg.eigen"] = types.SimpleNamespace(
    arpack=types.SimpleNamespace(svds=lambda matrix, **named: scipy.sparse.linalg.svds(np.asarray(matrix), **named)))
from growneuron import growers, layers  # noqa: E402

INPUTS, UNITS, OUTPUTS, BATCH, NEW = 6, 5, 4, 12, 2
tf.random.set_seed(9)
rng = np.random.default_rng(9)
hidden = layers.GrowLayer(tf.keras.layers.Dense(UNITS), activation="tanh")
out = layers.GrowLayer(tf.keras.layers.Dense(OUTPUTS))
inputs = rng.normal(size=(BATCH, INPUTS)).astype(np.float32)
targets = rng.normal(size=(BATCH, OUTPUTS)).astype(np.float32)


def loss(batch):
    return tf.reduce_mean((out(hidden(batch[0])) - batch[1]) ** 2)


def short(values):
    """Nine digits, which say a single-precision number exactly."""
    return [float(f"{v:.9g}") for v in np.asarray(values, np.float32).flatten()]


def dump(layer):
    weight, bias = layer.layer.get_weights()
    return {"weight": short(weight), "bias": short(bias)}


batch = (tf.constant(inputs), tf.constant(targets))
loss(batch)
for layer in (hidden, out):
    layer.layer.bias.assign(0.1 * rng.normal(size=layer.layer.bias.shape))
before = [dump(hidden), dump(out)]
grower = growers.AddGradmax()
grower.strategy, grower.loss_fn, grower.compile_fn = tf.distribute.get_strategy(), loss, lambda: None
squares, _ = grower.get_growth_directions(batch, [(hidden, out)], [NEW])[0]
grower.grow_neurons((hidden, out), batch, n_new=NEW, scale=1.0)
json.dump({
    "origin": {"code": "github.com/google-research/growneuron, growers.py (AddGradmax)", "commit": sys.argv[1],
               "run with": f"TensorFlow {tf.__version__}, SciPy {scipy.__version__}", "made by": "make.py"},
    "shapes": "weights (inputs, outputs) row-major; inputs and targets (samples, features); loss: mean squared error",
    "settings": {"new units": NEW, "scale": 1, "scale_method": "mean_norm", "epsilon": 0, "activation": "tanh"},
    "inputs": short(inputs), "targets": short(targets), "before": before, "loss": float(loss(batch)),
    "squared singular values": [float(s) for s in squares],
    "after": [dump(hidden), dump(out)],
}, open("authors_code.json", "w"), separators=(",", ":"))
print(squares, out.layer.get_weights()[0])
