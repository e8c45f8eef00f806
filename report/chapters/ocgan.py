"""Chapter 4: what each part of OCGAN adds, and what random codes draw with it and without."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from ocnd_lib.comparison import (
    REPEATS,
    Run,
    average_runs,
    compare_means,
    mean_interval,
    shared_runs,
)
from ocnd_lib.records import parse_cell, read_arrays
from ocnd_lib.stats import proportion_interval, seed_interval
from report import tables
from report.chapters.reconstruction import DATASETS, beyond, random_decodes
from report.drawing import COLOURS, WIDTH, forest, interval, show_image, titled
from report.source import PUBLISHED, no_record
from report.tables import once

# a part more each time: the name it has in figures, and the method it is in the name of a cell
VARIANTS = {
    "autoencoder": "ocgan+latent=False+mining=False+visual=False",
    "+ latent": "ocgan+mining=False+visual=False",
    "+ visual": "ocgan+mining=False",
    "+ mining": "ocgan",
}
# what is added, before and after it; parts one by one, then together
STEPS = {
    **{after.removeprefix("+ "): (before, after) for before, after in pairwise(VARIANTS)},
    "discriminators": ("autoencoder", "+ visual"),
    "all parts": ("autoencoder", "+ mining"),
}
CLASSES = {"mnist": ("2", "5", "8"), "cifar10": ("airplane", "truck")}
SEEDS = range(5)
DRAWS = 2000  # of a bootstrap: with fewer, the ends of an interval move in the fourth digit
SINGLE = len(CLASSES) * (len(VARIANTS) - 1)  # gains of single parts that the page shows
ABLATION_CELLS = tuple(
    f"{dataset}/{method}/{name}/{seed}"
    for seed in SEEDS
    for dataset, names in CLASSES.items()
    for name in names
    for method in VARIANTS.values()
)
TABLE_CELLS = tuple(
    f"{dataset}/ocgan/{name}/{seed}"
    for dataset in DATASETS
    for name in tables.class_names(dataset)
    for seed in SEEDS
)
CELLS = tuple(dict.fromkeys((*ABLATION_CELLS, *TABLE_CELLS)))
PICTURE_CELLS = {title: f"mnist/{method}/8/0" for title, method in VARIANTS.items()}

Runs = dict[str, list[Run]]  # the recorded runs of each variant, by its title


# --- what others report --------------------------------------------------------------------------


def printed_ablation() -> dict[str, float]:
    """The paper's mean AUROC over MNIST's ten digits for each of our variants."""
    numbers = pd.read_csv(PUBLISHED / "ocgan.csv").set_index("name")["value"]
    names = ("ablation_ae", "ablation_latent", "ablation_visual", "ablation_mining")
    return {title: float(numbers[name]) for title, name in zip(VARIANTS, names, strict=True)}


def reruns() -> dict[str, float]:
    """Mean AUROCs from people who ran OCGAN again: a user on both data sets, a port on MNIST."""
    runs = pd.read_csv(PUBLISHED / "reruns.csv")
    runs = runs[runs["method"] == "ocgan"].set_index(["dataset", "setting"])["auroc"].to_dict()
    return {
        "rerun-mnist": runs["mnist", "a user with the settings of the paper"],
        "rerun-cifar10": runs["cifar10", "the same user"],
        "rerun-port": runs["mnist", "a port to TensorFlow, one run"],
        "rerun-plain": runs["mnist", "the same port, without mining"],
    }


# --- the ablation --------------------------------------------------------------------------------


@once
def ablation_runs(dataset: str) -> Runs:
    """The recorded runs of the ablation on a data set; NoRecords if there is none."""
    cells = [cell for cell in map(parse_cell, ABLATION_CELLS) if cell.dataset == dataset]
    runs = {
        title: tables.read_runs([cell for cell in cells if cell.variant == method])
        for title, method in VARIANTS.items()
    }
    if not any(runs.values()):
        raise no_record(cells[0])
    return runs


def ablation_table(dataset: str, runs: Runs) -> pd.DataFrame:
    """One row a run of `ablation_runs`: variant, class (name), seed, auroc."""
    names = tables.class_names(dataset)
    rows = [(t, names[r.normal_class], r.seed, r.auroc) for t, group in runs.items() for r in group]
    return pd.DataFrame(rows, columns=["variant", "class", "seed", "auroc"])


def gains(runs: Runs) -> pd.DataFrame:
    """What each of `STEPS` adds to what is before it, over all classes: a row a part.

    Columns: value, low, high: mean AUROC after minus before, over the classes and seeds that both
    have, its interval over seeds and images (the same images for both); wide_low and wide_high, so
    wide that of all single parts on the page one in twenty times any leaves out 0 by chance
    (Bonferroni); paper, its gain on ten digits.
    """
    printed, rows = printed_ablation(), {}
    for part, (before, after) in STEPS.items():
        pair = shared_runs(runs[after], runs[before])
        if pair[0]:
            value, low, high = compare_means(*pair, repeats=DRAWS)
            _, *wide = compare_means(*pair, level=1 - 0.05 / SINGLE, repeats=DRAWS)
            rows[part] = (value, low, high, *wide, printed[after] - printed[before])
    columns = ["value", "low", "high", "wide_low", "wide_high", "paper"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def gains_page() -> pd.DataFrame:
    """For a page: `gains` over all classes of a data set, and the wider interval."""
    pages = {}
    for dataset in CLASSES:
        rows = gains(ablation_runs(dataset)).iterrows()
        pages[DATASETS[dataset]] = pd.DataFrame.from_dict(
            {
                part: {
                    "gain, 95 %": interval(*row[["value", "low", "high"]], "+.4f"),
                    "as one of six": interval(*row[["value", "wide_low", "wide_high"]], "+.4f"),
                }
                for part, row in rows
            },
            orient="index",
        )
    return pd.concat(pages, names=["data set"])


def aurocs_page() -> pd.DataFrame:
    """For a page: the AUROC of each variant and class, mean over seeds with Student's interval."""
    parts = [ablation_table(d, ablation_runs(d)) for d in CLASSES]
    grouped = pd.concat(parts).groupby(["variant", "class"], sort=False)["auroc"]
    return grouped.agg(lambda values: interval(*seed_interval(values))).unstack("class")


