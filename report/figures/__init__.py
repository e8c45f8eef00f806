"""Every figure that rests on records; `ocnd figures` draws them all again, without training.

A module or more a chapter. Those that draw have `FIGURES`: the name of a figure and the function
that draws it from the records that exist, or raises `NoRecords`.
"""

from report.chapters import class_or_detail, ocgan, reconstruction
from report.figures import (
    benchmark,
    costs,
    duels,
    imbalance,
    masked,
)
from report.figures.provenance import sources, traced
from report.figures.source import NoRecords, drawn_or_said, table_or_said


def __getattr__(name: str) -> dict:
    """`FIGURES`, gathered when first asked for, since chapters import from this package too."""
    if name != "FIGURES":
        raise AttributeError(name)
    from report.chapters import attention_gan, where_it_looks

    modules = (benchmark, costs, duels, imbalance, masked, ocgan, reconstruction, class_or_detail)
    chapters = (*modules, attention_gan, where_it_looks)
    globals()["FIGURES"] = {k: draw for module in chapters for k, draw in module.FIGURES.items()}
    return globals()["FIGURES"]


__all__ = ["FIGURES", "NoRecords", "drawn_or_said", "sources", "table_or_said", "traced"]
