"""Figures of chapter 4: the parts of OCGAN, what mining does, and the ablation."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import LogLocator, NullLocator
from sklearn.metrics import roc_auc_score, roc_curve

from ocnd_lib.stats import seed_interval
from report.drawing import COLOURS, WIDTH
from report.plots.reconstruction import show_image

# --- the architecture ----------------------------------------------------------------------------

# name in the code: centre and size in inches, kind, text
BOXES = {
    "images": (0.46, 3.0, 0.76, 0.34, "data", "images"),
    "encoder": (1.62, 3.0, 0.9, 0.44, "redraws", "encoder"),
    "codes": (2.86, 3.0, 0.7, 0.34, "data", "codes"),
    "decoder": (4.02, 2.2, 0.84, 2.04, "redraws", "decoder"),
    "redrawn": (5.16, 3.0, 0.78, 0.34, "data", "redrawn"),
    "mse": (6.36, 3.0, 0.9, 0.44, "data", "10 · mse"),
    "random": (2.86, 1.4, 0.76, 0.34, "data", "random"),
    "latent_discriminator": (1.36, 1.9, 1.2, 0.52, "judge", "latent_\ndiscriminator"),
    "drawn": (5.16, 1.4, 0.74, 0.34, "data", "drawn"),
    "visual_discriminator": (6.36, 2.1, 1.16, 0.52, "judge", "visual_\ndiscriminator"),
    "classifier": (6.36, 1.06, 1.0, 0.44, "miner", "classifier"),
    "mine": (2.86, 0.32, 0.76, 0.44, "miner", "mine"),
}
KINDS = {
    "data": ("white", COLOURS["unlabelled"]),
    "redraws": (COLOURS["normal"], "white"),
    "judge": (COLOURS["known"], COLOURS["ink"]),
    "miner": (COLOURS["novel"], "white"),
}
# from corner to corner, in inches, and which part the arrow belongs to
ARROWS = (
    ((0.86, 3.0), (1.15, 3.0), "data"),
    ((2.09, 3.0), (2.49, 3.0), "data"),
    ((3.23, 3.0), (3.58, 3.0), "data"),
    ((4.46, 3.0), (4.75, 3.0), "data"),
    ((5.57, 3.0), (5.89, 3.0), "data"),
    ((3.26, 1.4), (3.58, 1.4), "data"),
    ((4.46, 1.4), (4.77, 1.4), "data"),
    ((2.6, 2.82), (1.98, 2.18), "judge"),
    ((2.46, 1.46), (1.98, 1.7), "judge"),
    ((5.42, 1.59), (5.76, 1.87), "judge"),
    ((5.2, 2.82), (5.87, 1.28), "miner"),
    ((5.55, 1.34), (5.84, 1.2), "miner"),
    ((2.86, 1.22), (2.86, 0.56), "miner"),
    ((3.26, 0.44), (3.84, 1.14), "miner"),
)


def _arrow(ax: Axes, start, end, colour: str, path: str = "arc3,rad=0") -> None:
    style = {"arrowstyle": "-|>", "color": colour, "lw": 1.2, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", end, start, arrowprops={**style, "connectionstyle": path})


def architecture() -> Figure:
    """The parts of OCGAN under their names in the code, and what flows between them."""
    fig = Figure(figsize=(WIDTH, 3.9))
    ax = fig.subplots()
    ax.set(xlim=(0, WIDTH), ylim=(-0.1, 3.9))
    ax.set_axis_off()
    for x, y, width, height, kind, text in BOXES.values():
        face, ink = KINDS[kind]
        corner, edge = (x - width / 2, y - height / 2), COLOURS["unlabelled"]
        box = FancyBboxPatch(
            corner, width, height, boxstyle="round,pad=0,rounding_size=0.07", fc=face,
            ec=edge if kind == "data" else face,
        )  # fmt: skip
        ax.add_patch(box)
        ax.text(x, y, text, ha="center", va="center", color=COLOURS["ink"] if edge == ink else ink)
    colours = {"data": COLOURS["ink"], "judge": "#B07800", "miner": COLOURS["novel"]}
    for start, end, kind in ARROWS:
        _arrow(ax, start, end, colours[kind])
    ax.plot([0.46, 0.46, 6.36], [3.19, 3.56, 3.56], color=COLOURS["ink"], lw=1.2)
    _arrow(ax, (6.36, 3.56), (6.36, 3.24), COLOURS["ink"])
    ax.plot([6.36, 6.36], [0.83, 0.32], color=COLOURS["novel"], lw=1.2)
    _arrow(ax, (6.36, 0.32), (3.26, 0.32), COLOURS["novel"])
    _arrow(ax, (6.36, 2.58), (6.36, 2.38), colours["judge"])
    for x, y, text in (
        (1.0, 2.66, "+ noise"),
        (6.36, 2.66, "images"),
        (3.4, 3.66, "the clean images"),
        (4.9, 0.17, "codes move to where it says 0; networks rest"),
        (3.66, 0.72, "mined"),
        (1.36, 1.52, "random 1, codes 0"),
        (5.4, 0.73, "redrawn 1, drawn 0"),
    ):
        ax.text(x, y, text, ha="left" if text == "mined" else "center", va="center", fontsize=9)
    return fig


# --- a run as it goes ----------------------------------------------------------------------------

# name in `curves_`: colour, line
LOSSES = {
    "latent_discriminator": (COLOURS["known"], "-"),
    "visual_discriminator": (COLOURS["normal"], "-"),
    "classifier": (COLOURS["novel"], "-"),
    "latent": (COLOURS["known"], "--"),
    "visual": (COLOURS["normal"], "--"),
}
MODELS = (COLOURS["unlabelled"], COLOURS["balanced_accuracy"])  # without and with mining


def training_watched(runs: Mapping[str, Sequence[dict]]) -> Figure:
    """Losses epoch by epoch, and the classifier's mean answer before and after mining.

    `runs` maps a title to the `curves_` of an OCGAN; the last run's parts are shown.
    """
    fig = Figure(figsize=(WIDTH, 3.4))
    left, middle, right = fig.subplots(1, 3)
    for (title, curves), colour in zip(runs.items(), MODELS[-len(runs) :], strict=True):
        left.plot(*_line(curves, "mse"), color=colour, label=title)
    left.set(title="redrawing", ylabel="mean squared error", yscale="log")
    _plain_log(left.yaxis)
    curves = list(runs.values())[-1]
    for name, (colour, style) in LOSSES.items():
        if any(name in point for point in curves):
            middle.plot(*_line(curves, name), style, color=colour, label=name)
    middle.axhline(np.log(2), color=COLOURS["ink"], lw=0.8, ls=":")
    middle.set(title="the other parts", ylabel="cross-entropy", ylim=(0, None))
    for name, colour in (("before", COLOURS["normal"]), ("after", COLOURS["novel"])):
        if any(f"{name}_mining" in point for point in curves):
            right.plot(*_line(curves, f"{name}_mining"), "o-", ms=3, color=colour, label=name)
    right.set(title="mining", ylabel="classifier's mean answer", ylim=(-0.03, 1.03))
    for ax in (left, middle, right):
        ax.set(xlabel="epoch", xlim=(0.5, len(curves) + 0.5))
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.grid(axis="y")
        if ax.lines and ax.get_legend_handles_labels()[1]:
            ax.legend(loc="upper center", bbox_to_anchor=(0.45, -0.19))
    return fig


def _plain_log(axis: Axis) -> None:
    """Ticks of a logarithmic axis at 1, 2 and 5, written out."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_locator(NullLocator())


