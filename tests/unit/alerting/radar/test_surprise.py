"""Tail probabilities, against scipy."""

from math import log10

import pytest
from scipy.stats import betabinom, nbinom

from alerting.radar.surprise import LARGEST, beta_binomial_surprise, gamma_poisson_surprise


@pytest.mark.parametrize("mean", [0.3, 3.0, 25.0, 400.0])
@pytest.mark.parametrize("shape", [2.0, 13.3, 1000.0])
def test_the_count_surprise_is_the_tail_of_a_negative_binomial(mean: float, shape: float) -> None:
    for count in (1, 3, int(mean), int(mean) + 1, int(2 * mean) + 5, int(4 * mean) + 30):
        expected = -nbinom.logsf(count - 1, shape, shape / (shape + mean)) / 2.302585092994046
        assert gamma_poisson_surprise(count, mean=mean, shape=shape) == pytest.approx(expected, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("share", [0.1, 0.58, 0.95])
@pytest.mark.parametrize("strength", [8.0, 60.0])
def test_the_share_surprise_is_the_tail_of_a_beta_binomial(share: float, strength: float) -> None:
    a, b = share * strength, (1 - share) * strength
    for negative, total in ((1, 1), (5, 20), (20, 20), (90, 120), (0, 3)):
        expected = -log10(sum(betabinom.pmf(value, total, a, b) for value in range(negative, total + 1)))
        found = beta_binomial_surprise(negative, total, share=share, strength=strength)
        assert found == pytest.approx(max(0.0, expected), rel=1e-4, abs=1e-6)


def test_nothing_is_no_surprise_and_the_impossible_is_bounded() -> None:
    assert gamma_poisson_surprise(0, mean=3, shape=3) == 0
    assert beta_binomial_surprise(0, 0, share=0.5, strength=9) == 0
    assert gamma_poisson_surprise(100_000, mean=0.3, shape=1e6) == LARGEST


def test_more_is_never_less_surprising() -> None:
    counts = [gamma_poisson_surprise(count, mean=7.5, shape=20) for count in range(200)]
    shares = [beta_binomial_surprise(negative, 60, share=0.5, strength=30) for negative in range(61)]
    assert counts == sorted(counts)
    assert shares == sorted(shares)
