"""What a study finds about a claim: comparisons with 95% intervals, the verdict that follows from them, and the files.

No program states a verdict. Each says what it compared, and in which direction the claim predicts the difference.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from workflow_scripts.common.files import write_json, write_table

HOLDS, FAILS, OPEN = "holds here", "does not hold here", "not decided"
VERDICTS = (HOLDS, FAILS, OPEN)
Side = Literal["above", "below"]


def verdict(low: float | None, high: float | None, claimed: Side, bound: float = 0.0) -> str:
    """The verdict for a claim that a value is ``above`` or ``below`` a bound, from the 95% interval of the value.

    The claim holds here if the whole interval is on the claimed side, does not if all of it is on the other side, and
    is not decided if the interval includes the bound or there is none.
    """
    if low is None or high is None or low <= bound <= high:
        return OPEN
    return HOLDS if (low > bound) == (claimed == "above") else FAILS


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A value with its 95% interval, and on which side of ``bound`` the claim puts it.

    ``name`` says what is compared, such as "BPE minus overlapping 6-mer, mean MCC"; ``over`` what the interval accounts
    for, such as "seeds and test rows".
    """

    name: str
    value: float
    low: float | None
    high: float | None
    claimed: Side
    over: str
    unit: str = ""
    bound: float = 0.0

    @property
    def verdict(self) -> str:
        return verdict(self.low, self.high, self.claimed, self.bound)

    @property
    def why(self) -> str:
        """One sentence with the value, its interval, and how the interval lies to the bound."""
        unit = f" {self.unit}" if self.unit else ""
        if self.low is None or self.high is None:
            return f"{self.name}: {_shown(self.value)}{unit}, without an interval."
        places = {HOLDS: f"is {self.claimed}", FAILS: f"is not {self.claimed}", OPEN: "includes"}
        interval = f"{_shown(self.low)} to {_shown(self.high)}"
        return (
            f"{self.name}: {_shown(self.value)}{unit}; the 95% interval over {self.over}, {interval}, "
            f"{places[self.verdict]} {_shown(self.bound)}."
        )


@dataclasses.dataclass(frozen=True)
class Claim:
    """A claim as a question, and where it is made."""

    name: str
    question: str
    source: str


def write_result(
    claim: Claim,
    comparisons: Sequence[Comparison],
    setting: dict[str, Any],
    rows: Sequence[dict[str, Any]],
    out: Path,
    table: Path,
) -> None:
    """Write ``result.json`` and the table of all figures.

    The first of the ``comparisons`` decides the claim; the others are its parts, each with a verdict of its own.
    ``setting``: what was compared and at what scale. ``rows``: the figures, all with the same columns.
    """
    parts = [dataclasses.asdict(part) | {"verdict": part.verdict, "why": part.why} for part in comparisons]
    result = {
        **dataclasses.asdict(claim),
        "setting": setting,
        "comparisons": parts,
        "verdict": parts[0]["verdict"] if parts else OPEN,
        "why": parts[0]["why"] if parts else "Nothing to compare in this run.",
    }
    write_table(table, rows, list(rows[0]))
    write_json(out, result)


def _shown(value: float) -> str:
    """A number with three significant digits."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