def _line(curves: Sequence[dict], name: str) -> tuple[list, list]:
    points = [point for point in curves if name in point]
    return [point["epoch"] for point in points], [point[name] for point in points]


def mined_pairs(
    before: np.ndarray,
    after: np.ndarray,
    answers: tuple[np.ndarray, np.ndarray] | None = None,
) -> Figure:
    """Images of random codes (top), and of the same codes after mining (bottom).

    `before` and `after` uint8 (n, C, H, W); `answers`, what the classifier says of each, two (n,).
    """
    fig = Figure(figsize=(WIDTH, 1.5 if answers else 1.25))
    axes = fig.subplots(2, len(before), squeeze=False)
    rows = {"random codes": before, "after mining": after}
    for k, (label, images) in enumerate(rows.items()):
        for column, image in enumerate(images):
            ax = axes[k, column]
            show_image(ax, image)
            ax.spines[:].set_visible(False)
            if answers:
                ax.set_xlabel(f"{answers[k][column]:.2f}", labelpad=1, fontsize=9)
        axes[k, 0].set_ylabel(label, rotation=0, ha="right", va="center")
    return fig


def scores_and_roc(runs: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Histograms of the scores of each model, and their ROC curves.

    `runs` maps one or two titles to (y (N,) in {0, 1}, score (N,) > 0); scores are drawn on a
    logarithmic scale, the same for all.
    """
    fig = Figure(figsize=(WIDTH, 3.3))
    grid = fig.add_gridspec(len(runs), 2, width_ratios=[1.25, 1])
    lowest, highest = (f([f(score) for _, score in runs.values()]) for f in (min, max))
    bins = np.geomspace(lowest, highest, 40)
    roc = fig.add_subplot(grid[:, 1])
    first = None
    for k, (title, (y, score)) in enumerate(runs.items()):
        ax = first = fig.add_subplot(grid[k, 0], sharex=first)
        for label, role in ((0, "normal"), (1, "novel")):
            part = score[y == label]
            weights = np.full(len(part), 1 / len(part))
            ax.hist(part, bins, weights=weights, color=COLOURS[role], alpha=0.65, label=role)
        ax.set(xscale="log", title=title, ylabel="share")
        _plain_log(ax.xaxis)
        if k == 0:
            ax.legend(loc="lower right", bbox_to_anchor=(1, 0.98), ncols=2, borderaxespad=0)
        colour = MODELS[-len(runs) :][k]
        area = f"{title}\nAUROC {roc_auc_score(y, score):.3f}"
        roc.plot(*roc_curve(y, score)[:2], color=colour, label=area)
    ax.set_xlabel("novelty score: mean squared error")
    roc.plot([0, 1], [0, 1], ":", color=COLOURS["ink"], lw=0.8)
    roc.set(xlabel="normal images called novel", ylabel="novel images found", aspect="equal")
    roc.set(title="ROC", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    roc.legend(loc="lower right", labelspacing=0.8)
    return fig


# --- the ablation --------------------------------------------------------------------------------


def ablation(
    tables: Mapping[str, pd.DataFrame],
    variants: Sequence[str],
    printed: Mapping[str, Mapping[str, float]],
) -> Figure:
    """AUROC as part after part is switched on: a row a data set, a panel a class, then their mean.

    `tables` maps a data set's title to what was run, with the columns variant, class, seed, auroc;
    `printed` those that a paper has numbers of to its number of each variant. Dots: seeds; bars:
    Student's 95 % interval. Panels of a row begin at different AUROCs, but have one scale.
    """
    fig = Figure(figsize=(WIDTH, 0.7 + 2.5 * len(tables)))
    rows = fig.subfigures(len(tables), 1, squeeze=False)[:, 0]
    for row, (dataset, table) in zip(rows, tables.items(), strict=True):
        classes = list(table["class"].unique())
        axes = row.subplots(1, len(classes) + 1)
        whole = table.groupby(["variant", "seed"])["auroc"].agg(["mean", "size"]).reset_index()
        whole = whole[whole["size"] == len(classes)].rename(columns={"mean": "auroc"})
        panels = {f"{dataset}, {name}": table[table["class"] == name] for name in classes}
        panels[f"mean of {len(classes)}"] = whole
        for ax, (title, part) in zip(axes, panels.items(), strict=True):
            _seeds_of_variants(ax, part, variants)
            ax.set_title(title)
        if dataset in printed:
            axes[-1].plot(
                range(len(variants)), [printed[dataset][v] for v in variants], "D",
                color=COLOURS["ink"], ms=5, mfc="none", label="paper, mean of 10",
            )  # fmt: skip
            row.legend(loc="outside lower right")
        _same_span(axes)
        axes[0].set_ylabel("AUROC")
    return fig


def _same_span(axes: Sequence[Axes]) -> None:
    """Let a difference be as long in every panel, wherever its AUROCs lie; none is above 1."""
    ends = [ax.get_ylim() for ax in axes]
    span = max(high - low for low, high in ends)
    for ax, (low, high) in zip(axes, ends, strict=True):
        top = min((low + high + span) / 2, 1.01)
        ax.set_ylim(top - span, top)


def _seeds_of_variants(ax: Axes, part: pd.DataFrame, variants: Sequence[str]) -> None:
    for at, variant in enumerate(variants):
        values = part.loc[part["variant"] == variant, "auroc"].to_numpy()
        if not len(values):
            continue
        mean, low, high = seed_interval(values)
        if len(values) > 1:
            ax.vlines(at, low, min(high, 1), color=COLOURS["normal"], lw=2)
        ax.plot(np.full(len(values), at + 0.3), values, ".", color=COLOURS["ink"], alpha=0.5)
        ax.plot(at, mean, "o", color=COLOURS["normal"], mec="white", ms=7)
    ax.set_xticks(range(len(variants)), variants, rotation=90)
    ax.set_xlim(-0.6, len(variants) - 0.4)
    ax.grid(axis="y")
