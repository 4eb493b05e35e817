"""Statistics of all seeds together, which pages name in words, computed again from the recorded rows."""

import re

import numpy
import polars
import scipy.special
import scipy.stats

import measures
import needed

# How far below the best a mean accuracy may lie at the knee, and the share of idle units of a layer that is too wide.
KNEE, IDLE = 0.0025, 0.05
COLUMNS = {
    "W": "shapiro_w",
    "test accuracy": "test_accuracy",
    "test loss": "test_loss",
    "π of exponential + normal": "exp_normal_share",
    "π of two gammas": "two_gamma_share",
}


class Widths:
    """Means over seeds at each width of a data set."""

    def __init__(self, folder, dataset=None):
        rows = polars.read_parquet(folder / "summary.parquet")
        rows = rows.filter(polars.col("dataset") == dataset) if dataset else rows
        self.rows = rows.group_by("width").agg(polars.col(polars.Float64).mean()).sort("width")
        self.widths = self.rows["width"].to_numpy().astype(float)

    def of(self, column):
        return self.rows[column].to_numpy()

    def largest(self, column):
        return self.widths[numpy.nanargmax(self.of(column))]

    def knee(self):
        means = self.of("validation_accuracy")
        return self.widths[numpy.argmax(means >= means.max() - KNEE)]

    def before(self, column):
        crossed = numpy.flatnonzero(self.of(column) >= IDLE)
        place = crossed[0] if crossed.size else len(self.widths)
        return self.widths[max(place - 1, 0)]

    def increase(self):
        rates = numpy.diff(self.of("total_spread")) / numpy.diff(numpy.log(self.widths))
        between = numpy.sqrt(self.widths[1:] * self.widths[:-1])
        return scipy.stats.linregress(numpy.log(between), numpy.log(rates)).slope


def lead(widths):
    means = widths.of("shapiro_w")
    return means.max() - max(means[0], means[-1])


def chosen(folder, arm):
    """The outcomes of an arm, at the rate that its name says or else the study's."""
    name, _, rate = arm.partition(" at rate ")
    rows = polars.read_parquet(folder / "outcomes.parquet").filter(polars.col("arm") == name)
    return rows.filter(polars.col("learning_rate") == float(rate or 0.001))


def spread(folder, control, what):
    """How much more the arms at the control's learning rate vary over seeds than it does."""
    rate = chosen(folder, control)["learning_rate"][0]
    rows = polars.read_parquet(folder / "outcomes.parquet").filter(polars.col("learning_rate") == rate)
    variances = dict(rows.group_by("arm").agg(polars.col(COLUMNS[what]).var()).iter_rows())
    own = variances.pop("no split")
    return numpy.sqrt(numpy.mean(list(variances.values())) / own)


def agreement(folder, rate, other):
    rows = polars.read_parquet(folder / "outcomes.parquet").filter(polars.col("arm") != "no split")
    means = rows.group_by("arm", "learning_rate").agg(polars.col("test_accuracy").mean()).sort("arm")
    first, second = (means.filter(polars.col("learning_rate") == float(r))["test_accuracy"] for r in (rate, other))
    return scipy.stats.spearmanr(first, second).statistic


def mean_of(folder, what, arm):
    return chosen(folder, arm)[COLUMNS[what]].mean()


def apart(above, below):
    return float(numpy.log2(above / below))


def expected_of_best(rows, arm, count, places):
    """The expected test score of the best on validation of so many different seeds among those at each row of places.

    The i-th of n by validation, of equals the later one behind, is the best of t with probability C(i − 1, t − 1) / C(n, t).
    """
    rows = rows.filter(polars.col("variant") == arm).sort("seed")
    validation, test = rows["validation_score"].to_numpy(), rows["test_score"].to_numpy()
    ascending = numpy.take_along_axis(places, numpy.argsort(validation[places], axis=1, kind="stable"), axis=1)
    n = places.shape[1]
    return test[ascending] @ (scipy.special.comb(numpy.arange(n), count - 1) / scipy.special.comb(n, count))


def best_of(folder, count, arm, other):
    """What the best of a few configurations of an arm scores beyond that of another, by all seeds and by each resample."""
    rows = polars.read_parquet(folder / "outcomes.parquet")
    seeds = rows["seed"].n_unique()
    places = numpy.vstack([numpy.arange(seeds), measures.places(seeds)])
    gains = expected_of_best(rows, arm, count, places) - expected_of_best(rows, other, count, places)
    return float(gains[0]), numpy.sort(gains[1:])


KNOWN = [
    (r"exponent with which the increase of the mean total spread .*", lambda f: Widths(f[0]).increase()),
    (r"width with the largest mean W", lambda f: Widths(f[0]).largest("shapiro_w")),
    (r"largest mean W less the larger of those .*", lambda f: lead(Widths(f[0]))),
    (
        r"doublings from the width of the best mean test accuracy to W's largest mean",
        lambda f: apart(Widths(f[0]).largest("shapiro_w"), Widths(f[0]).largest("test_accuracy")),
    ),
    (
        r"doublings from the knee of the validation accuracy to W's largest mean",
        lambda f: apart(Widths(f[0]).largest("shapiro_w"), Widths(f[0]).knee()),
    ),
    (
        r"largest mean (π of .*) at widths up to 128, fitted per net",
        lambda f, share: numpy.max(Widths(f[0]).of(COLUMNS[share])[Widths(f[0]).widths <= 128]),
    ),
    (
        r"doublings from the knee to the last width before mean (π of .*) reaches 0.05, per net",
        lambda f, share: apart(Widths(f[0]).before(COLUMNS[share]), Widths(f[0]).knee()),
    ),
    (
        r"doublings from the knee of the validation accuracy on (\S+) to that on (\S+)",
        lambda f, first, second: apart(Widths(f[1], second).knee(), Widths(f[0], first).knee()),
    ),
    (
        r"doublings from W's largest mean on (\S+) to that on (\S+)",
        lambda f, first, second: apart(
            Widths(f[1], second).largest("shapiro_w"), Widths(f[0], first).largest("shapiro_w")
        ),
    ),
    (
        r"√\(mean variance over seeds of the arms that split\) over the standard deviation of (.*), (test \w+)",
        lambda f, control, what: spread(f[0], control, what),
    ),
    (r"rank correlation of the rules' mean .* at the rates (\S+) and (\S+)", lambda f, a, b: agreement(f[0], a, b)),
    (r"mean (test \w+) over seeds \((.*)\)", lambda f, what, arm: mean_of(f[0], what, arm)),
    (
        r"test accuracy of the best of (\d+) configurations, (.*) less (.*)",
        lambda f, count, arm, other: best_of(f[0], int(count), arm, other),
    ),
    (r"log₂ of the width of (\S+) over the needed width", lambda f, sizer: needed.off(f[0], sizer)),
]


def number(words, folders):
    """The number of a statistic in words and, where it is resampled, its sorted draws; None where it is none of the above."""
    for pattern, compute in KNOWN:
        found = re.fullmatch(pattern, words)
        if found:
            computed = compute(folders, *found.groups())
            return computed if isinstance(computed, tuple) else (float(computed), None)
    return None
