"""Where figures take their numbers from: the published ones, and what to say without records."""

import pandas as pd

from ocnd_lib.records import REPOSITORY

PUBLISHED = REPOSITORY / "results" / "published"


class NoRecords(RuntimeError):
    """The records that a figure rests on are missing; the message says how to make them."""


def published_claim(name: str) -> float:
    """A number of the deck from results/published/claims.csv, in the unit given there."""
    claims = pd.read_csv(PUBLISHED / "claims.csv", index_col="name")
    return float(claims.loc[name, "value"])
