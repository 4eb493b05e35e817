"""Computes every claim's number again, in Python, from the recorded Parquet files, and compares it with the page's.

    python scripts/audit/audit.py [REPORT FOLDER or FOLDER of reports, by default reports]...

Each claim's `summary.json` lists its inputs: a quantity of each arm and seed. They are looked for in the recorded
columns, the statistic of each seed (difference, ratio, slope, exponent, rank correlation, value at equal size), its
interquartile mean over seeds and the ends of its interval are computed by scipy, and the verdict is held against
interval and zone. Statistics of all seeds together are computed from the rows, where `wholes.py` knows their words, and so is the
width that a title says is needed. Each disagreement is named; the exit code is 1 if there is any.
"""

import collections
import json
import math
import pathlib
import re
import sys

import measures
import needed
import sources
import wholes

RELATIVE = 1e-9


def near(a, b, scale=0.0):
    if a is None or b is None or math.isnan(a) or math.isnan(b):
        return (a is None or math.isnan(a)) and (b is None or math.isnan(b))
    return math.isclose(a, b, rel_tol=RELATIVE, abs_tol=1e-12 + RELATIVE * scale)


def largest(part):
    """The largest input: differences of close numbers are as exact as these."""
    values = [v for _, _, series in sources.series_of(part["inputs"]) for v in series if v is not None]
    return max((abs(value) for value in values), default=0.0)


def closed_below(claim):
    """The size below which a layer is closed, where the claim says that some are; else 0."""
    said = re.search(r"below ([0-9.]+) units has no ratio", claim["declared"].get("remark", ""))
    return float(said[1]) if said else 0.0


def of_seeds(claim, part):
    """Disagreements in the numbers of the seeds; None where they are given in words alone."""
    closed = closed_below(claim)
    computed = [measures.of_seed(part["inputs"], seed, closed) for seed in range(len(part["values"]))]
    if not computed or None in computed:
        return None
    pairs = zip(part["seeds"], computed, part["values"])
    return [
        f"{claim['id']} {part.get('label', '')} seed {seed}: the page has {page}, scipy {ours}"
        for seed, ours, page in pairs
        if not near(ours, page, largest(part))
    ]


def inside(zone, low, high):
    """1 where the interval lies in the zone, -1 where outside, else 0."""
    ((kind, edge),) = zone.items()
    if kind == "greater_than":
        return 1 if low > edge else -1 if high <= edge else 0
    if kind == "less_than":
        return 1 if high < edge else -1 if low >= edge else 0
    (below, above) = edge
    within = 1 if below <= low and high <= above else -1 if high < below or low > above else 0
    return within if kind == "within" else -within


def of_interval(claim, draws, n, looked):
    """Disagreements in the interval around a value of n seeds; `looked` where it is that of one of several looks."""
    ours = claim["ours"]
    seeds, level = (draws, n), ours["level"]
    (low, high) = measures.bounds_at_look(ours["value"], *seeds, level) if looked else measures.bounds(*seeds, level)
    slack = 1e-9 * max(1e-3, abs(ours["value"]))
    for end, (least, most) in (("low", low), ("high", high)):
        if not least - slack <= ours[end] <= most + slack:
            yield f"{claim['id']}: {end} end {ours[end]}, by resampling {least} to {most}"


def of_verdict(claim):
    zone, ours = claim["declared"].get("zone"), claim["ours"]
    expected = {"confirmed": 1, "refuted": -1}.get(claim["verdict"])
    if zone and expected and inside(zone, ours["low"], ours["high"]) != expected:
        yield f"{claim['id']}: {claim['verdict']}, while [{ours['low']}, {ours['high']}] stands to {zone} otherwise"


