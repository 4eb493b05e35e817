"""The recorder, with programs in the place of experiments."""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

TOOL = pathlib.Path(__file__).parents[1] / "record.py"
LIST = '[[report]]\nexperiment = "%s"\npreset = "full"\ndataset = "mnist"\nseeds = 2\n'

# Records a trial and leaves as after a slice, until there are two.
PROGRAM = """#!%s
import json, os, pathlib, sys
folder = pathlib.Path("reports/toy/mnist/full")
path = folder / "manifest.json"
trials = json.loads(path.read_text())["trials"] if path.exists() else 0
with open("calls", "a") as calls:
    print(*sys.argv[1:], os.nice(0), file=calls)
if trials < 2:
    trials += 1
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"trials": trials, "planned": 2, "seeds": list(range(trials)), "wall_seconds": 3600.0 * trials}))
sys.exit(75 if trials < 2 else 0)
""" % sys.executable

# Never ends by itself; leaves when it is asked to.
SLOW = """#!%s
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(75))
open("calls", "a").write("slow\\n")
time.sleep(600)
""" % sys.executable


class Recording(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        (self.folder / "bin").mkdir()
        self.program("toy", PROGRAM)
        self.program("slow", SLOW)
        self.program("broken", "#!/bin/sh\necho the report is of other trials\nexit 1\n")

    def program(self, name, text):
        path = self.folder / "bin" / name
        path.write_text(text)
        path.chmod(0o755)

    def record(self, names, *arguments):
        (self.folder / "list.toml").write_text("".join(LIST % name for name in names))
        command = [sys.executable, TOOL, "--list", "list.toml", "--programs", "bin", *arguments]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True)

    def calls(self):
        return (self.folder / "calls").read_text().splitlines()

    def test_slices_follow_each_other_until_the_report_is_whole(self):
        done = self.record(["toy"], "--", "--jobs", "2")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("toy/mnist/full: 1 seeds, 1 of 2 trials, 1.0 h left", done.stdout)
        self.assertIn("toy/mnist/full: 2 seeds, 2 of 2 trials, 0.0 h left", done.stdout)
        self.assertEqual(len(self.calls()), 2)
        self.assertIn("run --preset full --dataset mnist --no-fallback --seeds 2 --jobs 2", self.calls()[0])
        self.assertIn("run --continue --preset full", self.calls()[1])
        self.assertTrue(self.calls()[0].endswith(" 19"), "it takes the lowest priority")

    def test_what_cannot_be_recorded_is_named_and_does_not_stop_the_others(self):
        done = self.record(["broken", "toy"])
        self.assertEqual(done.returncode, 1)
        self.assertIn("broken/mnist/full: left out after exit status 1", done.stdout)
        self.assertIn("the report is of other trials", done.stdout)
        manifest = json.loads((self.folder / "reports/toy/mnist/full/manifest.json").read_text())
        self.assertEqual(manifest["trials"], 2)

    def test_time_altogether_bounds_the_rounds(self):
        done = self.record(["slow", "toy"], "--slice", "1", "--within", "2")
        self.assertEqual(done.returncode, 1)
        self.assertIn("slow/mnist/full: 0 seeds, 0 of 0 trials, unknown left", done.stdout)
        # How many rounds two seconds hold is the machine's business; that some end, and say what is left, is ours.
        self.assertRegex(done.stdout, r"left: [01]\.0 h, and [12] of which nothing is recorded yet")

    def test_each_slice_is_committed(self):
        for command in (["init", "-q"], ["config", "user.email", "a@b"], ["config", "user.name", "a"]):
            subprocess.run(["git", *command], cwd=self.folder, check=True)
        self.record(["toy"], "--commit")
        log = subprocess.run(["git", "log", "--format=%s"], cwd=self.folder, capture_output=True, text=True).stdout
        self.assertEqual(log.splitlines()[0], "Record toy (mnist, full): 2 seeds, 2 of 2 trials")
        self.assertEqual(len(log.splitlines()), 2)

    def test_a_list_with_an_unknown_field_is_refused_by_its_name(self):
        (self.folder / "list.toml").write_text('[[report]]\nexperiment = "toy"\nprest = "full"\n')
        command = [sys.executable, TOOL, "--list", "list.toml", "--programs", "bin"]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("found prest, no preset, no dataset", done.stderr)
        (self.folder / "list.toml").write_text(LIST % "toy" + 'arguments = ["--set", "epochs=1"]\n')
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True)
        self.assertIn("expected arguments that leave the report's place alone, found --set epochs=1", done.stderr)
        self.assertFalse((self.folder / "calls").exists())


if __name__ == "__main__":
    unittest.main()
