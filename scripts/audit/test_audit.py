"""python -m unittest discover -s scripts/audit, with the packages of requirements.txt"""

import contextlib
import copy
import io
import json
import math
import pathlib
import tempfile
import unittest

import audit
import measures
import polars
import scipy.stats
import wholes

SEEDS = list(range(6))
ACCURACY = {"a": [0.91, 0.93, 0.92, 0.95, 0.90, 0.94], "b": [0.90, 0.91, 0.90, 0.92, 0.89, 0.91]}


def series(arm, **other):
    return {"arm": arm, "values": list(ACCURACY[arm]), **other}


def claim():
    values = [a - b for a, b in zip(ACCURACY["a"], ACCURACY["b"])]
    ours = scipy.stats.trim_mean(values, 0.25)
    low, high = measures.bounds(measures.resampled(measures.numbers(values)), len(values), 0.95)
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

    def test_an_interval_of_one_of_several_looks_reaches_as_far_as_students_t(self):
        values = measures.numbers([0.01, 0.02, 0.03, 0.03, 0.01, 0.04])
        draws, n, level = measures.resampled(values), len(values), 0.9999
        value = measures.interquartile_mean(values)
        narrow, wide = measures.bounds(draws, n, level), measures.bounds_at_look(value, draws, n, level)
        # No resample goes beyond the values; t at 5 degrees of freedom and 0.9999 is 11.2.
        self.assertEqual(narrow[0][0], min(values))
        self.assertLess(wide[0][1], min(values))
        self.assertGreater(wide[1][0], max(values))

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

    def test_a_closed_layer_has_no_ratio(self):
        side = lambda size: {"is": "mean", "quantity": "size", "nets": [{"arm": "a", "values": [size]}]}
        inputs = {"is": "over", "left": side(80.0), "right": side(4e-5)}
        self.assertAlmostEqual(measures.of_seed(inputs, 0), 2e6)
        said = {"declared": {"remark": "closed in 1 of 1 seeds (0): size below 0.01 units has no ratio"}}
        self.assertTrue(math.isnan(measures.of_seed(inputs, 0, audit.closed_below(said))))
        self.assertEqual(audit.closed_below({"declared": {}}), 0.0)

    def test_half_way_between_sizes_is_their_geometric_mean(self):
        nets = [{"arm": "s", "at": [100.0], "values": [0.8]}, {"arm": "l", "at": [400.0], "values": [0.9]}]
        inputs = {"is": "matched", "nets": nets, "place": [200.0]}
        self.assertAlmostEqual(measures.of_seed(inputs, 0), 0.85)

    def test_the_least_of_many_draws_lies_as_far_out_as_chance_lets_it(self):
        _, most = measures.reach(0.0, 4000)
        # All draws lie above a share x with probability (1 − x)^4000.
        self.assertAlmostEqual((1 - most) ** 4000, measures.CHANCE)
        least, most = measures.reach(0.5, 4000)
        self.assertTrue(0.45 < least < 0.5 < most < 0.55)


