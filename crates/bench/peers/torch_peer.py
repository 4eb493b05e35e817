"""PyTorch, in the ways in which it does the work well.

eager, fused, compile   models one after the other, each in bursts of steps; `fused` is Adam's one-pass form,
                        `compile` adds torch.compile of forward and loss
channels_last[_compile] as fused (and compile), images and weights of convolutions in channels_last
stack[_compile]         all models as one net of stacked weights: baddbmm
vmap                    torch.func.vmap over the models' gradients, one Adam on the stacked weights
wide_own                all models side by side in one wide linear layer whose blocks off the diagonal are masked
wide_shared             the same where all models see the same batch: LESS WORK than the others do
"""

import numpy as np

import measuring

WAYS = [
    "eager", "fused", "compile", "channels_last", "channels_last_compile",
    "stack", "stack_compile", "vmap", "wide_own", "wide_shared",
]
OPTIONS = measuring.arguments(WAYS)

import torch  # noqa: E402  (after pinning)
import torch.nn.functional as F  # noqa: E402

torch.set_num_threads(OPTIONS.threads)
torch.set_num_interop_threads(1)


class Cnn(torch.nn.Module):
    """Convolutions 3x3 that keep the map, each with ReLU and a 2x2 max pool, then dense layers."""

    def __init__(self, channels, hidden, layout):
        super().__init__()
        self.layout = layout
        ins = [1, *channels]
        self.convs = torch.nn.ModuleList(torch.nn.Conv2d(a, b, 3, padding=1) for a, b in zip(ins, channels))
        side = 28 // 2 ** len(channels)
        self.head = dense([side * side * channels[-1], *hidden, 10])

    def forward(self, x):
        x = x.view(-1, 1, 28, 28).contiguous(memory_format=self.layout)
        for conv in self.convs:
            x = F.max_pool2d(F.relu(conv(x)), 2)
        return self.head(torch.flatten(x, 1))


