"""A real HyperQueue on this machine, for the tests, from PyPI's package `hyperqueue`.

The package carries the engine (server and workers) as a Python module, and no `hq` program.

    hyperqueue-local.py serve DIR WORKERS CORES   server and workers, until the process ends
    hyperqueue-local.py submit ...                what `hq submit` does with the flags that the
                                                  experiments' scripts use; DIR from HQ_SERVER_DIR
    hyperqueue-local.py wait JOB                  what `hq job wait` does
"""

import argparse
import os
import signal
import sys

from hyperqueue import Job
from hyperqueue.client import Client
from hyperqueue.cluster import LocalCluster, WorkerConfig
from hyperqueue.ffi.protocol import ResourceRequest
from hyperqueue.job import SubmittedJob


def serve(folder, workers, cores):
    cluster = LocalCluster(server_dir=folder)
    for _ in range(int(workers)):
        cluster.start_worker(WorkerConfig(cores=int(cores)))
    print("ready", flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    cluster.stop()


def submit(words):
    flags = argparse.ArgumentParser(prog="hq submit", allow_abbrev=False)
    flags.add_argument("--name", required=True)
    flags.add_argument("--array", required=True)
    flags.add_argument("--cpus", type=int, required=True)
    flags.add_argument("--stdout", required=True)
    flags.add_argument("--stderr", required=True)
    at = words.index("--")
    asked, command = flags.parse_args(words[:at]), words[at + 1 :]
    first, last = map(int, asked.array.split("-"))
    # Here the engine numbers tasks by itself, from 0; it sets HQ_TASK_ID.
    assert first == 0, asked.array
    job = Job(name=asked.name, max_fails=None, default_workdir=os.getcwd())
    for _ in range(last + 1):
        job.program(
            command,
            stdout=asked.stdout,
            stderr=asked.stderr,
            resources=ResourceRequest(cpus=asked.cpus),
        )
    submitted = client().submit(job)
    print(f"Job submitted successfully, job ID: {submitted.id}")


def wait(number):
    well = client().wait_for_jobs([SubmittedJob(job=None, id=int(number))], raise_on_error=False)
    print("all tasks finished" if well else "some tasks failed")


def client():
    return Client(os.environ["HQ_SERVER_DIR"])


if __name__ == "__main__":
    verb, *rest = sys.argv[1:]
    {"serve": lambda: serve(*rest), "submit": lambda: submit(rest), "wait": lambda: wait(*rest)}[verb]()
