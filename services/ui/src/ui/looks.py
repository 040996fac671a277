"""What is drawn when a tab looks at the gateway again before the answer to an earlier look is there."""

from dataclasses import dataclass


@dataclass(slots=True)
class Looks:
    """Those of one tab, kept for a session: how many have `begun`, and which was `drawn` last."""

    begun: int = 0
    drawn: int = 0

    def begin(self) -> int:
        """The number of a look that begins now."""
        self.begun += 1
        return self.begun

    def draws(self, number: int) -> bool:
        """Whether what that look saw is drawn: not once a later one is."""
        if number < self.drawn:
            return False
        self.drawn = number
        return True
