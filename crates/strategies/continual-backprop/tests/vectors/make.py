"""Writes authors_code.json: decisions of the authors' generate-and-test on a small perceptron that learns.

Run with a checkout of github.com/shibhansh/loss-of-plasticity on the path:
    PYTHONPATH=loss-of-plasticity python3 make.py COMMIT
"""

import json
import sys

import torch
from lop.algos.gnt import GnT

DECAY, RATE, MATURITY, STEPS, BATCH = 0.9, 0.08, 4, 24, 8


def short(values):
    """Nine digits, which say a single-precision number exactly."""
    return [short(v) for v in values] if isinstance(values, list) else float(f"{values:.9g}")


def run(keep_mean):
    """Trains for some steps; `keep_mean` undoes that the code forgets a unit's mean just before it would move it."""
    torch.manual_seed(3)
    layers = [torch.nn.Linear(3, 5), torch.nn.ReLU(), torch.nn.Linear(5, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2)]
    for k in (0, 2):
        torch.nn.init.constant_(layers[k].bias, 0.5)  # Few units die, so that no two have a utility of 0.
    optimizer = torch.optim.SGD([p for k in (0, 2, 4) for p in layers[k].parameters()], lr=0.05)
    test = GnT(layers, "relu", optimizer, decay_rate=DECAY, replacement_rate=RATE, maturity_threshold=MATURITY,
               accumulate=True)
    teacher = torch.randn(3, 2)

    def weights():
        return [{"weight": short(layers[k].weight.detach().T.flatten().tolist()),
                 "bias": short(layers[k].bias.detach().tolist())} for k in (0, 2, 4)]

    start, steps = weights(), []
    for _ in range(STEPS):
        inputs = torch.randn(BATCH, 3)
        first = torch.relu(layers[0](inputs))
        second = torch.relu(layers[2](first))
        loss = ((layers[4](second) - inputs @ teacher) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        learned = weights()
        means = [DECAY * m + (1 - DECAY) * f.detach().mean(0) for m, f in zip(test.mean_feature_act, (first, second))]
        replaced, numbers = test.test_features([first.detach(), second.detach()])
        utility = [u.tolist() for u in test.bias_corrected_util]
        for units, values in zip(replaced, utility):
            ranks = sorted(values[u] for u in range(len(values)))
            assert len(units) == 0 or min(b - a for a, b in zip(ranks, ranks[1:])) > 1e-5, "a tie, which nothing decides"
        forgotten = test.mean_feature_act
        if keep_mean:
            test.mean_feature_act = means
        test.gen_new_features(replaced, numbers)
        test.mean_feature_act = forgotten
        steps.append({"inputs": short(inputs.flatten().tolist()), "learned": learned, "utility": short(utility),
                      "replaced": [sorted(r.tolist()) for r in replaced], "after": weights()})
    print([s["replaced"] for s in steps])
    return {"start": start, "steps": steps}


json.dump({
    "origin": {"code": "github.com/shibhansh/loss-of-plasticity, lop/algos/gnt.py", "commit": sys.argv[1],
               "run with": f"torch {torch.__version__}", "made by": "make.py"},
    "shapes": "weights (inputs, outputs) row-major per layer; `learned` is after the gradient step, "
              "`after` after the replacement; utilities are per mean fan-out weight",
    "settings": {"decay": DECAY, "replacement": RATE, "maturity": MATURITY, "accumulate": True, "init": "kaiming"},
    "note": "The code sets the mean activation of a replaced unit to 0 and then moves it into the next layer's biases, so "
            "that nothing moves. `as it runs` is the code as it stands, `mean kept` with the mean of before the reset.",
    "as it runs": run(False),
    "mean kept": run(True),
}, open("authors_code.json", "w"), separators=(",", ":"))
