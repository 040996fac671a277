"""What may become the champion."""

import numpy as np
import pytest

from tests.support.rows import made_up
from vigie_training.evaluate import Evaluation, evaluate
from vigie_training.gate import Cost, Limits, Verdict, judge
from vigie_training.rows import Rows, joined

CHEAP, LIMITS = Cost(1, 1), Limits(size_mib=10, latency_ms=10, calibration_error=0.5)


def right_on(rows: Rows, share: float, seed: int = 0) -> Evaluation:
    """An evaluation of a model that answers a random share of the rows rightly."""
    right = np.random.default_rng(seed).permutation(len(rows)) < round(share * len(rows))
    positive = np.where(right, rows.labels, 1 - rows.labels).astype(np.float64)
    table = evaluate(lambda texts: np.full(len(texts), 0.5, np.float32), rows).table  # calibrated, and nothing else
    return Evaluation(rows, positive, table)


def verdict(candidate: Evaluation, champion: Evaluation | None, *, problem: str = "", cost: Cost = CHEAP) -> Verdict:
    number = "7" if champion else None
    return judge(candidate, champion, number=number, problem=problem, cost=cost, limits=LIMITS)


def test_as_good_as_the_champion_passes() -> None:
    rows = made_up(1000)
    found = verdict(right_on(rows, 0.8, seed=1), right_on(rows, 0.8, seed=2))
    assert found.passed
    assert found.summary() == "passed against version 7"
    for number in (
        "accuracy 0.5",
        "before)",
        "McNemar p ",
        " on all",
        "size mib 1",
        "allowed: size mib 10, latency ms 10",
    ):
        assert number in found.numbers()


def test_a_loss_within_the_noise_passes() -> None:
    rows = made_up(1000)
    assert verdict(right_on(rows, 0.79, seed=1), right_on(rows, 0.80, seed=2)).passed


def test_clearly_worse_is_refused_with_its_numbers() -> None:
    rows = made_up(1000)
    found = verdict(right_on(rows, 0.70, seed=1), right_on(rows, 0.80, seed=2))
    assert not found.passed
    assert found.summary().startswith("worse than version 7 on all (McNemar p = ")


def test_better_overall_does_not_hide_worse_on_one_data_set() -> None:
    big, small = made_up(3000, source="big"), made_up(300, source="small", seed=2)
    rows = joined([big, small])

    def model(on_big: float, on_small: float, seed: int) -> Evaluation:
        parts = [right_on(big, on_big, seed).positive, right_on(small, on_small, seed).positive]
        return Evaluation(rows, np.concatenate(parts), right_on(rows, 0.5).table)

    found = verdict(model(0.9, 0.6, 1), model(0.8, 0.9, 2))
    assert not found.passed
    assert [reason for reason in found.reasons if "on small" in reason]
    assert not [reason for reason in found.reasons if "on all" in reason]


def test_a_handful_of_rows_has_no_say() -> None:
    rows = joined([made_up(1000, source="big"), made_up(20, source="few", seed=2)])
    assert set(verdict(right_on(rows, 0.8), right_on(rows, 0.8)).p_values) == {"all", "big"}


def test_every_version_has_to_beat_a_coin() -> None:
    rows = made_up(400)
    assert verdict(right_on(rows, 0.7), None).summary() == "passed"
    for champion in (None, right_on(rows, 0.5, seed=3)):
        found = verdict(right_on(rows, 0.5), champion)
        assert not found.passed
        assert "not better than chance" in found.summary()


@pytest.mark.parametrize(
    ("cost", "problem", "reason"),
    [
        (Cost(10.5, 1), "", "size: expected at most 10 MiB, got 10.5"),
        (Cost(1, 12), "", "latency: expected at most 10 ms a tweet, got 12.0"),
        (CHEAP, "golden row 3: expected 0.5, got 0.6", "golden row 3: expected 0.5, got 0.6"),
    ],
)
def test_cost_and_golden_rows_can_refuse_alone(cost: Cost, problem: str, reason: str) -> None:
    rows = made_up(400)
    found = verdict(right_on(rows, 0.9), right_on(rows, 0.8), cost=cost, problem=problem)
    assert (found.passed, found.reasons) == (False, [reason])


def test_probabilities_far_from_the_truth_are_refused() -> None:
    rows = made_up(400)
    sure = evaluate(lambda texts: np.where(right_on(rows, 0.6).right == (rows.labels == 1), 0.0, 1.0), rows)
    found = judge(sure, None, number=None, problem="", cost=CHEAP, limits=LIMITS._replace(calibration_error=0.1))
    assert found.reasons == ["calibration error: expected at most 0.1, got 0.400"]
