"""The width that a task needs and how far off it sizers end, computed again from the recorded rows of `sizing`.

The needed width w* is the smallest of the static nets' whose mean validation score, fitted to rise with the width by least
squares, is at most δ below the last; δ² is the variance over seeds of that score, the mean of the upper half of the widths. A
sizer is off by the interquartile mean of log₂ of its widths less log₂ w*, its seeds and the static nets' drawn together at
the δ of all seeds.
"""

import functools
import re

import numpy
import polars
import scipy.optimize
import scipy.stats

import measures

TITLE = re.compile(r"needs?(?:, each,)? (?:at most |at least )?(\S+) \[(\S+), (\S+)\] units? ")
# The resamples behind the interval in the title, and the share of them below its lower end.
TITLE_RESAMPLES, TITLE_TAIL = 2000, 0.025


class Sweep:
    """Validation scores of static nets, one row a seed, one column a width."""

    def __init__(self, rows):
        self.rows = rows
        static = rows.filter(polars.col("kind") == "static").sort("width", "seed")
        table = static.pivot("width", index="seed", values="validation").sort("seed").drop_nulls()
        self.seeds = table["seed"]
        self.widths = numpy.array([float(width) for width in table.columns[1:]])
        self.scores = table.drop("seed").to_numpy()
        upper = self.scores[:, len(self.widths) // 2 :]
        self.delta = float(numpy.sqrt(upper.var(axis=0, ddof=1).mean()))

    def enough(self, places):
        """The needed width by the seeds at these places."""
        rising = scipy.optimize.isotonic_regression(self.scores[places].mean(axis=0)).x
        # A level that is the goal itself must not miss it by rounding.
        return self.widths[numpy.argmax(rising >= rising[-1] - self.delta - 1e-12)]

    @functools.cached_property
    def drawn(self):
        """The needed widths by all resamples of the seeds, or many drawn ones; what was drawn twice is fitted once."""
        places, again = numpy.unique(numpy.sort(measures.places(len(self.seeds)), axis=1), axis=0, return_inverse=True)
        return numpy.array([self.enough(drawn) for drawn in places])[again.ravel()]

    def sizes(self, sizer):
        """log₂ of a sizer's widths in the order of the seeds; NaN where its training diverged or is missing."""
        own = self.rows.filter(polars.col("arm") == sizer).select("seed", "width", "diverged")
        own = self.seeds.to_frame().join(own, on="seed", how="left", maintain_order="left")
        widths = own["width"].fill_null(numpy.nan).to_numpy()
        return numpy.where(own["diverged"].fill_null(True), numpy.nan, numpy.log2(numpy.maximum(widths, 1)))


@functools.lru_cache(maxsize=4)
def sweep(folder):
    return Sweep(polars.read_parquet(folder / "sized.parquet"))


def off(folder, sizer):
    """Doublings by which a sizer ends off, by all seeds and by each resample."""
    task = sweep(folder)
    sizes, every = task.sizes(sizer), numpy.arange(len(task.seeds))
    centres = scipy.stats.trim_mean(sizes[measures.places(len(sizes))], 0.25, axis=1)
    value = measures.interquartile_mean(sizes) - numpy.log2(task.enough(every))
    return float(value), numpy.sort(centres - numpy.log2(task.drawn))


def disagreements(title, folder):
    """What a title says of the needed width and the rows do not."""
    said = TITLE.search(title)
    if not said:
        return []
    task = sweep(folder)
    width, low, high = map(float, said.groups())
    wrong = []
    if width != (ours := task.enough(numpy.arange(len(task.seeds)))):
        wrong.append(f"title: {width} units are needed, by the rows {ours}")
    drawn = numpy.sort(task.drawn)
    for name, end, share in (("low", low, TITLE_TAIL), ("high", high, 1 - TITLE_TAIL)):
        least, most = measures.between(drawn, share, len(task.seeds), TITLE_RESAMPLES)
        if not least <= end <= most:
            wrong.append(f"title: {name} end {end} units, by resampling {least} to {most}")
    return wrong
