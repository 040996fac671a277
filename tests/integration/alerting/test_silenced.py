"""What the mail after a silence tells of it, on both databases."""

from alerting.silences import SilenceBook
from alerting.store import AlertStore
from tests.integration.alerting.kept import MINUTE, Clock, raised, to
from vigie.alerts import SilenceRequest


async def silence_of_an_hour(store: AlertStore) -> None:
    await SilenceBook(store).make(SilenceRequest(scope="all", rule="errors", hours=1))


async def test_the_first_mail_after_a_silence_tells_how_many_errors_no_mail_told(
    store: AlertStore, clock: Clock
) -> None:
    await store.keep(raised("mailed", suppressed=1), to("ops@x.org"))
    await silence_of_an_hour(store)
    await store.keep(raised("silent", suppressed=5), to("ops@x.org"))
    await store.keep(raised("elsewhere", suppressed=7, scope="logreg:3"), to("ops@x.org"))
    await store.keep(raised("silent too", suppressed=0), to("ops@x.org"))
    clock.now += 60 * MINUTE
    await store.keep(raised("after", suppressed=2), to("ops@x.org"))
    await store.keep(raised("later", suppressed=4), to("ops@x.org"))
    told = {alert.alert_id: alert.suppressed_before for alert in (await store.page(limit=9, cursor=None)).items}
    assert told == {"mailed": 1, "silent": 5, "elsewhere": 7, "silent too": 0, "after": 2 + 5 + 3 + 0 + 3, "later": 4}


async def test_what_a_mail_shows_is_not_told_again_as_kept_quiet_by_a_silence(store: AlertStore, clock: Clock) -> None:
    await silence_of_an_hour(store)
    silent = raised("silent", suppressed=0)
    await store.keep(silent, to("ops@x.org"))
    clock.now += 60 * MINUTE
    after = raised("after", suppressed=0)
    await store.keep(after.model_copy(update={"errors": [*silent.errors[1:], *after.errors[2:]]}), to("ops@x.org"))
    assert (await store.page(limit=1, cursor=None)).items[0].suppressed_before == 1
