"""Metrics of weighted rows against scikit-learn's, and by hand."""

import numpy as np
import pytest
from sklearn import metrics

from tests.support.rows import answers
from vigie_training.metrics import METRICS, calibration_error


def test_weighted_metrics_agree_with_scikit_learn() -> None:
    labels, positive = answers(500)
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
        assert METRICS[name](labels, positive, weights) == pytest.approx(value), name


def test_a_weight_of_two_is_the_row_twice() -> None:
    labels, positive = answers(60)
    weights = np.random.default_rng(5).integers(0, 3, 60).astype(np.float64)
    twice = np.repeat(np.arange(60), weights.astype(int))
    for name, metric in METRICS.items():
        assert metric(labels, positive, weights) == pytest.approx(
            metric(labels[twice], positive[twice], np.ones(len(twice)))
        ), name


def test_calibration_error_is_the_gap_between_said_and_true() -> None:
    labels = np.array([1] * 70 + [0] * 30)
    assert calibration_error(labels, np.full(100, 0.7)) == pytest.approx(0, abs=1e-9)
    assert calibration_error(labels, np.full(100, 0.9)) == pytest.approx(0.2)
    assert calibration_error(labels, np.full(100, 1.0)) == pytest.approx(0.3), "1.0 belongs to the last bin"
