"""Every figure that rests on records; `ocnd figures` draws them all again, without training.

A module or more a chapter. Those that draw have `FIGURES`: the name of a figure and the function
that draws it from the records that exist, or raises `NoRecords`.
"""

from report.chapters import class_imbalance, masked_vs_original, what_is_a_novelty
from report.figures import (
    benchmark,
    costs,
    duels,
    looks,
    ocgan,
    reconstruction,
    remedies,
)
from report.figures.provenance import sources, traced
from report.figures.source import NoRecords, drawn_or_said, table_or_said

FIGURES = {
    **attention.FIGURES,
    **attention_gains.FIGURES,
    **benchmark.FIGURES,
    **costs.FIGURES,
    **duels.FIGURES,
    **class_imbalance.FIGURES,
    **looks.FIGURES,
    **masked_vs_original.FIGURES,
    **ocgan.FIGURES,
    **reconstruction.FIGURES,
    **remedies.FIGURES,
    **what_is_a_novelty.FIGURES,
}

__all__ = ["FIGURES", "NoRecords", "drawn_or_said", "sources", "table_or_said", "traced"]