def elsewhere_table() -> pd.DataFrame:
    """How many random codes of each variant draw nothing as near to the 8 as real 8s are.

    Columns value, low, high: the share and its Wilson interval; index the variant.
    """
    rows = {}
    for title, arrays in _pictures("drawn").items():
        drawn = arrays["distance_drawn"]
        far = beyond(drawn, arrays["distance_held_out"]) * len(drawn)
        rows[title] = proportion_interval(far, len(drawn))
    return pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high"])


def table_mean(dataset: str) -> tuple[float, float, float]:
    """OCGAN's mean AUROC over all classes of a data set, with its interval."""
    cells = [cell for cell in map(parse_cell, TABLE_CELLS) if cell.dataset == dataset]
    if not (runs := tables.read_runs(cells)):
        raise no_record(cells[0])
    return average_runs(runs).mean, *mean_interval(runs, repeats=REPEATS)


# --- what the page says --------------------------------------------------------------------------


def numbers() -> dict[str, object]:
    """Every recorded or published number that a sentence of the page has, by its name there."""
    found: dict[str, object] = {}
    for dataset in CLASSES:
        runs = ablation_runs(dataset)
        for part, row in gains(runs).iterrows():
            found[f"{part}-{dataset}"] = interval(row["value"], row["low"], row["high"], "+.3f")
            found[f"paper-{part}"] = float(row["paper"])
        found[f"ours-{dataset}"] = interval(*table_mean(dataset))
        found[f"published-{dataset}"] = float(tables.load_published(dataset).loc["ocgan", "mean"])
        means = ablation_table(dataset, runs).groupby(["class", "variant"])["auroc"].mean()
        found |= {f"{v.removeprefix('+ ')}-{k}": float(auroc) for (k, v), auroc in means.items()}
    found |= reruns()
    eights = [run for run in ablation_runs("mnist")["+ latent"] if run.normal_class == 8]
    found["latent-8-lowest"], found["latent-8-next"] = sorted(run.auroc for run in eights)[:2]
    for title, row in elsewhere_table().iterrows():
        found[f"elsewhere-{title.removeprefix('+ ')}"] = interval(*row, ".0%")
    return found


# --- figures -------------------------------------------------------------------------------------


def _pictures(name: str) -> dict[str, dict[str, np.ndarray]]:
    """The arrays of each variant that has pictures of this name, by its title."""
    stored = {title: read_arrays(cell) for title, cell in PICTURE_CELLS.items()}
    found = {title: a for title, a in stored.items() if f"picture_{name}" in a}
    if not found:
        raise no_record(PICTURE_CELLS["+ mining"])
    return found


def recorded_gains() -> Figure:
    """What each part adds to the mean AUROC, beside the paper's gain on MNIST."""
    title = "The discriminators help on MNIST and harm on CIFAR-10; mining is not seen"
    fig = titled(title, 2.6)
    for ax, dataset in zip(fig.subplots(1, 2, sharex=True, sharey=True), CLASSES, strict=True):
        table = gains(ablation_runs(dataset))
        forest(ax, table)
        ax.set(title=f"{DATASETS[dataset]}: {', '.join(CLASSES[dataset])}", xlabel="AUROC gained")
        if dataset == "mnist":
            at = np.arange(len(table))[::-1] + 0.28
            ax.plot(table["paper"], at, "D", ms=4, mfc="none", color=COLOURS["unlabelled"])
            ax.annotate(
                "paper, ten digits", (table["paper"].iloc[0], at[0]), xytext=(6, 0),
                textcoords="offset points", va="center", color=COLOURS["unlabelled"],
            )  # fmt: skip
    return fig


