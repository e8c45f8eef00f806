"""Figures of chapter 6: the same crops with and without what surrounds the object."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ocnd_lib.stats import seed_interval
from report.drawing import COLOURS, WIDTH
from report.plots.imbalance import PERCENT

CHANCE = 0.1  # of ten classes
ARMS = ("original", "masked")


def arm_colour(arm: str) -> str:
    """The colour of what a network was trained on; all controls share one."""
    return COLOURS[arm if arm in ARMS else "control"]


def _said(ax: Axes, text: str) -> None:
    ax.text(0.5, 0.5, text, ha="center", va="center", transform=ax.transAxes,
            color=COLOURS["unlabelled"])  # fmt: skip


def arm_accuracies(panels: Mapping[str, pd.DataFrame | str]) -> Figure:
    """Test accuracy of networks by what they were trained on and shown, a panel a data set.

    A panel is a DataFrame with a row an arm: mean, low, high, values (list, one a seed); or the
    words that stand in its place. Dots: seeds, bar: interval. The dotted line is chance.
    """
    rows = [name for panel in panels.values() if not isinstance(panel, str) for name in panel.index]
    names = list(dict.fromkeys(rows))
    fig = Figure(figsize=(WIDTH, 0.9 + 0.33 * max(len(names), 3)))
    axes = fig.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for ax, (title, panel) in zip(axes, panels.items(), strict=True):
        ax.set_title(title)
        ax.axvline(CHANCE, color=COLOURS["ink"], lw=0.8, ls=":")
        if isinstance(panel, str):
            _said(ax, panel)
        else:
            for arm, row in panel.iterrows():
                y, colour = names.index(arm), arm_colour(arm)
                ax.hlines(y, row["low"], row["high"], color=colour, lw=7, alpha=0.35)
                values = row["values"]
                if len(values) > 1:
                    ax.plot(values, np.full(len(values), y + 0.3), ".", color=colour, alpha=0.6)
                ax.plot(row["mean"], y, "o", color=colour, ms=5)
        ax.set(xlim=(0, 1.03), ylim=(len(names) - 0.5, -0.5), xlabel="test accuracy")
        ax.xaxis.set_major_formatter(PERCENT)
        ax.set_xticks([0, 0.25, 0.5, 0.75, 1])
        ax.set_yticks(range(len(names)), names)
        ax.grid(axis="x")
    return fig


def convergence(
    panels: Mapping[str, Mapping[str, Sequence[Sequence[dict]]]], level: float = 0.8
) -> Figure:
    """Accuracy after each epoch on training (left) and test crops (right), a row a data set.

    Each panel maps an arm to the curves of its seeds (a list of one dict an epoch). Thin lines are
    seeds, the thick one their mean; the dotted line is the level up to which epochs are counted.
    """
    fig, handles = Figure(figsize=(WIDTH, 0.6 + 2.35 * len(panels))), {}
    grid = fig.subplots(len(panels), 2, squeeze=False, sharey=True)
    kinds = {"train_accuracy": "training crops", "test_accuracy": "test crops"}
    for line, (title, arms) in zip(grid, panels.items(), strict=True):
        for ax, (key, crops) in zip(line, kinds.items(), strict=True):
            ax.axhline(level, color=COLOURS["ink"], lw=0.8, ls=":")
            for arm, seeds in arms.items():
                epochs = [point["epoch"] for point in seeds[0]]
                values = np.array([[point[key] for point in curve] for curve in seeds])
                for seed in values if len(values) > 1 else ():
                    ax.plot(epochs, seed, color=arm_colour(arm), lw=0.7, alpha=0.45)
                handles[arm], *_ = ax.plot(epochs, values.mean(0), color=arm_colour(arm))
            ax.set(title=f"{title}: {crops}", ylim=(-0.03, 1.03), xlim=(0.7, epochs[-1] + 0.3))
            ax.xaxis.get_major_locator().set_params(integer=True)
            ax.yaxis.set_major_formatter(PERCENT)
            ax.grid(axis="y")
            ax.set_xlabel("epoch" if ax in grid[-1] else "")
        line[0].set_ylabel("answered rightly")
    labels = [f"trained on {arm} crops" for arm in handles]
    fig.legend(list(handles.values()), labels, loc="outside lower center", ncols=len(handles))
    return fig


def versions_crossed(panels: Mapping[str, pd.DataFrame | str]) -> Figure:
    """Test accuracy in percent: a row for what was trained on, a column for what is shown.

    A panel is such a DataFrame, or the words that stand in its place. Each diagonal is framed.
    """
    lines = [len(p) if isinstance(p, pd.DataFrame) else 1 for p in panels.values()]
    heights = [0.95 + 0.3 * n for n in lines]
    fig = Figure(figsize=(WIDTH, sum(heights)))
    axes = fig.subplots(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0]
    for ax, (title, table) in zip(axes, panels.items(), strict=True):
        ax.set_title(title)
        ax.spines[:].set_visible(False)
        if isinstance(table, str):
            ax.set(xticks=[], yticks=[])
            _said(ax, table)
            continue
        ax.imshow(table.to_numpy(float), cmap="Blues", vmin=0, vmax=1.25, aspect="auto")
        for i, arm in enumerate(table.index):
            for j, version in enumerate(table):
                value = table.loc[arm, version]
                ax.text(
                    j, i, f"{100 * value:.0f}", ha="center", va="center",
                    color="white" if value > 0.75 else COLOURS["ink"],
                    weight="bold" if arm == version else "normal",
                )  # fmt: skip
                if arm == version:
                    frame = Rectangle(
                        (j - 0.5, i - 0.5), 1, 1, fill=False, ec=COLOURS["ink"], lw=1.4
                    )
                    ax.add_patch(frame)
        ax.set_xticks(range(table.shape[1]), list(table))
        ax.set_yticks(range(len(table)), list(table.index))
        ax.tick_params(length=0)
        ax.set_ylabel("trained on")
        if ax is axes[-1]:
            ax.set_xlabel("shown in the test")
    return fig


def accuracy_against_correlation(table: pd.DataFrame) -> Figure:
    """Accuracy of both arms, and its difference, as the background tells more about the class.

    Columns: correlation, arm (original, masked, or swapped: the original one before backgrounds of
    other classes), seed, accuracy. Means over seeds with Student's 95 % interval; dots are seeds.
    The difference is taken seed by seed.
    """
    fig = Figure(figsize=(WIDTH, 2.9))
    left, right = fig.subplots(1, 2)
    wide = table.pivot(index=["correlation", "seed"], columns="arm", values="accuracy")
    for arm in (name for name in (*ARMS, "swapped") if name in wide):
        label = "original, background swapped" if arm == "swapped" else arm
        _means(left, wide[arm].dropna(), arm_colour(arm), label)
    if set(ARMS) <= set(wide):
        gap = (wide["masked"] - wide["original"]).dropna()
        if len(gap):
            _means(right, gap, COLOURS["ink"], None)
    right.axhline(0, color=COLOURS["ink"], lw=0.8, ls=":")
    left.set(title="test accuracy", ylim=(0, 1.03))
    left.legend(loc="lower left")
    right.set_title("masked minus original")
    for ax in (left, right):
        ax.yaxis.set_major_formatter(PERCENT)
        ax.set(xlim=(-0.08, 1.08), xticks=[0, 0.5, 1], xlabel="background correlation")
        ax.grid(axis="y")
    return fig


def _means(ax: Axes, values: pd.Series, colour: str, label: str | None) -> None:
    at = values.index.get_level_values("correlation")
    ax.plot(at + 0.02, values, ".", color=colour, alpha=0.5)
    groups = values.groupby(level="correlation")
    x = list(groups.groups)
    mean, low, high = np.array([seed_interval(group) for _, group in groups]).T
    ax.plot(x, mean, marker="o", color=colour, label=label)
    ax.vlines(x, low, high, color=colour, lw=1.4)
