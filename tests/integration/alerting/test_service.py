"""The service as a process: from the stream to the mail, and its API."""

import re
from concurrent.futures import ThreadPoolExecutor
from signal import SIGTERM
from statistics import median
from time import monotonic

import httpx
import pytest
from redis import Redis

from tests.integration.alerting.conftest import Publish
from tests.support.alerting import MakeWorker, Worker
from tests.support.mail import MailServer
from tests.support.servers import free_port, wait_for
from vigie.streams import ALERTS, FEEDBACK


@pytest.fixture
def worker(make_worker: MakeWorker) -> Worker:
    """One worker that is ready; every three errors make a mail."""
    return make_worker(alert_cooldown_seconds=0, alert_mail_to="ops@localhost,boss@localhost").run()


def test_three_errors_make_one_mail_for_each_recipient(
    worker: Worker, publish: Publish, mail_server: MailServer
) -> None:
    publish("a", "b")
    publish("c")
    mailbox = mail_server.mailbox
    wait_for(lambda: worker.deliveries(state="sent") == worker.deliveries() != [], what="the mails")
    assert sorted(mailbox.recipients) == [["boss@localhost"], ["ops@localhost"]]
    first, second = mailbox.messages
    assert first["Subject"].startswith("[Vigie] 3 prédictions fausses en 1 s : tous les modèles")
    assert first["Message-ID"] != second["Message-ID"]
    (alert,) = worker.alerts()
    assert (alert["scope"], alert["count"], alert["prediction_ids"]) == ("all", 3, ["a", "b", "c"])
    assert [delivery["reply"] for delivery in alert["deliveries"]] == ["250 2.0.0 kept"] * 2


def test_from_the_event_to_the_mail_takes_moments(
    make_worker: MakeWorker, publish: Publish, mail_server: MailServer
) -> None:
    # Nobody looks for due mails within the test: each is sent because the alert woke the sender.
    make_worker(alert_cooldown_seconds=0, alert_mail_to="ops@localhost,boss@localhost", delivery_poll_seconds=600).run()
    publish("a", "b")
    seconds: list[float] = []
    for number in range(8):
        arrived = 2 * number + 2
        started = monotonic()
        publish(f"c{number}")
        wait_for(lambda arrived=arrived: len(mail_server.mailbox.messages) >= arrived, what="the mails")  # type: ignore[misc]
        seconds.append(monotonic() - started)
    print(f"\nevent to both mails: median {median(seconds) * 1000:.0f} ms, worst {max(seconds) * 1000:.0f} ms")
    assert sorted(mail_server.mailbox.recipients) == [["boss@localhost"]] * 8 + [["ops@localhost"]] * 8


def test_the_history_of_alerts_comes_in_pages(worker: Worker, publish: Publish) -> None:
    publish("a", "b", "c", "d", "e")
    wait_for(lambda: len(worker.alerts()) == 3, what="three alerts")
    first = httpx.get(f"{worker.url}/alerts?limit=2").json()
    second = httpx.get(f"{worker.url}/alerts", params={"cursor": first["next_cursor"]}).json()
    ids = [alert["prediction_ids"][-1] for alert in first["items"] + second["items"]]
    assert (ids, second["next_cursor"]) == (["e", "d", "c"], None)


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=x", "cursor=abc"])
def test_a_bad_query_is_a_400_in_the_one_error_shape(worker: Worker, query: str) -> None:
    reply = httpx.get(f"{worker.url}/alerts?{query}")
    assert reply.status_code == 400
    assert reply.json()["error"]["code"] == "invalid_request"


def test_a_test_mail_goes_out_at_once_and_tells_the_reply(worker: Worker, mail_server: MailServer) -> None:
    reply = httpx.post(f"{worker.url}/alerts/test", content=b"", headers={"Content-Type": "application/json"})
    assert reply.status_code == 200
    result = reply.json()
    assert result["accepted"] is True
    assert result["replies"] == {"ops@localhost": "250 2.0.0 kept", "boss@localhost": "250 2.0.0 kept"}
    assert {message["Message-ID"] for message in mail_server.mailbox.messages} == {result["message_id"]}


