"""JAX: jit around lax.scan over steps, with Adam written out, and vmap over models.

scan   models one after the other, one compiled scan of many steps each
vmap   all models at once, vmap over weights and batches inside the scan
steps  as scan, but one call per step: XLA's convolutions are slow inside a loop on the CPU
"""

import os

import numpy as np

import measuring

OPTIONS = measuring.arguments(["scan", "vmap", "steps"])
if OPTIONS.threads == 1:
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
os.environ["JAX_PLATFORMS"] = "cpu"

import jax  # noqa: E402  (after pinning)
import jax.numpy as jnp  # noqa: E402
from jax import lax  # noqa: E402

WORK_PER_CALL = 6e9  # multiply-adds of one call of a scan: some tens of milliseconds


def uniform(stream, fan_in, shape):
    bound = 1.0 / np.sqrt(fan_in)
    return jnp.asarray(stream.uniform(-bound, bound, shape), jnp.float32)


def dense_parameters(stream, widths):
    return [(uniform(stream, a, (a, b)), uniform(stream, a, (b,))) for a, b in zip(widths, widths[1:])]


def dense_layers(layers, x):
    for k, (weight, bias) in enumerate(layers):
        x = x @ weight + bias
        x = jax.nn.relu(x) if k + 1 < len(layers) else x
    return x


def logits(parameters, x):
    convs, layers = parameters
    if convs:
        x = x.reshape(-1, 28, 28, 1)
    for weight, bias in convs:
        x = lax.conv_general_dilated(x, weight, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        x = jax.nn.relu(x + bias)
        x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    return dense_layers(layers, x.reshape(x.shape[0], -1))


def parameters_of(net, stream):
    if net["kind"] == "mlp":
        return [], dense_parameters(stream, [784, *net["hidden"], 10])
    ins = [1, *net["channels"]]
    convs = [(uniform(stream, 9 * a, (3, 3, a, b)), uniform(stream, 9 * a, (b,))) for a, b in zip(ins, net["channels"])]
    side = 28 // 2 ** len(net["channels"])
    return convs, dense_parameters(stream, [side * side * net["channels"][-1], *net["hidden"], 10])


def multiply_adds(net, batch):
    if net["kind"] == "mlp":
        widths = [784, *net["hidden"], 10]
        return 3 * batch * sum(a * b for a, b in zip(widths, widths[1:]))
    return 1.6e9 * batch / 128


def loss(parameters, x, y):
    log = jax.nn.log_softmax(logits(parameters, x))
    return -jnp.mean(jnp.take_along_axis(log, y[:, None], axis=1))


def adam(state, gradients):
    parameters, first, second, step = state
    step = step + 1
    tree = jax.tree_util.tree_map
    first = tree(lambda m, g: 0.9 * m + 0.1 * g, first, gradients)
    second = tree(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradients)
    rate = 1e-3 * jnp.sqrt(1 - 0.999**step) / (1 - 0.9**step)
    epsilon = 1e-8 * jnp.sqrt(1 - 0.999**step)
    parameters = tree(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + epsilon), parameters, first, second)
    return parameters, first, second, step


def trainer(gradient):
    def train(state, images, labels, rows):
        def step(state, rows):
            value, gradients = gradient(state[0], images[rows], labels[rows])
            return adam(state, gradients), jnp.sum(value)

        if OPTIONS.way == "steps":
            state, value = step(state, rows[0])
            return state, value[None]
        return lax.scan(step, state, rows)

    return jax.jit(train, donate_argnums=0)


def inferrer():
    def infer(state, images, labels, rows):
        def step(total, rows):
            return total + jnp.sum(logits(state[0], images[rows])), 0.0

        if OPTIONS.way == "steps":
            return state, step(0.0, rows[0])[0][None]
        total, _ = lax.scan(step, 0.0, rows)
        return state, total[None]

    return jax.jit(infer, donate_argnums=0)


class Models:
    def __init__(self, request):
        images, labels = measuring.mnist()
        self.images, self.labels = jnp.asarray(images), jnp.asarray(labels, jnp.int32)
        count, batch, net = request["models"], request["batch"], request["net"]
        stream = np.random.default_rng(request["seed"])
        self.orders = [measuring.Order(len(images), batch, [request["seed"], k]) for k in range(count)]
        self.count = count
        self.vmapped = OPTIONS.way == "vmap"
        nets = [parameters_of(net, stream) for _ in range(count)]
        tree = jax.tree_util.tree_map
        if self.vmapped:
            nets = [tree(lambda *leaves: jnp.stack(leaves), *nets)]
        self.states = [(p, tree(jnp.zeros_like, p), tree(jnp.zeros_like, p), jnp.float32(0)) for p in nets]
        at_once = count if self.vmapped else 1
        self.steps = int(np.clip(WORK_PER_CALL / (multiply_adds(net, batch) * at_once), 2, 400))
        if OPTIONS.way == "steps":
            self.steps = 1
        gradient = jax.value_and_grad(loss)
        train = request["mode"] == "train"
        assert train or not self.vmapped
        self.run = trainer(jax.vmap(gradient) if self.vmapped else gradient) if train else inferrer()
        self.turn = 0

    def rows(self, order):
        return np.stack([order.next() for _ in range(self.steps)]).astype(np.int32)

    def burst(self):
        turn, self.turn = self.turn, (self.turn + 1) % len(self.states)
        if self.vmapped:
            rows = np.stack([self.rows(order) for order in self.orders], axis=1)
        else:
            rows = self.rows(self.orders[turn])
        self.states[turn], losses = self.run(self.states[turn], self.images, self.labels, rows)
        losses.block_until_ready()
        self.last = losses[-1] / (self.count if self.vmapped else 1)
        return self.steps * (self.count if self.vmapped else 1)

    def extra(self):
        return {"loss": float(self.last)}


measuring.serve(Models, {"jax": jax.__version__, "threads": OPTIONS.threads})
