"""Every figure that rests on records; `ocnd figures` draws them all again, without training.

A module or more a chapter. Those that draw have `FIGURES`: the name of a figure and the function
that draws it from the records that exist, or raises `NoRecords`.
"""

from report.chapters import class_or_detail, ocgan, reconstruction
from report.figures import (
    attention,
    attention_gains,
    benchmark,
    costs,
    duels,
    imbalance,
    looks,
    masked,
)
from report.figures.provenance import sources, traced
from report.figures.source import NoRecords, drawn_or_said, table_or_said

FIGURES = {
    **attention.FIGURES,
    **attention_gains.FIGURES,
    **benchmark.FIGURES,
    **class_or_detail.FIGURES,
    **costs.FIGURES,
    **duels.FIGURES,
    **imbalance.FIGURES,
    **looks.FIGURES,
    **masked.FIGURES,
    **ocgan.FIGURES,
    **reconstruction.FIGURES,
}

__all__ = ["FIGURES", "NoRecords", "drawn_or_said", "sources", "table_or_said", "traced"]
