"""What a figure shows, as a table, for whoever draws it again in another program."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import PathCollection, QuadMesh
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle


def drawn_values(fig: Figure) -> pd.DataFrame:
    """All that is drawn in a figure's panels, a row a point; its layout must be settled.

    panel: its title, else its number from 1. kind: line, point, area, bar (two opposite corners),
    cell, pixels or text. series: label, else colour. x, y: place in units of the axes; x_name,
    y_name: the words on the axis there. value: of a cell its number, of pixels a line of grey
    levels or colours from left to right, of a text its words.
    """
    columns = ["panel", "kind", "series", "x", "y", "value", "x_name", "y_name"]
    rows = []
    for number, ax in enumerate(fig.axes, 1):
        panel = " ".join((ax.get_title("left") or ax.get_title() or str(number)).split())
        x_words, y_words = _words(ax.xaxis), _words(ax.yaxis)
        for kind, artist, colour, points, value in _drawn(ax):
            label = str(artist.get_label())
            series = to_hex(colour) if label.startswith("_") or not label else label
            for x, y in np.round(np.asarray(points, float), 6):
                names = x_words.get(x), y_words.get(y)
                rows.append((panel, kind, series, x, y, value, *names))
    return pd.DataFrame(rows, columns=columns).dropna(axis="columns", how="all")


def _words(axis: Axis) -> dict[float, str]:
    """The words at the ticks of an axis by their place; none where the ticks are numbers."""
    words = [label.get_text() for label in axis.get_ticklabels()]
    if not any(letter.isalpha() for word in words for letter in word):
        return {}
    return dict(zip(np.round(axis.get_ticklocs(), 6), words, strict=False))


def _drawn(ax: Axes) -> Iterator[tuple[str, Artist, object, object, object]]:
    """What is drawn in a panel: kind, artist, colour, points (n, 2), and value."""
    for line in ax.lines:
        kind = "point" if line.get_linestyle() == "None" else "line"
        at = line.get_xydata()
        at = at[np.isfinite(at).all(1)] if kind == "point" else at  # of which none is drawn
        yield kind, line, line.get_color(), at, None
    for patch in (patch for patch in ax.patches if isinstance(patch, Rectangle)):
        yield "bar", patch, patch.get_facecolor(), patch.get_bbox().get_points(), None
    for many in ax.collections:
        if isinstance(many, QuadMesh):
            for (row, column), value in np.ndenumerate(many.get_array()):
                yield "cell", many, "none", [(column + 0.5, row + 0.5)], value
            continue
        kind = "area" if len(many.get_facecolor()) else "line"
        colour = [*many.get_facecolor(), *many.get_edgecolor(), "none"][0]
        if isinstance(many, PathCollection):
            yield "point", many, colour, many.get_offsets(), None
            continue
        for path in many.get_paths():
            yield kind, many, colour, path.vertices, None
    for image in ax.images:
        for y, line in enumerate(np.asarray(image.get_array())):
            words = [f"{grey:.4g}" if line.ndim == 1 else bytes(grey[:3]).hex() for grey in line]
            yield "pixels", image, "none", [(0, y)], " ".join(words)
    for text in (text for text in ax.texts if text.get_text().strip()):
        x, y = getattr(text, "xy", text.get_position())
        place = ax.convert_xunits(x), ax.convert_yunits(y)
        yield "text", text, text.get_color(), [place], " ".join(text.get_text().split())
