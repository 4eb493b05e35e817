"""What every peer shares: the real MNIST, shuffled orders, and requests over stdin and stdout.

A peer is a long-lived process. It reads one JSON object a line and answers with one:

    {"op": "setup", "net": {...}, "mode": "train", "models": 4, "batch": 128, "seed": 1}  ->  {"ready": true}
    {"op": "measure", "seconds": 1.0}  ->  {"steps": 1234, "seconds": 1.003, "extra": {"loss": 0.31}}
    {"op": "quit"}

`steps` counts model-steps: one step of each of four models is four. Starting, compiling and warming up
belong to `setup`, so that `measure` sees the steady state alone.
"""

import argparse
import gzip
import json
import os
import sys
import time
import traceback

import numpy as np


def arguments(ways):
    """Reads the command line and pins the process, before any numerical library starts its threads."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--way", required=True, choices=ways)
    parser.add_argument("--cpus", required=True, help="comma-separated processors this process may use")
    options = parser.parse_args()
    cpus = {int(cpu) for cpu in options.cpus.split(",")}
    os.sched_setaffinity(0, cpus)
    options.threads = len(cpus)
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(options.threads)
    return options


def mnist():
    """The 60,000 training images as float32 rows, normalised as usual, and their labels."""
    folder = os.path.join(os.environ["ESPALIER_DATA"], "mnist")
    with gzip.open(os.path.join(folder, "train-images-idx3-ubyte.gz")) as file:
        pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784)
    with gzip.open(os.path.join(folder, "train-labels-idx1-ubyte.gz")) as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)
    images = (pixels.astype(np.float32) / np.float32(255.0) - np.float32(0.1307)) / np.float32(0.3081)
    return images, labels.astype(np.int64)


class Order:
    """One model's shuffled order of rows, drawn anew every epoch; only whole batches."""

    def __init__(self, rows, batch, seed):
        self.rows, self.batch = rows, batch
        self.stream = np.random.default_rng(seed)
        self.place = rows

    def next(self):
        if self.place + self.batch > self.rows:
            self.order = self.stream.permutation(self.rows)
            self.place = 0
        taken = self.order[self.place : self.place + self.batch]
        self.place += self.batch
        return taken


def fixed_duration(burst, seconds):
    """Calls `burst`, which says how many model-steps it took, for at least `seconds`."""
    steps, start = 0, time.perf_counter()
    while True:
        steps += burst()
        passed = time.perf_counter() - start
        if passed >= seconds:
            return steps, passed


def serve(build, versions):
    """Answers requests until told to quit. `build(request)` gives an object with `burst()` and `extra()`."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(message):
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    worker = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["op"] == "quit":
                return
            if request["op"] == "setup":
                worker = None
                worker = build(request)
                fixed_duration(worker.burst, request.get("warm_seconds", 0.3))
                answer({"ready": True, "versions": versions})
            elif request["op"] == "measure":
                steps, seconds = fixed_duration(worker.burst, request["seconds"])
                answer({"steps": steps, "seconds": seconds, "extra": worker.extra()})
            else:
                answer({"error": f"unknown op {request['op']!r}"})
        except Exception as error:
            traceback.print_exc()
            answer({"error": f"{type(error).__name__}: {error}"})
