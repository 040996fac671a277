"""From the stream of error states to the rule, and from the rule to the audit trail."""

import logging
from collections.abc import Sequence

from alerting.metrics import FIRED, JUDGED, SUPPRESSED
from alerting.rule import ErrorRule, Outcome
from alerting.store import AlertStore, AuditNote
from vigie import tracing
from vigie.schemas import ErrorState

AUDITED = frozenset({Outcome.FIRED, Outcome.SUPPRESSED, Outcome.WITHDRAWN, Outcome.TOO_OLD, Outcome.TOLD})

_LOG = logging.getLogger(__name__)


class Intake:
    """Handles the stream `feedback`; safe to be given the same states again."""

    def __init__(self, rule: ErrorRule, store: AlertStore) -> None:
        self._rule = rule
        self._store = store

    async def restore(self) -> None:
        """Gives Redis back what it lost; must run before anything is read from it."""
        told = self._rule.parameters
        since = self._store.now_ms() - told.horizon_ms - told.cooldown_ms
        for scope in await self._rule.restore(await self._store.past_alerts(since)):
            _LOG.warning("Redis had lost the alerts of a scope; they were restored", extra={"scope": scope})
            await self._store.note([AuditNote(scope, "redis", "restored")])

    async def judge(self, states: Sequence[ErrorState]) -> None:
        """Judges states in their order and notes what a person may ask about later."""
        contexts = tracing.kept(state.traceparent for state in states)
        with tracing.span("judge", kind="consumer", contexts=contexts, attributes={"vigie.states": len(states)}):
            await self._judge(states)

    async def _judge(self, states: Sequence[ErrorState]) -> None:
        outcomes = await self._rule.judge(states)
        notes = []
        for state, outcome in zip(states, outcomes, strict=True):
            scope = self._rule.parameters.scope_of(state)
            JUDGED.labels(outcome.value).inc()
            if outcome is Outcome.FIRED:
                FIRED.labels(scope).inc()
                _LOG.warning("alert", extra={"scope": scope, "prediction": state.prediction_id})
            if outcome is Outcome.SUPPRESSED:
                SUPPRESSED.labels(scope).inc()
            if outcome in AUDITED:
                notes.append(AuditNote(scope, state.prediction_id, outcome.value, state.revision))
        await self._store.note(notes)
