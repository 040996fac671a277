"""What Prometheus is told."""

from prometheus_client import Counter, Gauge, Histogram

JUDGED = Counter("vigie_alert_states_total", "Error states judged.", ["outcome"])
FIRED = Counter("vigie_alerts_fired_total", "Alerts raised.", ["scope"])
SUPPRESSED = Counter("vigie_alerts_suppressed_total", "Errors that the cool-down kept quiet.", ["scope"])
ATTEMPTS = Counter("vigie_alert_mail_attempts_total", "Attempts to send a mail.", ["ending"])
DELIVERIES = Gauge("vigie_alert_deliveries", "Mails by state; dead ones wait for a person.", ["state"])
LAG = Gauge("vigie_alert_stream_lag", "Entries of a stream that this service has not handled yet.", ["stream"])
TWEETS = Counter("vigie_radar_tweets_total", "Predictions that the radar saw.", ["result"])
SURGES = Counter("vigie_radar_surges_total", "Episodes that began.", ["scope"])
WATCHED = Gauge("vigie_radar_scopes", "Scopes under watch.")
MAIL_SECONDS = Histogram(
    "vigie_alert_mail_seconds",
    "From the error that made an alert to the mail server's acceptance.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86400),
)

for _counter in (FIRED, SUPPRESSED, SURGES):
    _counter.labels("all")  # 0 is there before the first event, or that would be no increase
