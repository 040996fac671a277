"""Temperatures: what they change and what they leave."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie.artifacts import ArtifactError
from vigie.predictor import Explainer, InTime, Probabilities, always
from vigie.schemas import WordWeight
from vigie.temperatures import TEMPERATURES, Slopes, Temperatures, load_tempered

COMPANY = Temperatures(
    words={"flight": 6.0, "@user": 1.0},
    bias=-3.0,
    negative=Slopes(elsewhere=0.8, of_kind=2.0),
    positive=Slopes(elsewhere=1.0, of_kind=0.5, of_kind_beyond=1.5),
)


class Fixed:
    """Says 0.8 of every text."""

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Needs no files."""
        return cls()

    def predict(self, texts: Sequence[str]) -> Probabilities:
        """See `Predictor`."""
        return np.full(len(texts), 0.8, np.float32)


class Explaining(Fixed):
    """Also says why."""

    def explain(self, texts: Sequence[str], in_time: InTime = always) -> list[list[WordWeight]]:
        """See `Explainer`."""
        return [[WordWeight(word=text.split()[0], weight=1.0)] for text in texts]


def test_a_kind_is_told_by_different_words_whatever_their_case_and_marks() -> None:
    kinds = COMPANY.kinds(["FLIGHT, flight! (flight)", "@Bob123 hello", "", "my day"])
    assert kinds == pytest.approx([1 / (1 + np.exp(-3)), 1 / (1 + np.exp(2)), 1 / (1 + np.exp(3)), 1 / (1 + np.exp(3))])


def test_of_one_score_a_complaint_to_a_company_is_surer() -> None:
    company, own = COMPANY.scaled(["flight @user late", "late again"], np.array([0.8, 0.8], np.float32))
    assert company > 0.9
    assert 0.5 < own < 0.8
    company, own = COMPANY.scaled(["flight @user thanks", "thanks"], np.array([0.2, 0.2], np.float32))
    assert 0.2 < company < 0.5
    assert own == pytest.approx(0.2, abs=0.02)


def test_beyond_the_bend_another_slope_holds_for_the_kind_alone() -> None:
    odds = np.array([0.5, 1.0, 3.0])
    slopes = Slopes(elsewhere=2.0, of_kind=0.5, of_kind_beyond=1.5)
    assert slopes.scaled(odds, np.ones(3)) == pytest.approx([0.25, 0.5, 0.5 + 2 * 1.5])
    assert slopes.scaled(-odds, np.ones(3)) == pytest.approx([-0.25, -0.5, -0.5 - 2 * 1.5])
    assert slopes.scaled(odds, np.zeros(3)) == pytest.approx(2 * odds)
    assert Slopes(elsewhere=2.0, of_kind=0.5).scaled(odds, np.ones(3)) == pytest.approx(0.5 * odds)


@given(st.lists(st.tuples(st.sampled_from(["flight", "day", "@user"]), st.floats(0, 1, width=32)), max_size=20))
def test_what_is_said_of_a_text_keeps_its_side_and_its_place_among_texts_of_its_kind(
    said: list[tuple[str, float]],
) -> None:
    negative = np.array([each for _, each in said], np.float32)
    scaled = COMPANY.scaled([text for text, _ in said], negative)
    assert scaled.shape == negative.shape
    assert bool(((scaled >= 0) & (scaled <= 1)).all())
    assert bool(((np.abs(negative - 0.5) < 1e-6) | ((negative > 0.5) == (scaled > 0.5))).all())
    for kind in {text for text, _ in said}:
        mine = np.array([text == kind for text, _ in said])
        assert bool((np.diff(scaled[mine][np.argsort(negative[mine], kind="stable")]) >= 0).all())


def test_a_predictor_is_scaled_where_its_artefact_says_how_and_explains_as_before(tmp_path: Path) -> None:
    assert isinstance(load_tempered(Fixed, tmp_path), Fixed)
    COMPANY.save(tmp_path)
    scaled = load_tempered(Fixed, tmp_path)
    assert scaled.predict(["flight"])[0] > 0.9
    assert not isinstance(scaled, Explainer)
    explaining = load_tempered(Explaining, tmp_path)
    assert isinstance(explaining, Explainer)
    assert explaining.explain(["flight late"])[0][0].word == "flight"
    assert explaining.predict([]).shape == (0,)


@pytest.mark.parametrize(
    "content",
    ["", "{}", COMPANY.model_dump_json().replace("2.0", "-2.0"), COMPANY.model_dump_json().replace("6.0", "NaN")],
)
def test_a_broken_file_keeps_the_version_out(tmp_path: Path, content: str) -> None:
    (tmp_path / TEMPERATURES).write_text(content, encoding="utf-8")
    with pytest.raises(ArtifactError, match="expected words, bias and slopes above zero"):
        load_tempered(Fixed, tmp_path)
