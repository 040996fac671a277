"""The alerting service's settings: what stops the start, and how it says so."""

from pathlib import Path

import pytest
from sqlalchemy import make_url

from alerting.settings import AlertingSettings
from feedback.publisher import REPUBLISH_MS


def test_the_rule_comes_in_whole_milliseconds() -> None:
    rule = AlertingSettings.read(alert_window_seconds=299.999, alert_cooldown_seconds=1.1, alert_errors=2).rule()
    assert (rule.needed, rule.window_ms, rule.cooldown_ms, rule.scope) == (2, 299_999, 1_100, "all")
    assert AlertingSettings.read().rule().window_ms == 300_000


def test_the_horizon_is_a_day_or_more_than_the_window() -> None:
    day = 24 * 3600
    assert AlertingSettings.read().rule().horizon_ms == day * 1000
    assert AlertingSettings.read(alert_window_seconds=day).rule().horizon_ms == 2 * day * 1000


def test_no_window_is_longer_than_what_is_published_again_when_redis_has_lost_it() -> None:
    longest = REPUBLISH_MS / 1000
    assert AlertingSettings.read(alert_window_seconds=longest).rule().window_ms == REPUBLISH_MS
    with pytest.raises(SystemExit, match="ALERT_WINDOW_SECONDS: Input should be less than or equal to 86400"):
        AlertingSettings.read(alert_window_seconds=longest + 1)


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("alert_errors", 0, "ALERT_ERRORS: Input should be greater than or equal to 1, got 0"),
        ("alert_window_seconds", 0, "ALERT_WINDOW_SECONDS: Input should be greater than or equal to 0.001, got 0"),
        ("alert_cooldown_seconds", -1, "ALERT_COOLDOWN_SECONDS: Input should be greater than or equal to 0, got -1"),
        ("alert_window_seconds", "inf", "ALERT_WINDOW_SECONDS: Input should be a finite number, got 'inf'"),
        ("alert_cooldown_seconds", 1e10, "ALERT_COOLDOWN_SECONDS: Input should be less than or equal to 2592000"),
        ("smtp_give_up_seconds", 1e10, "SMTP_GIVE_UP_SECONDS: Input should be less than or equal to 2592000"),
        ("smtp_timeout_seconds", "inf", "SMTP_TIMEOUT_SECONDS: Input should be a finite number"),
        ("smtp_timeout_seconds", 86_401, "SMTP_TIMEOUT_SECONDS: Input should be less than or equal to 86400"),
        ("retention_alerts_days", 1, "RETENTION_ALERTS_DAYS: Input should be greater than or equal to 2"),
        ("retention_alerts_days", 10**12, "RETENTION_ALERTS_DAYS: Input should be less than or equal to 36500"),
        ("alert_scope", "version", "ALERT_SCOPE: Input should be 'all' or 'model', got 'version'"),
        ("smtp_security", "maybe", "SMTP_SECURITY: Input should be 'none', 'starttls' or 'tls', got 'maybe'"),
        ("alert_mail_to", " , ", "ALERT_MAIL_TO: expected at least one address, got ' , '"),
        ("alert_mail_to", "ops", "ALERT_MAIL_TO: expected a mail address such as ops@example.org, got 'ops'"),
        ("alert_mail_from", "a@b\nBcc: c@d", "ALERT_MAIL_FROM: expected a mail address such as ops@example.org"),
        ("alert_mail_from", "Vigie <v@b.org>", "ALERT_MAIL_FROM: expected a mail address such as ops@example.org"),
        ("delivery_lease_seconds", 30, "DELIVERY_LEASE_SECONDS: expected more than SMTP_TIMEOUT_SECONDS (30), got 30"),
        ("smtp_username", "vigie", "SMTP_PASSWORD: expected SMTP_USERNAME and SMTP_PASSWORD both, or neither"),
    ],
)
def test_what_is_wrong_is_named(field: str, value: object, sentence: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        AlertingSettings.read(**{field: value})
    assert sentence in str(stopped.value)


def test_the_store_lies_in_a_home_of_any_name(tmp_path: Path) -> None:
    home = tmp_path / "50%41?x"
    assert make_url(AlertingSettings.read(vigie_home=home).store_url()).database == f"{home}/alerting.db"


def test_recipients_are_separated_by_commas_and_count_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERT_MAIL_TO", "ops@example.org, boss@example.org,ops@example.org")
    assert AlertingSettings.read().alert_mail_to == ("ops@example.org", "boss@example.org")


def test_production_refuses_mail_that_others_can_read() -> None:
    with pytest.raises(SystemExit, match="SMTP_SECURITY: in production starttls or tls is needed"):
        AlertingSettings.read(vigie_env="production")
    safe = AlertingSettings.read(vigie_env="production", smtp_security="starttls", receipt_secret="s" * 40)
    assert safe.smtp_security == "starttls"


def test_production_refuses_links_in_mails_that_anybody_could_sign() -> None:
    with pytest.raises(SystemExit, match="RECEIPT_SECRET: in production a secret of at least 32 characters"):
        AlertingSettings.read(vigie_env="production", smtp_security="starttls")


def test_two_workers_on_one_machine_have_two_names() -> None:
    first, second = (AlertingSettings.read(alerting_port=port).worker_name() for port in (8020, 8021))
    assert first != second
    assert first == AlertingSettings.read(alerting_port=8020).worker_name()
