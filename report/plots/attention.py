"""Figures of chapter 7: the attention-GAN's parts, its maps as they learn, and the ablation."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import MaxNLocator
from sklearn.metrics import roc_auc_score

from ocnd_lib.metrics import seed_interval
from report.drawing import COLOURS, WIDTH, show_image

BASE, MASKED = COLOURS["unlabelled"], COLOURS["balanced_accuracy"]
MAPS = {"cmap": "viridis", "vmin": 0, "vmax": 1}

# --- the system ----------------------------------------------------------------------------------

# centre and size in inches, kind, text
BOXES = (
    (0.46, 3.3, 0.76, 0.34, "data", "images"),
    (1.75, 3.3, 0.86, 0.56, "base", "base\nencoder"),
    (2.85, 3.3, 0.66, 0.34, "data", "codes"),
    (3.95, 3.3, 0.86, 0.56, "base", "base\ndecoder"),
    (5.1, 3.3, 0.8, 0.34, "data", "redrawn"),
    (6.42, 3.3, 1.0, 0.56, "score", "squared\nerror"),
    (3.95, 2.15, 0.94, 0.44, "map", "attention"),
    (2.85, 2.15, 0.5, 0.34, "data", "map"),
    (1.75, 2.15, 0.84, 0.44, "map", "multiply"),
    (1.75, 1.1, 0.8, 0.5, "data", "masked\nimages"),
    (2.95, 1.1, 0.86, 0.56, "masked", "masked\nencoder"),
    (4.02, 1.1, 0.86, 0.56, "masked", "masked\ndecoder"),
    (5.1, 1.1, 0.8, 0.34, "data", "redrawn"),
    (6.42, 1.1, 1.0, 0.56, "score", "attended_\nerror"),
    (6.42, 2.15, 0.7, 0.44, "score", "score"),
    (0.52, 1.1, 0.88, 0.44, "guide", "classifier"),
    (0.62, 0.25, 1.1, 0.44, "data", "generated_\nnegatives"),
    (5.16, 2.15, 0.9, 0.56, "guide", "lesson of\nthe map"),
)
KINDS = {
    "data": ("white", COLOURS["ink"]),
    "base": (BASE, "white"),
    "masked": (MASKED, "white"),
    "map": (COLOURS["normal"], "white"),
    "guide": (COLOURS["known"], COLOURS["ink"]),
    "score": (COLOURS["unused"], COLOURS["ink"]),
}
ARROWS = (
    ((0.84, 3.3), (1.32, 3.3)),
    ((2.18, 3.3), (2.52, 3.3)),
    ((3.18, 3.3), (3.52, 3.3)),
    ((4.38, 3.3), (4.7, 3.3)),
    ((5.5, 3.3), (5.92, 3.3)),
    ((3.95, 3.02), (3.95, 2.37)),
    ((3.48, 2.15), (3.1, 2.15)),
    ((2.6, 2.15), (2.17, 2.15)),
    ((0.46, 2.15), (1.33, 2.15)),
    ((1.75, 1.93), (1.75, 1.35)),
    ((2.15, 1.1), (2.52, 1.1)),
    ((3.38, 1.1), (3.59, 1.1)),
    ((4.45, 1.1), (4.7, 1.1)),
    ((5.5, 1.1), (5.92, 1.1)),
    ((6.42, 3.02), (6.42, 2.37)),
    ((6.42, 1.38), (6.42, 1.93)),
    ((0.46, 3.13), (0.46, 1.32)),
    ((1.35, 1.1), (0.96, 1.1)),
    ((0.52, 0.47), (0.52, 0.88)),
    ((4.71, 2.15), (4.42, 2.15)),
)


def attention_system() -> Figure:
    """The parts of an attention-GAN under their names in the code, and what flows between them."""
    fig = Figure(figsize=(WIDTH, 3.75))
    ax = fig.subplots()
    ax.set(xlim=(0, WIDTH), ylim=(-0.05, 3.7))
    ax.set_axis_off()
    for x, y, width, height, kind, text in BOXES:
        face, ink = KINDS[kind]
        box = FancyBboxPatch(
            (x - width / 2, y - height / 2), width, height,
            boxstyle="round,pad=0,rounding_size=0.07", fc=face, ec=BASE if kind == "data" else face,
        )  # fmt: skip
        ax.add_patch(box)
        ax.text(x, y, text, ha="center", va="center", color=ink)
    style = {"arrowstyle": "-|>", "color": COLOURS["ink"], "lw": 1.2, "shrinkA": 0, "shrinkB": 0}
    for start, end in ARROWS:
        ax.annotate("", end, start, arrowprops=style)
    for x, y, text in (
        (4.03, 2.7, "features of 4, 8, 16 pixels"),
        (4.3, 0.5, "lesson of the map: the base GAN is to redraw the whole"),
        (4.3, 0.3, "image from the masked one, or the masked GAN that one,"),
        (4.3, 0.1, "or the classifier is to tell it from masked negatives"),
    ):
        centred = "left" if x == 4.03 else "center"
        ax.text(x, y, text, ha=centred, va="center", fontsize=9)
    return fig


# --- a run as it goes ----------------------------------------------------------------------------


def attention_training(curves: Sequence[dict], bounds: tuple[float, float]) -> Figure:
    """Errors, what the map and the classifier learn, and the map's mean and entropy, by epoch.

    `curves` are the `curves_` of an AttentionGAN, `bounds` those of the mean of a map.
    """
    fig = Figure(figsize=(WIDTH, 3.3))
    errors, lessons, maps = fig.subplots(1, 3)
    of = {"base": [c for c in curves if c["phase"] == "base"]}
    of["masked"] = [c for c in curves if c["phase"] != "base"]
    for name, colour in (("base", BASE), ("masked", MASKED)):
        _line(errors, of[name], "mse", colour, f"{name} GAN")
    _line(lessons, curves, "lesson", COLOURS["normal"], "lesson")
    _line(lessons, curves, "classifier", COLOURS["known"], "classifier")
    maps.axhspan(*bounds, color=COLOURS["unused"], alpha=0.5, lw=0, label="bounds of the mean")
    _line(maps, curves, "mask_mean", COLOURS["normal"], "mean")
    _line(maps, curves, "mask_entropy", COLOURS["outlier"], "entropy, bits a pixel")
    errors.set(title="redrawing", ylabel="mean squared error", ylim=(0, None))
    lessons.set(title="what the map learns", ylabel="loss")
    maps.set(title="the map", ylim=(0, 1.03))
    phases = [c["phase"] for c in curves]
    for ax in (errors, lessons, maps):
        ax.set(xlabel="epoch", xlim=(0.5, len(curves) + 0.5))
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        ax.grid(axis="y")
        for k in range(1, len(phases)):
            if phases[k] != phases[k - 1]:
                ax.axvline(k + 0.5, color=COLOURS["ink"], lw=0.8, ls=":")
        if ax.get_legend_handles_labels()[1]:
            ax.legend(loc="upper center", bbox_to_anchor=(0.45, -0.19))
    return fig


def _line(ax: Axes, curves: Sequence[dict], name: str, colour: str, label: str) -> None:
    points = [(c["epoch"], c[name]) for c in curves if name in c]
    if points:
        ax.plot(*zip(*points, strict=True), "o-", ms=3, color=colour, label=label)


def map_film(given: np.ndarray, films: Mapping[str, np.ndarray], frames: int = 8) -> Figure:
    """How the maps of the same few images change while they learn, a row an image and model.

    `given` uint8 (M, C, H, W); `films` maps a title to maps in [0, 1], (F, M, H, W), the first from
    before the first step. At most `frames` are shown, evenly spaced, first and last among them.
    """
    count = len(next(iter(films.values())))
    chosen = np.unique(np.linspace(0, count - 1, frames).round().astype(int))
    rows = [(title, k) for title in films for k in range(len(given))]
    fig = Figure(figsize=(WIDTH, 0.45 + 0.72 * len(rows)))
    axes = fig.subplots(len(rows), 1 + len(chosen), squeeze=False)
    for (title, k), line in zip(rows, axes, strict=True):
        show_image(line[0], given[k])
        for ax, number in zip(line[1:], chosen, strict=True):
            drawn = ax.imshow(films[title][number, k], **MAPS)
            ax.set(xticks=[], yticks=[])
        if k == 0:
            line[0].set_ylabel(title, rotation=0, ha="right", va="center")
        for ax in line:
            ax.spines[:].set_visible(False)
    for ax, number in zip(axes[0, 1:], chosen, strict=True):
        ax.set_title(f"{number}" if number else "before", fontsize=9, loc="center")
    _map_bar(fig, drawn, axes)
    return fig


def _map_bar(fig: Figure, drawn, axes: np.ndarray) -> None:
    bar = fig.colorbar(drawn, ax=axes, ticks=[0, 0.5, 1], aspect=25, shrink=0.9, pad=0.01)
    bar.outline.set_visible(False)
    bar.set_label("map")


def attention_maps(given: np.ndarray, maps: Mapping[str, np.ndarray], novel: np.ndarray) -> Figure:
    """Images, and for each model its maps and what they leave of the images.

    `given` uint8 (n, C, H, W); `maps` maps a title to maps in [0, 1], (n, 1, H, W), whose mean
    stands under each; `novel` (n,) in {0, 1} colours the frames.
    """
    rows = 1 + 2 * len(maps)
    fig = Figure(figsize=(WIDTH, 0.3 + 0.71 * rows))
    axes = fig.subplots(rows, len(given), squeeze=False)
    for column, (image, is_novel) in enumerate(zip(given, novel, strict=True)):
        show_image(axes[0, column], image)
        edge = COLOURS["novel" if is_novel else "normal"]
        axes[0, column].spines[:].set(visible=True, color=edge, lw=1.6)
        for row, drawn in enumerate(maps.values()):
            above, below = axes[1 + 2 * row : 3 + 2 * row, column]
            shown = above.imshow(drawn[column, 0], **MAPS)
            above.set(xticks=[], yticks=[])
            above.set_xlabel(f"{drawn[column].mean():.2f}", labelpad=1, fontsize=9)
            show_image(below, (image * drawn[column]).round().astype(np.uint8))
            for ax in (above, below):
                ax.spines[:].set_visible(False)
    labels = ["given", *(part for title in maps for part in (title, "masked"))]
    for ax, label in zip(axes[:, 0], labels, strict=True):
        ax.set_ylabel(label, rotation=0, ha="right", va="center")
    for k, name in enumerate(("normal", "novel")):
        for column in np.flatnonzero(np.asarray(novel) == k)[:1]:
            axes[0, column].set_title(name, color=COLOURS[name])
    _map_bar(fig, shown, axes)
    return fig


def part_scores(y: np.ndarray, parts: Mapping[str, np.ndarray]) -> Figure:
    """Histograms of what a score is made of, normal beside novel images, each with its AUROC.

    `y` (N,) in {0, 1}; `parts` maps two or more names to (N,), higher more novel. The highest
    hundredth lies in the last bar.
    """
    fig = Figure(figsize=(WIDTH, 2.4))
    axes = fig.subplots(1, len(parts))
    for ax, (name, values) in zip(axes, parts.items(), strict=True):
        low, high = values.min(), np.quantile(values, 0.99)
        bins = np.linspace(low, high if high > low else low + 1, 21)
        for label, role in ((0, "normal"), (1, "novel")):
            part = np.minimum(values[y == label], bins[-1])
            weights = np.full(len(part), 1 / len(part))
            ax.hist(part, bins, weights=weights, color=COLOURS[role], alpha=0.65, label=role)
        ax.set(title=name, yticks=[])
        ax.xaxis.set_major_locator(MaxNLocator(2))
        ax.set_xlabel(f"AUROC {roc_auc_score(y, values):.3f}")
    axes[0].set_ylabel("share of images")
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return fig


# --- the ablation --------------------------------------------------------------------------------


def attention_ablation(table: pd.DataFrame, variants: Sequence[str]) -> Figure:
    """AUROC of each variant, a panel a class: dots are seeds, bars Student's 95 % interval.

    `table` has the columns panel, variant, seed, auroc and holds what was run; dotted: the first
    variant's mean.
    """
    titles = list(dict.fromkeys(table["panel"]))
    fig = Figure(figsize=(WIDTH, 0.9 + 0.27 * len(variants)))
    axes = fig.subplots(1, len(titles), sharey=True, squeeze=False)[0]
    for ax, title in zip(axes, titles, strict=True):
        for at, variant in enumerate(variants):
            rows = (table["panel"] == title) & (table["variant"] == variant)
            values = table.loc[rows, "auroc"].to_numpy()
            if not len(values):
                continue
            mean, low, high = seed_interval(values)
            if len(values) > 1:
                ax.hlines(at, low, min(high, 1), color=COLOURS["normal"], lw=2)
            if at == 0:
                ax.axvline(mean, color=COLOURS["ink"], lw=0.8, ls=":")
            ax.plot(values, np.full(len(values), at + 0.3), ".", color=COLOURS["ink"], alpha=0.5)
            ax.plot(mean, at, "o", color=COLOURS["normal"], mec="white", ms=7)
        ax.set(title=title.replace(", ", "\n"), ylim=(len(variants) - 0.4, -0.6))
        ax.xaxis.set_major_locator(MaxNLocator(3))
        ax.grid(axis="x")
    axes[0].set_yticks(range(len(variants)), variants)
    fig.supxlabel("AUROC", fontsize=9.5)
    return fig


def attention_gains(table: pd.DataFrame, variants: Sequence[str]) -> Figure:
    """What variants gain over what they are compared with: a column a comparison, a row a data set.

    Columns of `table`: dataset, variant, against, gain, low, high, seeds; NaN where nothing is
    known. A dot is filled where the interval is of several seeds and leaves out zero.
    """
    datasets, against = (list(dict.fromkeys(table[name])) for name in ("dataset", "against"))
    height = 0.6 + len(datasets) * (0.3 + 0.23 * len(variants))
    fig = Figure(figsize=(WIDTH, height))
    axes = fig.subplots(len(datasets), len(against), sharex="row", sharey=True, squeeze=False)
    places = {variant: at for at, variant in enumerate(variants)}
    for row in table.dropna(subset=["gain"]).itertuples():
        ax = axes[datasets.index(row.dataset), against.index(row.against)]
        colour = COLOURS["normal"]
        sure = row.seeds > 1 and (row.low > 0 or row.high < 0)
        face = colour if sure else "white"
        ax.hlines(places[row.variant], row.low, row.high, color=colour, lw=1.4)
        ax.plot(row.gain, places[row.variant], "o", color=colour, mfc=face, ms=5)
    for line, dataset in zip(axes, datasets, strict=True):
        for ax, name in zip(line, against, strict=True):
            ax.axvline(0, color=COLOURS["ink"], lw=0.8)
            ax.set_title(f"{dataset}: minus\n{name}", fontsize=9.5)
            ax.set_ylim(len(variants) - 0.5, -0.5)
            ax.xaxis.set_major_locator(MaxNLocator(4))
            ax.grid(axis="x")
        line[0].set_yticks(range(len(variants)), variants)
    fig.supxlabel("gain in AUROC", fontsize=9.5)
    return fig
