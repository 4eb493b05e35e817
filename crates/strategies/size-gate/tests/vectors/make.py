"""Writes authors_code.json: the author's size gates and the integral that he penalises, with their gradients.

Run with a checkout of github.com/mitdbg/fastdeepnets on the path:
    PYTHONPATH=fastdeepnets python3 make.py COMMIT
"""

import json
import sys

import torch
from models.MNIST_1h_flexible import MNIST_1h_flexible, compute_loss

torch.manual_seed(7)


def short(values):
    """Nine digits, which say a single-precision number exactly."""
    return [float(f"{v:.9g}") for v in values.detach().flatten().tolist()]


integrals = []
for x0 in (-3.0, 0.0, 0.5, 4.2, 37.0, 99.0, 130.0):
    for k in (0.1, 0.4, 1.0, 3.0):
        at = torch.tensor([x0], dtype=torch.float64, requires_grad=True)
        slope = torch.tensor([k], dtype=torch.float64, requires_grad=True)
        value = compute_loss(slope, at, 100)
        value.backward()
        integrals.append({"x0": x0, "k": k, "value": value.item(), "by x0": at.grad.item()})

INPUTS, UNITS, CLASSES, BATCH, LAMBDA = 6, 8, 3, 10, 0.01
net = MNIST_1h_flexible(UNITS, lambda x: x, x_0=4.5)
# The author's net has the size of MNIST's images; only that is changed.
net.hidden_layer = torch.nn.Linear(INPUTS, UNITS)
net.output_layer = torch.nn.Linear(UNITS, CLASSES)
net.partial_forward = lambda x: net.activation(net.hidden_layer(x))
inputs, labels = torch.randn(BATCH, INPUTS), torch.randint(CLASSES, (BATCH,))
outputs = net(inputs)
loss, penalty = torch.nn.functional.cross_entropy(outputs, labels), LAMBDA * net.loss()
(loss + penalty).backward()

json.dump({
    "origin": {"code": "github.com/mitdbg/fastdeepnets, models/MNIST_1h_flexible.py", "commit": sys.argv[1],
               "run with": f"torch {torch.__version__}", "made by": "make.py"},
    "shapes": "weights (inputs, outputs) row-major; inputs (samples, features); integrals over 100 units",
    "settings": {"x0": 4.5, "k": 0.4, "lambda": LAMBDA},
    "integrals": integrals,
    "inputs": short(inputs), "labels": labels.tolist(),
    "hidden": {"weight": short(net.hidden_layer.weight.T), "bias": short(net.hidden_layer.bias)},
    "logits": {"weight": short(net.output_layer.weight.T), "bias": short(net.output_layer.bias)},
    "gates": short(net.get_scaler()), "outputs": short(outputs), "loss": loss.item(), "penalty": penalty.item(),
    "gradient of x0": net.x_0.grad.item(),
}, open("authors_code.json", "w"), separators=(",", ":"))
print(net.x_0.grad, penalty)
