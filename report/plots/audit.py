"""Figures of chapter 10: what printed numbers can support."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from report.drawing import COLOURS, WIDTH, direct_labels


def class_differences(differences: Mapping[str, float], noise: Mapping[str, float]) -> Figure:
    """A printed AUROC minus another, class by class, on the band that sampling alone explains.

    `noise` maps each class to the half-width of the interval of such a difference.
    """
    names = list(differences)
    fig = Figure(figsize=(WIDTH, 0.8 + 0.28 * len(names)))
    ax = fig.subplots()
    rows = np.arange(len(names))
    half = np.array([noise[name] for name in names])
    ax.barh(rows, 2 * half, left=-half, height=0.72, color=COLOURS["unused"], label="test images")
    values = np.array([differences[name] for name in names])
    outside = np.abs(values) > half
    for chosen, colour, label in (
        (~outside, COLOURS["ink"], "difference, inside"),
        (outside, COLOURS["novel"], "difference, outside"),
    ):
        ax.plot(values[chosen], rows[chosen], "o", color=colour, label=label)
    ax.axvline(0, color=COLOURS["ink"], lw=0.8)
    ax.set_yticks(rows, names)
    ax.invert_yaxis()
    ax.set_xlabel("difference of the printed AUROCs")
    ax.grid(axis="x")
    ax.legend(loc="upper right")
    return fig


def power_curves(table: pd.DataFrame) -> Figure:
    """The chance that a paired t test over seeds finds a true gain.

    `table` has the columns seeds, sd (of the difference between seeds) and power.
    """
    fig = Figure(figsize=(WIDTH, 3.0))
    ax = fig.subplots()
    colours = (COLOURS["balanced_accuracy"], COLOURS["normal"], COLOURS["novel"])
    ends = {}
    for colour, (sd, part) in zip(colours, table.groupby("sd"), strict=False):
        ax.plot(part["seeds"], part["power"], color=colour, marker="o", ms=3)
        ends[f"sd between seeds {sd:g}"] = (part["power"].iloc[-1], colour)
    ax.axhline(0.8, color=COLOURS["unlabelled"], lw=1, ls=":")
    ax.set(xlabel="seeds", ylabel="chance to find the gain", ylim=(-0.03, 1.03))
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.grid(axis="y")
    direct_labels(ax, table["seeds"].max(), ends)
    return fig
