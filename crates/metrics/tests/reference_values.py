"""Prints the expected values that the tests of espalier-metrics hold.

Nothing here is shared with the Rust code but the formulas of the fixed samples.
Run: python3 reference_values.py   (numpy 2.4.6, scipy 1.17.1, mpmath 1.4.1, scikit-dimension 0.5.0, powerlaw 2.0.0)
"""
import mpmath
import numpy as np
import powerlaw
import scipy
import skdim
from scipy import optimize, special, stats

print("numpy", np.__version__, "scipy", scipy.__version__)


def halton(index, base):
    value, digit = 0.0, 1.0 / base
    while index:
        value += digit * (index % base)
        index //= base
        digit /= base
    return value


def triangle(n):
    return np.array([halton(i, 2) + halton(i, 3) for i in range(1, n + 1)])


def skewed(n):
    return np.array([-np.log(1 - halton(i, 2)) for i in range(1, n + 1)])


def waves(rows, units):
    r, c = np.meshgrid(np.arange(rows), np.arange(units), indexing="ij")
    x = np.sin(0.7 * r + 1.3 * c * c) + 0.4 * np.sin(0.37 * r * (c + 1)) + 0.5 * c - 0.3
    return x.astype(np.float32)


def show(name, *values):
    print(f"{name:32s}", ", ".join(f"{float(v):.15g}" for v in values))


for n in (3, 4, 5, 11, 12, 50, 500, 5000):
    for sample in (triangle, skewed):
        result = stats.shapiro(sample(n))
        show(f"shapiro {sample.__name__} {n}", result.statistic, result.pvalue)
# The weights of 11 men of Shapiro and Wilk (1965).
weights = [148, 154, 158, 160, 161, 162, 166, 170, 182, 195, 236]
show("shapiro weights", *stats.shapiro(weights))

x = waves(100, 4).astype(np.float64)
show("moments mean", *x.mean(axis=0))
show("moments std", *x.std(axis=0))
show("moments min", *x.min(axis=0))
show("moments max", *x.max(axis=0))
show("moments firing", *(x > 0).mean(axis=0))

for name, args, sample in (
    ("norm", (1.0, 0.4), triangle(200)),
    ("expon", (0, 1.2), skewed(200)),
    ("norm", (1.0, 1.0), skewed(200)),
):
    result = stats.kstest(sample, name, args=args, method="asymp")
    show(f"ks {name} {args}", result.statistic, result.pvalue)
show("kolmogorov sf", *(special.kolmogorov(v) for v in (0.05, 0.3, 0.5, 0.8, 1.0, 1.36, 2.5)))

k, _, theta = stats.gamma.fit(skewed(200) + 0.1, floc=0)
y = skewed(200) + 0.1
w = np.array([halton(i, 5) for i in range(1, 201)])


def weighted_gamma(y, w):
    mean = np.sum(w * y) / np.sum(w)
    gap = np.log(mean) - np.sum(w * np.log(y)) / np.sum(w)
    shape = optimize.brentq(lambda k: np.log(k) - special.digamma(k) - gap, 1e-6, 1e9, xtol=1e-14, rtol=1e-14)
    return shape, mean / shape


show("gamma mle", k, theta)
show("gamma mle root", *weighted_gamma(y, np.ones(200)))
show("gamma weighted", *weighted_gamma(y, w))
show("exp weighted", np.average(y, weights=w))
m = np.average(y, weights=w)
show("normal weighted", m, np.sqrt(np.average((y - m) ** 2, weights=w)))
show("lognormal", np.log(y).mean(), np.log(y).std())
show("gamma logpdf", *stats.gamma.logpdf([0.1, 1.0, 7.0], 2.5, scale=0.7))
show("gamma cdf", *stats.gamma.cdf([0.1, 1.0, 7.0], 2.5, scale=0.7))
mpmath.mp.dps = 40
k, theta = mpmath.mpf(2e6), mpmath.mpf(1.5e-6)
show("gamma logpdf 2e6", *((k - 1) * mpmath.log(x) - x / theta - mpmath.loggamma(k) - k * mpmath.log(theta) for x in (mpmath.mpf(3.0), mpmath.mpf(3.004), mpmath.mpf(2.99))))
show("norm cdf", *stats.norm.cdf([-3.0, 0.2, 4.0], 0.5, 1.5))
show("norm logpdf", *stats.norm.logpdf([-3.0, 0.2, 4.0], 0.5, 1.5))
show("lognorm cdf", *stats.lognorm.cdf([0.1, 1.0, 7.0], 0.8, scale=np.exp(0.3)))
show("lognorm logpdf", *stats.lognorm.logpdf([0.1, 1.0, 7.0], 0.8, scale=np.exp(0.3)))
show("ln k - digamma", *(float(np.log(v) - special.digamma(v)) for v in (1e-3, 0.5, 1.0, 10.0, 49.9, 50.1)))


