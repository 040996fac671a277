"""What the model that ships is worth: on rows that it never saw, and in how it behaves."""

from pathlib import Path

import pytest

from predictor_logreg.predictor import LogregPredictor
from tests.model.behaviour import COMPLAINTS, ODD, PRAISE, SAME, WORSE
from vigie.artifacts import Manifest, verify
from vigie_training.data import read
from vigie_training.evaluate import evaluate
from vigie_training.measuring import folder_mib
from vigie_training.splitting import split
from vigie_training.starter import STARTERS

DATA = Path(__file__).parents[3] / "shared" / "data"
FOLDER = STARTERS / "logreg"
# Rows held out by the split, so that the model was neither fitted nor calibrated on them.
SETS = ("sentiment140_dev", "airline_feb17_21")


@pytest.fixture(scope="module")
def model() -> LogregPredictor:
    """The starter as the predictor loads it."""
    return LogregPredictor.load(FOLDER)


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    """Its manifest, with every checksum verified."""
    return verify(FOLDER, family="logreg")


def negative(model: LogregPredictor, text: str) -> float:
    return float(model.predict([text])[0])


def test_it_fits_into_the_repository(manifest: Manifest) -> None:
    assert folder_mib(FOLDER) <= 3
    assert {"numpy", "scikit-learn", "skops"} <= set(manifest.libraries)


@pytest.mark.skipif(not DATA.is_dir(), reason="the labelled data sets are not on this machine")
def test_on_rows_it_never_saw_it_is_as_good_as_its_card_says(model: LogregPredictor, manifest: Manifest) -> None:
    held_out = split(read([DATA / f"{name}.parquet" for name in (*SETS, "sentiment140_train")])).test
    found = evaluate(model.predict, held_out).metrics()
    assert found["accuracy.sentiment140_dev"] >= 0.79
    assert found["macro_recall.airline_feb17_21"] >= 0.85
    for name in SETS:
        assert found[f"calibration_error.{name}"] <= 0.06
        for metric in ("accuracy", "macro_recall", "roc_auc", "calibration_error"):
            key = f"{metric}.{name}"
            # When it was fitted, repeated tweets counted as often as they came: twenty of 3,983, one of 1,141.
            assert found[key] == pytest.approx(manifest.metrics[key], abs=5e-4)


@pytest.mark.parametrize("text", COMPLAINTS)
def test_plain_complaints_are_negative(model: LogregPredictor, text: str) -> None:
    assert negative(model, text) > 0.5


@pytest.mark.parametrize("text", PRAISE)
def test_plain_praise_is_positive(model: LogregPredictor, text: str) -> None:
    assert negative(model, text) < 0.5


@pytest.mark.parametrize(("text", "same"), SAME)
def test_who_is_addressed_links_entities_and_white_space_change_nothing(
    model: LogregPredictor, text: str, same: str
) -> None:
    assert negative(model, text) == pytest.approx(negative(model, same), abs=0.02)


@pytest.mark.parametrize(("text", "worse"), WORSE)
def test_a_change_for_the_worse_moves_the_score_that_way(model: LogregPredictor, text: str, worse: str) -> None:
    assert negative(model, worse) > negative(model, text) + 0.05


def test_any_text_gets_a_probability(model: LogregPredictor) -> None:
    scores = model.predict(ODD)
    assert ((scores >= 0) & (scores <= 1)).all()
