"""Writes authors_code.json: what the authors' targeted dropout leaves of weights, and how their smallify switches go.

Run with models/utils/dropouts.py of github.com/for-ai/TD on the path:
    PYTHONPATH=TD/models/utils python3 make.py COMMIT
The code is for TensorFlow 1; its names are found in TensorFlow 2's compatibility module.
"""

import json
import sys
import types

import numpy as np
import tensorflow
from tensorflow.python.ops.resource_variable_ops import BaseResourceVariable

tf = tensorflow.compat.v1
tf.contrib = types.SimpleNamespace(framework=types.SimpleNamespace(sort=tensorflow.sort))
sys.modules["tensorflow"] = tf
import dropouts  # noqa: E402

rng = np.random.default_rng(5)


def short(values):
    """Nine digits, which say a single-precision number exactly."""
    return [float(f"{v:.9g}") for v in np.asarray(values, np.float32).flatten()]


weights = rng.normal(size=(8, 5)).astype(np.float32)
cases = []
for rate in (0.25, 0.5, 0.75):
    params = types.SimpleNamespace(drop_rate=1.0, targ_rate=rate)
    case = {"gamma": rate}
    for name in ("targeted_weight", "targeted_unit"):
        drop = dropouts.get_dropout(name)
        case[name] = {"evaluation": short(drop(tf.constant(weights), params, False)),
                      "training, all draws drop": short(drop(tf.constant(weights), params, True))}
    cases.append(case)

# Switches that wander around 0, given from outside: the code's variables are set before each step.
STEPS, UNITS = 40, 4
walk = np.cumsum(rng.normal(size=(STEPS, UNITS)) * [0.02, 0.1, 0.3, 0.6], axis=0) + [0.9, 0.3, 0.2, 0.1]
params = types.SimpleNamespace(smallify_thresh=0.5, smallify_mv=0.9)
first = np.abs(walk[0])
trace = []
# TensorFlow 2 has no initialized_value; the first values are set below.
BaseResourceVariable.initialized_value = lambda self: tf.ones(self.shape)
with tf.Graph().as_default():
    tf.enable_resource_variables()
    x = tf.ones([1, UNITS])
    out = dropouts.get_dropout("smallify_dropout")(x, params, True)
    variables = {v.name.split("/")[-1].split(":")[0]: v for v in tf.global_variables()}
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(variables["switch"].assign(np.array([first], np.float32)))
        session.run(variables["exp_avg"].assign(tf.sign(variables["switch"])))
        for row in walk:
            session.run(variables["switch"].assign(np.array([row], np.float32)))
            session.run(out)
            mean, variance, mask = session.run([variables["exp_avg"], variables["exp_std"], variables["mask"]])
            trace.append({"switch": short(row), "mean": short(mean), "variance": short(variance),
                          "alive": [bool(m) for m in mask[0]]})

json.dump({
    "origin": {"code": "github.com/for-ai/TD, models/utils/dropouts.py", "commit": sys.argv[1],
               "run with": f"TensorFlow {tensorflow.__version__}, compatibility module", "made by": "make.py"},
    "shapes": "weights (fan-in 8, units 5) row-major",
    "settings": {"smallify": {"threshold": 0.5, "momentum": 0.9, "first": short(first)}},
    "weights": short(weights),
    "cases": cases,
    "smallify": trace,
}, open("authors_code.json", "w"), separators=(",", ":"))
print(cases[1]["targeted_unit"]["evaluation"][:10], [t["alive"] for t in trace][-1])
m, v = np.sign(first), np.zeros(UNITS)
old = new = 0
for row, t in zip(walk, trace):
    s = np.sign(row)
    v2 = .9 * v + .1 * (s - m) ** 2
    m2 = .9 * m + .1 * s
    v3 = .9 * v + .1 * (s - m2) ** 2
    old = max(old, abs(v2 - t["variance"]).max()); new = max(new, abs(v3 - t["variance"]).max())
    m, v = np.array(t["mean"]), np.array(t["variance"])
print("old mean", old, "new mean", new)
