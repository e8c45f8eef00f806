"""Figures of chapter 1: what a novelty is, and how a detector is judged."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from sklearn.metrics import roc_auc_score, roc_curve

from ocnd_lib.stats import seed_interval
from report.drawing import COLOURS, WIDTH

# --- chapter 1: points in the plane -------------------------------------------------------------

HALF_WIDTH = 3.6  # the pictures show the square [-3.6, 3.6] x [-3.6, 3.6]

# role: colour, marker, label
POINTS = {
    "normal": ("normal", "o", "normal"),
    "normal_1": ("normal", "o", "normal, class 1"),
    "normal_2": ("normal", "s", "normal, class 2"),
    "normal_3": ("normal", "D", "normal, class 3"),
    "unlabelled": ("unlabelled", "o", "no label"),
    "known": ("known", "s", "known anomaly"),
    "outlier": ("outlier", "X", "outlier"),
    "novel": ("novel", "^", "novel"),
}


@dataclass(frozen=True)
class Panel:
    """One square picture: `points` maps a role of POINTS to (n, 2).

    `novelty` (steps, steps) covers the square, first row lowest; its zero line is the boundary.
    """

    title: str
    note: str
    points: Mapping[str, np.ndarray] = field(default_factory=dict)
    novelty: np.ndarray | None = None


def _draw_panel(ax: Axes, panel: Panel, size: float) -> None:
    axis = (-HALF_WIDTH, HALF_WIDTH)
    if panel.novelty is not None:
        grid = np.linspace(*axis, len(panel.novelty))
        inside = [min(panel.novelty.min(), 0) - 1, 0]
        ax.contourf(grid, grid, panel.novelty, inside, colors=[COLOURS["normal"]], alpha=0.12)
        ax.contour(grid, grid, panel.novelty, [0], colors=[COLOURS["ink"]], linewidths=1.3)
    for role, xy in panel.points.items():
        colour, marker, _ = POINTS[role]
        area = 2 * size if marker == "X" else size  # a cross looks smaller than a disc
        ax.scatter(*xy.T, area, COLOURS[colour], marker=marker, ec="white", lw=0.4)
    ax.set(title=panel.title, xlim=axis, ylim=axis, aspect="equal", xticks=[], yticks=[])
    ax.set_xlabel(panel.note, loc="left")
    ax.spines[:].set_visible(True)


def plane_panels(panels: Sequence[Panel], columns: int) -> Figure:
    """Points in the plane with the region that a detector calls normal, several side by side."""
    rows = -(-len(panels) // columns)
    lines = 1 + max(panel.note.count("\n") for panel in panels)
    fig = Figure(figsize=(WIDTH, rows * (WIDTH / columns + 0.1 + 0.17 * lines) + 0.35))
    axes = list(fig.subplots(rows, columns, squeeze=False).flat)
    for ax, panel in zip(axes, panels, strict=False):
        _draw_panel(ax, panel, size=48 / columns)
    for ax in axes[len(panels) :]:
        ax.set_axis_off()
    shown = [role for role in POINTS if any(role in panel.points for panel in panels)]
    handles = [
        Line2D([], [], ls="", marker=marker, color=COLOURS[colour], label=label)
        for colour, marker, label in map(POINTS.get, shown)
    ]
    if any(panel.novelty is not None for panel in panels):
        handles.append(Line2D([], [], color=COLOURS["ink"], lw=1.3, label="boundary"))
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles), columnspacing=1.2)
    return fig


def _seed_dots(ax: Axes, values: np.ndarray, y: float, role: str) -> None:
    """Every seed as a faint dot; their mean and its 95 % interval on top."""
    colour, marker, _ = POINTS[role]
    mean, low, high = np.clip(seed_interval(values), 0, 1)
    ax.plot(values, np.full(len(values), y), marker, color=COLOURS[colour], alpha=0.25, ms=4, mew=0)
    ax.plot([low, high], [y, y], color=COLOURS[colour], lw=2.5)
    ax.plot(mean, y, marker, color=COLOURS[colour], ms=7, mec="white")


def labelling_numbers(table: pd.DataFrame, names: Mapping[str, str]) -> Figure:
    """AUROC and the shares called novel for each setting of `labelling_table`.

    `names` maps a setting to its label, top row first.
    """
    fig = Figure(figsize=(WIDTH, 0.62 * len(names) + 1.2))
    left, right = fig.subplots(1, 2, sharey=True)
    for row, setting in enumerate(names):
        part = table[table.setting == setting]
        for kind, offset in (("known", -0.2), ("novel", 0.0)):
            chosen = part[part.anomaly == kind]
            _seed_dots(left, chosen.auroc.to_numpy(), row + offset, kind)
            _seed_dots(right, chosen.recall.to_numpy(), row + offset, kind)
        alarms = part[part.anomaly == "novel"].false_alarms.to_numpy()
        _seed_dots(right, alarms, row + 0.2, "normal")
    left.axvline(0.5, color=COLOURS["ink"], lw=0.8, ls=":")
    left.text(0.49, len(names) - 0.52, "coin flip", ha="right")
    left.set(title="AUROC", yticks=range(len(names)), ylim=(len(names) - 0.5, -0.5))
    left.set_yticklabels(names.values())
    right.set(title="share called novel")
    for ax in (left, right):
        ax.set(xlim=(-0.03, 1.03))
        ax.grid(axis="x")
    handles = [
        Line2D([], [], ls="", marker=POINTS[role][1], color=COLOURS[role], label=label)
        for role, label in (
            ("known", "known anomaly"),
            ("novel", "novel"),
            ("normal", "normal (false alarms)"),
        )
    ]
    fig.legend(handles=handles, loc="outside lower center", ncols=3)
    return fig


# --- chapter 1: evaluation ----------------------------------------------------------------------

# part: colour, opacity, text colour
PARTS = {
    "train": ("normal", 1.0, "white"),
    "validation": ("normal", 0.5, COLOURS["ink"]),
    "test normal": ("normal", 0.2, COLOURS["ink"]),
    "test novel": ("novel", 1.0, "white"),
    "unused": ("unused", 1.0, COLOURS["ink"]),
}


def _draw_bar(ax: Axes, parts: pd.DataFrame, y: float) -> None:
    total, start = parts.images.sum(), 0.0
    for part, images in zip(parts.part, parts.images, strict=True):
        share = images / total
        colour, alpha, ink = PARTS[part]
        face = to_rgba(COLOURS[colour], alpha)
        ax.barh(y, share, 0.5, start, color=face, edgecolor="white", lw=1.5)
        wide = share > 0.031 * len(f"{images:,}")
        place = (start + share / 2, y) if wide else (start, y + 0.29)
        ax.text(
            *place,
            f"{images:,}",
            ha="center" if wide else "left",
            va="center" if wide else "bottom",
            color=ink if wide else COLOURS[colour],
        )
        start += share


def protocol_diagram(counts: pd.DataFrame, names: Mapping[str, str]) -> Figure:
    """The two protocols as bars over the images of a data set.

    `counts` is the table of `protocol_counts`; `names` maps "normal" and "other" to words.
    Each bar is 100 % of its images.
    """
    fig = Figure(figsize=(WIDTH, 2.5))
    rules = {
        "P1": "P1\npool the class,\n80 % to train",
        "P2": "P2\nkeep the data set's\nown test split",
    }
    for ax, classes in zip(fig.subplots(1, 2, sharey=True), ("normal", "other"), strict=True):
        for y, protocol in enumerate(("P2", "P1")):
            chosen = counts[(counts.protocol == protocol) & (counts.classes == classes)]
            _draw_bar(ax, chosen[chosen.images > 0], y)
        ax.set_title(f"{names[classes]} ({chosen.images.sum():,} images)")
        ax.set(xlim=(0, 1), ylim=(-0.4, 1.6), xticks=[], yticks=[0, 1])
        ax.set_yticklabels([rules["P2"], rules["P1"]])
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
    handles = [
        Patch(fc=to_rgba(COLOURS[colour], alpha), ec="none", label=part)
        for part, (colour, alpha, _) in PARTS.items()
    ]
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles), handlelength=1.2)
    return fig


def _legend_above(ax: Axes) -> None:
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2, borderpad=0.2)


def auroc_explained(y: np.ndarray, score: np.ndarray, threshold: float) -> Figure:
    """Two score histograms with a threshold, and the ROC curve with its area.

    `y` (N,) in {0, 1}, `score` (N,), higher = more novel.
    """
    y, score = np.asarray(y), np.asarray(score)
    fig = Figure(figsize=(WIDTH, 3.0))
    left, right = fig.subplots(1, 2, width_ratios=[1.25, 1])
    bins = np.linspace(score.min(), score.max(), 36)
    for label, role in ((0, "normal"), (1, "novel")):
        part = score[y == label]
        left.hist(part, bins, weights=np.full(len(part), 1 / len(part)), color=COLOURS[role],
                  alpha=0.65, label=f"{role} ({len(part):,})")  # fmt: skip
    left.axvline(threshold, color=COLOURS["ink"], lw=1.3)
    top = 1.15 * left.get_ylim()[1]
    left.text(threshold, 0.98 * top, "called normal ", ha="right", va="top")
    left.text(threshold, 0.98 * top, " called novel", ha="left", va="top")
    left.set(xlabel="novelty score", ylabel="share of images", ylim=(0, top))
    left.locator_params(axis="x", nbins=6)
    _legend_above(left)

    false_alarms, recall, _ = roc_curve(y, score)
    right.plot(false_alarms, recall, color=COLOURS["ink"])
    right.fill_between(false_alarms, recall, color=COLOURS["ink"], alpha=0.1, lw=0)
    right.plot([0, 1], [0, 1], ":", color=COLOURS["ink"], lw=0.8)
    point = [np.mean(score[y == label] > threshold) for label in (0, 1)]
    right.plot(*point, "o", color=COLOURS["ink"], ms=7)
    side, shift = ("left", 6) if point[0] < 0.6 else ("right", -6)
    right.annotate("this threshold", point, (shift, -14), textcoords="offset points", ha=side)
    right.text(0.58, 0.3, f"area = {roc_auc_score(y, score):.3f}", ha="center")
    right.set(xlabel="normal images called novel", ylabel="novel images found", aspect="equal")
    right.set(title="ROC: every threshold", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    return fig


def accuracy_against_ratio(table: pd.DataFrame, marked: float) -> Figure:
    """The metrics of `metrics_against_ratio` over the class ratio; `marked` is one ratio."""
    fig = Figure(figsize=(WIDTH, 3.3))
    ax = fig.subplots()
    lines = {
        "auroc": ("auroc", "-", "AUROC"),
        "aupr": ("aupr", "-", "AUPR"),
        "accuracy": ("accuracy", "-", "accuracy"),
        "balanced_accuracy": ("balanced_accuracy", "-", "balanced accuracy"),
        "always_novel": ("accuracy", "--", "accuracy of “always novel”"),
    }
    for column, (colour, style, label) in lines.items():
        ax.plot(table.ratio, table[column], style, color=COLOURS[colour], label=label)
    ax.axvline(marked, color=COLOURS["ink"], lw=0.8, ls=":")
    ax.annotate(f" 1 : {marked:g}", (marked, 0), va="bottom")
    ax.set(xscale="log", ylim=(0, 1.02), xlim=(table.ratio.min(), table.ratio.max()))
    ticks = [1 / 99, 1 / 9, 1, 9, 99]
    ax.set_xticks(ticks, ["99 : 1", "9 : 1", "1 : 1", "1 : 9", "1 : 99"], minor=False)
    ax.minorticks_off()
    ax.set(xlabel="normal : novel images in the test set", ylabel="value")
    ax.grid(axis="y")
    fig.legend(loc="outside right upper", labelspacing=1.0)
    return fig


def auroc_widths(curves: pd.DataFrame, simulated: pd.DataFrame) -> Figure:
    """Half-width of an AUROC's interval over the AUROC: a line for each test set, points simulated.

    Both tables: columns test_set (a label), auroc, half_width; the last two in [0, 1].
    """
    fig = Figure(figsize=(WIDTH, 3.0))
    ax = fig.subplots()
    styles = itertools.cycle(["-", "--", ":"])
    for (name, line), style in zip(curves.groupby("test_set", sort=False), styles, strict=False):
        points = simulated[simulated.test_set == name]
        ax.plot(line.auroc, line.half_width, style, color=COLOURS["auroc"], label=name)
        ax.plot(points.auroc, points.half_width, "o", color=COLOURS["auroc"])
    ax.set(xlim=(0.5, 1), xlabel="true AUROC", ylabel="half-width of the 95 % interval")
    ax.set_ylim(0, 1.1 * curves.half_width.max())
    ax.grid(axis="y")
    ax.legend(loc="upper right")
    return fig


def class_aurocs(table: pd.DataFrame, names: Mapping[str, str]) -> Figure:
    """AUROC with its interval for each class: columns name, method, auroc, low, high.

    `names` maps a method, which is also its colour, to its label.
    """
    classes = list(dict.fromkeys(table.name))
    fig = Figure(figsize=(WIDTH, 0.27 * len(classes) + 1.0))
    ax = fig.subplots()
    for k, (method, label) in enumerate(names.items()):
        part = table[table.method == method].set_index("name").loc[classes]
        y = np.arange(len(classes)) + 0.3 * (k - (len(names) - 1) / 2)
        spread = [part.auroc - part.low, part.high - part.auroc]
        ax.errorbar(part.auroc, y, xerr=spread, fmt="o", color=COLOURS[method], label=label)
    ax.set_yticks(range(len(classes)), classes)
    ax.set(xlabel="AUROC", ylabel="normal class", ylim=(len(classes) - 0.5, -0.5))
    ax.grid(axis="x")
    _legend_above(ax)
    return fig


def image_rows(rows: Mapping[str, np.ndarray]) -> Figure:
    """Rows of images with a label each: uint8 (n, C, H, W), C = 1 or 3, any n."""
    columns = max(len(images) for images in rows.values())
    fig = Figure(figsize=(WIDTH, 0.75 * len(rows) + 0.1))
    axes = fig.subplots(len(rows), columns, squeeze=False)
    for line, (label, images) in zip(axes, rows.items(), strict=True):
        for ax, image in zip(line, images, strict=False):
            picture = np.moveaxis(image, 0, -1)
            ax.imshow(picture.squeeze(), cmap="gray_r", vmin=0, vmax=255)  # cmap: grey images only
        for ax in line:
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
        line[0].set_ylabel(label, rotation=0, ha="right", va="center")
    return fig
