"""What a soak found: as a table for people, as JSON for machines."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter

from tests.soak.calamities import Ending
from tests.soak.memory import Growth
from tests.soak.tally import Copies, Tally


@dataclass(frozen=True, slots=True)
class Report:
    """One soak; `faults` is empty for a good one."""

    seed: int
    seconds: float
    tally: Tally
    endings: Sequence[Ending]
    memory: Mapping[str, Growth]
    votes: int
    lost: int
    alerts: int
    mails: int
    copies: Copies
    faults: Sequence[str]

    def table(self) -> str:
        """For people."""
        tally = self.tally
        columns = f"{'service':20}{'ended':>7}{'away s, most':>16}{'starts':>8}"
        columns += f"{'MB':>9}{'MB, at end':>12}{'growth %':>10}{'over s':>8}"
        lines = [
            f"{self.seconds:.0f} s, seed {self.seed}",
            "",
            *(f"requests {path:16} {count:>9,}" for path, count in sorted(tally.requests.items())),
            *(f"told to wait, {status:<11} {count:>9,}" for status, count in sorted(tally.stated.items())),
            f"{'cut off':25} {tally.in_flight:>9,}",
            f"{'nobody listened':25} {tally.refused:>9,}",
            f"{'failures':25} {len(tally.failures):>9,}",
            f"{'votes answered':25} {self.votes:>9,}",
            f"{'votes lost':25} {self.lost:>9,}",
            f"{'alerts':25} {self.alerts:>9,}",
            f"{'mails':25} {self.mails:>9,}",
            f"{'duplicate mails':25} {self.copies.duplicates:>9,}",
            f"{'copies after a kill':25} {self.copies.stated:>9,}",
            "",
            columns,
            *(self._line(name) for name in self.memory),
            "",
            *(self.faults or ["no faults"]),
        ]
        return "\n".join(lines)

    def as_json(self) -> bytes:
        """For machines."""
        return TypeAdapter(Report).dump_json(self, indent=1)

    def _line(self, name: str) -> str:
        endings = [ending for ending in self.endings if ending.service == name]
        away = max((ending.back_after or float("inf") for ending in endings), default=0.0)
        ended = Counter(ending.service for ending in endings)[name]
        grown = self.memory[name]
        costs = (
            f"{grown.starts:>8}{grown.start_mb:>9.1f}{grown.end_mb:>12.1f}{grown.percent:>10.1f}{grown.seconds:>8.0f}"
        )
        return f"{name:20}{ended:>7}{away:>16.1f}{costs}"
