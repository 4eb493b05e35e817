"""Which recorded column a quantity's values stand in, found by looking for them in the Parquet files."""

import itertools
import math

import polars

KEY = ["trial", "variant", "dataset", "seed"]
REDUCTIONS = ["first", "last", "max", "min", "sum", "mean", "median"]
SCALES = [1.0, 1e-9, 1e-6, 1e-3, 100.0]


def same(found, value):
    if value is None:
        return found is None or not math.isfinite(found)
    return found is not None and math.isclose(found, value, rel_tol=1e-12, abs_tol=1e-300)


def keys(value):
    """Two names of a number, of which close numbers share one at least."""
    return {f"{value:.9e}", f"{value * (1 + 5e-10):.9e}"}


class Recorded:
    """The tables of one report, every numeric column reduced to one number of each trial."""

    def __init__(self, folders):
        self.by_rule = {}
        self.places = None
        self.variants = set()
        for folder in folders:
            for path in sorted(folder.glob("*.parquet")):
                self.add(path.stem, polars.read_parquet(path))

    def add(self, table, rows):
        self.variants |= set(rows["variant"].unique())
        texts = [name for name, kind in rows.schema.items() if kind == polars.String and name not in KEY]
        one_each = rows.height == rows.select(KEY).n_unique()
        views = [("", rows)]
        if not one_each:
            for text in texts:
                values = rows[text].unique().sort()
                if len(values) <= 16:
                    views += [(f"[{text}={value}]", rows.filter(polars.col(text) == value)) for value in values]
        for (name, view), reduction in itertools.product(views, ["last"] if one_each else REDUCTIONS):
            self.reduce(f"{table}{name}" + ("" if one_each else f" {reduction}"), view, reduction)

    def reduce(self, name, view, reduction):
        columns = [c for c, kind in view.schema.items() if kind.is_numeric() and c not in KEY]
        each = [getattr(polars.col(column).cast(polars.Float64), reduction)() for column in columns]
        for row in view.group_by("variant", "dataset", "seed", maintain_order=True).agg(each).iter_rows(named=True):
            for column in columns:
                place = self.by_rule.setdefault(f"{name}.{column}", {})
                place[row["variant"], row["seed"], row["dataset"]] = row[column]

    def candidates(self, arm):
        """The variants that an arm may come from: its own name, one that it contains, else any."""
        if arm in self.variants:
            return {arm}
        inside = [variant for variant in self.variants if variant in arm]
        return {max(inside, key=len)} if inside else self.variants

    def index(self):
        """Where each value stands: by seed and its leading digits."""
        if self.places is None:
            self.places = {}
            for (rule, cells), scale in itertools.product(self.by_rule.items(), SCALES):
                for (variant, seed, dataset), cell in cells.items():
                    if cell is not None and math.isfinite(cell):
                        for key in keys(cell * scale):
                            self.places.setdefault((seed, key), set()).add((rule, scale, variant, dataset))
        return self.places

    def rules(self, arm, seeds, values):
        """The columns, with their scale, in which the values of an arm stand for every seed."""
        wanted = [(seed, value) for seed, value in zip(seeds, values)]
        seed, value = next((seed, value) for seed, value in wanted if value is not None)
        variants, found = self.candidates(arm), set()
        places = set().union(*(self.index().get((seed, key), ()) for key in keys(value)))
        for rule, scale, variant, dataset in places:
            cells = ((self.by_rule[rule].get((variant, seed, dataset)), value) for seed, value in wanted)
            if variant in variants and all(same(None if cell is None else cell * scale, value) for cell, value in cells):
                found.add(rule if scale == 1 else f"{rule} × {scale:g}")
        return found


def series_of(inputs):
    """All (quantity, arm, values) that a statistic reads."""
    if inputs["is"] in ("less", "over"):
        yield from series_of(inputs["left"])
        yield from series_of(inputs["right"])
    elif inputs["is"] == "trend":
        for net in itertools.chain(*inputs["strata"]):
            yield inputs["quantity"], net["arm"], net["values"]
    elif inputs["is"] != "custom":
        for net in inputs["nets"]:
            yield inputs["quantity"], net["arm"], net["values"]


def traced(recorded, evidence):
    """By quantity: the columns that explain most of its arms first, and the arms that none explains."""
    arms = {}
    for part in evidence:
        for quantity, arm, values in series_of(part["inputs"]):
            if any(value is not None for value in values):
                arms.setdefault(quantity, {})[arm, tuple(values)] = part["seeds"]
    found = {}
    for quantity, series in arms.items():
        left = {key: recorded.rules(key[0], seeds, key[1]) for key, seeds in series.items()}
        columns = []
        while any(left.values()):
            every = sorted(set().union(*left.values()), key=lambda rule: (len(rule), rule))
            best = max(every, key=lambda rule: sum(rule in rules for rules in left.values()))
            columns.append(best)
            left = {key: rules for key, rules in left.items() if best not in rules}
        found[quantity] = columns, sorted({arm for arm, _ in left})
    return found