def recorded_ablation() -> Figure:
    """AUROC of each class and seed as part after part is switched on, each panel 0.18 high."""
    parts = [ablation_table(d, ablation_runs(d)) for d in CLASSES]
    panels = list(pd.concat(parts).groupby("class", sort=False))
    fig = titled("Trucks stay below chance with every part", 2.9)
    for ax, (name, table) in zip(fig.subplots(1, len(panels)), panels, strict=True):
        at = table["variant"].map(list(VARIANTS).index)
        ax.plot(at, table["auroc"], ".", color=COLOURS["ink"], alpha=0.5)
        ax.plot(table.groupby(at)["auroc"].mean(), color=COLOURS["normal"])
        middle = (table["auroc"].min() + table["auroc"].max()) / 2
        ax.set(title=name, xlim=(-0.5, len(VARIANTS) - 0.5), ylim=(middle - 0.09, middle + 0.09))
        ax.set_xticks(range(len(VARIANTS)), VARIANTS, rotation=90)
        ax.grid(axis="y")
    fig.axes[0].set_ylabel("AUROC")
    return fig


def recorded_decodes() -> Figure:
    """Images of random codes, variant by variant, and how many are far from every 8."""
    shares = elsewhere_table()["value"]
    found = _pictures("drawn")
    titles = {title: f"{title}\n{shares[title]:.0%} elsewhere" for title in found}
    fig = random_decodes({titles[title]: a["picture_drawn"] for title, a in found.items()})
    fig.suptitle("With discriminators, most random codes draw an 8", x=0, ha="left")
    return fig


def recorded_mined() -> Figure:
    """Images of random codes before and after mining."""
    (arrays,) = _pictures("mined").values()
    return mined_pairs(arrays["picture_drawn"][:12], arrays["picture_mined"][:12])


def mined_pairs(
    before: np.ndarray, after: np.ndarray, answers: Sequence[np.ndarray] = ()
) -> Figure:
    """Images of random codes (top), and of the same codes after mining (bottom).

    `before` and `after` uint8 (n, C, H, W); `answers`, what the classifier says of each, two (n,).
    """
    fig = Figure(figsize=(WIDTH, 1.5 if len(answers) else 1.25))
    axes = fig.subplots(2, len(before), squeeze=False)
    for k, (label, images) in enumerate({"random codes": before, "after mining": after}.items()):
        for column, image in enumerate(images):
            show_image(axes[k, column], image)
            axes[k, column].spines[:].set_visible(False)
            if len(answers):
                axes[k, column].set_xlabel(f"{answers[k][column]:.2f}", labelpad=1, fontsize=9)
        axes[k, 0].set_ylabel(label, rotation=0, ha="right", va="center")
    return fig


# name in `curves_`: colour, line
LOSSES = {
    "latent_discriminator": (COLOURS["known"], "-"),
    "visual_discriminator": (COLOURS["normal"], "-"),
    "classifier": (COLOURS["novel"], "-"),
    "latent": (COLOURS["known"], "--"),
    "visual": (COLOURS["normal"], "--"),
}


def training_watched(curves: Sequence[Mapping[str, float]]) -> Figure:
    """The `curves_` of an OCGAN: its error, its other losses, what the classifier says of codes."""
    points, fig = pd.DataFrame(curves).set_index("epoch"), Figure(figsize=(WIDTH, 3.3))
    left, middle, right = fig.subplots(1, 3)
    points["mse"].plot(ax=left, color=COLOURS["ink"])
    left.set(title="Redrawing", ylabel="mean squared error", ylim=(0, None))
    for name in (name for name in LOSSES if name in points):
        colour, style = LOSSES[name]
        points[name].dropna().plot(ax=middle, color=colour, ls=style, label=name.replace("_", " "))
    middle.axhline(np.log(2), color=COLOURS["ink"], lw=0.8, ls=":")
    middle.set(title="The other parts", ylabel="cross-entropy", ylim=(0, None))
    for name, colour in (("before", COLOURS["normal"]), ("after", COLOURS["novel"])):
        if f"{name}_mining" in points:
            points[f"{name}_mining"].dropna().plot(ax=right, color=colour, label=name, marker="o")
    right.set(title="Mining", ylabel="classifier's mean answer", ylim=(-0.03, 1.03))
    for ax in (left, middle, right):
        ax.set(xlabel="epoch", xlim=(0.5, len(points) + 0.5))
        ax.grid(axis="y")
        if ax is not left:
            ax.legend(loc="upper center", bbox_to_anchor=(0.45, -0.23))
    return fig


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


def _arrow(ax: Axes, start, end, colour: str) -> None:
    style = {"arrowstyle": "-|>", "color": colour, "lw": 1.2, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", end, start, arrowprops=style)


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


FIGURES = {
    "ocgan-gains": recorded_gains,
    "ocgan-ablation": recorded_ablation,
    "ocgan-decodes": recorded_decodes,
    "ocgan-mined": recorded_mined,
}
