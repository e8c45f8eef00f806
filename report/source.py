"""Where figures take their numbers from: the published ones, and what to say without records."""

import numpy as np
import pandas as pd

from ocnd_lib.records import REPOSITORY, Cell, read_arrays, read_record

PUBLISHED = REPOSITORY / "results" / "published"


class NoRecords(RuntimeError):
    """The records that a figure rests on are missing; the message says how to make them."""


def no_record(cell: str) -> NoRecords:
    """What to raise where this cell has no record."""
    return NoRecords(f"no record yet; make one with: ocnd run {cell}")


def record_of(cell: Cell | str) -> dict:
    """The record of a cell together with its arrays; NoRecords without."""
    if not (record := read_record(cell)):
        raise no_record(str(cell))
    if not (arrays := read_arrays(cell)):
        raise NoRecords(f"{cell} has lost its arrays; remove its record, and: ocnd run {cell}")
    return record | arrays


def published_claim(name: str) -> float:
    """A published number from results/published/claims.csv, in the unit given there."""
    return float(pd.read_csv(PUBLISHED / "claims.csv", index_col="name").loc[name, "value"])


def plain(numbers: dict[str, object]) -> dict[str, object]:
    """The same with numbers of Python's own, which a page can format."""
    return {k: v.item() if isinstance(v, np.generic) else v for k, v in numbers.items()}
