"""python3 -m unittest discover -s scripts/tests"""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import compare_reports as tool

SUMMARY = '{"date": "%s", "claims": [{"id": "A", "ours": {"value": %s}, "verdict": "%s"}]}'
FIGURE = '<svg xmlns="http://www.w3.org/2000/svg"><circle cx="%s" cy="2" fill="#000"/><text x="1">size</text></svg>'
PAGE = """<h1>Page 7</h1><details><summary>Settings</summary>
<table class="plain"><tr><th>epochs</th><td>9</td></tr></table></details>
<details><summary>All nets</summary><div class="wide"><table class="plain"><tr><th>net</th><th>size</th><th>MACs</th></tr>
<tr><td><p>gated</p></td><td><p>%s</p></td><td>−2×10⁻³</td></tr>
<tr><td>gated</td><td>3</td><td>4</td></tr></table></div></details>"""


class Differences(unittest.TestCase):
    def test_an_estimate_and_a_verdict_are_named_by_their_claim(self):
        found = tool.differences("summary.json", SUMMARY % ("x", 1.5, "confirmed"), SUMMARY % ("x", 1.25, "refuted"))
        self.assertEqual(found, ["claims[A].ours.value: 1.5 -> 1.25", "claims[A].verdict: confirmed -> refuted"])

    def test_a_date_and_the_inputs_of_a_claim_are_no_difference(self):
        self.assertEqual(tool.differences("summary.json", SUMMARY % ("a", 1, "v"), SUMMARY % ("b", 1, "v")), [])
        inputs = '{"claims": [{"id": "A", "declared": {"kind": "best"%s}}]}'
        more = inputs % ', "evidence": [{"values": [1]}]'
        self.assertEqual(tool.differences("summary.json", inputs % "", more), [])

    def test_a_moved_mark_is_seen_and_an_equal_figure_is_silent(self):
        self.assertEqual(tool.differences("a.svg", FIGURE % 1, FIGURE % 1), [])
        found = tool.differences("a.svg", FIGURE % 1, FIGURE % 9)
        self.assertEqual(found[0], "1 of 3 marks differ")
        self.assertIn("cx=1 cy=2", found[1])

    def test_a_cell_is_named_by_row_and_column(self):
        found = tool.differences("index.html", PAGE % 1, PAGE % 8)
        self.assertEqual(found, ["All nets, gated, size: 1 -> 8"])

    def test_every_cell_of_results_is_read_and_no_setting(self):
        cells = {"All nets, gated, size": "1", "All nets, gated, MACs": "-2e-3"}
        again = {"All nets, gated (2), size": "3", "All nets, gated (2), MACs": "4"}
        self.assertEqual(tool.tables(PAGE % 1), cells | again)


if __name__ == "__main__":
    unittest.main()
