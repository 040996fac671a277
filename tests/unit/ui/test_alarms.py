"""Where each scope stands, from its alerts and silences."""

from datetime import UTC, datetime, timedelta

import pytest

from ui.alarms import watches_of
from vigie.alerts import Alert, AlertState, Silence

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


def alert(scope: str, rule: str, state: AlertState = AlertState.FIRING) -> Alert:
    return Alert(
        alert_id=f"{scope} {rule} {state}",
        scope=scope,
        rule=rule,
        state=state,
        fired_at=NOON,
        count=3,
        suppressed_before=0,
        prediction_ids=[],
        tweets=[],
        deliveries=[],
    )


def silence(scope: str, rule: str, *, active: bool = True) -> Silence:
    until = NOON + timedelta(hours=1)
    return Silence(silence_id="s", scope=scope, rule=rule, created_at=NOON, until=until, active=active)


def standings(alerts: list[Alert], silences: list[Silence]) -> dict[str, str]:
    return {watch.key: watch.standing for watch in watches_of(alerts, silences)}


def test_both_rules_are_watched_on_everything_from_the_start() -> None:
    assert standings([], []) == {"errors:all": "quiet", "surge:all": "quiet"}


def test_the_last_alert_of_a_scope_says_how_it_stands() -> None:
    over = alert("United", "surge", AlertState.RESOLVED)
    assert standings([alert("United", "surge"), over], [])["surge:United"] == "firing"
    assert standings([over, alert("United", "surge")], [])["surge:United"] == "quiet"


@pytest.mark.parametrize(
    ("scope", "rule", "silenced"),
    [
        ("all", "errors", {"errors:all"}),
        ("*", "errors", {"errors:all", "errors:*"}),
        ("all", "*", {"errors:all", "surge:all", "*:all"}),
        ("*", "*", {"errors:all", "surge:all", "*:*"}),
        ("United", "surge", {"surge:United"}),
    ],
)
def test_a_silence_is_told_wherever_it_holds(scope: str, rule: str, silenced: set[str]) -> None:
    found = standings([alert("all", "errors")], [silence(scope, rule)])
    assert {key for key, standing in found.items() if standing == "silenced"} == silenced


def test_a_silence_that_is_over_hides_nothing() -> None:
    assert standings([alert("all", "errors")], [silence("*", "*", active=False)])["errors:all"] == "firing"
