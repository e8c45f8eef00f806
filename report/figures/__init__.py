"""Every figure that rests on records; `ocnd figures` draws them all again, without training.

A module or more a chapter. Those that draw have `FIGURES`: the name of a figure and the function
that draws it from the records that exist, or raises `NoRecords`.
"""

from report.chapters import all_tables, audit, benchmark, costs
from report.figures import (
    attention,
    attention_gains,
    imbalance,
    looks,
    masked,
    ocgan,
    reconstruction,
)
from report.provenance import sources, traced
from report.source import NoRecords, drawn_or_said, table_or_said

FIGURES = {
    **benchmark.FIGURES,
    **audit.FIGURES,
    **all_tables.FIGURES,
    **costs.FIGURES,
    **attention.FIGURES,
    **attention_gains.FIGURES,
    **imbalance.FIGURES,
    **looks.FIGURES,
    **masked.FIGURES,
    **ocgan.FIGURES,
    **reconstruction.FIGURES,
}

__all__ = ["FIGURES", "NoRecords", "drawn_or_said", "sources", "table_or_said", "traced"]
