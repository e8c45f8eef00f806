"""Figures of chapter 2: one rare class against the rest."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from sklearn.metrics import precision_recall_curve

from ocnd_lib.stats import threshold_curve
from report.drawing import COLOURS, WIDTH, direct_labels

PERCENT = PercentFormatter(1, decimals=0)
CURVES = {
    "test_accuracy": ("all test images", "ink"),
    "novel_recall": ("novel images only", "novel"),
    "normal_recall": ("normal images only", "normal"),
}


def learning_curves(runs: Mapping[str, Sequence[Sequence[dict]]]) -> Figure:
    """Test accuracy of all, novel and normal images after each epoch.

    `runs` maps a panel's title to the curves of its seeds (each a list of one dict an epoch, as
    `classifier.fit` returns). Thin lines are seeds, the thick one their mean.
    """
    fig = Figure(figsize=(WIDTH, 3.0))
    axes = fig.subplots(1, len(runs), sharey=True, squeeze=False)
    for ax, (title, seeds) in zip(axes[0], runs.items(), strict=True):
        epochs = [point["epoch"] for point in seeds[0]]
        ends = {}
        for name, (label, colour) in CURVES.items():
            values = np.array([[_curve(point, name) for point in curves] for curves in seeds])
            for line in values if len(values) > 1 else ():
                ax.plot(epochs, line, color=COLOURS[colour], linewidth=0.7, alpha=0.45)
            ax.plot(epochs, values.mean(0), color=COLOURS[colour], marker="o", markersize=3)
            ends[label] = (values.mean(0)[-1], COLOURS[colour])
        if ax is axes[0][-1]:
            direct_labels(ax, epochs[-1], ends)
        ax.set(title=title, xlabel="epoch", ylim=(-0.03, 1.03), xlim=(0.7, epochs[-1] + 0.3))
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.yaxis.set_major_formatter(PERCENT)
        ax.grid(axis="y")
    axes[0][0].set_ylabel("answered rightly")
    return fig


def _curve(point: dict, name: str) -> float:
    if name == "test_accuracy":
        return point[name]
    return point["test_recall"][0 if name == "normal_recall" else 1]


def confusion_matrices(tables: Mapping[str, Sequence]) -> Figure:
    """Confusion matrices side by side: title → [[normal as normal, as novel], [novel as …]].

    The colour of a cell is its share of the row, so the diagonal shows the two recalls.
    """
    fig = Figure(figsize=(WIDTH, 2.9))
    axes = fig.subplots(1, len(tables), squeeze=False, sharey=True)
    for ax, (title, table) in zip(axes[0], tables.items(), strict=True):
        table = np.asarray(table)
        share = table / table.sum(1, keepdims=True)
        ax.imshow(share, cmap="Blues", vmin=0, vmax=1.25, aspect="auto")
        for (row, column), count in np.ndenumerate(table):
            ink = "white" if share[row, column] > 0.75 else COLOURS["ink"]
            text = f"{count:,}\n{share[row, column]:.1%} of row"
            ax.text(column, row, text, ha="center", va="center", color=ink)
        ax.set(title=title, xlabel="classified as")
        ax.set_xticks([0, 1], ["normal", "novel"])
        ax.set_yticks([0, 1], ["normal", "novel"])
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
    axes[0][0].set_ylabel("truly")
    return fig


def threshold_effect(novel: np.ndarray, score: np.ndarray, marks: Mapping[str, float]) -> Figure:
    """Scores of both classes, and both recalls as the threshold moves.

    `novel` (N,) in {0, 1}; `score` (N,) log-odds of novel; `marks` names thresholds to draw.
    """
    low, high = np.quantile(score, [0.001, 0.999])
    low, high = min(low, *marks.values()) - 1, max(high, *marks.values()) + 1
    fig = Figure(figsize=(WIDTH, 4.6))
    top, bottom = fig.subplots(2, 1, sharex=True, height_ratios=[1, 1.3])
    scale = 3.0  # linear within ± this, logarithmic beyond: far scores are all equally sure
    bins = scale * np.sinh(np.linspace(*np.arcsinh([low / scale, high / scale]), 60))
    for k, name in enumerate(("normal", "novel")):
        weights = np.full((novel == k).sum(), 1 / (novel == k).sum())
        inside = np.clip(score[novel == k], low, high)
        top.hist(inside, bins, weights=weights, color=COLOURS[name], alpha=0.6, label=name)
    top.set_ylabel("share of the class")
    top.yaxis.set_major_formatter(PERCENT)
    top.legend()
    curve = threshold_curve(novel, score)
    balanced = (curve["normal_recall"] + curve["novel_recall"]) / 2
    lines = {
        "normal": (curve["normal_recall"], COLOURS["normal"]),
        "novel": (curve["novel_recall"], COLOURS["novel"]),
        "mean of both": (balanced, COLOURS["balanced_accuracy"]),
    }
    for label, (values, colour) in lines.items():
        bottom.plot(curve["threshold"], values, color=colour, label=label)
    bottom.yaxis.set_major_formatter(PERCENT)
    bottom.set(xlabel="threshold on the score (log-odds of novel)", ylabel="answered rightly")
    bottom.set_xlim(low, high)
    bottom.set_ylim(-0.03, 1.03)
    bottom.set_xscale("asinh", linear_width=scale)
    ticks = [t for t in (-100, -30, -10, -3, 0, 3, 10, 30, 100, 300) if low <= t <= high]
    bottom.set_xticks(ticks, [f"{t:g}" for t in ticks])
    bottom.minorticks_off()
    bottom.grid(axis="y")
    direct_labels(bottom, high, {name: (v[-1], colour) for name, (v, colour) in lines.items()})
    for k, (name, threshold) in enumerate(marks.items()):
        for ax in (top, bottom):
            ax.axvline(threshold, color=COLOURS["ink"], linewidth=1, linestyle=(0, (4, 3)))
        # the first label stands to the left of its line, so that none is crossed, if there is room
        right = (
            k > 0
            or bottom.transAxes.inverted().transform(bottom.transData.transform((threshold, 0)))[0]
            < 0.2
        )
        bottom.annotate(
            name,
            (threshold, 0.04 + 0.13 * k),
            xytext=(4 if right else -4, 0),
            textcoords="offset points",
            ha="left" if right else "right",
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1},
        )
    return fig


def precision_recall(runs: Mapping[str, tuple[np.ndarray, np.ndarray]], colours) -> Figure:
    """Precision against recall, once with novel and once with normal as the class sought.

    `runs` maps a label to (novel (N,), score (N,)); `colours` maps the same labels to colours.
    The dotted line is the precision of a random answer: the share of the class sought.
    """
    fig = Figure(figsize=(WIDTH, 3.3))
    axes = fig.subplots(1, 2, sharey=True)
    for ax, sought in zip(axes, ("novel", "normal"), strict=True):
        for label, (novel, score) in runs.items():
            y, s = (novel, score) if sought == "novel" else (1 - novel, -score)
            precision, recall, _ = precision_recall_curve(y, s)
            ax.plot(recall, precision, color=colours[label], label=label)
            ax.axhline(y.mean(), color=COLOURS["unlabelled"], linewidth=1, linestyle=":")
        share = y.mean()
        above = share < 0.5
        ax.text(
            0.01,
            share + (0.015 if above else -0.02),
            f"random answer: {share:.0%}",
            va="bottom" if above else "top",
            color=COLOURS["unlabelled"],
        )
        ax.set(title=f"looking for {sought} images", xlabel="recall", ylim=(-0.02, 1.03))
        ax.xaxis.set_major_formatter(PERCENT)
        ax.yaxis.set_major_formatter(PERCENT)
        ax.grid()
    axes[0].set_ylabel("precision")
    axes[1].legend(loc="lower left", bbox_to_anchor=(0, 0.16))
    return fig


def deck_beside_ours(rows: pd.DataFrame) -> Figure:
    """The deck's numbers beside ours with intervals.

    `rows` has the columns quantity, who, value, low, high (shares; low and high NaN where there is
    no interval) and is drawn in its order.
    """
    quantities = list(dict.fromkeys(rows["quantity"]))
    people = list(dict.fromkeys(rows["who"]))
    fig = Figure(figsize=(WIDTH, 0.75 + 0.62 * len(quantities)))
    ax = fig.subplots()
    styles = [("D", COLOURS["ink"]), ("o", COLOURS["known"]), ("s", COLOURS["balanced_accuracy"])]
    for (marker, colour), who in zip(styles, people, strict=False):
        part = rows[rows["who"] == who]
        y = [quantities.index(q) + 0.2 * (people.index(who) - 1) for q in part["quantity"]]
        error = np.abs(part[["low", "high"]].T - part["value"]).to_numpy()
        error = None if np.isnan(error).all() else np.nan_to_num(error)
        ax.errorbar(
            part["value"], y, xerr=error, fmt=marker, color=colour, capsize=2.5, linewidth=1.4,
            label=who,
        )  # fmt: skip
    ax.set_yticks(range(len(quantities)), quantities)
    ax.xaxis.set_major_formatter(PERCENT)
    ax.set_xlabel("share of test images")
    ax.grid(axis="x")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, 1.0), ncols=len(people))
    ax.set_ylim(len(quantities) - 0.5, -0.95)
    return fig


def ratio_effect(rows: pd.DataFrame) -> Figure:
    """What a growing imbalance does to each number.

    `rows` has the columns ratio, quantity, value, low, high; one line a quantity.
    """
    fig = Figure(figsize=(WIDTH, 3.4))
    ax = fig.subplots()
    palette = {
        "accuracy": COLOURS["accuracy"],
        "AUROC": COLOURS["auroc"],
        "normal images found": COLOURS["normal"],
        "normal images found, threshold moved": COLOURS["aupr"],
    }
    ratios = sorted(rows["ratio"].unique())
    ends = {}
    for quantity, part in rows.groupby("quantity", sort=False):
        part = part.sort_values("ratio")
        at = [ratios.index(r) for r in part["ratio"]]
        ax.plot(at, part["value"], color=palette[quantity], marker="o")
        ax.fill_between(
            at, part["low"], part["high"], color=palette[quantity], alpha=0.15, linewidth=0
        )
        ends[quantity] = (part["value"].iloc[-1], palette[quantity])
    direct_labels(ax, len(ratios) - 1, ends)
    ax.set_xticks(range(len(ratios)), [f"1 : {r:g}" for r in ratios])
    ax.set(
        xlabel="normal : novel in the training set",
        ylabel="share of test images, or AUROC",
        ylim=(-0.03, 1.03),
    )
    ax.yaxis.set_major_formatter(PERCENT)
    ax.grid(axis="y")
    return fig
