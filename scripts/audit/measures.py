"""The numbers of a claim computed again with scipy from the inputs that `summary.json` lists."""

import itertools
import math

import numpy
import scipy.stats

EXHAUSTIVE = 6
DRAWS = 40_000
RESAMPLES = 4000
CHANCE = 1e-5


def number(value):
    return math.nan if value is None else value


def numbers(values):
    return numpy.array([number(value) for value in values])


def measure(name, x, y):
    if not (numpy.isfinite(x).all() and numpy.isfinite(y).all()):
        return math.nan
    if name == "slope":
        return scipy.stats.linregress(x, y).slope
    if name == "exponent":
        return scipy.stats.linregress(numpy.log(x), numpy.log(y)).slope
    if name == "rank":
        constant = len(set(x)) == 1 or len(set(y)) == 1
        return math.nan if constant else scipy.stats.spearmanr(x, y).statistic
    if name == "argmax":
        return x[numpy.argmax(y)]
    raise ValueError(f"no measure {name}")


def trend(inputs, seed):
    found = []
    for stratum in inputs["strata"]:
        x = numpy.array([number(net["at"][seed]) if net.get("at") else number(net.get("level")) for net in stratum])
        y = numpy.array([number(net["values"][seed]) for net in stratum])
        found.append(measure(inputs["measure"], x, y))
    return sum(found) / len(found)


def matched(inputs, seed):
    """Between two neighbours, linear over the logarithm; nothing is extrapolated."""
    place = number(inputs["place"][seed])
    points = sorted((number(net["at"][seed]), number(net["values"][seed])) for net in inputs["nets"])
    x, y = numpy.array(points).T
    if not x[0] <= place <= x[-1]:
        return math.nan
    if len(x) == len(set(x)):
        return float(numpy.interp(math.log(place), numpy.log(x), y))
    low, high = next((a, b) for a, b in itertools.pairwise(points) if a[0] <= place <= b[0])
    if low[0] == high[0]:
        return (low[1] + high[1]) / 2
    return float(numpy.interp(math.log(place), numpy.log([low[0], high[0]]), [low[1], high[1]]))


def of_seed(inputs, seed, closed=0.0):
    """The statistic of one seed; None where its inputs are in words alone. What is below `closed` has no ratio."""
    kind = inputs["is"]
    if kind == "custom":
        return None
    if kind in ("less", "over"):
        left, right = of_seed(inputs["left"], seed, closed), of_seed(inputs["right"], seed, closed)
        if left is None or right is None:
            return None
        if kind == "less":
            return left - right
        return left / right if right and abs(right) >= closed else math.nan
    if kind == "mean":
        return float(numpy.mean([number(net["values"][seed]) for net in inputs["nets"]]))
    return trend(inputs, seed) if kind == "trend" else matched(inputs, seed)


def interquartile_mean(values):
    return float(scipy.stats.trim_mean(values, 0.25))


def places(n):
    """The places of all resamples of few seeds, of many drawn ones of more, a row each."""
    if n <= EXHAUSTIVE:
        return numpy.array(list(itertools.product(range(n), repeat=n)))
    return numpy.random.default_rng(0).integers(n, size=(DRAWS, n))


def resampled(values):
    """The interquartile means of resamples."""
    return numpy.sort(scipy.stats.trim_mean(values[places(len(values))], 0.25, axis=1))


def reach(share, draws):
    """The range of shares of a distribution below which a share of so many draws from it lies, but for `CHANCE`."""
    place = min(max(share, 0.0), 1.0) * (draws - 1)
    # The k-th smallest of n draws lies beyond a share of the distribution that follows Beta(k, n + 1 − k).
    first, last = math.floor(place) + 1, math.ceil(place) + 1
    least = scipy.stats.beta.ppf(CHANCE, first, draws + 1 - first)
    most = scipy.stats.beta.ppf(1 - CHANCE, last, draws + 1 - last)
    return float(least), float(most)


def between(draws, share, n, resamples):
    """The range in which so many resamples of n seeds may put the value below which a share of them lies."""
    least, most = reach(share, resamples)
    if n > EXHAUSTIVE:
        least, most = reach(least, DRAWS)[0], reach(most, DRAWS)[1]
    low, high = numpy.quantile(draws, least, method="lower"), numpy.quantile(draws, most, method="higher")
    return float(low), float(high)


def student(n, level):
    """By how many standard deviations of resamples Student's t reaches."""
    return math.sqrt(n / (n - 1)) * scipy.stats.t.ppf(1 - (1 - level) / 2, n - 1)


def bounds(draws, n, level):
    """For each end of Hesterberg's expanded percentile interval the range in which 4 000 resamples may put it."""
    tail = scipy.stats.norm.cdf(-student(n, level))
    return between(draws, tail, n, RESAMPLES), between(draws, 1 - tail, n, RESAMPLES)


# By how much of itself the standard deviation of 4 000 resamples may differ from that of all: six standard errors.
SPREAD = 0.07


def bounds_at_look(value, draws, n, level):
    """As `bounds`, for claims that are judged at several looks: each end is the wider one of that and of Student's t."""
    reach = student(n, level) * float(numpy.std(draws))
    least, most = reach * (1 - SPREAD), reach * (1 + SPREAD)
    low, high = bounds(draws, n, level)
    return tuple(map(min, low, (value - most, value - least))), tuple(map(max, high, (value + least, value + most)))
