"""Alerts as operators see them: where each scope stands, what fired, which mails went out, what is silent."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from ui.gateway import Gateway
from vigie.alerts import Alert, AlertPage, AlertState, Silence, SilenceList, SilenceRequest, TestMailResult
from vigie.schemas import ANYTHING, EVERYTHING

RULES = ("errors", "surge")
KNOWN, SHOWN = 500, 50  # a storm in one scope must not hide how the others stand
REASON = "from the page"

Standing = Literal["quiet", "firing", "silenced"]


@dataclass(frozen=True, slots=True)
class Watch:
    """One rule on one scope: how it stands, its last alert, and the silence that keeps it quiet."""

    scope: str
    rule: str
    last: Alert | None
    silence: Silence | None

    @property
    def firing(self) -> bool:
        """Whether its last alert is not over."""
        return self.last is not None and self.last.state is AlertState.FIRING

    @property
    def standing(self) -> Standing:
        """A silence is told first: then no mail comes, whatever happens."""
        return "silenced" if self.silence else "firing" if self.firing else "quiet"

    @property
    def key(self) -> str:
        """Names it in a button."""
        return f"{self.rule}:{self.scope}"


@dataclass(frozen=True, slots=True)
class Alarms:
    """What the tab shows: where each scope stands, and of the alerts the `SHOWN` newest first."""

    watches: Sequence[Watch]
    alerts: Sequence[Alert]


class AlertDesk:
    """Calls the gateway with the reader's own key; without one with the page's. Every call raises `Trouble`."""

    def __init__(self, gateway: Gateway, key: str) -> None:
        self._gateway = gateway
        self._key = key.strip() or None

    async def look(self) -> Alarms:
        """The state now."""
        alerts = (await self._gateway.get("/alerts", AlertPage, key=self._key, limit=KNOWN)).items
        return Alarms(watches_of(alerts, await self._standing()), alerts[:SHOWN])

    async def silence(self, watch: str, hours: float) -> Silence:
        """No mails of that watch (a `Watch.key`) from now on."""
        rule, _, scope = watch.partition(":")
        wanted = SilenceRequest.model_validate({"scope": scope, "rule": rule, "hours": hours, "reason": REASON})
        return await self._gateway.post("/alerts/silences", wanted, Silence, key=self._key)

    async def end(self, watch: str) -> Silence | None:
        """Ends every silence of exactly that watch, or where it has none of its own, of the wider one that is shown.

        Gives the silence that covers it still, if there is one.
        """
        rule, _, scope = watch.partition(":")
        standing = await self._standing()
        own = any((silence.scope, silence.rule) == (scope, rule) for silence in standing)
        shown = _covering(standing, scope, rule)
        wanted = (scope, rule) if own or shown is None else (shown.scope, shown.rule)
        for silence in standing:
            if (silence.scope, silence.rule) == wanted:
                await self._gateway.delete(f"/alerts/silences/{silence.silence_id}", Silence, key=self._key)
        return _covering(await self._standing(), scope, rule)

    async def call_false(self, alert_id: str) -> Alert:
        """Marks a false alarm."""
        return await self._gateway.post(f"/alerts/{alert_id}/false-alarm", None, Alert, key=self._key)

    async def test_mail(self) -> TestMailResult:
        """Mails everybody who gets alerts."""
        return await self._gateway.post("/alerts/test", None, TestMailResult, key=self._key)

    async def _standing(self) -> list[Silence]:
        silences = (await self._gateway.get("/alerts/silences", SilenceList, key=self._key)).items
        return [silence for silence in silences if silence.active]


def watches_of(alerts: Sequence[Alert], silences: Iterable[Silence]) -> list[Watch]:
    """Each rule on everything, then what was silenced by itself, fired lately or fires; `alerts` are newest first."""
    standing = [silence for silence in silences if silence.active]
    pairs = [(EVERYTHING, rule) for rule in RULES]
    pairs += [(silence.scope, silence.rule) for silence in standing]
    firing = (alert for alert in alerts if alert.state is AlertState.FIRING)
    pairs += [(alert.scope, alert.rule) for alert in (*alerts[:SHOWN], *firing)]
    return [
        Watch(
            scope,
            rule,
            next((alert for alert in alerts if (alert.scope, alert.rule) == (scope, rule)), None),
            _covering(standing, scope, rule),
        )
        for scope, rule in dict.fromkeys(pairs)
    ]


def _covering(standing: Iterable[Silence], scope: str, rule: str) -> Silence | None:
    """Of the silences that keep it quiet the one that lasts longest."""
    covering = (each for each in standing if each.scope in (scope, ANYTHING) and each.rule in (rule, ANYTHING))
    return max(covering, key=lambda silence: silence.until, default=None)