class Audit:
    """One report: what was computed again, what was not, and what disagrees."""

    def __init__(self, folder):
        self.folder = folder
        self.summary = json.loads((folder / "summary.json").read_text())
        self.counts = collections.Counter()
        self.wrong, self.words = [], []

    def rows(self):
        own = self.folder / "rows"
        if own.is_dir():
            return [own]
        parts = json.loads((self.folder / "manifest.json").read_text()).get("parts", [])
        # A page over several data sets has its rows in their folders.
        return [self.folder.parents[1] / part / self.folder.name / "rows" for part in parts]

    def claim(self, claim):
        evidence = (claim.get("declared") or {}).get("evidence", [])
        ours = claim["ours"]
        if not evidence:
            self.counts["name no inputs"] += 1
            return
        if all(part["inputs"]["is"] == "custom" and not part["values"] for part in evidence):
            self.whole(claim, [part["inputs"]["words"] for part in evidence])
            return
        kinds = [of_seeds(claim, part) for part in evidence]
        self.wrong += [line for lines in kinds for line in lines or []]
        self.words += [p["inputs"]["words"] for p in evidence if p["inputs"]["is"] == "custom"]
        self.counts["by seed"] += all(lines is not None for lines in kinds)
        complete = [p["values"] for p in evidence if p["values"] and None not in p["values"]]
        if ours is None or not complete:
            return
        agreeing = [v for v in complete if near(measures.interquartile_mean(measures.numbers(v)), ours["value"])]
        self.counts["interquartile mean"] += 1
        if not agreeing:
            self.wrong.append(f"{claim['id']}: {ours['value']} is the interquartile mean of none of its statistics")
        elif len(agreeing[0]) > 1:
            self.counts["interval"] += 1
            draws = [measures.resampled(measures.numbers(values)) for values in agreeing]
            ends = [self.interval(claim, drawn, len(agreeing[0])) for drawn in draws]
            self.wrong += min(ends, key=len)
        self.wrong += of_verdict(claim)

    def interval(self, claim, draws, n):
        return list(of_interval(claim, draws, n, "looks" in self.summary))

    def whole(self, claim, words):
        """A statistic of all seeds together, and its interval where `wholes` resamples it."""
        ours = claim["ours"]
        if ours is None:
            return
        self.wrong += of_verdict(claim)
        found = [wholes.number(each, self.rows()) for each in words]
        if None in found:
            self.words += words
            self.counts["of all seeds, not computed again"] += 1
            return
        self.counts["of all seeds"] += 1
        if not any(near(value, ours["value"]) for value, _ in found):
            self.wrong.append(f"{claim['id']}: the page has {ours['value']}, from the rows {[value for value, _ in found]}")
        elif any(draws is not None for _, draws in found):
            self.counts["interval"] += 1
            self.wrong += min((self.interval(claim, draws, ours["n"]) for _, draws in found if draws is not None), key=len)

    def title(self):
        """What the title says of the needed width, where it does."""
        for folder in self.rows()[:1]:
            self.wrong += needed.disagreements(self.summary.get("title", ""), folder)

    def trace(self):
        evidence = [e for claim in self.summary["claims"] for e in (claim.get("declared") or {}).get("evidence", [])]
        for quantity, (columns, arms) in sources.traced(sources.Recorded(self.rows()), evidence).items():
            left = f"; in no column for {len(arms)} arms, such as {arms[0]}" if arms else ""
            yield f"{quantity} is {', '.join(columns) or 'derived'}{left}"

    def run(self):
        for claim in self.summary["claims"]:
            self.claim(claim)
        self.title()
        print(f"{self.folder}: {len(self.summary['claims'])} claims; computed again: " + ", ".join(
            f"{what} {count}" for what, count in self.counts.items()))
        for line in self.trace():
            print(f"  {line}")
        for words in dict.fromkeys(self.words):
            print(f"  not computed from the rows: {words}")
        for line in self.wrong:
            print(f"  WRONG {line}")
        return len(self.wrong)


def main(arguments):
    folders = [pathlib.Path(argument) for argument in arguments or ["reports"]]
    reports = sorted(path.parent for folder in folders for path in folder.rglob("summary.json"))
    audits = [Audit(report) for report in reports]
    wrong = sum(audit.run() for audit in audits)
    counts = sum((audit.counts for audit in audits), collections.Counter())
    claims = sum(len(audit.summary["claims"]) for audit in audits)
    print(f"{claims} claims; computed again: " + ", ".join(f"{what} {count}" for what, count in counts.items()))
    print(f"{wrong} disagreements in {len(reports)} reports")
    return 1 if wrong or not reports else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
