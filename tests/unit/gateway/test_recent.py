"""What is remembered of recent answers, by an injected clock."""

from gateway.recent import MOST_TEXTS, SECONDS, RecentAnswers


def test_a_text_is_known_for_a_while() -> None:
    recent = RecentAnswers()
    recent.add("late again", "3", 0.9, now=10.0)
    assert recent.find("late again", 10.0 + SECONDS) == ("3", 0.9)
    assert recent.find("late again", 10.1 + SECONDS) is None
    assert recent.find("on time", 10.0) is None


def test_another_version_forgets_everything() -> None:
    recent = RecentAnswers()
    recent.add("late again", "3", 0.9, now=10.0)
    recent.add("on time", "4", 0.1, now=10.1)
    assert recent.find("late again", 10.1) is None
    assert recent.find("on time", 10.1) == ("4", 0.1)


def test_a_version_that_is_said_to_serve_forgets_those_before_it() -> None:
    recent = RecentAnswers()
    recent.add("late again", "3", 0.9, now=10.0)
    recent.follow("3")
    assert recent.find("late again", 10.1) == ("3", 0.9)
    recent.follow("4")
    assert recent.find("late again", 10.1) is None


def test_memory_is_bounded() -> None:
    recent = RecentAnswers()
    for number in range(MOST_TEXTS + 10):
        recent.add(f"text {number}", "1", 0.5, now=1.0)
    assert recent.find("text 9", 1.0) is None
    assert recent.find("text 10", 1.0) == ("1", 0.5)
