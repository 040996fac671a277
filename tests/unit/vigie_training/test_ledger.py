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


def before(history: list[Entry], champion: str) -> str | None:
    return next(iter(ledger.predecessors(history, champion)), None)


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
    assert before(history, "3") == "1"
    assert before(history, "1") is None
    assert ledger.predecessors([*history, entry("promote", "1", "5"), entry("promote", "5", "6")], "6") == ["5", "1"]
    assert before([*history, entry("promote", "1", "4"), entry("promote", "4", "1")], "1") == "4"


def test_one_rollback_after_the_other_walks_back_to_the_first_version() -> None:
    history = [entry("promote", None, "1"), entry("promote", "1", "2"), entry("promote", "2", "1")]
    walked = ["1"]
    while last := before(history, walked[-1]):
        history.append(entry("rollback", walked[-1], last))
        walked.append(last)
    assert walked == ["1", "2", "1"], "and does not go round in circles"


def test_a_move_that_was_recorded_but_never_done_is_passed_over() -> None:
    history = [entry("promote", None, "1"), entry("promote", "1", "2"), entry("promote", "2", "3")]
    assert before(history, "2") == "1", "the alias never came to 3"
    assert before([*history, entry("promote", "2", "4")], "4") == "2"


def test_a_first_move_that_was_recorded_but_never_done_is_passed_over() -> None:
    history = [entry("promote", None, "1"), entry("promote", None, "2")]
    assert before(history, "2") is None, "1 never served"
    assert before([*history, entry("promote", "2", "3")], "3") == "2"
    assert before([*history, entry("promote", None, "3")], "3") is None


def test_from_no_version_since_somebody_took_the_alias_away_it_leads_back_to_those_that_served() -> None:
    history = [entry("promote", None, "1"), entry("promote", "1", "2"), entry("promote", None, "3")]
    assert ledger.predecessors(history, "3") == ["2", "1"]


def test_from_a_version_that_somebody_else_set_it_leads_back_to_the_last_one_known() -> None:
    history = [entry("promote", None, "1"), entry("promote", "1", "2")]
    assert before(history, "9") == "2"
    assert before([*history, entry("promote", "9", "10")], "10") == "9"
