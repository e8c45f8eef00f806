"""The look of every figure, and how one is written to files."""

import io
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import matplotlib.font_manager
import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.transforms import offset_copy

from data_prep.files import replace_file

matplotlib.rcdefaults()  # a user's own settings would give other figures
matplotlib.font_manager.fontManager.addfont(Path(__file__).with_name("fonts") / "NotoSansKR.ttf")
matplotlib.style.use(Path(__file__).with_name("style.mplstyle"))

WIDTH = 7.0  # inches, the text column of a page

# One colour for one thing in every figure. Names that share a colour never share a figure.
COLOURS = {
    # what an image is
    "normal": "#0072B2",
    "novel": "#D55E00",
    "known": "#E69F00",
    "unlabelled": "#666666",
    "unused": "#DDDDDD",
    "ink": "#222222",
    # how well it is told apart
    "accuracy": "#E69F00",
    "balanced_accuracy": "#009E73",
    "auroc": "#222222",
    "validation": "#CC79A7",
    # what is shown of a crop
    "original": "#8C6D31",
    "masked": "#6A3D9A",
    "control": "#666666",
    # by which method
    "ocsvm": "#CC79A7",
    "pca": "#009E73",
}


def save_figure(fig: Figure, name: str, folder: Path | str | None = None) -> Figure:
    """Write `NAME.svg`, `NAME.pdf`, `NAME.png` and, of lines and dots, `NAME.csv`; return it.

    `folder` defaults to `$OCND_FIGURES`, else `figures` in the current folder. Layout is settled
    here, so the same figure gives the same bytes. Nothing is written when one format fails.
    """
    if not re.fullmatch(r"[\w-]+", name):
        raise ValueError(f"a figure's name has letters, digits, _ and - only, not {name!r}")
    folder = Path(folder or os.environ.get("OCND_FIGURES") or "figures")
    # laying out twice moves things a little, and every format would get a layout of its own
    fig.draw_without_rendering()
    fig.set_layout_engine("none")
    dateless = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}
    values = drawn_values(fig)  # none of pictures alone
    files = {} if values.empty else {folder / f"{name}.csv": values.to_csv(index=False).encode()}
    said = {"Title": " ".join(fig.get_suptitle().split())} if fig.get_suptitle() else {}
    for suffix, metadata in dateless.items():
        fig.savefig(buffer := io.BytesIO(), format=suffix, metadata=metadata | said)
        files[folder / f"{name}.{suffix}"] = buffer.getvalue()
    for path, content in files.items():
        replace_file(path, lambda file, content=content: file.write(content))
    return fig


def drawn_values(fig: Figure) -> pd.DataFrame:
    """All that a figure's panels show but pictures, for whoever draws it again: a row a point.

    Its layout is settled. panel: its title, else its number from 1. series: a label that names it,
    else a number. x, y: place in units of the axes; x_name, y_name: the words on the axis there.
    text: words at a place.
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
    words = [*map(str, axis.get_major_formatter().format_ticks(axis.get_ticklocs()))]  # hidden, too
    named = any(letter.isalpha() for word in words for letter in word)
    return dict(zip(np.round(axis.get_ticklocs(), 6), words, strict=True)) if named else {}


def titled(title: str, height: float) -> Figure:
    """An empty figure of the page's width, `height` inches high, with a title over its panels."""
    fig = Figure(figsize=(WIDTH, height))
    fig.suptitle(title, x=0, ha="left")
    return fig


def panels(title: str, height: float, names: Iterable[str], **options) -> tuple[Figure, np.ndarray]:
    """`titled`, with one of several axes side by side for each name; they share the vertical."""
    fig, names = titled(title, height), list(names)
    axes = fig.subplots(1, len(names), squeeze=False, **{"sharey": True, **options})[0]
    for ax, name in zip(axes, names, strict=True):
        ax.set_title(name)
    return fig, axes


def show_svg() -> None:
    """In a notebook, show figures as svg, the same bytes each time."""
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    set_matplotlib_formats("svg", metadata={"Date": None})


