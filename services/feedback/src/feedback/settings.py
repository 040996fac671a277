"""What the feedback service is told by its environment."""

from pydantic import Field, SecretStr

from vigie.settings import DEVELOPMENT_SECRET, DatabaseUrl, Days, RedisUrl, TracedSettings, sqlite_url


class FeedbackSettings(TracedSettings):
    """Variables of the feedback service; see the README's table."""

    feedback_port: int = Field(8010, ge=0, le=65535)
    redis_url: RedisUrl = "redis://127.0.0.1:6379/0"
    database_url: DatabaseUrl = ""
    receipt_secret: SecretStr = DEVELOPMENT_SECRET
    retention_predictions_days: Days = 90
    retention_votes_days: Days = 730

    def store_url(self) -> str:
        """`DATABASE_URL`, else SQLite in `VIGIE_HOME`."""
        return self.database_url or sqlite_url(self.vigie_home.resolve() / "feedback.db")
