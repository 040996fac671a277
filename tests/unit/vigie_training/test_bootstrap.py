"""Intervals of metrics."""

import numpy as np
import pytest

from tests.support.rows import answers
from vigie_training.bootstrap import intervals
from vigie_training.metrics import calibration_error


def test_the_interval_of_a_share_is_as_wide_as_theory_says() -> None:
    labels, positive = answers(2000)
    right = ((positive > 0.5) == (labels == 1)).mean()
    low, high = intervals(labels, positive, seed=1)["accuracy"]
    width = 2 * 1.96 * np.sqrt(right * (1 - right) / 2000)
    assert low < right < high
    assert high - low == pytest.approx(width, rel=0.2)


def test_the_same_seed_gives_the_same_interval() -> None:
    labels, positive = answers(200)
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