def direct_labels(ax: Axes, x: float, ends: Mapping[str, tuple[float, str]]) -> None:
    """Label lines at their right ends, moved apart where need be: label → (y, colour)."""
    ax.get_ylim()  # computes limits that are not set, which `heights` needs
    gap, placed = 0.204 / ax.figure.get_figheight(), -np.inf
    heights = ax.transScale + ax.transLimits  # of the axes, whatever their scale
    beside = offset_copy(ax.transData, ax.figure, x=8, units="points")
    for label, (y, colour) in sorted(ends.items(), key=lambda item: item[1][0]):
        placed = max(heights.transform((x, y))[1], placed + gap)
        at = (x, heights.inverted().transform((0, placed))[1])
        ax.annotate(label, (x, y), at, textcoords=beside, color=colour, va="center",
                    annotation_clip=False)  # fmt: skip


def forest(ax: Axes, rows: pd.DataFrame, zero: float | None = 0.0) -> None:
    """Draw a row a line, the first on top: value with its interval, named at the left.

    `rows`, indexed by name, has value, low and high (NaN: a dot alone) and may have colour and
    printed, the value in a publication, which becomes a diamond.
    """
    for y, (_, row) in enumerate(rows[::-1].iterrows()):
        colour = row.get("colour", COLOURS["ink"])
        if np.isfinite(row["low"]):
            ax.plot([row["low"], row["high"]], [y, y], color=colour, solid_capstyle="butt")
        ax.plot(row["value"], y, "o", color=colour)
        ax.plot(row.get("printed", np.nan), y, "D", color=COLOURS["control"], mfc="none")
    ax.set_yticks(range(len(rows)), rows.index[::-1])
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(-0.6, len(rows) - 0.4)
    ax.grid(axis="x")
    if zero is not None:
        ax.axvline(zero, color=COLOURS["control"], linewidth=1)


def image_grid(
    fig: Figure,
    rows: Mapping[str, Sequence[np.ndarray]],
    columns: Sequence[str] = (),
    below: Mapping[str, Sequence[str]] | None = None,
    frames: Sequence[str] = (),
    cmap: str = "gray",
) -> None:
    """Draw rows of images, each uint8 (C, H, W), each row named at its left.

    `columns` stand on top, `below` under the images of a row; `frames` are colours, one a column.
    """
    axes = fig.subplots(len(rows), max(map(len, rows.values())), squeeze=False)
    for line, (name, images) in zip(axes, rows.items(), strict=True):
        line[0].set_ylabel(name, rotation=0, ha="right", va="center")
        for k, ax in enumerate(line):
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(bool(frames))
            if frames:
                ax.spines[:].set(color=frames[k], linewidth=1.6)
            if k < len(images):
                picture = np.moveaxis(images[k], 0, -1).squeeze()
                ax.imshow(picture, cmap=cmap, vmin=0, vmax=255, interpolation="nearest")
            if name in (below or {}):
                ax.set_xlabel(below[name][k], labelpad=2, fontsize=9)
    for ax, title in zip(axes[0], columns, strict=False):
        ax.set_title(title, loc="center")


def mosaics(title: str, squares: Mapping[str, np.ndarray]) -> Figure:
    """Squares side by side, each made of small images of its own: name → uint8 (n, C, H, W)."""
    side = int(np.sqrt(min(map(len, squares.values()))))
    joined = [np.block([*map(list, np.split(of[: side**2], side))]) for of in squares.values()]
    fig = titled(title, 0.65 + WIDTH / len(squares))
    image_grid(fig, {"": joined}, list(squares), cmap="gray_r")
    return fig


def interval(value: float, low: float, high: float, form: str = ".3f") -> str:
    """A number and its interval as prose has them: 0.960 [0.957, 0.962], with real minus signs."""
    return f"{value:{form}} [{low:{form}}, {high:{form}}]".replace("-", "\N{MINUS SIGN}")


signed = partial(interval, form="+.3f")  # a gain and its interval: +0.006 [+0.001, +0.011]


def percent(value: float, low: float, high: float, digits: int = 0) -> str:
    """A share and its interval as prose has them: 72 % [56, 84]."""
    value, low, high = (f"{100 * share:.{digits}f}" for share in (value, low, high))
    return f"{value} % [{low}, {high}]"
