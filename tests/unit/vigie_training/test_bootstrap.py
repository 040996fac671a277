"""Intervals of metrics, and metrics of weighted rows."""

import numpy as np
import pytest
from sklearn import metrics

from vigie_training import bootstrap
from vigie_training.bootstrap import WEIGHTED, intervals
from vigie_training.evaluate import calibration_error


def example(count: int, seed: int = 3) -> tuple[bootstrap.Labels, bootstrap.Doubles]:
    """Labels, and probabilities that know something of them."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, count)
    positive = np.clip(0.5 + (labels - 0.5) * 0.5 + random.normal(0, 0.3, count), 0.01, 0.99)
    return labels, positive.round(2).astype(np.float64)


def test_weighted_metrics_agree_with_scikit_learn() -> None:
    labels, positive = example(500)
    weights = np.random.default_rng(4).poisson(1.0, 500).astype(np.float64)
    said = positive > 0.5
    expected = {
        "accuracy": metrics.accuracy_score(labels, said, sample_weight=weights),
        "f1": metrics.f1_score(labels, said, sample_weight=weights),
        "macro_recall": metrics.recall_score(labels, said, average="macro", sample_weight=weights),
        "roc_auc": metrics.roc_auc_score(labels, positive, sample_weight=weights),
        "log_loss": metrics.log_loss(labels, positive, sample_weight=weights),
    }
    for name, value in expected.items():
        assert WEIGHTED[name](labels, positive, weights) == pytest.approx(value), name


def test_a_weight_of_two_is_the_row_twice() -> None:
    labels, positive = example(60)
    weights = np.random.default_rng(5).integers(0, 3, 60).astype(np.float64)
    twice = np.repeat(np.arange(60), weights.astype(int))
    for name, metric in WEIGHTED.items():
        assert metric(labels, positive, weights) == pytest.approx(
            metric(labels[twice], positive[twice], np.ones(len(twice)))
        ), name


def test_the_interval_of_a_share_is_as_wide_as_theory_says() -> None:
    labels, positive = example(2000)
    right = ((positive > 0.5) == (labels == 1)).mean()
    low, high = intervals(labels, positive, seed=1)["accuracy"]
    width = 2 * 1.96 * np.sqrt(right * (1 - right) / 2000)
    assert low < right < high
    assert high - low == pytest.approx(width, rel=0.2)


def test_the_same_seed_gives_the_same_interval() -> None:
    labels, positive = example(200)
    assert intervals(labels, positive, seed=1) == intervals(labels, positive, seed=1)
    assert intervals(labels, positive, seed=1) != intervals(labels, positive, seed=2)


def test_rows_of_one_label_have_no_area_and_no_macro_recall_and_are_no_error() -> None:
    found = intervals(np.ones(20, np.int64), np.full(20, 0.7), seed=1)
    assert found["accuracy"] == (1.0, 1.0)
    assert np.isnan([found["roc_auc"], found["macro_recall"]]).all()


@pytest.mark.parametrize("error", [0.0, 0.1])
def test_the_interval_of_the_calibration_error_holds_what_is_true_and_what_was_measured(error: float) -> None:
    holds = 0
    for seed in range(40):
        random = np.random.default_rng(seed)
        true = random.uniform(0.05, 0.85, 600)
        labels, said = (random.random(600) < true).astype(np.int64), true + error
        low, high = intervals(labels, said, seed=seed)["calibration_error"]
        assert 0 <= low <= calibration_error(labels, said) <= high
        holds += low <= error <= high
    assert holds >= 36
