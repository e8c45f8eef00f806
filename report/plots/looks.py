"""Figures of chapter 8: where networks look, against true masks, and whether to trust it."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from report.drawing import COLOURS, WIDTH, show_image

BASELINES = {"uniform": "unlabelled", "centre": "ink", "random": "known"}
MAPS = {
    "base critic": "ink",
    "base critic, image x map": "accuracy",
    "masked critic": "outlier",
    "classifier": "balanced_accuracy",
    "attention map": "unlabelled",
}


def heat_rows(
    given: np.ndarray,
    rows: Mapping[str, np.ndarray],
    novel: np.ndarray,
    masks: np.ndarray | None = None,
) -> Figure:
    """Images, and below each its maps; heat maps of a row have one scale, attention 0 to 1.

    `given` uint8 (n, C, H, W); `rows` maps names to maps (n, H, W), at least 0; `novel` (n,) in
    {0, 1} colours the frames; `masks`, bool (n, H, W), are outlined.
    """
    fig = Figure(figsize=(WIDTH, 0.35 + 0.72 * (1 + len(rows))))
    axes = fig.subplots(1 + len(rows), len(given), squeeze=False)
    for ax, image, is_novel in zip(axes[0], given, novel, strict=True):
        show_image(ax, image)
        ax.spines[:].set(visible=True, color=COLOURS["novel" if is_novel else "normal"], lw=1.6)
    for line, (name, maps) in zip(axes[1:], rows.items(), strict=True):
        most = 1 if name.startswith("attention map") else max(float(maps.max()), 1e-12)
        for column, (ax, heat) in enumerate(zip(line, maps, strict=True)):
            ax.imshow(heat, cmap="inferno", vmin=0, vmax=most)
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
            if masks is not None and 0 < masks[column].mean() < 1:
                ax.contour(masks[column], levels=[0.5], colors="white", linewidths=0.7)
        line[0].set_ylabel(_two_lines(name), rotation=0, ha="right", va="center")
    axes[0, 0].set_ylabel("given", rotation=0, ha="right", va="center")
    for k, name in enumerate(("normal", "novel")):
        for column in np.flatnonzero(np.asarray(novel) == k)[:1]:
            axes[0, column].set_title(name, color=COLOURS[name], loc="left")
    return fig


def _two_lines(name: str) -> str:
    for words in (", ", "attention ", "MNIST "):
        name = name.replace(words, words.rstrip() + "\n")
    return name


def lift_dots(panels: Mapping[str, pd.DataFrame], quantity: str) -> Figure:
    """How much better maps find objects than maps that look at no image: a panel a data set.

    Columns: map, baseline, lift and its interval low, high (NaN: none is known). `quantity` names
    what the lift is of.
    """
    fig = Figure(figsize=(WIDTH, 3.1))
    axes = fig.subplots(1, len(panels), sharey=True, sharex=True, squeeze=False)[0]
    names = _in_order(panels)
    for ax, (title, table) in zip(axes, panels.items(), strict=True):
        for shift, (baseline, colour) in zip((-0.2, 0, 0.2), BASELINES.items(), strict=True):
            part = table[table["baseline"] == baseline].set_index("map").reindex(names)
            _dots(ax, part["lift"], part, COLOURS[colour], shift, label=f"over {baseline}")
        ax.axvline(0, color=COLOURS["unlabelled"], lw=0.8)
        ax.set(title=_two_lines(title))
        ax.grid(axis="x")
    _name_rows(axes[0], names)
    fig.supxlabel(f"{quantity}, above a map that looks at no image", fontsize=9.5)
    handles, labels = axes[0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside upper right", ncols=3)
    return fig


def _in_order(panels: Mapping[str, pd.DataFrame]) -> list[str]:
    there = {name for table in panels.values() for name in table["map"]}
    return [name for name in MAPS if name in there]


def _dots(ax: Axes, at: pd.Series, table: pd.DataFrame, colour: str, shift: float, label=None):
    place = np.arange(len(at)) + shift
    known = table["low"].notna().to_numpy()
    ax.hlines(place[known], table["low"][known], table["high"][known], color=colour, lw=1.6)
    ax.plot(at, place, "o", color=colour, mec="white", ms=5.5, label=label)


def _name_rows(ax: Axes, names: list[str]) -> None:
    ax.set_yticks(range(len(names)), [_two_lines(name) for name in names])
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)


def heat_checks(road: pd.DataFrame, randomised: pd.DataFrame) -> Figure:
    """Left, ROAD above random maps. Right, rank correlation as layer after layer is randomised.

    `road`: map, lift, low, high. `randomised`: map, step, layer, mean, low, high; step 0 is the
    last layer.
    """
    fig = Figure(figsize=(WIDTH, 3.4))
    left, right = fig.subplots(1, 2)
    names = _in_order({"": road})
    rows = road.set_index("map").loc[names]
    for place, name in enumerate(names):
        one = rows.loc[[name]]
        _dots(left, one["lift"], one, COLOURS[MAPS[name]], place)
    left.axvline(0, color=COLOURS["unlabelled"], lw=0.8)
    _name_rows(left, names)
    left.set(title="ROAD, above random maps", xlabel="spreads of the logit")
    left.grid(axis="x")
    for name in names:
        line = randomised[randomised["map"] == name].sort_values("step")
        colour = COLOURS[MAPS[name]]
        right.plot(line["step"], line["mean"], "o-", color=colour, ms=4, label=name)
        right.fill_between(line["step"], line["low"], line["high"], color=colour, alpha=0.15, lw=0)
    layers = randomised.sort_values("step").drop_duplicates("step")
    right.set_xticks(
        layers["step"], layers["layer"], rotation=60, ha="right", rotation_mode="anchor"
    )
    right.axhline(0, color=COLOURS["unlabelled"], lw=0.8)
    right.set(title="rank correlation with the original", xlabel="randomised down to", ylim=(-1, 1))
    right.grid(axis="y")
    fig.legend(loc="outside lower center", ncols=2)
    return fig


def weaker_maps(panels: Mapping[str, pd.DataFrame]) -> Figure:
    """The chance that a novel image's map is weaker than a normal one's: a panel a data set.

    Columns: map, weaker and its interval low, high (NaN: none is known).
    """
    fig = Figure(figsize=(WIDTH, 2.6))
    axes = fig.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    names = _in_order(panels)
    for ax, (title, table) in zip(axes, panels.items(), strict=True):
        part = table.set_index("map").reindex(names)
        _dots(ax, part["weaker"], part, COLOURS["ink"], 0)
        ax.axvline(0.5, color=COLOURS["unlabelled"], lw=0.8)
        ax.set(title=_two_lines(title), xlim=(-0.03, 1.03), xticks=(0, 0.5, 1))
        ax.set_xticklabels(["0", "0.5", "1"])
        ax.grid(axis="x")
    _name_rows(axes[0], names)
    fig.supxlabel("chance that a novel image's map is the weaker", fontsize=9.5)
    return fig
