"""Votes on tweets, through a gateway that keeps them as the real one: the last stands, the others below it."""

from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.support.gateways import taken
from tests.support.peers import Peer
from ui.gateway import Gateway
from ui.judging import Tweet, undo, vote
from vigie.schemas import ExplainedPrediction, Feedback, FeedbackRequest, ModelRef, Verdict

TOLD = {"negative": 0.9, "positive": 0.1}
LOGREG = ModelRef(name="logreg", version="7")


class Ballot:
    """One annotator's votes on one prediction, the one that stands last; `client` asks it."""

    def __init__(self) -> None:
        self.votes: list[Feedback] = []
        self.given = 0
        self.client: Gateway

    async def take(self, request: Request) -> Response:
        """`POST /feedback`."""
        asked = FeedbackRequest.model_validate_json(await request.body())
        said = (asked.verdict, asked.expected_label)
        if not self.votes or said != (self.votes[-1].verdict, self.votes[-1].expected_label):
            self.given += 1
            self.votes.append(taken(asked, f"f{self.given}"))
        return Response(self.votes[-1].model_dump_json(), media_type="application/json")

    async def withdraw(self, request: Request) -> Response:
        """`DELETE /feedback/{id}` of the vote that stands."""
        assert request.path_params["id"] == self.votes[-1].feedback_id
        return Response(self.votes.pop().model_dump_json(), media_type="application/json")


@pytest.fixture
async def ballot() -> AsyncIterator[Ballot]:
    """An empty one on a real socket."""
    kept = Ballot()
    routes = [
        Route("/feedback", kept.take, methods=["POST"]),
        Route("/feedback/{id}", kept.withdraw, methods=["DELETE"]),
    ]
    with Peer(Starlette(routes=routes)) as peer:
        kept.client = Gateway(peer.url, None)
        yield kept
        await kept.client.close()


def tweet() -> Tweet:
    said = {"prediction_id": "p", "sentiment": "negative", "prediction_label": 0, "confidence": 0.9}
    said |= {"probabilities": TOLD, "model": LOGREG, "requested_model": None, "degraded": False}
    return Tweet("late again", ExplainedPrediction.model_validate(said))


def stands(ballot: Ballot) -> tuple[Verdict, int | None] | None:
    return (ballot.votes[-1].verdict, ballot.votes[-1].expected_label) if ballot.votes else None


def shown(judged: Tweet) -> tuple[Verdict, int | None] | None:
    return (judged.vote.verdict, judged.vote.expected_label) if judged.vote else None


async def test_undo_goes_one_vote_back_and_shows_the_one_that_stands(ballot: Ballot) -> None:
    judged = await vote(ballot.client, tweet(), Verdict.INCORRECT, "me")
    judged = await vote(ballot.client, judged, Verdict.INCORRECT, "me", unsure=True)
    assert shown(judged) == stands(ballot) == (Verdict.INCORRECT, None)
    judged = await undo(ballot.client, judged)
    assert shown(judged) == stands(ballot) == (Verdict.INCORRECT, 1)
    assert judged.vote
    assert judged.vote.seconds_left > 0, "it can be undone in turn"
    judged = await undo(ballot.client, judged)
    assert shown(judged) is stands(ballot) is None


async def test_the_same_vote_twice_is_one_to_undo(ballot: Ballot) -> None:
    judged = await vote(ballot.client, tweet(), Verdict.CORRECT, "me")
    judged = await vote(ballot.client, judged, Verdict.CORRECT, "me")
    judged = await undo(ballot.client, judged)
    assert shown(judged) is stands(ballot) is None


async def test_without_a_vote_there_is_nothing_to_undo(ballot: Ballot) -> None:
    assert shown(await undo(ballot.client, tweet())) is None
