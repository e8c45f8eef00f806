"""Every figure that rests on records; `ocnd figures` draws them all again, without training.

One module a chapter, each with its own `FIGURES`: the name of a figure and the function that draws
it from the records that exist, or raises `NoRecords`.
"""

from ocnd_lib.figures import imbalance
from ocnd_lib.figures.source import NoRecords

FIGURES = {**imbalance.FIGURES}

__all__ = ["FIGURES", "NoRecords"]