class Wholes(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        widths, spread = [16, 32, 64, 128], [10.0, 20.0, 30.0, 40.0]
        rows = [
            {"dataset": "toys", "seed": seed, "width": width, "total_spread": total + seed, "shapiro_w": w}
            | {"validation_accuracy": accuracy, "exp_normal_share": share}
            for seed in (0, 1)
            for width, total, w, accuracy, share in zip(
                widths, spread, [0.9, 0.95, 0.99, 0.97], [0.8, 0.9, 0.901, 0.899], [0.0, 0.01, 0.2, 0.3]
            )
        ]
        polars.DataFrame(rows).write_parquet(self.folder / "summary.parquet")

    def test_words_are_looked_up_and_computed(self):
        expected = {
            # The spread grows by ten at every doubling: a logarithm, whose increase follows no power of the width.
            "exponent with which the increase of the mean total spread per added ln(width) follows the width": 0.0,
            "width with the largest mean W": 64.0,
            "doublings from the knee of the validation accuracy to W's largest mean": 1.0,
            "largest mean π of exponential + normal at widths up to 128, fitted per net": 0.3,
            "doublings from the knee to the last width before mean π of exponential + normal reaches 0.05, per net": 0.0,
        }
        for words, value in expected.items():
            self.assertAlmostEqual(wholes.number(words, [self.folder])[0], value, msg=words)
        self.assertIsNone(wholes.number("something else", [self.folder]))


class BestOf(unittest.TestCase):
    def test_the_best_of_two_is_expected_over_all_pairs(self):
        # Of (a, b), (a, c) and (b, c) the better on validation is b, c and c, the later one of two that are equal there.
        scores = {"shrink": ([0.7, 0.9, 0.9], [0.6, 0.9, 0.8]), "fixed": ([0.1, 0.2, 0.3], [0.5, 0.5, 0.5])}
        rows = [
            {"variant": arm, "seed": seed, "validation_score": validation, "test_score": test}
            for arm, (validations, tests) in scores.items()
            for seed, (validation, test) in enumerate(zip(validations, tests))
        ]
        words = "test accuracy of the best of 2 configurations, shrink less fixed"
        with tempfile.TemporaryDirectory() as folder:
            polars.DataFrame(rows).write_parquet(f"{folder}/outcomes.parquet")
            value, draws = wholes.number(words, [pathlib.Path(folder)])
        self.assertAlmostEqual(value, (0.9 + 0.8 + 0.8) / 3 - 0.5)
        self.assertAlmostEqual(draws[0], 0.6 - 0.5, msg="all draws are the first configuration")
        self.assertAlmostEqual(draws[-1], 0.9 - 0.5, msg="all draws are the second one")


class Needed(unittest.TestCase):
    """Four units lack more than δ of the best, eight lack nothing; the sizer ends with four, five of six times."""

    def rows(self):
        levels = {2: 0.5, 4: 0.8, 8: 0.9, 16: 0.9}
        static = [("static", f"static/{w}", w, seed, level + 0.001 * (seed % 3)) for w, level in levels.items() for seed in SEEDS]
        ends = [("strategy", "gate", 4 if seed else 64, seed, 0.8) for seed in SEEDS]
        names = ["kind", "arm", "width", "seed", "validation"]
        rows = [dict(zip(names, row)) | {"dataset": "toys", "diverged": False} for row in static + ends]
        own = lambda row: {"trial": f"{row['arm']} {row['seed']}", "variant": row["arm"], "width": float(row["width"])}
        return [row | own(row) for row in rows]

    def audited(self, rows, title="A layer needs 8 [8, 8] units (toys)"):
        words = "log₂ of the width of gate over the needed width"
        evidence = [{"seeds": SEEDS, "values": [], "inputs": {"is": "custom", "words": words}}]
        # Of six the interquartile mean leaves out the one of 64 units; of resamples not always, up to all six.
        ours = {"value": -1.0, "low": -1.0, "high": 3.0, "n": 6, "level": 0.95}
        declared = {"zone": {"within": [-0.5, 0.5]}, "evidence": evidence}
        claim = {"id": "found-gate", "verdict": "inconclusive", "ours": ours, "declared": declared}
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as said:
            (pathlib.Path(folder) / "rows").mkdir()
            polars.DataFrame(rows).write_parquet(f"{folder}/rows/sized.parquet")
            (pathlib.Path(folder) / "summary.json").write_text(json.dumps({"title": title, "claims": [claim]}))
            return audit.main([folder]), said.getvalue()

    def test_a_right_page_passes(self):
        status, said = self.audited(self.rows())
        self.assertEqual(status, 0, said)
        self.assertIn("of all seeds 1, interval 1", said)

    def test_each_changed_row_and_a_changed_title_are_noticed(self):
        def changed(arm, seeds, **change):
            return [row | change if row["arm"] == arm and row["seed"] in seeds else row for row in self.rows()]

        off = "found-gate: the page has -1.0"
        # Two of six seeds see four units as good as eight: some draws need four only, and the interval ends elsewhere.
        some = changed("static/4", [0, 1], validation=1.05)
        cases = [
            (changed("gate", [1], width=5.0), off),
            (changed("gate", [1], diverged=True), "from the rows [nan]"),
            (changed("static/4", SEEDS, validation=0.91), off),
            (changed("static/4", SEEDS, validation=0.91), "title: 8.0 units are needed, by the rows 4.0"),
            (some, "title: low end 8.0 units"),
            (self.rows()[:-1], "from the rows [nan]"),
        ]
        for rows, expected in cases:
            status, said = self.audited(rows)
            self.assertEqual(status, 1, said)
            self.assertIn(expected, said)
        status, said = self.audited(self.rows(), "A layer needs 8 [4, 8] units (toys)")
        self.assertIn("title: low end 4.0 units", said)


if __name__ == "__main__":
    unittest.main()
