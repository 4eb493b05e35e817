"""Writes authors_code.json: a gated perceptron of the author's, one gradient step of it, and his sign filter.

Run with a checkout of github.com/mitdbg/fastdeepnets on the path:
    PYTHONPATH=fastdeepnets python3 make.py COMMIT
"""

import json
import sys

import torch
from dynnet.filters import SmoothFilter
from models.MNIST_1h_sparsifier import MNIST_1h_sparsifier

LAMBDA, RATE, INPUTS, UNITS, CLASSES, BATCH = 0.05, 0.1, 6, 8, 3, 10
torch.manual_seed(6)


def short(values):
    """Nine digits, which say a single-precision number exactly."""
    return [float(f"{v:.9g}") for v in values.detach().flatten().tolist()]


def case(strict):
    net = MNIST_1h_sparsifier(UNITS, strict=strict)
    # The author's net has the size of MNIST's images; only that is changed.
    net.hidden_layer = torch.nn.Linear(INPUTS, UNITS)
    net.output_layer = torch.nn.Linear(UNITS, CLASSES)
    net.partial_forward = lambda x: net.activation(net.hidden_layer(x)) * net.get_filter()
    net.filter.data.copy_(torch.tensor([1.0, 0.5, 0.02, -0.3, 0.0, 0.8, -0.01, 0.004]))
    optimizer = torch.optim.SGD(net.parameters(), lr=RATE)
    inputs, labels = torch.randn(BATCH, INPUTS), torch.randint(CLASSES, (BATCH,))
    found = {"strict": strict, "inputs": short(inputs), "labels": labels.tolist(),
             "hidden": {"weight": short(net.hidden_layer.weight.T), "bias": short(net.hidden_layer.bias)},
             "logits": {"weight": short(net.output_layer.weight.T), "bias": short(net.output_layer.bias)},
             "filter": short(net.filter)}
    outputs = net(inputs)
    loss, penalty = torch.nn.functional.cross_entropy(outputs, labels), LAMBDA * net.loss()
    found |= {"outputs": short(outputs), "loss": loss.item(), "penalty": penalty.item()}
    optimizer.zero_grad()
    (loss + penalty).backward()
    optimizer.step()
    return found | {"gradient": short(net.filter.grad), "filter after": short(net.filter),
                    "alive after": (net.filter > 0).tolist()}


STEPS = 60
walk = torch.cumsum(torch.randn(STEPS, 4) * torch.tensor([0.02, 0.1, 0.3, 0.6]), 0) + torch.tensor([0.9, 0.3, 0.2, 0.1])
# Made without the graph that the filter would stand in: only its statistics run.
smooth = SmoothFilter.__new__(SmoothFilter)
torch.nn.Module.__init__(smooth)
smooth.gamma, smooth.threshold = 0.9, 0.5
smooth.weight = torch.nn.Parameter(walk[0].clone())
smooth.exp_avg, smooth.exp_std = walk[0].sign(), torch.zeros(4)
smooth.mask = torch.ones(4, dtype=torch.uint8)
trace = []
for row in walk:
    smooth.weight.data.copy_(row)
    smooth.update_statistics()
    trace.append({"value": short(row), "mean": short(smooth.exp_avg), "variance": short(smooth.exp_std),
                  "alive": [bool(m) for m in smooth.mask]})

json.dump({
    "origin": {"code": "github.com/mitdbg/fastdeepnets, models/MNIST_1h_sparsifier.py and dynnet/filters.py",
               "commit": sys.argv[1], "run with": f"torch {torch.__version__}", "made by": "make.py"},
    "shapes": "weights (inputs, outputs) row-major; inputs (samples, features)",
    "settings": {"lambda": LAMBDA, "rate": RATE, "gamma": 0.9, "threshold": 0.5},
    "cases": [case(True), case(False)],
    "sign filter": trace,
}, open("authors_code.json", "w"), separators=(",", ":"))
print([t["alive"] for t in trace][::10])
