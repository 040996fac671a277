"""The split: by content and seed, nothing in two parts, only fair rows evaluated."""

import pandas as pd
import pytest

from tests.support.rows import made_up, rows
from vigie.text import normalise
from vigie_training.errors import TrainingError
from vigie_training.feedback import FEEDBACK
from vigie_training.rows import Rows, joined, same_text_key
from vigie_training.splitting import CALIBRATION_SHARE, DEFAULT_SEED, held_out, split

S140 = "sentiment140_train"


def keys(part: Rows) -> set[str]:
    return set(map(same_text_key, part.texts))


def test_no_tweet_is_in_two_parts() -> None:
    given = made_up(600)
    shouted = rows(
        [(text.upper(), label) for text, label in zip(given.texts, given.labels, strict=True)], source="loud"
    )
    parts = split(joined([given, shouted]))
    assert not keys(parts.test) & keys(parts.fit)
    assert not keys(parts.test) & keys(parts.calibration)
    assert not keys(parts.fit) & keys(parts.calibration)
    assert len(keys(parts.fit)) == len(parts.fit), "a repeated tweet is fitted on once"


def test_order_of_rows_and_other_files_move_no_row() -> None:
    given, other = made_up(400), made_up(400, source="other", seed=2)
    reversed_rows = Rows(given.frame[::-1].reset_index(drop=True))
    alone, turned, beside = split(given), split(reversed_rows), split(joined([other, given]))
    assert alone.fit.texts == turned.fit.texts
    assert keys(alone.test) == keys(beside.test.of("made_up"))
    assert given.content_hash() == reversed_rows.content_hash() != other.content_hash()


def test_of_a_tweet_that_was_drawn_in_two_ways_the_fair_one_counts_whichever_comes_first() -> None:
    fair = rows([(text, number % 2) for number, text in enumerate(made_up(400).texts)], source=S140, sampling="random")
    unfair = Rows(fair.frame.assign(sampling="head_tail"))
    given = joined([unfair, fair, made_up(100, source=S140, seed=2)])
    parts, turned = split(given), split(Rows(given.frame[::-1].reset_index(drop=True)))
    for one, other in zip(parts, turned, strict=True):
        pd.testing.assert_frame_equal(one.frame, other.frame)
    assert "head_tail" not in {*parts.fit.frame["sampling"], *parts.calibration.frame["sampling"]}


def test_another_seed_calibrates_on_other_rows_and_holds_out_the_same() -> None:
    given = made_up(2000)
    parts = [split(given, seed) for seed in (1, 1, 2, DEFAULT_SEED)]
    assert len({frozenset(keys(part.test)) for part in parts}) == 1, "what another version was fitted on is no test"
    assert [len({frozenset(keys(part.calibration)) for part in parts[:n]}) for n in (2, 3, 4)] == [1, 2, 3]
    assert all(abs(len(part.calibration) / len(given) - CALIBRATION_SHARE) < 0.03 for part in parts)


def test_a_vote_outweighs_a_label_and_of_a_tweet_with_both_labels_nothing_is_learnt() -> None:
    given = made_up(600)
    fitted = split(given).fit
    doubted, voted = fitted.texts[:20], fitted.texts[20:40]
    said = dict(zip(fitted.texts, fitted.labels.tolist(), strict=True))
    other = rows([(text, 1 - said[text]) for text in doubted], source="other")
    votes = rows([(text, 1 - said[text]) for text in voted], source=FEEDBACK)
    parts = split(joined([given, other, votes]))
    learnt = {
        text: label
        for part in (parts.fit, parts.calibration)
        for text, label in zip(part.texts, part.labels.tolist(), strict=True)
    }
    assert not set(doubted) & set(learnt)
    assert {text: learnt[text] for text in voted} == {text: 1 - said[text] for text in voted}


def test_sets_for_evaluation_are_never_fitted_on() -> None:
    parts = split(joined([made_up(400), made_up(50, source="sentiment140_dev", seed=3)]))
    assert parts.fit.sources == parts.calibration.sources == ["made_up"]
    assert len(parts.test.of("sentiment140_dev")) == 50


def test_held_out_rows_are_had_of_sets_that_nothing_is_fitted_on() -> None:
    given = made_up(50, source="sentiment140_dev")
    assert held_out(given).texts == split(joined([made_up(400, seed=2), given])).test.of("sentiment140_dev").texts
    with pytest.raises(TrainingError, match=r"the fit part .*: expected at least 10 rows with label 0, got 0"):
        split(given)
    with pytest.raises(TrainingError, match=r"the test part .*: expected at least 10 rows with label 0, got 5"):
        held_out(made_up(10, source="sentiment140_dev"))


def test_held_out_a_tweet_counts_once_in_each_set_and_in_none_that_gives_it_both_labels() -> None:
    given, other = (made_up(50, source=source) for source in ("sentiment140_dev", "tweeteval_val"))
    twice = rows([(f"@ada {given.texts[0]}", 0), (f"@bob {given.texts[0]}", 0)], source="sentiment140_dev")
    both = rows([(given.texts[1], 0), (other.texts[2], 0)], source="sentiment140_dev")
    found = held_out(joined([given, twice, both, other]))
    assert sorted(found.of("sentiment140_dev").texts) == sorted([*given.texts[:1], *given.texts[2:], twice.texts[0]])
    assert sorted(found.of("tweeteval_val").texts) == sorted(other.texts)


def test_tweets_that_the_model_cannot_tell_apart_are_in_one_part() -> None:
    given = made_up(600)
    test = split(given).test.texts
    changed = rows([(f"@someone {text} https://t.co/{n}", n % 2) for n, text in enumerate(test)], source="votes")
    same = rows([(f"@other {text} http://bit.ly/a", n % 2) for n, text in enumerate(test)], source="sentiment140_dev")
    parts = split(joined([given, changed, same]))
    seen = {normalise(text) for text in (*parts.fit.texts, *parts.calibration.texts)}
    assert not seen & set(map(normalise, parts.test.texts))


def test_of_a_stream_the_last_day_is_held_out() -> None:
    days = [
        made_up(200, source="airline_feb17_21", seed=number).frame.assign(day=f"2015-02-{17 + number}")
        for number in (0, 1)
    ]
    parts = split(joined([Rows(day) for day in days]))
    assert set(parts.test.frame["day"]) == {"2015-02-18"}
    assert set(parts.fit.frame["day"]) == {"2015-02-17"}


def test_only_fairly_drawn_rows_are_evaluated_or_calibrated_on() -> None:
    fair = made_up(400, source="sentiment140_train").frame.assign(sampling="random")
    unfair = made_up(400, source="sentiment140_train", seed=2).frame.assign(sampling="head_tail")
    parts = split(joined([Rows(fair), Rows(unfair)]))
    assert set(parts.test.frame["sampling"]) == set(parts.calibration.frame["sampling"]) == {"random"}
    assert set(parts.fit.frame["sampling"]) == {"random", "head_tail"}


def test_held_out_rows_that_no_pooled_figure_counts_are_too_few() -> None:
    given = made_up(100, source="sentiment140_dev")
    other = Rows(given.frame.assign(label=1 - given.frame["label"], source="tweeteval_val"))
    with pytest.raises(TrainingError, match=r"the test part .*: expected at least 10 rows with label 0, got 0"):
        held_out(joined([given, other]))


def test_too_few_rows_are_an_error_that_says_which_part() -> None:
    with pytest.raises(TrainingError, match=r"the \w+ part .*: expected at least 10 rows with label 0, got \d"):
        split(made_up(40))
