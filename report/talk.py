"""Figures for a talk: the same drawings, large enough for a projector, in English or in Korean."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from pathlib import Path

import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.axis import Axis
from matplotlib.category import StrCategoryFormatter
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import AutoLocator, FixedFormatter, FuncFormatter

from report.drawing import WIDTH

HERE = Path(__file__).parent
SLIDE = (40 / 3, 7.5)  # inches
MARGIN = 0.02  # of a slide, on every side
ENLARGED = SLIDE[0] / WIDTH  # from a page to a slide
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def look(style: str) -> AbstractContextManager:
    """The style in which to draw and save: `page` or `talk`."""
    return nullcontext() if style == "page" else matplotlib.style.context(HERE / "talk.mplstyle")


def drawn(
    draw: Callable[[], Figure], style: str, lang: str, size: tuple[float, float] | None = None
) -> Figure:
    """A figure in a style and language; for a talk of a slide's shape, or of that of a size.

    It is that of a page enlarged with all that is on it: a page wide, of more dots an inch. Raises
    what `draw` raises, such as NoRecords.
    """
    with look(style):
        fig = draw()
        if lang == "ko":
            in_korean(fig)
        if style == "talk":
            fig.set_size_inches(np.divide(size or SLIDE, ENLARGED))
            fig.set_dpi(ENLARGED * fig.dpi)
            margin = 0 if size else MARGIN
            inside = margin, margin, 1 - 2 * margin, 1 - margin
            fig.get_layout_engine().set(rect=inside, w_pad=0.053, h_pad=0.042)
            if title := fig.get_suptitle():
                fig.suptitle(title, x=margin, ha="left", wrap=True)
            for axis in fig.findobj(Axis):
                if isinstance(automatic := axis.get_major_locator(), AutoLocator):
                    automatic.set_params(nbins=5)  # more wide numbers would touch
    return fig


@cache
def korean() -> dict[str, str]:
    """What figures say in English → in Korean; # stands for any number."""
    return dict(pd.read_csv(HERE / "korean.csv", dtype=str, keep_default_na=False).to_numpy())


def said_in_korean(text: str) -> str:
    """A text of a figure in Korean, with its numbers; unchanged if the table has none for it."""
    words = " ".join(text.split())
    found = korean().get(words) or korean().get(NUMBER.sub("#", words), text)
    numbers = iter(NUMBER.findall(words))
    return re.sub("#", lambda _: next(numbers), found)


def in_korean(fig: Figure) -> None:
    """Replace every text of a figure that the table knows, those at its ticks too."""
    for axis in fig.findobj(Axis):
        words = axis.get_major_formatter()
        if isinstance(words, FixedFormatter | FuncFormatter | StrCategoryFormatter):
            axis.set_major_formatter(lambda x, at, words=words: said_in_korean(f"{words(x, at)}"))
    for text in fig.findobj(Text):
        text.set_text(said_in_korean(text.get_text()))
