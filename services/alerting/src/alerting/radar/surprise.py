"""How surprising counts are: exact tails of two over-dispersed distributions, as -log10 of a probability.

The negative binomial is the Gamma mixture of Poisson counts, the beta-binomial the Beta mixture of binomial ones: both
say that the rate itself is known only so well (Gelman et al., Bayesian Data Analysis, 3rd edition, sections 2.6, 5.3).
"""

from math import exp, lgamma, log, log10

LARGEST = 300.0
_NEGLIGIBLE = 1e-9


def gamma_poisson_surprise(count: int, *, mean: float, shape: float) -> float:
    """-log10 P(X >= count), X a negative binomial with that mean and variance mean + mean**2 / shape."""
    if count <= 0:
        return 0.0
    chance = mean / (shape + mean)
    first = lgamma(count + shape) - lgamma(shape) - lgamma(count + 1)
    first += shape * log(shape / (shape + mean)) + count * log(chance)
    terms, term, value = 1.0, 1.0, count
    if count <= mean:
        return _likely(count, mean, shape)
    while term > _NEGLIGIBLE * terms:
        term *= (value + shape) / (value + 1) * chance
        terms += term
        value += 1
    return min(LARGEST, -(first + log(terms)) / log(10))


def beta_binomial_surprise(negative: int, total: int, *, share: float, strength: float) -> float:
    """-log10 P(X >= negative) among `total`, the share of negatives being Beta with that mean and precision."""
    if negative <= 0 or total <= 0:
        return 0.0
    a, b = share * strength, (1 - share) * strength
    whole = lgamma(total + 1) - _log_beta(a, b)
    tail = 0.0
    for value in range(total, negative - 1, -1):
        ways = whole - lgamma(value + 1) - lgamma(total - value + 1)
        tail += exp(ways + _log_beta(value + a, total - value + b))
    return min(LARGEST, max(0.0, -log10(max(tail, 10.0**-LARGEST))))


def _likely(count: int, mean: float, shape: float) -> float:
    """The same tail where it is large: one minus the terms below."""
    chance = mean / (shape + mean)
    term = exp(shape * log(shape / (shape + mean)))
    below = 0.0
    for value in range(count):
        below += term
        term *= (value + shape) / (value + 1) * chance
    return max(0.0, -log10(max(1.0 - below, 1e-12)))


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)
