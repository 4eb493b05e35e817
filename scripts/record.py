"""Records the reports of a list one after another, at low priority, in slices, and goes on where it was left.

    python3 scripts/record.py [NAME, for instance size-gate or size-gate/mnist/full]... [-- FLAGS of the experiments]

Each report of the list gets a slice (two hours), then the next one, round after round until all are whole. A run goes on
from what the committed report and the folder of trials hold; seeds come one after another, and after each the page is
drawn from those that are done. A report of another identity is not touched and named: remove its folder to record it
anew. `--commit` commits a report at the end of each slice in which it has grown. To record while the code is being
changed, do it from a checkout of its own (`git worktree add`). Needs Python 3.11; ends within half a minute of Ctrl-C.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import tomllib

ASKED_TO_LEAVE = 75
GRACE = 60


@dataclasses.dataclass(frozen=True)
class Report:
    """One line of the list."""

    experiment: str
    preset: str
    dataset: str
    seeds: int | None = None
    arguments: tuple[str, ...] = ()

    @property
    def name(self):
        return f"{self.experiment}/{self.dataset}/{self.preset}"

    def command(self, programs, extra, out="reports"):
        seeds = [] if self.seeds is None else ["--seeds", str(self.seeds)]
        # An experiment that makes its own data files its rows under this name and takes no data set.
        data = [] if self.dataset == "no-data" else ["--dataset", self.dataset]
        where = ["--preset", self.preset, *data, "--no-fallback"]
        # There must be a report to go on from.
        on = ["--continue"] if (pathlib.Path(out) / self.name / "manifest.json").exists() else []
        return [str(programs / self.experiment), "run", *on, *where, *seeds, *self.arguments, *extra]


@dataclasses.dataclass(frozen=True)
class Standing:
    """How far a report is."""

    trials: int = 0
    planned: int = 0
    seeds: int = 0
    seconds: float = 0.0

    @property
    def hours_left(self):
        """From the time that its recorded trials took; None before there are any."""
        if not self.trials:
            return None
        return self.seconds / self.trials * max(self.planned - self.trials, 0) / 3600


def standing(report, out):
    path = pathlib.Path(out) / report.name / "manifest.json"
    if not path.exists():
        return Standing()
    found = json.loads(path.read_text())
    each, wanted = found["planned"], report.seeds
    if wanted and found["seeds"]:
        # The plan in the manifest may be of another number of seeds.
        each = found["trials"] // len(found["seeds"]) * wanted
    return Standing(found["trials"], max(each, found["trials"]), len(found["seeds"]), found["wall_seconds"])


def read_list(path):
    """Reads the list; refuses what it does not know, by name."""
    whole = tomllib.loads(pathlib.Path(path).read_text())
    known = {field.name for field in dataclasses.fields(Report)}
    reports = []
    for number, entry in enumerate(whole.get("report", []), 1):
        wrong = sorted(entry.keys() - known) + [f"no {name}" for name in ("experiment", "preset", "dataset") if name not in entry]
        if wrong:
            raise SystemExit(f"{path}, report {number}: expected experiment, preset, dataset, seeds, arguments, found {', '.join(wrong)}")
        arguments = tuple(entry.get("arguments", ()))
        if any(word.split("=")[0] in ("--set", "--out", "--seeds", "--dataset", "--preset") for word in arguments):
            raise SystemExit(f"{path}, report {number}: expected arguments that leave the report's place alone, found {' '.join(arguments)}")
        reports.append(Report(**{**entry, "arguments": arguments}))
    if not reports:
        raise SystemExit(f"{path}: expected tables [[report]], found none")
    return reports


def stay_behind():
    """Takes the processor only when nobody else wants it."""
    os.nice(19)
    try:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    except (AttributeError, OSError):
        # Not every system has it; being nice is what remains.
        pass


def one_slice(command, log, seconds):
    """Runs a command for so long at most; returns its exit status."""
    with log.open("ab") as file:
        child = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, preexec_fn=stay_behind)
        try:
            return child.wait(seconds)
        except (subprocess.TimeoutExpired, KeyboardInterrupt) as cause:
            child.send_signal(signal.SIGTERM)
            status = child.wait(GRACE)
            if isinstance(cause, KeyboardInterrupt):
                raise
            return status


def hours(value):
    return "unknown" if value is None else f"{value:.1f} h"


def commit(report, now, out):
    folder = str(pathlib.Path(out) / report.experiment)
    subprocess.run(["git", "add", "--", folder], check=True)
    text = f"Record {report.experiment} ({report.dataset}, {report.preset}): {now.seeds} seeds, {now.trials} of {now.planned} trials"
    if subprocess.run(["git", "diff", "--cached", "--quiet", "--", folder]).returncode:
        subprocess.run(["git", "commit", "-q", "-m", text, "--", folder], check=True)


class Recording:
    """The reports that are left, round after round."""

    def __init__(self, reports, options, extra):
        self.left, self.options, self.extra = reports, options, extra
        self.ends = None if options.within is None else time.monotonic() + options.within
        self.given_up = []

    def slice_of(self, report):
        before = standing(report, self.options.out)
        log = self.options.logs / f"{report.name.replace('/', '-')}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        seconds = self.options.slice
        if self.ends is not None:
            seconds = max(min(seconds, self.ends - time.monotonic()), 0.05)
        command = report.command(self.options.programs, [*self.extra, "--out", str(self.options.out)], self.options.out)
        status = one_slice(command, log, seconds)
        now = standing(report, self.options.out)
        print(f"{report.name}: {now.seeds} seeds, {now.trials} of {now.planned} trials, {hours(now.hours_left)} left", flush=True)
        if self.options.commit and now != before:
            commit(report, now, self.options.out)
        return self.ended(report, status, log)

    def ended(self, report, status, log):
        """Whether a report is over: whole, or not to be had."""
        if status == 0:
            return True
        if status in (ASKED_TO_LEAVE, -signal.SIGTERM):
            return False
        tail = log.read_text(errors="replace").strip().splitlines()[-3:]
        print(f"{report.name}: left out after exit status {status}; the end of {log}:", *tail, sep="\n  ", flush=True)
        self.given_up.append(report.name)
        return True

    def out_of_time(self):
        return self.ends is not None and time.monotonic() >= self.ends

    def run(self):
        while self.left and not self.out_of_time():
            for report in list(self.left):
                if self.out_of_time():
                    break
                if self.slice_of(report):
                    self.left.remove(report)
            self.tell()
        return 1 if self.given_up or self.left else 0

    def tell(self):
        found = [standing(report, self.options.out).hours_left for report in self.left]
        known = sum(value for value in found if value is not None)
        unknown = f", and {found.count(None)} of which nothing is recorded yet" if None in found else ""
        print(f"{len(self.left)} reports are left: {hours(known)}{unknown}", flush=True)


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], epilog="What follows a -- goes to every experiment, for instance -- --jobs 2.")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--list", default="reports/record.toml")
    parser.add_argument("--slice", type=float, default=7200, metavar="SECONDS", help="most seconds for one report in one round [7200]")
    parser.add_argument("--within", type=float, metavar="SECONDS", help="most seconds altogether [no bound]")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("reports"), help="folder of the reports [reports]")
    parser.add_argument("--logs", type=pathlib.Path, default=pathlib.Path("runs/record"), help="what the experiments print [runs/record]")
    parser.add_argument("--programs", type=pathlib.Path, default=pathlib.Path("target/release"), help="where the experiments' programs lie [target/release]")
    parser.add_argument("--commit", action="store_true", help="commit a report after each slice in which it has grown")
    words = sys.argv[1:]
    own = words[: words.index("--")] if "--" in words else words
    return parser.parse_args(own), words[len(own) + 1 :]


def main():
    known, extra = options()
    reports = read_list(known.list)
    chosen = [r for r in reports if not known.names or any(f"{r.name}/".startswith(f"{name}/") for name in known.names)]
    if not chosen:
        raise SystemExit(f"{known.list}: expected one of {', '.join(r.name for r in reports)}, found {', '.join(known.names)}")
    missing = sorted({r.experiment for r in chosen if not (known.programs / r.experiment).exists()})
    if missing:
        raise SystemExit(f"{known.programs}: no program for {', '.join(missing)}; `just record` builds them")
    return Recording(chosen, known, extra).run()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
