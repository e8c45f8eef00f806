"""Chapter 4: what each part of OCGAN adds, and what random codes draw with it and without."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ocnd_lib.comparison import Run, compare_means, shared_runs
from ocnd_lib.records import parse_cell, read_arrays
from report import tables
from report.chapters.reconstruction import elsewhere
from report.drawing import COLOURS, forest, image_grid, interval, mosaics, panels, titled
from report.source import PUBLISHED, no_record
from report.tables import TITLES, once

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
CELLS = tuple(dict.fromkeys((*ABLATION_CELLS, *(
    f"{dataset}/ocgan/{name}/{seed}"
    for dataset in TITLES
    for name in tables.class_names(dataset)
    for seed in SEEDS
))))  # fmt: skip
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
    runs = pd.read_csv(PUBLISHED / "reruns.csv").query("method == 'ocgan'")
    runs = runs.set_index(["dataset", "setting"])["auroc"].to_dict()
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


def ablation_table() -> pd.DataFrame:
    """One row a run of `ablation_runs`: class (its name), variant, seed, auroc."""
    rows = [
        (tables.class_names(dataset)[run.normal_class], title, run.seed, run.auroc)
        for dataset in CLASSES
        for title, runs in ablation_runs(dataset).items()
        for run in runs
    ]
    return pd.DataFrame(rows, columns=["class", "variant", "seed", "auroc"])


def gains(runs: Runs) -> pd.DataFrame:
    """What each of `STEPS` adds to the mean AUROC, over the classes and seeds that both have.

    Columns: value, low, high; wide_low and wide_high, so wide that of all single parts on the page
    one in twenty times any leaves out 0 by chance (Bonferroni); printed, the paper's gain.
    """
    printed, rows = printed_ablation(), {}
    for part, (before, after) in STEPS.items():
        pair = shared_runs(runs[after], runs[before])
        if pair[0]:
            value, low, high = compare_means(*pair, repeats=DRAWS)
            _, *wide = compare_means(*pair, level=1 - 0.05 / SINGLE, repeats=DRAWS)
            rows[part] = (value, low, high, *wide, printed[after] - printed[before])
    columns = ["value", "low", "high", "wide_low", "wide_high", "printed"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def numbers() -> dict[str, object]:
    """Every recorded or published number that a sentence of the page has, by its name there."""
    found: dict[str, object] = dict(reruns())
    for dataset in CLASSES:
        for part, row in gains(ablation_runs(dataset)).iterrows():
            found[f"{part}-{dataset}"] = interval(*row[["value", "low", "high"]], "+.3f")
            found[f"paper-{part}"] = float(row["printed"])
        ours = tables.means(tables.results(dataset, ["ocgan"])).loc["ocgan"]
        found[f"ours-{dataset}"] = interval(*ours[["mean", "low", "high"]])
        found[f"published-{dataset}"] = float(ours["published"])
    table = ablation_table()
    for (variant, name), mean in table.groupby(["variant", "class"])["auroc"].mean().items():
        found[f"{variant.removeprefix('+ ')}-{name}"] = float(mean)
    eights = table.query("variant == '+ latent' and `class` == '8'")["auroc"]
    found["latent-8-lowest"], found["latent-8-next"] = map(float, eights.nsmallest(2))
    for variant, row in elsewhere(PICTURE_CELLS).iterrows():
        share = interval(*row[["value", "low", "high"]], ".0%")
        found[f"elsewhere-{variant.removeprefix('+ ')}"] = share
    return found


# --- figures -------------------------------------------------------------------------------------


def recorded_gains() -> Figure:
    """What each part adds to the mean AUROC, beside the paper's gain on MNIST."""
    title = "The discriminators help on MNIST and harm on CIFAR-10; mining is not seen"
    names = [f"{TITLES[dataset]}: {', '.join(of)}" for dataset, of in CLASSES.items()]
    fig, axes = panels(title, 2.6, names, sharex=True)
    for ax, dataset in zip(axes, CLASSES, strict=True):
        table = gains(ablation_runs(dataset))
        forest(ax, table if dataset == "mnist" else table.drop(columns="printed"))
        ax.set_xlabel("AUROC gained" + " (◇ paper, ten digits)" * (dataset == "mnist"))
    return fig


def recorded_ablation() -> Figure:
    """AUROC of each class and seed as part after part is switched on, each panel 0.18 high."""
    groups = dict(list(ablation_table().groupby("class", sort=False)))
    fig, axes = panels("Trucks stay below chance with every part", 2.9, groups, sharey=False)
    for ax, table in zip(axes, groups.values(), strict=True):
        at = table["variant"].map(list(VARIANTS).index)
        ax.plot(at, table["auroc"], ".", color=COLOURS["ink"], alpha=0.5)
        ax.plot(table.groupby(at)["auroc"].mean(), color=COLOURS["normal"])
        middle = (table["auroc"].min() + table["auroc"].max()) / 2
        ax.set(xlim=(-0.5, len(VARIANTS) - 0.5), ylim=(middle - 0.09, middle + 0.09))
        ax.set_xticks(range(len(VARIANTS)), VARIANTS, rotation=90)
        ax.grid(axis="y")
    axes[0].set_ylabel("AUROC")
    return fig


def recorded_decodes() -> Figure:
    """Images of random codes, variant by variant, and how many are far from every 8."""
    squares = {
        f"{title}\n{share:.0%} elsewhere": read_arrays(PICTURE_CELLS[title])["picture_drawn"]
        for title, share in elsewhere(PICTURE_CELLS)["value"].items()
    }
    return mosaics("With discriminators, most random codes draw an 8", squares)


def recorded_mined() -> Figure:
    """Images of random codes before and after mining."""
    arrays = read_arrays(PICTURE_CELLS["+ mining"])
    if "picture_mined" not in arrays:
        raise no_record(PICTURE_CELLS["+ mining"])
    return mined_pairs(arrays["picture_drawn"][:12], arrays["picture_mined"][:12])


def mined_pairs(
    before: np.ndarray, after: np.ndarray, answers: Sequence[np.ndarray] = ()
) -> Figure:
    """Images of random codes (top), and of the same codes after mining (bottom).

    `before` and `after` uint8 (n, C, H, W); `answers`, what the classifier says of each, two (n,).
    """
    rows = {"random codes": before, "after mining": after}
    texts = zip(rows, answers, strict=False)  # there may be none
    below = {name: [f"{answer:.2f}" for answer in of] for name, of in texts}
    fig = titled("What random codes draw, before and after mining", 1.75 if below else 1.5)
    image_grid(fig, rows, below=below, cmap="gray_r")
    return fig


FIGURES = {
    "ocgan-gains": recorded_gains,
    "ocgan-ablation": recorded_ablation,
    "ocgan-decodes": recorded_decodes,
    "ocgan-mined": recorded_mined,
}
