"""Metrics against values worked out by hand and against scikit-learn's own."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.support.rows import made_up, rows
from vigie.predictor import Probabilities
from vigie_training import charts
from vigie_training.calibration import fit_platt
from vigie_training.evaluate import evaluate
from vigie_training.rows import joined


def says(values: Sequence[float]) -> Probabilities:
    """P(negative) for P(positive) of `values`."""
    return np.array([1 - value for value in values], np.float32)


def test_metrics_are_what_they_are_by_hand() -> None:
    given = rows([("a", 1), ("b", 1), ("c", 0), ("d", 0), ("e", 0)])
    found = evaluate(lambda _: says([0.9, 0.4, 0.2, 0.6, 0.1]), given)
    (line,) = found.table.to_dict("records")
    assert line["accuracy"] == pytest.approx(3 / 5)
    assert line["f1"] == pytest.approx(1 / 2)
    assert line["macro_recall"] == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert line["roc_auc"] == pytest.approx(5 / 6)
    assert line["log_loss"] == pytest.approx(-np.mean(np.log([0.9, 0.4, 0.8, 0.4, 0.9])), rel=1e-5)
    assert found.right.tolist() == [True, False, True, False, True]


def test_each_data_set_has_a_line_after_the_pooled_one() -> None:
    given = joined([made_up(10, source="one"), made_up(6, source="two", seed=2)])
    found = evaluate(lambda texts: says([0.7] * len(texts)), given)
    assert found.table["data_set"].tolist() == ["all", "one", "two"]
    assert found.table["rows"].tolist() == [16, 10, 6]
    assert {"accuracy", "accuracy.one", "accuracy.two"} <= set(found.metrics())


def test_a_tweet_of_two_data_sets_counts_once_where_they_are_pooled_and_not_at_all_with_both_labels() -> None:
    one = rows([("@ada late", 0), ("thanks", 1), ("hm", 0)], source="one")
    two = rows([("@bob late", 0), ("hm", 1)], source="two")
    found = evaluate(lambda texts: says([0.9 if "hm" in text else 0.1 for text in texts]), joined([one, two]))
    assert found.table["rows"].tolist() == [2, 3, 2]
    assert found.table["accuracy"].tolist() == pytest.approx([1 / 2, 1 / 3, 1])
    assert found.held_out().rows == 2


def test_a_set_of_one_label_has_no_area_under_the_curve_and_no_macro_recall() -> None:
    found = evaluate(lambda texts: says([0.7] * len(texts)), rows([("a", 1), ("b", 1)]))
    assert not {"roc_auc", "macro_recall"} & set(found.metrics())
    assert found.metrics()["accuracy"] == 1


def test_platt_scaling_finds_what_distorted_the_scores() -> None:
    chance = np.random.default_rng(5)
    logits = chance.normal(size=20_000)
    labels = (chance.random(20_000) < 1 / (1 + np.exp(-logits))).astype(int)
    given = rows([(f"t{number}", label) for number, label in enumerate(labels.tolist())])
    platt = fit_platt(logits * 3 + 1, given)
    assert platt.slope == pytest.approx(1 / 3, abs=0.02)
    assert platt.shift == pytest.approx(-1 / 3, abs=0.05)


def test_a_set_weighs_in_the_calibration_as_its_policy_says() -> None:
    """A small data set with another base rate is heard: it weighs as a whole, not by its rows."""
    big = rows([(f"b{n}", n % 2) for n in range(2000)], source="semeval2013_2016_train")
    small = rows([(f"s{n}", int(n % 10 == 0)) for n in range(200)], source="airline_feb17_21")
    both = joined([big, small])
    alone, together = fit_platt(np.zeros(2000), big), fit_platt(np.zeros(2200), both)
    assert alone.shift == pytest.approx(0, abs=1e-6)
    expected = (1 * 0.5 + 2 * 0.1) / 3
    assert 1 / (1 + np.exp(-together.shift)) == pytest.approx(expected, abs=1e-3)


def test_the_pictures_are_png_files(tmp_path: Path) -> None:
    given = made_up(40)
    found = evaluate(lambda texts: says(np.linspace(0, 1, len(texts)).tolist()), given)
    for path in charts.draw(found, tmp_path):
        assert path.read_bytes().startswith(b"\x89PNG")


def test_what_a_card_draws_is_counted_by_hand() -> None:
    given = rows([("a", 1), ("b", 1), ("c", 0), ("d", 0), ("e", 0)])
    held_out = evaluate(lambda _: says([0.9, 0.4, 0.2, 0.6, 0.1]), given).held_out()
    assert held_out.rows == 5
    assert held_out.confusion == ((2, 1), (1, 1))
    assert (held_out.roc[0], held_out.roc[-1]) == ((0.0, 0.0), (1.0, 1.0))
    assert [(round(each.said, 3), each.true, each.rows) for each in held_out.calibration] == [
        (0.1, 0, 1),
        (0.2, 0, 1),
        (0.4, 1, 1),
        (0.6, 0, 1),
        (0.9, 1, 1),
    ]


def test_rows_of_one_label_have_no_curve() -> None:
    assert evaluate(lambda _: says([0.9, 0.4]), rows([("a", 1), ("b", 1)])).held_out().roc == []