def em(x, low, high, low_pdf, high_pdf, low_fit, high_fit, steps):
    share, trace = 0.5, []
    for step in range(steps + 1):
        a, b = np.log(share) + low_pdf(x, *low), np.log1p(-share) + high_pdf(x, *high)
        total = np.logaddexp(a, b)
        trace.append(total.sum())
        if step == steps:
            return share, low, high, trace
        tau = np.exp(a - total)
        share, low, high = tau.mean(), low_fit(x, tau), high_fit(x, 1 - tau)


def exp_fit(x, t):
    return (np.sum(t * x) / np.sum(t),)


def normal_fit(x, t):
    mu = np.sum(t * x) / np.sum(t)
    return mu, np.sqrt(np.sum(t * (x - mu) ** 2) / np.sum(t))


def exp_pdf(x, mean):
    return stats.expon.logpdf(x, scale=mean)


mix = np.concatenate([0.3 * skewed(60), 3 + triangle(140)])
share, low, high, trace = em(mix, (mix.mean(),), (mix.mean(), mix.std()), exp_pdf, stats.norm.logpdf, exp_fit, normal_fit, 10)
show("em exp+normal 10", share, *low, *high, trace[0], trace[-1])


def gamma_pdf(x, shape, scale):
    return stats.gamma.logpdf(x, shape, scale=scale)


shifted = mix + 1e-5 * mix.mean()
start = (0.5, mix.mean()), (10.0, mix.mean() / 10)
share, low, high, trace = em(shifted, *start, gamma_pdf, gamma_pdf, weighted_gamma, weighted_gamma, 10)
show("em two gamma 10", share, *low, *high, trace[0], trace[-1])



def run_on(x, low, high, low_pdf, high_pdf, low_fit, high_fit):
    """To the maximum: 20 000 steps, far beyond where anything moves."""
    share, low, high, trace = em(x, low, high, low_pdf, high_pdf, low_fit, high_fit, 20_000)
    return (share, *low, *high, trace[-1])


# Quantiles of gamma(3, 0.5), n = 60, and two clearly different gammas, 80 and 120.
bell = stats.gamma.ppf((np.arange(60) + 0.5) / 60, 3, scale=0.5)
two = np.concatenate([stats.gamma.ppf((np.arange(80) + 0.5) / 80, 1, scale=0.25), stats.gamma.ppf((np.arange(120) + 0.5) / 120, 30, scale=0.1)])
for name, sample in (("bell", bell), ("two", two)):
    show(f"em exp+normal {name}", *run_on(sample, (sample.mean(),), (sample.mean(), sample.std()), exp_pdf, stats.norm.logpdf, exp_fit, normal_fit))
    lifted = sample + 1e-5 * sample.mean()
    start = (0.5, sample.mean()), (10.0, sample.mean() / 10)
    show(f"em two gamma {name}", *run_on(lifted, *start, gamma_pdf, gamma_pdf, weighted_gamma, weighted_gamma))

# The journal's starts and its hundred steps, on a sample that is still moving then.
share, low, high, trace = em(bell, (1.0,), (bell.mean(), bell.std()), exp_pdf, stats.norm.logpdf, exp_fit, normal_fit, 100)
show("journal exp+normal bell", share, *low, *high, trace[0], trace[-1])
lifted = bell + 1e-5
share, low, high, trace = em(lifted, (0.5, 1.0), (10.0, lifted.mean() / 10), gamma_pdf, gamma_pdf, weighted_gamma, weighted_gamma, 100)
show("journal two gamma bell", share, *low, *high, trace[0], trace[-1])

x = waves(40, 5).astype(np.float64)
cov = np.cov(x.T, bias=True)
values, vectors = np.linalg.eigh(cov)
values, vectors = values[::-1], vectors[:, ::-1]
for j in range(5):
    if vectors[np.argmax(np.abs(vectors[:, j])), j] < 0:
        vectors[:, j] *= -1
