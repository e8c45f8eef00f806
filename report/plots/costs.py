"""Figures of chapter 11: what is gained in speed, and what a cell takes."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from report.drawing import COLOURS, WIDTH

FASTER, SLOWER, UNSURE = COLOURS["normal"], COLOURS["novel"], COLOURS["unlabelled"]
DATASET_COLOURS = (COLOURS["normal"], COLOURS["novel"], COLOURS["balanced_accuracy"])


def speed_ratios(panels: Mapping[str, pd.DataFrame]) -> Figure:
    """How many times faster ours is, a panel a kind of work, a row a comparison.

    `panels` maps a title to rows labelled as they are to be shown: ratio, low, high (over rounds),
    rounds (their number). A filled dot is on one side of 1 in every round of several.
    """
    sizes = [len(rows) + 1.4 for rows in panels.values()]
    fig = Figure(figsize=(WIDTH, 0.24 * sum(sizes) + 0.55))
    axes = fig.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=sizes)[:, 0]
    every = pd.concat(list(panels.values()))
    low, high = min(every["low"].min(), 0.8), max(every["high"].max(), 1.25)
    for ax, (title, rows) in zip(axes, panels.items(), strict=True):
        ax.set_title(title, loc="left")
        for at, row in enumerate(rows.itertuples()):
            colour = FASTER if row.low > 1 else SLOWER if row.high < 1 else UNSURE
            colour = colour if row.rounds > 1 else UNSURE
            fill = "white" if colour == UNSURE else colour
            ax.hlines(at, row.low, row.high, color=colour, lw=1.6)
            ax.plot(row.ratio, at, "o", color=colour, mfc=fill, ms=6)
        ax.axvline(1, color=COLOURS["ink"], lw=0.8)
        ax.set_yticks(range(len(rows)), rows.index)
        ax.set(xscale="log", xlim=(low / 1.15, high * 1.15), ylim=(len(rows) - 0.4, -0.6))
        ax.grid(axis="x")
    _times(axes[-1])
    axes[-1].set_xlabel("times as fast as the baseline")
    return fig


def _times(ax: Axes) -> None:
    """Ticks of a logarithmic axis in plain numbers."""
    low, high = ax.get_xlim()
    steps = (1, 2, 5) if high / low < 100 else (1,)
    ticks = [step * 10.0**power for power in range(-3, 5) for step in steps]
    ticks = sorted({*(tick for tick in ticks if low <= tick <= high), 1.0})
    ax.xaxis.set_major_locator(FixedLocator(ticks))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda tick, _: f"{tick:g}"))


def cell_seconds(cells: pd.DataFrame, datasets: Sequence[str]) -> Figure:
    """What each recorded cell took, a row a method, a colour a data set; bars at the medians.

    `cells` has the columns method, dataset (both as they are to be shown) and seconds; `datasets`,
    at most three, says which colour is whose.
    """
    methods = list(dict.fromkeys(cells["method"]))
    fig = Figure(figsize=(WIDTH, 0.95 + 0.28 * len(methods)))
    ax = fig.subplots()
    shifts = np.linspace(-0.2, 0.2, len(datasets)) if len(datasets) > 1 else [0.0]
    for dataset, shift, colour in zip(datasets, shifts, DATASET_COLOURS, strict=False):
        for at, method in enumerate(methods):
            part = cells[(cells["dataset"] == dataset) & (cells["method"] == method)]["seconds"]
            if len(part):
                ax.plot(part, np.full(len(part), at + shift), "o", color=colour, alpha=0.4, ms=4,
                        mew=0)  # fmt: skip
                ax.plot(part.median(), at + shift, "|", color=colour, ms=9, mew=2.5)
    ax.set_yticks(range(len(methods)), methods)
    ax.set(xscale="log", xlabel="seconds a cell", ylim=(len(methods) - 0.4, -0.6))
    ax.xaxis.set_major_locator(LogLocator(10, numticks=8))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda tick, _: f"{tick:g}"))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.grid(axis="x")
    handles = [
        Line2D([], [], ls="", marker="o", color=colour, label=name)
        for name, colour in zip(datasets, DATASET_COLOURS, strict=False)
        if name in set(cells["dataset"])
    ]
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return fig
