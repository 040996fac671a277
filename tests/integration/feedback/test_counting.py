"""Predictions over time: on both databases, with steps that nobody predicted in."""

from datetime import UTC, datetime, timedelta

from feedback.settings import FeedbackSettings
from tests.integration.feedback.conftest import service
from tests.integration.feedback.test_service import log, logged, prediction


async def test_predictions_are_counted_over_time_by_family_and_by_topic(
    settings: FeedbackSettings, redis_url: str
) -> None:
    events = [
        prediction(age_seconds=10, negative=0.9),
        prediction(age_seconds=10, negative=0.2),
        prediction(age_seconds=3600, negative=0.8).model_copy(update={"topic": "luggage"}),
        prediction(age_seconds=3600, negative=0.1).model_copy(update={"topic": "food", "model": "lstm"}),
        prediction(age_seconds=3600, negative=0.1).model_copy(update={"topic": "food"}),
        prediction(age_seconds=9 * 3600),
    ]
    async with service(settings) as client:
        log(redis_url, events)
        await logged(client, len(events))
        found = (await client.get("/predictions/counts")).json()
        food = (await client.get("/predictions/counts", params={"topic": "food", "step_minutes": 60})).json()
        tweets = (await client.get("/predictions", params={"topic": "luggage"})).json()["items"]
        negative = (await client.get("/predictions", params={"sentiment": "negative", "topic": "food"})).json()["items"]
        wrong = await client.get("/predictions", params={"sentiment": "furious"})
    assert ([tweet["topic"] for tweet in tweets], negative, wrong.status_code) == (["luggage"], [], 400)
    counts = [(moment["total"], moment["negative"]) for moment in found["moments"]]
    assert (found["step_minutes"], len(counts)) == (15, 25)
    assert [count for count in counts if count != (0, 0)] == [(3, 1), (2, 1)]
    assert {part["name"]: (part["total"], part["negative"]) for part in found["models"]} == {
        "logreg": (4, 2),
        "lstm": (1, 0),
    }
    assert [(part["name"], part["total"], part["negative"]) for part in found["topics"]] == [
        ("food", 2, 0),
        ("luggage", 1, 1),
    ]
    assert sum(moment["total"] for moment in food["moments"]) == 2
    assert len(food["topics"]) == 2, "what else there is can be chosen"


async def test_too_many_steps_are_a_400_that_says_so(settings: FeedbackSettings) -> None:
    since = (datetime.now(UTC) - timedelta(days=30)).isoformat()
    async with service(settings) as client:
        answer = await client.get("/predictions/counts", params={"since": since, "step_minutes": 1})
    assert answer.status_code == 400
    assert "at most 1500 steps" in answer.json()["error"]["message"]
