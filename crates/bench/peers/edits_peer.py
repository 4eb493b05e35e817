"""What one structural edit of an MLP costs, beside one training step of the same net.

torch_pruning  one unit of the first hidden layer is pruned by its dependency graph, Adam starts anew
gromo          one unit is added to the first hidden layer as gromo's growth does it, Adam starts anew

A sample is one edit: `{"step_seconds", "edit_seconds", "next_step_seconds"}`, where the next step is the first
after the edit, which may have to allocate anew. Neither library carries the optimizer's state over.
"""

import statistics
import time

import measuring

OPTIONS = measuring.arguments(["torch_pruning", "gromo"])

import torch  # noqa: E402  (after pinning)
import torch.nn.functional as F  # noqa: E402

torch.set_num_threads(OPTIONS.threads)


class Pruning:
    def __init__(self, hidden, example):
        import torch_pruning

        self.library = torch_pruning
        widths = [784, *hidden, 10]
        layers = []
        for a, b in zip(widths, widths[1:]):
            layers += [torch.nn.Linear(a, b), torch.nn.ReLU()]
        self.net = torch.nn.Sequential(*layers[:-1])
        self.graph = torch_pruning.DependencyGraph().build_dependency(self.net, example_inputs=example)

    def edit(self):
        first = self.net[0]
        group = self.graph.get_pruning_group(first, self.library.prune_linear_out_channels, idxs=[7])
        group.prune()


class Growing:
    def __init__(self, hidden, example):
        from gromo.containers.growing_mlp import GrowingMLP

        assert len(set(hidden)) == 1
        self.net = GrowingMLP(784, 10, hidden[0], len(hidden), activation=torch.nn.ReLU())

    def edit(self):
        layer = self.net.layers[1]
        layer.create_layer_extensions(1)
        layer.input_extension_scaling = 1.0
        layer.previous_module.output_extension_scaling = 1.0
        layer.apply_change(apply_delta=False, extension_size=1)
        layer.delete_update()


class Edits:
    def __init__(self, request):
        torch.manual_seed(request["seed"])
        images, labels = map(torch.from_numpy, measuring.mnist())
        self.images, self.labels = images, labels
        self.order = measuring.Order(len(images), request["batch"], [request["seed"], 0])
        kind = {"torch_pruning": Pruning, "gromo": Growing}[OPTIONS.way]
        self.subject = kind(request["net"]["hidden"], images[:2])
        self.optimizer()
        self.samples = []

    def optimizer(self):
        self.adam = torch.optim.Adam(self.subject.net.parameters(), lr=1e-3, fused=True)

    def step(self):
        start = time.perf_counter()
        rows = torch.from_numpy(self.order.next())
        x, y = self.images[rows], self.labels[rows]
        self.adam.zero_grad(set_to_none=True)
        self.last = F.cross_entropy(self.subject.net(x), y)
        self.last.backward()
        self.adam.step()
        return time.perf_counter() - start

    def burst(self):
        steps = [self.step() for _ in range(5)]
        start = time.perf_counter()
        self.subject.edit()
        self.optimizer()
        edit = time.perf_counter() - start
        self.samples.append((min(steps), edit, self.step()))
        return 1

    def extra(self):
        """The medians of the samples since the last answer."""
        columns = list(zip(*self.samples))
        self.samples = []
        names = ("step_seconds", "edit_seconds", "next_step_seconds")
        return {name: statistics.median(column) for name, column in zip(names, columns)}


measuring.serve(Edits, {"torch": torch.__version__, "threads": OPTIONS.threads})
