"""How chapters say what became of the deck's claims: a verdict, an interval, a table of them."""

from collections.abc import Iterable, Mapping

import numpy as np


def verdict(low: float, high: float, wanted: int, undecided: str = "one run, not decided") -> str:
    """Whether an interval bears out that a number is above 0 (`wanted` +1) or below it (-1)."""
    if np.isnan(low):
        return undecided
    low, high = sorted((wanted * low, wanted * high))
    return "confirmed" if low > 0 else "refuted" if high < 0 else "not shown"


def interval_text(value: float, low: float, high: float, digits: int = 3) -> str:
    """A signed change and, if it has one, its interval."""
    form = f"+.{digits}f"
    return f"{value:{form}}" + ("" if np.isnan(low) else f" [{low:{form}}, {high:{form}}]")


def claims_table(claims: Iterable[str], columns: Mapping[str, Mapping[str, str]]) -> str:
    """A table in Markdown: a row a claim, a column a source."""
    lines = [["claim", *columns], ["---"] * (1 + len(columns))]
    lines += [[claim, *(found[claim] for found in columns.values())] for claim in claims]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