def test_a_test_mail_that_some_refuse_tells_who(worker: Worker, mail_server: MailServer) -> None:
    mail_server.mailbox.behaviour.refuse_recipients = {"boss@localhost": "550 5.1.1 unknown"}
    result = httpx.post(f"{worker.url}/alerts/test").json()
    assert result["accepted"] is False
    assert result["replies"]["boss@localhost"] == "refused at RCPT TO: 550 5.1.1 unknown"


def test_a_test_mail_that_nobody_gets_is_an_error_with_step_and_reply(worker: Worker, mail_server: MailServer) -> None:
    mail_server.mailbox.behaviour.refuse = {"MAIL": "553 5.7.1 not you"}
    refused = httpx.post(f"{worker.url}/alerts/test")
    assert (refused.status_code, refused.json()["error"]["code"]) == (502, "mail_refused")
    assert refused.json()["error"]["message"] == "the mail server failed at MAIL FROM: 553 5.7.1 not you"
    mail_server.stop()
    gone = httpx.post(f"{worker.url}/alerts/test")
    assert (gone.status_code, gone.json()["error"]["code"]) == (503, "mail_server_unavailable")
    assert "the mail server failed at connect: Error connecting to 127.0.0.1" in gone.json()["error"]["message"]
    assert gone.headers["retry-after"] == "10"


def test_readiness_names_every_part_and_does_not_need_the_mail_server(
    worker: Worker, publish: Publish, mail_server: MailServer
) -> None:
    mail_server.stop()
    publish("a", "b", "c")
    wait_for(lambda: "unreachable" in httpx.get(f"{worker.url}/readyz").json()["dependencies"]["smtp"], what="the news")
    reply = httpx.get(f"{worker.url}/readyz")
    assert reply.status_code == 200
    states = reply.json()["dependencies"]
    assert states.pop("smtp").startswith("unreachable at connect")
    assert set(states.values()) == {"ok"}
    assert set(states) == {
        "redis",
        "store",
        "feedback stream",
        "alerts stream",
        "predictions stream",
        "radar",
        "sender",
        "outbox",
        "intake",
        "erasures",
        "housekeeping",
    }


def test_metrics_tell_what_fired_and_what_was_sent(
    make_worker: MakeWorker, publish: Publish, mail_server: MailServer
) -> None:
    worker = make_worker().run()
    publish("a", "b", "c", "d")
    wait_for(lambda: mail_server.mailbox.messages, what="the mail")

    def told(line: str) -> bool:
        return line in httpx.get(f"{worker.url}/metrics").text.splitlines()

    for line in (
        'vigie_alerts_fired_total{scope="all"} 1.0',
        'vigie_alerts_suppressed_total{scope="all"} 1.0',
        'vigie_alert_states_total{outcome="counted"} 2.0',
        'vigie_alert_deliveries{state="sent"} 1.0',
        'vigie_alert_deliveries{state="dead"} 0.0',
        'vigie_alert_mail_attempts_total{ending="accepted"} 1.0',
        "vigie_alert_mail_seconds_count 1.0",
        'vigie_alert_stream_lag{stream="feedback"} 0.0',
    ):
        wait_for(lambda line=line: told(line), what=line)  # type: ignore[misc]


def test_an_alert_is_resolved_after_a_quiet_time(make_worker: MakeWorker, publish: Publish) -> None:
    worker = make_worker(alert_resolve_seconds=0.5).run()
    publish("a", "b", "c")
    wait_for(worker.alerts, what="the alert")
    assert worker.alerts()[0]["state"] in ("firing", "resolved")
    wait_for(lambda: worker.alerts()[0]["state"] == "resolved", what="the end of the alert")


