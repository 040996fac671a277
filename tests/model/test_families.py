"""How every family behaves, fitted quickly: the same sentences for all of them.

What starts from a pretrained transformer learns enough from the sample tweets; what learns words needs real ones.
"""

from pathlib import Path

import pytest

from tests.model.behaviour import COMPLAINTS, ODD, PRAISE, SAME, WORSE
from vigie.catalogue import FAMILIES
from vigie_training.data import SAMPLE_TWEETS, read
from vigie_training.recipes import Fitted, Options, find_recipe
from vigie_training.splitting import split

pytestmark = pytest.mark.timeout(900)

DATA = Path(__file__).parents[3] / "shared" / "data"
REAL = [DATA / "airline_feb17_21.parquet", DATA / "tweet_sentiment_extraction.parquet"]
PRETRAINED = {"lightgbm", "distilbert"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the tuned transformer is kept for those that build on it."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module", params=[family.name for family in FAMILIES])
def model(request: pytest.FixtureRequest, home: Path) -> Fitted:
    """A quick model of every family, on the default base model."""
    if request.param not in PRETRAINED and not DATA.exists():
        pytest.skip("needs the real tweets")
    rows = read([SAMPLE_TWEETS] if request.param in PRETRAINED else REAL)
    options = Options(seed=1, quick=True, home=home)
    return find_recipe(request.param).fit(split(rows), options, lambda message: None)


def share_right(model: Fitted) -> float:
    """The share of plain sentences that are on the right side, each side counted alike."""
    complaints, praise = model.predict(COMPLAINTS) > 0.5, model.predict(PRAISE) < 0.5
    return float(complaints.mean() + praise.mean()) / 2


def test_plain_complaints_and_plain_praise_are_told_apart(model: Fitted) -> None:
    assert share_right(model) >= 0.8


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
