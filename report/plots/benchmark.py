"""Figures of chapter 5: published AUROCs and ours, side by side.

A table of AUROCs is a DataFrame with a row a method, labelled as it is to be shown, and a column a
class; NaN stands where there is no number.
"""

import textwrap
from collections.abc import Mapping

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FormatStrFormatter, LogLocator, MaxNLocator
from matplotlib.transforms import Transform

from report.drawing import COLOURS, WIDTH

DECK, OURS = COLOURS["known"], COLOURS["normal"]
DIVERGING = matplotlib.colormaps["RdBu"]  # red below, blue above: apart with any colour vision
FARTHEST = 0.15  # a difference of AUROCs with the full colour
WORSE, BETTER = DIVERGING(0.15), DIVERGING(0.85)


def _say(ax: Axes, text: str) -> None:
    """Empty axes that say why they are."""
    ax.set_axis_off()
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", linespacing=1.6)


def _paint(ax: Axes, values: np.ndarray, texts: np.ndarray, norm: Normalize, cmap) -> None:
    """Coloured cells with a text in each; what has no value stays white."""
    ax.imshow(np.ma.masked_invalid(values), cmap=cmap, norm=norm, aspect="auto")
    for (row, column), text in np.ndenumerate(texts):
        dark = False
        if np.isfinite(values[row, column]):
            red, green, blue, _ = cmap(norm(values[row, column]))
            dark = 0.30 * red + 0.59 * green + 0.11 * blue < 0.5
        ink = "white" if dark else COLOURS["ink"]
        ax.text(column, row, text, ha="center", va="center", color=ink, linespacing=1.15)
    rows, columns = values.shape
    ax.set_xticks(np.arange(columns + 1) - 0.5, minor=True)
    ax.set_yticks(np.arange(rows + 1) - 0.5, minor=True)
    ax.grid(which="minor", color="white", lw=1.5)
    ax.set_axisbelow(False)
    ax.tick_params(which="both", length=0)
    ax.spines[:].set_visible(False)


def _upright(labels) -> dict:
    """Long labels of narrow columns stand on end."""
    return {"rotation": 90} if max(map(len, labels)) > 4 else {}


def published_and_ours(published: pd.DataFrame, ours: pd.DataFrame) -> Figure:
    """A table in whose cells the published AUROC stands above ours, coloured by ours minus it.

    Both tables have the same rows and columns; the last column is the mean. What is missing is a
    dash.
    """
    fig = Figure(figsize=(WIDTH, 1.35 + 0.37 * len(ours)))
    ax = fig.subplots()
    last = ours.columns[-1]

    def text(method, name) -> str:
        digits = 4 if name == last else 3
        both = (published.loc[method, name], ours.loc[method, name])
        return "\n".join(
            "\N{EN DASH}" if np.isnan(value) else f"{value:.{digits}f}" for value in both
        )

    texts = np.array([[text(method, name) for name in ours] for method in ours.index])
    norm = Normalize(-FARTHEST, FARTHEST, clip=True)
    _paint(ax, (ours - published).to_numpy(float), texts, norm, DIVERGING)
    ax.axvline(len(ours.columns) - 1.5, color=COLOURS["ink"], lw=0.8)
    ax.set_xticks(range(len(ours.columns)), ours.columns, **_upright(ours.columns))
    ax.set_yticks(range(len(ours)), ours.index)
    ax.xaxis.tick_top()
    bar = fig.colorbar(
        ax.images[0], ax=ax, location="bottom", extend="both", aspect=50, pad=0.015, shrink=0.7
    )
    bar.set_label("ours (below) minus published (above)")
    bar.outline.set_visible(False)
    return fig