def test_the_end_of_an_alert_is_mailed_in_its_thread(
    make_worker: MakeWorker, publish: Publish, mail_server: MailServer
) -> None:
    make_worker(alert_resolve_seconds=0.5).run()
    publish("a", "b", "c")
    wait_for(lambda: len(mail_server.mailbox.messages) == 2, what="both mails")
    raised, over = mail_server.mailbox.messages
    assert over["Subject"].startswith("[Vigie] Terminé : 3 prédictions fausses")
    assert over["In-Reply-To"] == over["References"] == raised["Message-ID"]


def test_an_alert_that_ends_while_the_mail_server_is_away_is_mailed_as_over_too(
    make_worker: MakeWorker, publish: Publish, mail_server: MailServer
) -> None:
    mail_server.stop()
    worker = make_worker(alert_resolve_seconds=0.5).run()
    publish("a", "b", "c")
    wait_for(lambda: [alert["state"] for alert in worker.alerts()] == ["resolved"], what="the end of the alert")
    mail_server.start()
    wait_for(lambda: len(mail_server.mailbox.messages) == 2, what="both mails")
    assert mail_server.mailbox.messages[1]["Subject"].startswith("[Vigie] Terminé : 3 prédictions fausses")


def test_a_link_of_a_mail_asks_before_it_silences(worker: Worker, publish: Publish, mail_server: MailServer) -> None:
    publish("a", "b", "c")
    wait_for(lambda: mail_server.mailbox.messages, what="the mail")
    body = mail_server.mailbox.messages[0].get_body(("plain",))
    assert body is not None
    hour, _, false_alarm = dict.fromkeys(re.findall(r"/alerts/act/\S+", body.get_content()))
    for _ in range(3):
        page = httpx.get(f"{worker.url}{hour}")
        assert page.status_code == 200
        assert '<form method="post">' in page.text
    assert httpx.get(f"{worker.url}/alerts/silences").json()["items"] == []
    asked = httpx.get(f"{worker.url}{false_alarm}").text
    assert all(each in asked for each in ("fausse alerte ?", "a false alarm?", "Confirmer / Confirm"))
    assert all(each in page.text for each in ("de type « Prédictions fausses »", "for “all tweets” for 1 h?"))
    with ThreadPoolExecutor(4) as pool:
        pressed = list(pool.map(lambda _: httpx.post(f"{worker.url}{hour}").status_code, range(4)))
    assert pressed == [200] * 4
    (silence,) = httpx.get(f"{worker.url}/alerts/silences").json()["items"]
    assert (silence["scope"], silence["rule"], silence["active"]) == ("all", "errors", True)
    httpx.delete(f"{worker.url}/alerts/silences/{silence['silence_id']}")
    assert httpx.post(f"{worker.url}{hour}").status_code == 200
    again = httpx.get(f"{worker.url}/alerts/silences").json()["items"]
    assert [each["active"] for each in again] == [True, False], "once it was ended the link makes another"
    assert "Noted: a false alarm." in httpx.post(f"{worker.url}{false_alarm}").text
    assert worker.alerts()[0]["false_alarm_at"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_broken_link_is_a_page_in_a_browser_and_the_usual_error_elsewhere(worker: Worker, method: str) -> None:
    url = f"{worker.url}/alerts/act/e30.abc-_"
    page = httpx.request(method, url, headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert all(each in page.text for each in ("Ce lien est abîmé ou trop ancien", "This link is broken or too old"))
    assert 'href="http://127.0.0.1:8000/alerts"' in page.text
    for accepted in ("*/*", "application/json"):
        error = httpx.request(method, url, headers={"Accept": accepted})
        assert (error.status_code, error.json()["error"]["code"]) == (404, "unknown_link")
    told = httpx.get(f"{worker.url}/openapi.json").json()["paths"]["/alerts/act/{token}"][method.lower()]["responses"]
    assert set(told["404"]["content"]) == {"application/json", "text/html"}


def test_silences_are_made_shown_and_ended(worker: Worker, publish: Publish) -> None:
    made = httpx.post(f"{worker.url}/alerts/silences", json={"scope": "all", "hours": 1, "reason": "maintenance"})
    assert made.status_code == 201
    publish("a", "b", "c")
    wait_for(worker.alerts, what="the alert")
    assert (worker.alerts()[0]["silenced"], worker.alerts()[0]["deliveries"]) == (True, [])
    ended = httpx.delete(f"{worker.url}/alerts/silences/{made.json()['silence_id']}")
    assert ended.json()["active"] is False
    assert httpx.delete(f"{worker.url}/alerts/silences/unknown").status_code == 404
    assert httpx.post(f"{worker.url}/alerts/silences", json={"scope": "all", "hours": 0}).status_code == 400


def test_the_history_shows_the_tweets_masked_and_takes_a_false_alarm(worker: Worker, publish: Publish) -> None:
    publish("a", "b", "c", text="@ana lost my bag, see https://t.co/x")
    wait_for(worker.alerts, what="the alert")
    (alert,) = worker.alerts()
    assert [tweet["text"] for tweet in alert["tweets"]] == ["@user lost my bag, see [link]"] * 3
    assert alert["tweets"][0] | {"text": "", "at": ""} == {
        "text": "",
        "at": "",
        "prediction_label": 0,
        "confidence": 0.93,
        "model": {"name": "logreg", "version": "1"},
        "expected_label": 1,
    }
    called = httpx.post(f"{worker.url}/alerts/{alert['alert_id']}/false-alarm").json()
    assert called["false_alarm_at"] == worker.alerts()[0]["false_alarm_at"] is not None
    assert httpx.post(f"{worker.url}/alerts/unknown/false-alarm").json()["error"]["code"] == "unknown_alert"


def test_streams_do_not_grow_without_end(worker: Worker, publish: Publish, redis_url: str) -> None:
    publish(*(f"p{number}" for number in range(300)))
    with Redis.from_url(redis_url) as redis:
        wait_for(lambda: len(worker.deliveries(state="sent")) > 100, what="mails")
        wait_for(lambda: redis.xlen(FEEDBACK.name) < 150 and redis.xlen(ALERTS.name) < 250, what="shorter streams")


def test_with_a_postgresql_store_mails_arrive_too(
    make_worker: MakeWorker, publish: Publish, mail_server: MailServer, postgres_url: str
) -> None:
    worker = make_worker(database_url=postgres_url).run()
    publish("a", "b", "c")
    wait_for(lambda: mail_server.mailbox.messages, what="the mail")
    wait_for(lambda: worker.deliveries(state="sent"), what="the record of it")


def test_without_redis_it_starts_and_says_what_is_missing(make_worker: MakeWorker) -> None:
    worker = make_worker(redis_url=f"redis://127.0.0.1:{free_port()}/0")
    worker.start()
    reply = httpx.get(f"{worker.url}/readyz")
    assert reply.status_code == 503
    assert reply.json()["dependencies"]["redis"].startswith("cannot be reached")
    assert httpx.get(f"{worker.url}/healthz").status_code == 200
    assert worker.alerts() == []


def test_it_stops_cleanly(worker: Worker) -> None:
    process = worker.process
    assert process is not None
    worker.stop()
    assert process.returncode == -SIGTERM, "uvicorn hands the signal on once it has cleaned up"
    assert worker.logged("a background task crashed") == []


def test_an_entry_that_cannot_be_read_is_set_aside_and_the_next_ones_pass(
    worker: Worker, publish: Publish, mail_server: MailServer, redis_url: str
) -> None:
    with Redis.from_url(redis_url) as redis:
        redis.xadd(FEEDBACK.name, {"events": b"[{]"})
        redis.xadd(FEEDBACK.name, {"nonsense": b""})
        publish("a", "b", "c")
        wait_for(lambda: mail_server.mailbox.messages, what="the mail")
        assert redis.xlen(FEEDBACK.dead) == 2
