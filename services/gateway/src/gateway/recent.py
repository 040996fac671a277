"""Answers to the texts of the last seconds: a tweet that is passed on a thousand times is computed once."""

from collections import OrderedDict

MOST_TEXTS = 8192
SECONDS = 2.0


class RecentAnswers:
    """Of one family and never of two versions: the first answer of another version forgets all earlier ones.

    What is remembered is forgotten after `SECONDS`, so that a version is not outlived. Times are seconds of any clock.
    """

    def __init__(self) -> None:
        self._version = ""
        self._answers: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def find(self, text: str, now: float) -> tuple[str, float] | None:
        """Version and P(negative) of a normalised text, null when it is not known."""
        found = self._answers.get(text)
        if found is None or now - found[1] > SECONDS:
            return None
        return self._version, found[0]

    def follow(self, version: str) -> None:
        """Says which version serves now."""
        if version != self._version:
            self._answers.clear()
            self._version = version

    def add(self, text: str, version: str, negative: float, now: float) -> None:
        """Remembers an answer."""
        self.follow(version)
        self._answers[text] = (negative, now)
        if len(self._answers) > MOST_TEXTS:
            self._answers.popitem(last=False)