def means_with_intervals(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Mean AUROCs, a panel a data set: title → columns published, mean, low, high; rows methods.

    NaN means there is no number; the rows of all tables are the same.
    """
    methods = next(iter(tables.values())).index
    fig = Figure(figsize=(WIDTH, 0.95 + 0.27 * len(methods)))
    axes = fig.subplots(1, len(tables), sharey=True, squeeze=False)[0]
    rows = np.arange(len(methods))
    for ax, (title, table) in zip(axes, tables.items(), strict=True):
        ax.plot(table["published"], rows - 0.17, "D", color=DECK, ms=5)
        spread = [table["mean"] - table["low"], table["high"] - table["mean"]]
        ax.errorbar(
            table["mean"], rows + 0.17, xerr=spread, fmt="o", color=OURS, ms=3.5, lw=1.2, capsize=3
        )
        ax.set(title=title, xlabel="mean AUROC", ylim=(len(rows) - 0.5, -0.5))
        ax.set_yticks(rows, methods)
        ax.grid(axis="both")
        ax.xaxis.set_major_locator(MaxNLocator(5))
    _legend(fig, {"published": ("D", DECK), "ours, all classes, 95 % interval": ("o", OURS)})
    return fig


def before_and_after(panels: Mapping[str, pd.DataFrame]) -> Figure:
    """AUROCs of classes by two scores, joined by a line, and as printed; a panel a data set.

    `panels` maps a title to a row a class, with the column published and those of the two scores.
    """
    fig = Figure(figsize=(WIDTH, 1.1 + 0.27 * max(map(len, panels.values()))))
    axes = fig.subplots(1, len(panels), squeeze=False)[0]
    for ax, (title, table) in zip(axes, panels.items(), strict=True):
        at, (printed, before, after) = np.arange(len(table)), table.columns
        colours = [WORSE if worse else BETTER for worse in table[after] < table[before]]
        ax.hlines(at, table[before], table[after], colors=colours, lw=2.2, zorder=1)
        ax.plot(table[before], at, "o", color=OURS, mfc="white", ms=6)
        ax.plot(table[after], at, "o", color=OURS, ms=6)
        ax.plot(table[printed], at, "D", color=DECK, ms=4)
        ax.set(title=title, xlabel="AUROC", ylim=(len(table) - 0.5, -0.5))
        ax.set_yticks(at, table.index)
        ax.grid(axis="both")
    marks = {printed: ("D", DECK), before: ("o", OURS, "white"), after: ("o", OURS)}
    _legend(fig, marks)
    return fig


def _legend(fig: Figure, marks: Mapping[str, tuple[str, ...]]) -> None:
    """Below the figure: label → marker, colour and, where it is another, colour inside."""
    handles = [
        Line2D([], [], ls="", marker=mark[0], color=mark[1], mfc=mark[-1], ms=6, label=label)
        for label, mark in marks.items()
    ]
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles))


def class_ranks(panels: Mapping[str, pd.DataFrame | str]) -> Figure:
    """The rank of each method in each class, and the mean rank: 1 is best; two panels a line.

    `panels` maps a title to a table without gaps, or to the text that stands in its place.
    """
    fig = Figure(figsize=(WIDTH, sum(0.75 + 0.24 * most for most in _line_heights(panels))))
    axes = fig.subplots(
        len(panels) // 2, 2, squeeze=False, height_ratios=[2 + m for m in _line_heights(panels)]
    )
    for ax, (title, table) in zip(axes.flat, panels.items(), strict=True):
        ax.set_title(title)
        if isinstance(table, str):
            _say(ax, table)
            continue
        ranks = table.round(9).rank(ascending=False)
        ranks = ranks.loc[ranks.mean(axis=1).sort_values(kind="stable").index]
        lift = np.linspace(-0.24, 0.24, ranks.shape[1])  # equal ranks of two classes stay apart
        for row, (_, values) in enumerate(ranks.iterrows()):
            ax.plot(values, row + lift, "o", color=COLOURS["unlabelled"], alpha=0.45, ms=3.5, mew=0)
            ax.plot(values.mean(), row, "|", color=OURS, ms=12, mew=2.5)
        ax.set_yticks(range(len(ranks)), ranks.index)
        ax.set(xlabel="rank", xlim=(0.4, len(ranks) + 0.6), ylim=(len(ranks) - 0.5, -0.5))
        ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        ax.grid(axis="x")
    return fig


def _line_heights(panels: Mapping[str, pd.DataFrame | str]) -> list[int]:
    """The most rows of a panel, line by line of two panels."""
    rows = [4 if isinstance(table, str) else len(table) for table in panels.values()]
    return [max(pair) for pair in zip(rows[::2], rows[1::2], strict=True)]


def one_against_all(panels: Mapping[str, pd.DataFrame], method: str) -> Figure:
    """The mean AUROC of one method minus that of each other one, with what tests say of it.

    `panels` maps a title to rows labelled by the other method: mean_difference, low, high, wins,
    losses (in classes), p_holm (Wilcoxon over classes). Without rows the panel says so.
    """
    sizes = [max(len(rows), 2) + 2.2 for rows in panels.values()]
    fig = Figure(figsize=(WIDTH, 0.29 * sum(sizes) + 0.3 * len(sizes)))
    axes = fig.subplots(len(panels), 1, squeeze=False, height_ratios=sizes)[:, 0]
    for ax, (title, rows) in zip(axes, panels.items(), strict=True):
        ax.set_title(title)
        if rows.empty:
            _say(ax, f"{method} and another method\nare not both complete on record yet")
            continue
        at = np.arange(len(rows))
        sure = ((rows["low"] > 0) | (rows["high"] < 0)).to_numpy()
        for chosen, fill in ((sure, OURS), (~sure, "white")):
            part = rows[chosen]
            ax.hlines(at[chosen], part["low"], part["high"], color=OURS, lw=1.8)
            ax.plot(part["mean_difference"], at[chosen], "o", color=OURS, mfc=fill, ms=6)
        ax.axvline(0, color=COLOURS["ink"], lw=0.8)
        ax.set_yticks(at, rows.index)
        ax.set(xlabel=f"mean AUROC, {method} minus the other", ylim=(len(rows) - 0.5, -0.5))
        ax.grid(axis="x")
        for y, row in zip(at, rows.itertuples(), strict=True):
            won = f"{row.wins:.0f} : {row.losses:.0f}"
            _beside(ax, y, ax.get_yaxis_transform(), won, _p_value(row.p_holm))
        _beside(ax, 1, ax.transAxes, "classes", "p (Holm)", lift=11)
    return fig


def _beside(ax: Axes, y: float, where: Transform, *texts: str, lift: float = 0) -> None:
    """Two columns of words at the right of the axes, `lift` points above y."""
    for x, text in zip((1.07, 1.2), texts, strict=True):
        ax.annotate(
            text, (x, y), (0, lift), xycoords=where, textcoords="offset points",
            va="center", ha="center", annotation_clip=False,
        )  # fmt: skip


def _p_value(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def duels(panels: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]]) -> Figure:
    """Every method against every other: coloured by mean AUROC of the row minus the column.

    `panels` maps a title to (difference, wins), square tables, all with the same labels, NaN for
    methods that lack; the number in a cell counts the classes in which the row is surely better. A
    panel without numbers says so.
    """
    most = max(len(difference) for difference, _ in panels.values())
    fig = Figure(figsize=(WIDTH, 2.0 + 0.24 * max(most, 2)))
    axes = fig.subplots(1, len(panels), squeeze=False)[0]
    painted = None
    for ax, (title, (difference, wins)) in zip(axes, panels.items(), strict=True):
        values = difference.to_numpy(float).copy()
        if not np.isfinite(values).any():
            ax.set_title(title)
            _say(ax, "a duel needs two complete methods\non record; they are not there yet")
            continue
        texts = wins.map(lambda count: "" if np.isnan(count) else f"{count:.0f}").to_numpy()
        _paint(ax, values, texts, Normalize(-FARTHEST, FARTHEST, clip=True), DIVERGING)
        ax.set_xticks(range(len(wins)), difference.columns, rotation=90)
        ax.set_yticks(range(len(wins)), difference.index)
        ax.tick_params(labelleft=painted is None)  # the first panel names the rows of all
        ax.set_title(title)
        painted = ax.images[0]
    if painted is not None:
        bar = fig.colorbar(
            painted, ax=list(axes), location="bottom", extend="both", aspect=60, shrink=0.6
        )
        bar.set_label("mean AUROC of the row minus that of the column")
        bar.outline.set_visible(False)
    return fig


def seed_strips(cells: pd.DataFrame, published: pd.DataFrame, methods: list[str]) -> Figure:
    """AUROC of every seed, a panel a class, a row a method of `methods`; diamonds: published.

    `cells` has the columns method, normal_class, auroc; `published` is a table whose columns are
    the classes, in the order of the panels.
    """
    names, columns = list(published), 5
    rows = -(-len(names) // columns)
    fig = Figure(figsize=(WIDTH, 0.65 + rows * (0.5 + 0.2 * len(methods))))
    axes = fig.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    at = np.arange(len(methods))
    for ax, name in zip(axes.flat, names, strict=False):
        part = cells[cells["normal_class"] == name]
        ax.plot(published[name].reindex(methods), at - 0.18, "D", color=DECK, ms=4)
        lines = [methods.index(method) + 0.18 for method in part["method"]]
        ax.plot(part["auroc"], lines, "o", color=OURS, ms=4, mew=0, alpha=0.75)
        ax.axvline(0.5, color=COLOURS["unlabelled"], lw=0.8, ls=":")
        ax.set_title(name)
        ax.grid(axis="y")
    for ax in axes.flat[len(names) :]:
        ax.set_axis_off()
    axes[0, 0].set_yticks(range(len(methods)), methods)
    axes[0, 0].set(ylim=(len(methods) - 0.5, -0.5))
    axes[0, 0].xaxis.set_major_locator(MaxNLocator(3))
    axes[0, 0].xaxis.set_major_formatter(FormatStrFormatter("%g"))
    axes[0, 0].margins(x=0.12)
    axes[-1, columns // 2].set_xlabel("AUROC")
    _legend(fig, {"published": ("D", DECK), "ours, one dot a seed": ("o", OURS)})
    return fig


def confusability_maps(panels: Mapping[str, pd.DataFrame | str]) -> Figure:
    """AUROC of each normal class (row) against each single novel class (column), in percent.

    `panels` maps a title to such a matrix, NaN where there is no number, or to the text that stands
    in its place; two panels a line.
    """
    empty = [isinstance(matrix, str) for matrix in panels.values()]
    heights = [1.0 if all(pair) else 3.1 for pair in zip(empty[::2], empty[1::2], strict=True)]
    fig = Figure(figsize=(WIDTH, sum(heights) + (0 if all(empty) else 1.2)))
    axes = fig.subplots(len(heights), 2, squeeze=False, height_ratios=heights)
    cmap, norm = matplotlib.colormaps["cividis"], Normalize(0.3, 1, clip=True)
    painted = None
    befores = ["", *panels.values()]
    for ax, (title, matrix), before in zip(axes.flat, panels.items(), befores, strict=False):
        ax.set_title(title)
        if isinstance(matrix, str):
            _say(ax, matrix)
            continue
        texts = matrix.map(lambda v: "" if np.isnan(v) else f"{100 * v:.0f}").to_numpy(dtype=object)
        _paint(ax, matrix.to_numpy(float), texts, norm, cmap)
        names = [str(name) for name in matrix]
        ax.set_xticks(range(len(names)), names, **_upright(names))
        if ax in axes[:, 0] or isinstance(before, str):
            ax.set_yticks(range(len(names)), names)
            ax.set_ylabel("normal class")
        else:
            ax.set_yticks([])  # the panel on the left names them
        if ax in axes[-1]:
            ax.set_xlabel("novel class")
        painted = ax.images[0]
    if painted is not None:
        bar = fig.colorbar(
            painted, ax=list(axes.flat), location="bottom", extend="min", aspect=60, shrink=0.5
        )
        bar.set_label("AUROC")
        bar.outline.set_visible(False)
    return fig


COSTS = {"fit_seconds": "seconds to fit one class", "macs": "multiply-accumulates an image"}


def auroc_against_cost(panels: Mapping[str, pd.DataFrame]) -> Figure:
    """Mean AUROC against what a method costs to fit and to score with, a line a data set.

    `panels` maps a title to rows labelled by method: mean, fit_seconds, macs (NaN: not known). Both
    costs are on logarithmic axes. Without rows the panel says so; methods without seconds are named
    under theirs.
    """
    fig = Figure(figsize=(WIDTH, 3.1 * len(panels)))
    axes = fig.subplots(len(panels), 2, sharey="row", squeeze=False)
    for line, (title, rows) in zip(axes, panels.items(), strict=True):
        line[0].set_title(title)
        for ax, (name, label) in zip(line, COSTS.items(), strict=True):
            part = rows[rows[name].notna()]
            if part.empty:
                place = "the processor" if name == "fit_seconds" else "record yet"
                none = f"no number\non {place}"
                _say(ax, "no complete method\non record yet" if rows.empty else none)
                continue
            unknown = ", ".join(rows.index[rows[name].isna()])
            if name == "fit_seconds" and unknown:
                said = textwrap.fill(f"no time on the processor: {unknown}", 48)
                label = f"{label}\n{said}"
            ax.plot(part[name], part["mean"], "o", color=OURS, ms=5)
            low, high = part[name].min(), part[name].max()
            ax.set(xscale="log", xlabel=label, ylabel="mean AUROC" if ax is line[0] else None)
            ax.set_xlim(low / 2, 4 * high * (high / low) ** 0.3)  # room for the names
            ax.xaxis.set_major_locator(LogLocator(10, numticks=6))
            ax.minorticks_off()
            ax.margins(y=0.3)
            ax.grid()
    fig.draw_without_rendering()  # names are placed on settled axes
    for line, rows in zip(axes, panels.values(), strict=True):
        for ax, name in zip(line, COSTS, strict=True):
            _name_points(ax, rows[rows[name].notna()], name)
    return fig


def _name_points(ax: Axes, rows: pd.DataFrame, x: str) -> None:
    """Write each method beside its point, where it meets no label written before and no point."""
    if rows.empty:
        return
    dots = ax.transData.transform(rows[[x, "mean"]].to_numpy(float))
    points = 72 / ax.figure.dpi  # of a pixel
    taken = [(px - 4, py - 4, px + 4, py + 4) for px, py in dots]
    for (method, row), (px, py) in zip(rows.iterrows(), dots, strict=True):
        width, height = 6.2 / points * len(method), 11.0 / points
        places = [  # beside the dot, then higher and lower, then farther out
            (side * 7 / points, lift * 5.5 / points)
            for sides in ((1, -1), (3, -3))
            for lift in (0, 1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6, -6, 7, -7, 8, -8)
            for side in sides
        ]

        def box(place, px=px, py=py, width=width, height=height):
            left = px + place[0] - (width if place[0] < 0 else 0)
            return left, py + place[1] - height / 2, left + width, py + place[1] + height / 2

        def meets(place, box=box):
            a = box(place)
            hit = sum(a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3] for b in taken)
            edge = ax.bbox
            return 3 * hit + 2 * (a[0] < edge.x0) + (a[1] < edge.y0) + (a[3] > edge.y1)

        place = min(places, key=meets)
        taken.append(box(place))
        line = {"arrowstyle": "-", "color": COLOURS["unlabelled"], "lw": 0.6}
        ax.annotate(
            method, (row[x], row["mean"]), (place[0] * points, place[1] * points),
            textcoords="offset points", ha="left" if place[0] > 0 else "right", va="center",
            arrowprops=line if max(abs(place[0]), abs(place[1])) > 9 / points else None,
        )  # fmt: skip
