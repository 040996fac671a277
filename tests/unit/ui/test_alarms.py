"""Where each scope stands, from its alerts and silences."""

from datetime import UTC, datetime, timedelta

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.support.gateways import FakeGateway
from tests.support.peers import Peer
from ui.alarms import AlertDesk, watches_of
from ui.gateway import Gateway
from vigie.alerts import Alert, AlertState, Silence, SilenceList

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


def silence(scope: str, rule: str, *, active: bool = True, hours: float = 1, silence_id: str = "s") -> Silence:
    until = NOON + timedelta(hours=hours)
    return Silence(silence_id=silence_id, scope=scope, rule=rule, created_at=NOON, until=until, active=active)


def standings(alerts: list[Alert], silences: list[Silence]) -> dict[str, str]:
    return {watch.key: watch.standing for watch in watches_of(alerts, silences)}


def test_both_rules_are_watched_on_everything_from_the_start() -> None:
    assert standings([], []) == {"errors:all": "quiet", "surge:all": "quiet"}


def test_the_last_alert_of_a_scope_says_how_it_stands() -> None:
    over = alert("United", "surge", AlertState.RESOLVED)
    assert standings([alert("United", "surge"), over], [])["surge:United"] == "firing"
    assert standings([over, alert("United", "surge")], [])["surge:United"] == "quiet"


async def test_a_scope_that_fires_is_shown_below_a_storm_of_alerts_of_another_one() -> None:
    storm = [alert("all", "errors", AlertState.RESOLVED)] * 60
    async with FakeGateway(
        alerts=[*storm, alert("Delta", "surge", AlertState.RESOLVED), alert("United", "surge")]
    ) as gateway:
        alarms = await AlertDesk(gateway.client, "").look()
    told = {watch.key: watch.standing for watch in alarms.watches}
    assert told == {"errors:all": "quiet", "surge:all": "quiet", "surge:United": "firing"}
    assert alarms.alerts == storm[:50]


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


def test_of_silences_that_overlap_the_one_that_lasts_longest_is_told() -> None:
    newest_first = [silence("all", "errors"), silence("all", "errors", hours=24), silence("*", "errors", hours=2)]
    shown = watches_of([], newest_first)[0].silence
    assert shown == newest_first[1]


class Silences:
    """Keeps silences as the gateway does, newest first."""

    def __init__(self, *held: Silence) -> None:
        self._held = {each.silence_id: each for each in held}

    @property
    def active(self) -> set[str]:
        """The identifiers of those that hold."""
        return {name for name, each in self._held.items() if each.active}

    async def listed(self, _: Request) -> Response:
        """`GET /alerts/silences`."""
        return Response(SilenceList(items=list(self._held.values())).model_dump_json(), media_type="application/json")

    async def end(self, request: Request) -> Response:
        """`DELETE /alerts/silences/{id}`."""
        ended = self._held[request.path_params["id"]].model_copy(update={"active": False})
        self._held[ended.silence_id] = ended
        return Response(ended.model_dump_json(), media_type="application/json")

    def app(self) -> Starlette:
        """As an application."""
        one = Route("/alerts/silences/{id}", self.end, methods=["DELETE"])
        return Starlette(routes=[Route("/alerts/silences", self.listed), one])


@pytest.mark.parametrize(
    ("held", "left", "still"),
    [
        (["all errors 1 a", "all errors 24 b"], set(), None),
        (["all errors 1 a", "* errors 24 b"], {"b"}, "b"),
        (["all errors 24 a", "* * 1 b", "all * 2 c"], {"b", "c"}, "c"),
        (["* errors 1 a", "* errors 2 b", "all surge 1 c"], {"c"}, None),
        (["* errors 1 a", "* * 2 b"], {"a"}, "a"),
        (["United errors 1 a"], {"a"}, None),
    ],
)
async def test_the_silences_of_a_watch_are_ended_and_what_covers_it_still_is_told(
    held: list[str], left: set[str], still: str | None
) -> None:
    parts = [each.split() for each in held]
    kept = Silences(*(silence(scope, rule, hours=float(hours), silence_id=name) for scope, rule, hours, name in parts))
    with Peer(kept.app()) as peer:
        gateway = Gateway(peer.url, None)
        covering = await AlertDesk(gateway, "").end("errors:all")
        await gateway.close()
    assert kept.active == left
    assert (covering and covering.silence_id) == still
