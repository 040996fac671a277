"""What the served model says of a stream of tweets, asked through the gateway like any client does."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import urllib3
from pydantic import SecretStr, ValidationError

from alerting.radar.rows import Row
from alerting.radar.watch import Tweet
from vigie.errors import Unavailable
from vigie.fields import TEXT_LIMIT
from vigie.schemas import BatchRequest, BatchResponse

TWEETS_PER_REQUEST = 500
SECONDS = 30.0

Progress = Callable[[int], None]


class Gateway:
    """The gateway's `POST /predict/batch`."""

    def __init__(self, url: str, key: SecretStr | None) -> None:
        self._url = f"{url.rstrip('/')}/predict/batch"
        self._headers = {"Content-Type": "application/json"}
        if key:
            self._headers["X-API-Key"] = key.get_secret_value()
        retries = urllib3.Retry(total=6, backoff_factor=0.5, status_forcelist=(429, 503), allowed_methods=None)
        self._http = urllib3.PoolManager(retries=retries, timeout=SECONDS)

    def predict(self, rows: Sequence[Row], progress: Progress) -> list[Tweet]:
        """The rows as the model sees them; raises `Unavailable` with the gateway's words."""
        found: list[Tweet] = []
        for first in range(0, len(rows), TWEETS_PER_REQUEST):
            piece = rows[first : first + TWEETS_PER_REQUEST]
            found += self._piece(piece)
            progress(len(piece))
        return found

    def _piece(self, rows: Sequence[Row]) -> list[Tweet]:
        times = [datetime.fromtimestamp(row.at_ms / 1000, UTC) for row in rows]
        # With its time, a tweet of the past is history for the radar of the running service, and no surge of now.
        body = BatchRequest(texts=[row.text[:TEXT_LIMIT] for row in rows], created_at=[*times])
        try:
            reply = self._http.request(
                "POST", self._url, body=body.model_dump_json(exclude_none=True).encode(), headers=self._headers
            )
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(f"the gateway at {self._url} cannot be reached: {type(error).__name__}") from error
        if reply.status != 200:
            raise Unavailable(f"the gateway answered {reply.status}: {reply.data[:300].decode(errors='replace')}")
        try:
            answers = BatchResponse.model_validate_json(reply.data).predictions
        except ValidationError as error:
            raise Unavailable(f"the gateway's answer cannot be read: {error}") from error
        return [
            Tweet(
                row.at_ms, answer.prediction_label == 0, answer.probabilities.negative, row.text, row.topic, row.author
            )
            for row, answer in zip(rows, answers, strict=True)
        ]


def labelled(rows: Sequence[Row]) -> list[Tweet]:
    """The rows as people labelled them; rows without a label are left out."""
    return [
        Tweet(row.at_ms, row.label == 0, float(row.label == 0), row.text, row.topic, row.author)
        for row in rows
        if row.label is not None
    ]
