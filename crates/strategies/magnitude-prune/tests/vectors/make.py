"""Writes authors_code.json: weights and units that the pruning of the targeted-dropout paper's code takes out.

Run with models/utils/dropouts.py of github.com/for-ai/TD on the path:
    PYTHONPATH=TD/models/utils python3 make.py COMMIT
The code is for TensorFlow 1; its names are found in TensorFlow 2's compatibility module.
"""

import json
import sys
import types

import numpy as np
import tensorflow

tf = tensorflow.compat.v1
tf.contrib = types.SimpleNamespace(framework=types.SimpleNamespace(sort=tensorflow.sort))
tf.train.get_global_step = lambda: tf.constant(10)
sys.modules["tensorflow"] = tf
import dropouts  # noqa: E402


def short(values):
    """Nine digits, which say a single-precision number exactly."""
    return [float(f"{v:.9g}") for v in np.asarray(values, np.float32).flatten()]


rng = np.random.default_rng(15)
weights = rng.normal(size=(8, 8)).astype(np.float32)
cases = []
for share in (0.0, 0.25, 0.5, 0.75):
    # Beyond the delay both prune: weights of each column by size, whole columns by their norm.
    params = types.SimpleNamespace(targ_rate=share, dropout_delay_steps=5)
    pruned = {name: dropouts.get_dropout(f"delayed_targeted_{name}_prune")(tf.constant(weights), params, True)
              for name in ("weight", "unit")}
    cases.append({"share": share, "weights": short(pruned["weight"]), "units": short(pruned["unit"])})
json.dump({
    "origin": {"code": "github.com/for-ai/TD, models/utils/dropouts.py", "commit": sys.argv[1],
               "run with": f"TensorFlow {tensorflow.__version__}, compatibility module", "made by": "make.py"},
    "shapes": "weights (fan-in 8, units 8) row-major",
    "weights": short(weights),
    "cases": cases,
}, open("authors_code.json", "w"), separators=(",", ":"))
print([sum(w == 0 for w in c["weights"]) for c in cases], [sum(w == 0 for w in c["units"]) for c in cases])
