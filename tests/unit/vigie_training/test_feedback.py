"""Which votes become training rows."""

import pandas as pd
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.support.peers import Peer
from tests.support.rows import made_up
from vigie_training.errors import TrainingError
from vigie_training.feedback import FEEDBACK, fetch, qualified
from vigie_training.rows import joined
from vigie_training.splitting import split

COLUMNS = ["prediction_id", "annotator", "verdict", "expected_label", "prediction_label", "text", "created_at"]
Vote = tuple[str, str, str, str]


def export(*votes: Vote, text: str = "late again") -> pd.DataFrame:
    """Votes as (prediction, annotator, verdict, expected label); every prediction was negative."""
    lines = [(one, who, said, label, "0", f"{text} {one}", "2026-01-02T03:04:05Z") for one, who, said, label in votes]
    return pd.DataFrame(lines, columns=COLUMNS)


def found(*votes: Vote, trusted: tuple[str, ...] = ()) -> dict[str, int]:
    rows = qualified(export(*votes), trusted)
    return dict(zip(rows.texts, rows.labels.tolist(), strict=True))


def test_a_slash_at_the_end_of_the_address_does_no_harm() -> None:
    async def answer(_: Request) -> Response:
        return Response(",".join(COLUMNS))

    with Peer(Starlette(routes=[Route("/feedback/export.csv", answer)])) as service:
        for address in (service.url, f"{service.url}/"):
            assert fetch(address).columns.tolist() == COLUMNS


@pytest.mark.parametrize("said", ["", "<!doctype html>\n<p>hello</p>\n<b>a, b, c</b>\n", "prediction_id,caf\u00e9\n"])
def test_an_answer_that_is_no_csv_is_one_sentence(said: str) -> None:
    async def answer(_: Request) -> Response:
        return Response(said.encode("latin-1"))

    with (
        Peer(Starlette(routes=[Route("/feedback/export.csv", answer)])) as service,
        pytest.raises(TrainingError, match=f"^FEEDBACK_URL: {service.url}: expected the votes as CSV: "),
    ):
        fetch(service.url)


def test_two_who_agree_make_a_label() -> None:
    assert found(("p", "ada", "incorrect", ""), ("p", "bob", "incorrect", "1")) == {"late again p": 1}
    assert found(("p", "ada", "correct", ""), ("p", "bob", "correct", "")) == {"late again p": 0}


@pytest.mark.parametrize(
    "votes",
    [
        [("p", "ada", "incorrect", "")],
        [("p", "ada", "incorrect", ""), ("p", "bob", "correct", "")],
        [("p", "ada", "incorrect", ""), ("q", "bob", "incorrect", "")],
        [("p", who, verdict, "") for who, verdict in zip("abcd", ["correct", "incorrect"] * 2, strict=True)],
    ],
)
def test_one_alone_or_a_divided_room_makes_none(votes: list[Vote]) -> None:
    assert found(*votes) == {}


def test_a_majority_of_at_least_two_decides() -> None:
    votes: list[Vote] = [("p", "ada", "incorrect", ""), ("p", "bob", "incorrect", ""), ("p", "eve", "correct", "")]
    assert found(*votes) == {"late again p": 1}


def test_one_who_is_trusted_is_enough_and_overrules() -> None:
    votes: list[Vote] = [("p", "ada", "incorrect", ""), ("p", "bob", "incorrect", ""), ("p", "eve", "correct", "")]
    assert found(("p", "eve", "incorrect", ""), trusted=("eve",)) == {"late again p": 1}
    assert found(*votes, trusted=("eve",)) == {"late again p": 0}


def test_trusted_annotators_who_contradict_each_other_make_none() -> None:
    votes: list[Vote] = [("p", "ada", "incorrect", ""), ("p", "eve", "correct", ""), ("p", "bob", "correct", "")]
    assert found(*votes, trusted=("ada", "eve")) == {}


def test_a_prediction_without_its_text_is_left_out() -> None:
    votes = export(("p", "ada", "incorrect", ""), ("p", "bob", "incorrect", "")).assign(text=" ")
    assert len(qualified(votes)) == 0


def test_votes_are_fitted_on_and_never_evaluated_and_held_out_rows_stay_held_out() -> None:
    given = made_up(400)
    gold = split(given).test.texts[0]
    votes = export(*[(str(number), "eve", "incorrect", "1") for number in range(50)])
    votes.loc[0, "text"] = gold.upper()
    parts = split(joined([given, qualified(votes, ["eve"])]))
    assert len(parts.fit.of(FEEDBACK)) == 49
    assert FEEDBACK not in parts.test.sources + parts.calibration.sources
    assert gold in parts.test.texts
