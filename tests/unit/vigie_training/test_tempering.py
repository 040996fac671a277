"""Temperatures fitted on made-up rows of two kinds whose truth is known."""

from pathlib import Path

import numpy as np
import pytest

from tests.support.rows import rows
from vigie.predictor import Probabilities
from vigie.temperatures import TEMPERATURES, Temperatures
from vigie_training.metrics import calibration_error
from vigie_training.recipes import Options, find_recipe
from vigie_training.rows import Rows, joined
from vigie_training.splitting import Split
from vigie_training.tempering import fit_temperatures

COUNT = 6000
OWN = "sentiment140_train"
COMPANY = "airline_feb17_21"


def drawn(seed: int, *, company: float, own: float, kept: float = 1.0) -> tuple[Rows, Probabilities]:
    """Rows of both kinds and what a model says of them; the truth is its log-odds times `company`, or `own`.

    Four of five tweets to a company are negative; of these only `kept` are among the rows.
    """
    generator = np.random.default_rng(seed)
    parts, said = [], []
    for source, subject, slope, middle in ((COMPANY, "@user flight", company, -1.75), (OWN, "my day", own, 0.0)):
        odds = generator.normal(middle, 2, COUNT)
        labels = generator.random(COUNT) < 1 / (1 + np.exp(-slope * odds))
        if source == COMPANY:
            there = labels | (generator.random(COUNT) < kept)
            odds, labels = odds[there], labels[there]
        texts = [f"{subject} w{number}x{seed}" for number in range(len(odds))]
        parts.append(rows(zip(texts, labels.astype(int).tolist(), strict=True), source=source))
        said.append(1 / (1 + np.exp(odds)))
    return joined(parts), np.concatenate(said).astype(np.float32)


@pytest.mark.parametrize("kept", [1.0, 0.5])
def test_each_kind_gets_the_temperature_that_is_true_of_it(kept: float) -> None:
    calibration, said = drawn(1, company=2.0, own=0.5, kept=kept)
    test, unseen = drawn(2, company=2.0, own=0.5)
    found = fit_temperatures(said, Split(drawn(3, company=2.0, own=0.5)[0], calibration, test), seed=1)
    assert found is not None
    for side in (found.negative, found.positive):
        assert side.of_kind == pytest.approx(2.0, rel=0.25)
        assert side.elsewhere == pytest.approx(0.5, rel=0.25)
    for source in (COMPANY, OWN):
        mine = (test.frame["source"] == source).to_numpy()
        before = calibration_error(test.labels[mine], 1 - unseen[mine].astype(np.float64))
        scaled = found.scaled(test.texts, unseen)[mine]
        assert before > 0.06
        assert calibration_error(test.labels[mine], 1 - scaled.astype(np.float64)) < 0.03


def test_without_rows_of_both_kinds_there_are_none() -> None:
    calibration, said = drawn(1, company=1.0, own=1.0)
    only = (calibration.frame["source"] == OWN).to_numpy()
    assert fit_temperatures(said[only], Split(calibration, calibration.where(only), calibration), seed=1) is None


def test_a_recipe_fits_stores_and_reads_them(tmp_path: Path) -> None:
    parts = Split(*(drawn(seed, company=1.0, own=1.0)[0] for seed in (1, 2, 3)))
    fitted = find_recipe("logreg").fit(parts, Options(seed=1), lambda message: None)
    assert fitted.parameters["slope_negative_of_kind"]
    fitted.save(tmp_path)
    stored = Temperatures.load(tmp_path)
    assert stored is not None
    assert stored.words["flight"] > 0 > stored.words["day"]
    again = find_recipe("logreg").load(tmp_path)
    assert again.predict(parts.test.texts[:50]).tolist() == fitted.predict(parts.test.texts[:50]).tolist()
    (tmp_path / TEMPERATURES).unlink()
    bare = find_recipe("logreg").load(tmp_path)
    assert bare.predict(parts.test.texts[:50]).tolist() != fitted.predict(parts.test.texts[:50]).tolist()