def dense(widths):
    layers = []
    for a, b in zip(widths, widths[1:]):
        layers += [torch.nn.Linear(a, b), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def network(net, way):
    if net["kind"] == "mlp":
        return dense([784, *net["hidden"], 10])
    last = way.startswith("channels_last")
    layout = torch.channels_last if last else torch.contiguous_format
    return Cnn(net["channels"], net["hidden"], layout).to(memory_format=layout)


class OneByOne:
    """Models that take turns, a burst of steps each."""

    def __init__(self, request, images, labels):
        self.images, self.labels, self.turn = images, labels, 0
        self.train = request["mode"] == "train"
        self.steps = request.get("burst", 20)
        way = OPTIONS.way
        self.models = []
        for k in range(request["models"]):
            net = network(request["net"], way)
            adam = torch.optim.Adam(net.parameters(), lr=1e-3, fused=way != "eager")
            order = measuring.Order(len(images), request["batch"], [request["seed"], k])
            evaluate = lambda x, y, net=net: F.cross_entropy(net(x), y)
            infer = net
            if way.endswith("compile"):
                torch._dynamo.reset()
                evaluate, infer = torch.compile(evaluate), torch.compile(net)
            self.models.append((net, adam, order, evaluate, infer))

    def batch(self, order):
        rows = torch.from_numpy(order.next())
        return self.images[rows], self.labels[rows]

    def burst(self):
        net, adam, order, evaluate, infer = self.models[self.turn]
        self.turn = (self.turn + 1) % len(self.models)
        for _ in range(self.steps):
            x, y = self.batch(order)
            if not self.train:
                with torch.inference_mode():
                    self.last = infer(x).sum()
                continue
            adam.zero_grad(set_to_none=True)
            self.last = evaluate(x, y)
            self.last.backward()
            adam.step()
        return self.steps

    def extra(self):
        return {"loss": float(self.last.detach())}


class Stacked:
    """All models as one net; subclasses say how the losses, summed over models, are computed."""

    def __init__(self, request, images, labels):
        assert request["net"]["kind"] == "mlp" and request["mode"] == "train"
        self.images, self.labels = images, labels
        self.count, self.size = request["models"], request["batch"]
        self.orders = [measuring.Order(len(images), self.size, [request["seed"], k]) for k in range(self.count)]
        nets = [dense([784, *request["net"]["hidden"], 10]) for _ in range(self.count)]
        linears = zip(*[[m for m in net if isinstance(m, torch.nn.Linear)] for net in nets])
        self.build([list(layer) for layer in linears])
        self.adam = torch.optim.Adam(self.parameters, lr=1e-3, fused=True)
        self.evaluate = self.losses
        if OPTIONS.way.endswith("compile"):
            torch._dynamo.reset()
            self.evaluate = torch.compile(self.losses)

    def batch(self):
        rows = torch.from_numpy(np.concatenate([order.next() for order in self.orders]))
        return self.images[rows].view(self.count, self.size, 784), self.labels[rows]

    def burst(self):
        for _ in range(5):
            x, y = self.batch()
            self.adam.zero_grad(set_to_none=True)
            self.last = self.evaluate(x, y)
            self.last.backward()
            self.adam.step()
        return 5 * self.count

    def extra(self):
        return {"loss": float(self.last.detach()) / self.count}


class Baddbmm(Stacked):
    def build(self, layers):
        self.layers = [
            (
                torch.stack([m.weight.detach().T for m in layer]).contiguous().requires_grad_(),
                torch.stack([m.bias.detach() for m in layer]).unsqueeze(1).contiguous().requires_grad_(),
            )
            for layer in layers
        ]
        self.parameters = [p for layer in self.layers for p in layer]

    def losses(self, x, y):
        for k, (weight, bias) in enumerate(self.layers):
            x = torch.baddbmm(bias, x, weight)
            if k + 1 < len(self.layers):
                x = F.relu(x)
        return F.cross_entropy(x.reshape(-1, x.shape[-1]), y) * self.count


class Vmap(Stacked):
    def build(self, layers):
        self.parameters = []
        for layer in layers:
            self.parameters.append(torch.stack([m.weight.detach() for m in layer]).requires_grad_())
            self.parameters.append(torch.stack([m.bias.detach() for m in layer]).requires_grad_())

        def loss(parameters, x, y):
            last = len(parameters) // 2 - 1
            for k in range(last + 1):
                x = F.linear(x, parameters[2 * k], parameters[2 * k + 1])
                x = F.relu(x) if k < last else x
            return F.cross_entropy(x, y)

        self.gradients = torch.func.vmap(torch.func.grad_and_value(loss))

    def losses(self, x, y):
        raise NotImplementedError

    def burst(self):
        for _ in range(5):
            x, y = self.batch()
            detached = tuple(p.detach() for p in self.parameters)
            gradients, losses = self.gradients(detached, x, y.view(self.count, -1))
            for parameter, gradient in zip(self.parameters, gradients):
                parameter.grad = gradient
            self.adam.step()
        self.last = losses.sum()
        return 5 * self.count


class Wide(Stacked):
    """One linear layer per depth for all models; masks keep the blocks off the diagonal at zero."""

    shared = False

    def build(self, layers):
        self.layers = []
        for depth, layer in enumerate(layers):
            weights = [m.weight.detach() for m in layer]
            whole = torch.cat(weights) if self.shared and depth == 0 else torch.block_diag(*weights)
            mask = None
            if not (self.shared and depth == 0):
                mask = torch.block_diag(*[torch.ones_like(w) for w in weights])
            bias = torch.cat([m.bias.detach() for m in layer])
            self.layers.append((whole.requires_grad_(), bias.requires_grad_(), mask))
        self.parameters = [p for weight, bias, _ in self.layers for p in (weight, bias)]

    def batch(self):
        if self.shared:
            rows = torch.from_numpy(self.orders[0].next())
            return self.images[rows], self.labels[rows].repeat_interleave(self.count)
        x, y = super().batch()
        x = x.transpose(0, 1).reshape(self.size, -1)
        return x, y.view(self.count, self.size).T.reshape(-1)

    def losses(self, x, y):
        for k, (weight, bias, mask) in enumerate(self.layers):
            x = F.linear(x, weight if mask is None else weight * mask, bias)
            if k + 1 < len(self.layers):
                x = F.relu(x)
        return F.cross_entropy(x.view(self.size * self.count, 10), y) * self.count


class WideShared(Wide):
    shared = True


def build(request):
    torch.manual_seed(request["seed"])
    images, labels = map(torch.from_numpy, measuring.mnist())
    kinds = {"stack": Baddbmm, "stack_compile": Baddbmm, "vmap": Vmap, "wide_own": Wide, "wide_shared": WideShared}
    return kinds.get(OPTIONS.way, OneByOne)(request, images, labels)


measuring.serve(build, {"torch": torch.__version__, "threads": OPTIONS.threads})
