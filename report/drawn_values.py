"""What a figure shows, as a table, for whoever draws it again in another program."""

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axis import Axis
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text


def drawn_values(fig: Figure) -> pd.DataFrame:
    """All that is drawn in a figure's panels but pictures, a row a point; its layout is settled.

    panel: its title, else its number from 1. series: a label that names it, else a number. x, y:
    place in units of the axes; x_name, y_name: the words on the axis there. text: words at a place.
    """
    rows = []
    for number, ax in enumerate(fig.axes, 1):
        panel = " ".join((ax.get_title("left") or ax.get_title() or str(number)).split())
        x_words, y_words = _words(ax.xaxis), _words(ax.yaxis)
        rectangles = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
        for k, artist in enumerate([*ax.lines, *rectangles, *ax.collections, *ax.texts]):
            text = " ".join(artist.get_text().split()) if isinstance(artist, Text) else ""
            label = str(artist.get_label())
            series = str(k) if label.startswith("_") or not label else label
            for x, y in np.round(np.asarray(_points(artist), float), 6):
                rows.append((panel, series, x, y, x_words.get(x), y_words.get(y), text))
    table = pd.DataFrame(rows, columns="panel series x y x_name y_name text".split())
    return table.dropna(subset=["x", "y"])  # what has no place is not drawn


def _points(artist: Artist) -> np.ndarray:
    if isinstance(artist, Text):
        x, y = getattr(artist, "xy", artist.get_position())
        return np.array([[artist.axes.convert_xunits(x), artist.axes.convert_yunits(y)]])
    if isinstance(artist, Line2D):
        return artist.get_xydata()
    if isinstance(artist, Rectangle):
        return artist.get_bbox().get_points()  # two opposite corners
    if isinstance(artist, PathCollection):
        return artist.get_offsets()
    return np.concatenate([path.vertices for path in artist.get_paths()] or [np.empty((0, 2))])


def _words(axis: Axis) -> dict[float, str]:
    """The words at the ticks of an axis by their place; none where the ticks are numbers."""
    words = [label.get_text() for label in axis.get_ticklabels()]
    if not any(letter.isalpha() for word in words for letter in word):
        return {}
    return dict(zip(np.round(axis.get_ticklocs(), 6), words, strict=False))
