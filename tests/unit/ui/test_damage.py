"""What a spreadsheet does to a file of tweets."""

import pytest

from ui.damage import find_damage
from ui.reading import Table


def damage(column: str, *values: str) -> list[tuple[str, int]]:
    table = Table("t.csv", "CSV", {column: list(values), "text": ["late again"] * len(values)})
    return [(each.kind, each.count) for each in find_damage(table, "text")]


@pytest.mark.parametrize(
    ("column", "values", "kind", "count"),
    [
        ("tweet_id", ["5.70306E+17", "5,7E+17", "12"], "rounded_ids", 2),
        ("id", ["570306130000000000", "570301080000000000"], "rounded_ids", 2),
        ("created_at", ["42058", "42059.5", ""], "serial_dates", 2),
    ],
)
def test_numbers_that_a_spreadsheet_changed_are_found(column: str, values: list[str], kind: str, count: int) -> None:
    assert damage(column, *values) == [(kind, count)]


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("tweet_id", ["570306133677760513", "570301083672813571"]),
        ("created_at", ["2015-02-24 11:35:52 -0800", "2015-02-24"]),
        ("retweets", ["42058", "42059"]),
        ("price", ["570306130000000000"]),
    ],
)
def test_sound_columns_are_not_suspected(column: str, values: list[str]) -> None:
    assert damage(column, *values) == []


def test_tweets_that_look_like_formulas_are_lost_or_garbled_are_counted() -> None:
    texts = [
        "=SUM(A1)",
        "=@delta late",
        "@delta late",
        "#NAME?",
        "#NOM?",
        "trÃ¨s bien",
        "all fine",
        "- late",
        "#nom d'un chien",
    ]
    found = find_damage(Table("t.csv", "CSV", {"text": texts}), "text")
    assert [(each.kind, each.count) for each in found] == [("lost_texts", 2), ("formulas", 2), ("garbled", 1)]
    assert found[0].example == "#NAME?"