show("cov first row", *cov[0])
show("pca values", *values)
show("pca first component", *vectors[:, 0])
centred = x - x.mean(axis=0)
components = vectors.T  # rows are components, as scikit-learn stores them
true, wrong = [], []
for kept in range(6):
    basis = components[:kept]
    true.append(np.mean(np.sum((centred - centred @ basis.T @ basis) ** 2, axis=1)))
    basis = components[:, :kept].T  # the slip: columns taken for components
    wrong.append(np.mean(np.sum((centred - centred @ basis.T @ basis) ** 2, axis=1)))
show("pca residual", *true)
show("pca wrong-basis residual", *wrong)
rebuilt = x.mean(axis=0) + centred @ components[:2].T @ components[:2]
show("pca rebuilt row 7, k=2", *rebuilt[7])

weight = waves(6, 4).astype(np.float64)
u, s, vt = np.linalg.svd(weight, full_matrices=False)
show("svd values", *s)
p = s / s.sum()
show("effective rank", np.exp(-np.sum(p * np.log(p))))
show("stable rank", np.sum(s**2) / s[0] ** 2)
show("participation ratio of s^2", np.sum(s**2) ** 2 / np.sum(s**4))
product = waves(12, 3) @ waves(3, 8)
show("matrix rank", np.linalg.matrix_rank(product, rtol=12 * np.finfo(np.float32).eps))
show("low-rank error", *(np.linalg.norm(weight - (u[:, :r] * s[:r]) @ vt[:r]) for r in range(5)))
show("low-rank r=2 row 3", *((u[:, :2] * s[:2]) @ vt[:2])[3])

x = skewed(37)
show("skew", stats.skew(x), stats.skew(x, bias=False))
show("kurtosis", stats.kurtosis(x), stats.kurtosis(x, bias=False))

x = triangle(37)
grid = [-0.5, 0.2, 1.0, 1.7, 2.5]
for rule in ("scott", "silverman"):
    kde = stats.gaussian_kde(x, bw_method=rule)
    show(f"kde {rule}", np.sqrt(kde.covariance[0, 0]), *kde(grid))
kde = stats.gaussian_kde(x, bw_method=0.1 / x.std(ddof=1))
show("kde fixed .1", np.sqrt(kde.covariance[0, 0]), *kde(grid))

widths = np.array([16, 32, 64, 128, 256, 512], dtype=float)
spread = np.array([3.1, 4.6, 6.4, 7.2, 9.1, 10.0])
fit = stats.linregress(np.log(widths), spread)
show("log fit", fit.intercept, fit.slope, fit.rvalue**2)
a = [1, 2, 2, 4, 5, 5, 5, 8, 9]
b = [2, 1, 4, 4, 3, 7, 8, 8, 6]
show("spearman", stats.spearmanr(a, b).statistic)
show("pearson", stats.pearsonr(a, b).statistic)
values = [0.1, 0.2, 0.2, 0.35, 0.5, 0.999, 1.0, 1.2, -0.4]
print("histogram", np.histogram(values, bins=5, range=(0, 1)))
values = [0.001, 0.0099, 0.01, 0.5, 1.0, 3.0, 10.0, 100.0]
print("log histogram", np.histogram(values, bins=np.logspace(-3, 1, 5)))


def cloud(rows, dimensions, units):
    points = np.array([[halton(i, base) for base in (2, 3, 5, 7)[:dimensions]] for i in range(1, rows + 1)])
    stretch = np.array([[np.sin(1 + 0.7 * a + 1.3 * b * b) for b in range(units)] for a in range(dimensions)])
    return (points @ stretch).astype(np.float32).astype(np.float64)


x = cloud(200, 2, 5)
show("two nn", skdim.id.TwoNN(discard_fraction=0.1).fit(x).dimension_)
show("likelihood dimension", skdim.id.MLE().fit(x, n_neighbors=10, comb="mle").dimension_)


def show_tail(name, sample):
    fit = powerlaw.Fit(sample, verbose=False)
    law = fit.power_law
    above = sample[sample >= law.xmin]
    # The package looks at the lower side of each step of the sample's curve alone; the distance has two.
    distance = stats.kstest(above, lambda x: 1 - (x / law.xmin) ** (1 - law.alpha)).statistic
    show(name, law.alpha, law.xmin, distance, law.D, len(above))


tail = np.array([(1 - halton(i, 2)) ** (-1 / 1.5) for i in range(1, 301)])
show_tail("power tail", np.concatenate([tail, [halton(i, 3) for i in range(1, 201)]]))
spectrum = np.linalg.svd(waves(60, 40).astype(np.float64), compute_uv=False) ** 2
show_tail("power tail of a spectrum", spectrum)
