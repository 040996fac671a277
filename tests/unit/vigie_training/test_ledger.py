"""The ledger of champions."""

from datetime import UTC, datetime

from vigie.ledger import Entry
from vigie_training import ledger

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


class Tags:
    """Tags of a registered model, in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {"other": "tag"}

    def tags(self) -> dict[str, str]:
        return dict(self.kept)

    def tag(self, key: str, value: str) -> None:
        self.kept[key] = value


def entry(kind: str, before: str | None, to: str, why: str = "better") -> Entry:
    return Entry.model_validate({"at": NOON, "who": "ada", "kind": kind, "from": before, "to": to, "why": why})


def test_entries_come_back_in_their_order() -> None:
    tags = Tags()
    made = [entry("promote", str(number) if number else None, str(number + 1)) for number in range(12)]
    for one in made:
        ledger.append(tags, one)
    assert ledger.read(tags) == made
    assert tags.kept["other"] == "tag"


def test_a_long_reason_fits_into_a_tag() -> None:
    tags = Tags()
    ledger.append(tags, entry("promote", None, "1", why="x" * 10_000))
    assert len(tags.kept["vigie.ledger.000001"]) < 5_000
    assert ledger.read(tags)[0].why.startswith("xxx")


def test_the_predecessor_is_who_served_before_the_last_promotion() -> None:
    history = [entry("promote", None, "1"), entry("promote", "1", "3"), entry("rollback", "3", "1")]
    assert ledger.predecessor(history, "3") == "1"
    assert ledger.predecessor(history, "1") is None
    assert ledger.predecessor([*history, entry("promote", "1", "4"), entry("promote", "4", "1")], "1") == "4"
