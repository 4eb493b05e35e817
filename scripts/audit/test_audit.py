"""python -m unittest discover -s scripts/audit, with the packages of requirements.txt"""

import contextlib
import copy
import io
import json
import pathlib
import tempfile
import unittest

import audit
import measures
import polars
import scipy.stats

SEEDS = list(range(6))
ACCURACY = {"a": [0.91, 0.93, 0.92, 0.95, 0.90, 0.94], "b": [0.90, 0.91, 0.90, 0.92, 0.89, 0.91]}


def series(arm, **other):
    return {"arm": arm, "values": list(ACCURACY[arm]), **other}


def claim():
    values = [a - b for a, b in zip(ACCURACY["a"], ACCURACY["b"])]
    ours = scipy.stats.trim_mean(values, 0.25)
    low, high = measures.bounds(measures.numbers(values), 0.95)
    sides = {side: {"is": "mean", "quantity": "test", "nets": [series(arm)]} for side, arm in (("left", "a"), ("right", "b"))}
    return {
        "id": "A",
        "verdict": "confirmed",
        "ours": {"value": ours, "low": sum(low) / 2, "high": sum(high) / 2, "n": 6, "level": 0.95},
        "declared": {
            "zone": {"greater_than": 0.0},
            "evidence": [{"seeds": SEEDS, "values": values, "inputs": {"is": "less", **sides}}],
        },
    }


class Reports(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        (self.folder / "rows").mkdir()

    def audited(self, *claims):
        rows = [
            {"trial": f"{arm}{seed}", "variant": arm, "dataset": "toys", "seed": seed, "test_accuracy": value}
            for arm, values in ACCURACY.items()
            for seed, value in zip(SEEDS, values)
        ]
        polars.DataFrame(rows).write_parquet(self.folder / "rows/outcomes.parquet")
        (self.folder / "summary.json").write_text(json.dumps({"claims": claims}))
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            status = audit.main([str(self.folder)])
        return status, said.getvalue()

    def test_a_right_page_passes_and_its_columns_are_found(self):
        status, said = self.audited(claim())
        self.assertEqual(status, 0, said)
        self.assertIn("test is outcomes.test_accuracy\n", said)
        self.assertIn("by seed 1, interquartile mean 1, interval 1", said)

    def test_each_altered_number_is_wrong(self):
        def altered(change):
            other = copy.deepcopy(claim())
            change(other)
            return other

        changes = [
            (lambda c: c["ours"].update(value=c["ours"]["value"] + 1e-6), "is the interquartile mean of none"),
            (lambda c: c["ours"].update(low=c["ours"]["low"] - 0.005), "low end"),
            (lambda c: c["declared"]["evidence"][0]["values"].__setitem__(2, 0.5), "seed 2: the page has 0.5"),
            (lambda c: c.update(verdict="refuted"), "refuted, while"),
        ]
        for change, expected in changes:
            status, said = self.audited(altered(change))
            self.assertEqual(status, 1, said)
            self.assertIn(expected, said)

    def test_values_that_no_column_has_are_named(self):
        other = claim()
        other["declared"]["evidence"][0]["inputs"]["left"]["nets"][0]["values"][0] = 0.9101
        _, said = self.audited(other)
        self.assertIn("in no column for 1 arms, such as a", said)


class Measures(unittest.TestCase):
    def test_a_trend_is_taken_within_strata_and_averaged(self):
        stratum = lambda factor: [{"arm": str(x), "level": x, "values": [factor * x]} for x in (1.0, 2.0, 4.0)]
        inputs = {"is": "trend", "measure": "slope", "strata": [stratum(1.0), stratum(3.0)]}
        self.assertAlmostEqual(measures.of_seed(inputs, 0), 2.0)

    def test_half_way_between_sizes_is_their_geometric_mean(self):
        nets = [{"arm": "s", "at": [100.0], "values": [0.8]}, {"arm": "l", "at": [400.0], "values": [0.9]}]
        inputs = {"is": "matched", "nets": nets, "place": [200.0]}
        self.assertAlmostEqual(measures.of_seed(inputs, 0), 0.85)


if __name__ == "__main__":
    unittest.main()
