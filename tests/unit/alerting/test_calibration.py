"""The back-test of the error rule, against the rule itself."""

import json
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from alerting.calibration import NEEDED, WrongPrediction, back_test, mails
from alerting.cli import main
from alerting.rule import ErrorRule, Outcome, RuleParameters
from tests.support.alerts import error_state
from tests.support.peers import Peer
from vigie.schemas import Feedback, FeedbackPage, ModelRef, Verdict

NOON = 1_790_000_000_000
DAY = 24 * 3600 * 1000


@pytest.mark.parametrize(
    ("seconds", "count"),
    [([0, 150, 299.999], 1), ([0, 150, 300], 0), ([0, 1, 2, 3, 4], 1), ([0, 1, 2, 902, 903, 904], 2)],
)
def test_the_boundaries_are_those_of_the_rule(seconds: list[float], count: int) -> None:
    times = [NOON + round(second * 1000) for second in seconds]
    assert mails(times, needed=3, window_ms=300_000, cooldown_ms=900_000) == count


@pytest.mark.parametrize("cooldown_ms", [0, 60_000, 900_000])
async def test_it_sends_what_the_rule_would_have_sent(redis: Redis, cooldown_ms: int) -> None:
    chance = Random(cooldown_ms)
    times = sorted(NOON + chance.randrange(3 * 3600 * 1000) for _ in range(150))
    rule = ErrorRule(redis, RuleParameters(needed=3, window_ms=300_000, cooldown_ms=cooldown_ms))
    outcomes = [(await rule.judge([error_state(f"p{number}", at)], now_ms=at))[0] for number, at in enumerate(times)]
    expected = outcomes.count(Outcome.FIRED)
    assert expected > 3
    assert mails(times, needed=3, window_ms=300_000, cooldown_ms=cooldown_ms) == expected


def test_versions_by_themselves_fire_less_often_than_all_together() -> None:
    errors = [WrongPrediction(NOON + n * 60_000, f"logreg:{n % 3}") for n in range(300)]
    outcomes = list(back_test(errors, 2.0, ("all", 3, 300.0, 900.0)))
    assert len(outcomes) == 2 * len(NEEDED) * 4 * 3
    found = {(each.scope, each.errors, each.window_seconds, each.cooldown_seconds): each for each in outcomes}
    assert found["model", 3, 300, 900].mails < found["all", 3, 300, 0].mails
    assert found["all", 3, 300, 900].mails_per_day == found["all", 3, 300, 900].mails / 2


def test_the_setting_in_force_is_among_them_wherever_it_lies() -> None:
    errors = [WrongPrediction(NOON + n * 60_000, "logreg:1") for n in range(300)]
    outcomes = list(back_test(errors, 2.0, ("all", 4, 200.5, 0.0)))
    own = [each for each in outcomes if (each.errors, each.window_seconds) == (4, 200.5)]
    assert [each.mails for each in own] == [297]


def test_the_command_reads_all_pages_of_wrong_votes_and_marks_the_setting_in_force(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[dict[str, str]] = []
    now = datetime.now(UTC)
    votes = [_vote(number, now - timedelta(minutes=number)) for number in range(3)]

    async def feedback(request: Request) -> Response:
        asked.append({**request.query_params})
        if len(asked) == 1:
            return Response("too busy", 503)
        more = "cursor" not in request.query_params
        page = FeedbackPage(items=votes[:2] if more else votes[2:], next_cursor="next" if more else None)
        return Response(page.model_dump_json(), media_type="application/json")

    with Peer(Starlette(routes=[Route("/feedback", feedback)])) as peer:
        monkeypatch.setenv("GATEWAY_URL", peer.url)
        main(["calibrate", "--json", "--days", "2"])
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (mine,) = [outcome for outcome in told if outcome["now"]]
    assert (mine["errors"], mine["window_seconds"], mine["mails"]) == (3, 300.0, 1)
    assert [each["verdict"] for each in asked] == ["incorrect"] * 3
    assert "cursor" not in asked[1]
    assert asked[2]["cursor"] == "next"


def _vote(number: int, at: datetime) -> Feedback:
    return Feedback(
        feedback_id=f"vote {number}",
        prediction_id=f"prediction {number}",
        verdict=Verdict.INCORRECT,
        annotator="ana",
        created_at=at,
        model=ModelRef(name="logreg", version="1"),
        prediction_label=0,
        probability_negative=0.9,
        predicted_at=at,
    )
