"""When to leave a predictor alone: after failures in a row, for a while that doubles until it answers again."""

FAILURES_IN_A_ROW = 3
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 15.0


class CircuitBreaker:
    """Closed while calls succeed. Open, it lets one call through at the end of each pause (Nygard, "Release It!").

    Times are seconds of any clock that does not go back.
    """

    def __init__(self) -> None:
        self._failures = 0
        self._pause = FIRST_PAUSE_SECONDS
        self._resting_until = float("-inf")
        self._tried_out = False

    @property
    def is_open(self) -> bool:
        """Whether the last calls failed."""
        return self._failures >= FAILURES_IN_A_ROW

    def allows(self, now: float) -> bool:
        """Whether a call may be made; when open, whoever is told so tries it out for all."""
        if not self.is_open:
            return True
        if now < self._resting_until:
            return False
        self._resting_until = now + self._pause
        self._tried_out = True
        return True

    def succeeded(self) -> None:
        """A call was answered."""
        self._failures = 0
        self._pause = FIRST_PAUSE_SECONDS
        self._tried_out = False

    def failed(self, now: float) -> None:
        """A call was not answered: refused, broken off, or too late."""
        if self.is_open:
            if not self._tried_out:  # under way when it opened: it says nothing new
                return
            self._tried_out = False
            self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)
        self._failures += 1
        if self.is_open:
            self._resting_until = now + self._pause
