"""How every family behaves, fitted quickly on the sample tweets: the same sentences for all of them."""

from pathlib import Path

import pytest

from tests.model.behaviour import COMPLAINTS, ODD, PRAISE, SAME, WORSE
from vigie.catalogue import FAMILIES
from vigie_training.data import SAMPLE_TWEETS, read_file
from vigie_training.recipes import Fitted, Options, find_recipe
from vigie_training.splitting import split

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the tuned transformer is kept for those that build on it."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module", params=[family.name for family in FAMILIES])
def model(request: pytest.FixtureRequest, home: Path) -> Fitted:
    """A quick model of every family, on the default base model."""
    options = Options(seed=1, quick=True, home=home)
    return find_recipe(request.param).fit(split(read_file(SAMPLE_TWEETS)), options, lambda message: None)


def share_right(model: Fitted) -> float:
    """The share of plain sentences that are on the right side, each side counted alike."""
    complaints, praise = model.predict(COMPLAINTS) > 0.5, model.predict(PRAISE) < 0.5
    return float(complaints.mean() + praise.mean()) / 2


def test_plain_complaints_and_plain_praise_are_told_apart(model: Fitted) -> None:
    assert share_right(model) >= 0.7


def test_who_is_addressed_links_entities_and_white_space_change_nothing(model: Fitted) -> None:
    for text, same in SAME:
        first, second = model.predict([text, same])
        assert first == pytest.approx(second, abs=0.02), text


def test_a_change_for_the_worse_moves_most_scores_that_way(model: Fitted) -> None:
    moved = [model.predict([worse])[0] - model.predict([text])[0] for text, worse in WORSE]
    assert sum(move > 0 for move in moved) >= len(WORSE) - 1, moved


def test_any_text_gets_a_probability(model: Fitted) -> None:
    scores = model.predict(ODD)
    assert ((scores >= 0) & (scores <= 1)).all()
